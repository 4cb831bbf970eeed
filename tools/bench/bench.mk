# make bench: Ringlet against Linux and against a bare ring.

BARE_CFLAGS := -std=gnu11 -m32 -O2 -ffreestanding -nostdlib -static -fno-pic -no-pie -mno-sse \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra \
	-Wno-main

$(U)/bench/bare.elf: tools/bench/bare/bare.c tools/bench/bare/bare.ld
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)$(CC) $(BARE_CFLAGS) $(ERROR) -Wl,--build-id=none,-z,noexecstack -o $@ $< \
		-T tools/bench/bare/bare.ld

.PHONY: bench deps-bench
bench: kernel user build/bench/bare.elf
	$(Q)ROUNDS=$(ROUNDS) $(PYTHON) tools/bench/run

deps-bench:
	@tools/bench/deps
ROUNDS ?= 5
