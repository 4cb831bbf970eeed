# libFuzzer targets, built by clang. `make fuzz-virtio` runs FUZZ_TIME seconds, from no corpus and
# from SEED; without one, libFuzzer takes any number. It prints the number.

FUZZ_TIME ?= 600
FUZZ_CC ?= clang
FUZZ_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -fno-strict-aliasing -DHOST_TEST -Wall -Wextra \
	-Itests/host/shadow -I.
FUZZ_VIRTIO_SRC := tests/virtio/fuzz_virtio.c tests/virtio/fuzz_device.c \
	$(SET_virtio-blk) kernel/lib/string.c \
	kernel/lib/bitmap.c kernel/lib/cmdline.c $(addprefix tests/host/fakes/,machine.c bus.c \
	fake_queue.c printk.c fail.c kmalloc.c page.c sched.c)

.PHONY: fuzz-virtio
fuzz-virtio: build/fuzz/fuzz_virtio
	$(Q)mkdir -p build/fuzz/corpus
	$(Q)build/fuzz/fuzz_virtio -max_total_time=$(FUZZ_TIME) -max_len=4096 -len_control=20 \
		-seed=$(or $(SEED),0) \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/ build/fuzz/corpus

$(U)/fuzz/fuzz_virtio: $(FUZZ_VIRTIO_SRC) $(wildcard drivers/pci/*.[ch] drivers/virtio/*.[ch] \
		tests/host/fakes/*.[ch] tests/virtio/*.h) tests/virtio/virtio.mk
	@mkdir -p $(@D)
	$(if $(V),,@echo "  FUZZCC  $@")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(ERROR) -o $@ $(FUZZ_VIRTIO_SRC)

# One line a row: every combination that QEMU offers (about half an hour on two cores), then the
# lies of our own backend, and resizes.
.PHONY: test-virtio
test-virtio: kernel
	$(Q)status=0; for part in resize liar matrix; do \
		$(PYTHON) tests/virtio/$$part.py || status=1; done; exit $$status
