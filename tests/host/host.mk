# Host unit tests: each tests/host/test_*.c is linked with the kernel's real sources. Its head names
# sets of them (`// uses: block fakes`; sets.mk has the sets), and odd single files
# (`// sources: kernel/lib/rbtree.c`).

include tests/host/sets.mk
# The sources of a set. A name without a set becomes a file that nobody can make: an error here
# would also stop make from writing a mended test's list anew.
host_set = $(or $(SET_$1),no-set-$1-in-tests/host/sets.mk)

HOST_TESTS := $(patsubst tests/host/%.c,$(U)/tests/host/%,$(wildcard tests/host/test_*.c))
HOST_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-strict-aliasing -DHOST_TEST -Wall -Wextra -Wshadow -Wundef -Wvla \
	-Wwrite-strings -Wformat=2 -Wimplicit-fallthrough -Itests/host/shadow -I.

.PHONY: host-tests
host-tests: $(HOST_TESTS)

$(U)/host/%.o: %.c tests/host/host.mk
	@mkdir -p $(@D)
	$(if $(V),,@echo "  HOSTCC  $<")
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(ERROR) -MMD -MP -c -o $@ $<

ifneq (,$(filter test test-host host-tests check $(U)/tests/host/%,$(MAKECMDGOALS)))
$(U)/tests/host/%.mk: tests/host/%.c tests/host/host.mk
	@mkdir -p $(@D)
	@{ sed -n 's,^// sources:,,p' $< | tr -s ' \t' '\n' | sed -n '/./p'; \
		sed -n 's,^// uses:,,p' $< | tr -s ' \t' '\n' | sed -n 's,..*,$$(call host_set\,&),p'; } | \
		tr '\n' ' ' | sed 's,^.*$$,$(U)/tests/host/$*: $$(patsubst %.c\,$(U)/host/%.o\,&)\n,' >$@

include $(HOST_TESTS:=.mk)
-include $(shell find $(U)/host -name '*.d' 2>/dev/null)
endif

$(U)/tests/host/%: $(U)/host/tests/host/%.o
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -o $@ $(filter %.o,$^) -lcmocka
