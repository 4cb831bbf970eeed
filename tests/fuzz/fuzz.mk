# The fuzzers that run inside Ringlet: COUNT inputs, the first one with the number SEED.
.PHONY: fuzz-elf
fuzz-elf: kernel user
	$(Q)$(PYTHON) tests/fuzz/elf_mutants.py --seed $(or $(SEED),1) --count $(or $(COUNT),4000)
