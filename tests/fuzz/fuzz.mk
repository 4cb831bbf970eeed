# Fuzzers of programs and of what they are made of. COUNT inputs run inside Ringlet, the first one
# with the number SEED; on the host libFuzzer runs FUZZ_TIME seconds from SEED.

.PHONY: fuzz-elf fuzz-elf-host
fuzz-elf: kernel user
	$(Q)$(PYTHON) tests/fuzz/elf_mutants.py --seed $(or $(SEED),1) --count $(or $(COUNT),4000)

FUZZ_ELF_SRC := tests/fuzz/fuzz_elf.c kernel/proc/elf.c kernel/lib/string.c \
	$(addprefix tests/host/fakes/,fail.c kmalloc.c page.c printk.c uaccess.c)

# The corpus begins with a program that works, alone and as its own interpreter.
fuzz-elf-host: build/fuzz/fuzz_elf build/tests/user/tiny
	$(Q)mkdir -p build/fuzz/corpus-elf
	$(Q)$(PYTHON) tests/fuzz/elf_mutants.py --corpus build/fuzz/corpus-elf
	$(Q)build/fuzz/fuzz_elf -max_total_time=$(FUZZ_TIME) -max_len=8192 -seed=$(or $(SEED),1) \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/ build/fuzz/corpus-elf

build/fuzz/fuzz_elf: $(FUZZ_ELF_SRC) $(wildcard kernel/proc/*.h tests/host/fakes/*.h) tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(if $(V),,@echo "  FUZZCC  $@")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $(FUZZ_ELF_SRC)

# N random system calls of a program inside Ringlet, from SEED.
.PHONY: fuzz-syscalls
fuzz-syscalls: kernel user
	$(Q)SEED=$(or $(SEED),1) FUZZ_CALLS=$(or $(N),1000000) $(PYTHON) -m pytest -q -s \
		-p no:cacheprovider tests/system/test_fuzz.py -k random_calls

user: build/tests/fuzz/sysfuzz
SYSFUZZ_SRC := tests/fuzz/sysfuzz.c tests/fuzz/sysfuzz_calls.c
build/tests/fuzz/sysfuzz: $(SYSFUZZ_SRC) tests/fuzz/sysfuzz.h
	@mkdir -p $(@D)
	$(if $(V),,@echo "  USERCC  $<")
	$(Q)$(USERCC) $(USER_CFLAGS) -o $@ $(SYSFUZZ_SRC)
