# Ringlet: build, run, debug, test.  `make help` lists what there is.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += -rR --no-print-directory
ifeq ($(MAKELEVEL),0)
JOBS ?= $(shell nproc)
MAKEFLAGS += -j$(JOBS)
endif

ifneq (,$(filter deps,$(MAKECMDGOALS)))
# `make deps run`: install first, and only then read the rest of this file.
AFTER_DEPS := $(filter-out deps,$(MAKECMDGOALS))
.PHONY: deps after-deps $(AFTER_DEPS)
deps:
	@tools/deps
after-deps: deps
	@$(if $(AFTER_DEPS),$(MAKE) $(AFTER_DEPS),:)
$(AFTER_DEPS): after-deps
	@:
else ifneq (,$(and $(word 2,$(MAKECMDGOALS)),$(filter \
	run run-iso run-disk debug gdb disk put get fsck clean,$(MAKECMDGOALS))))
# `make disk run`: the machine has the terminal and the disk for itself, so the goals take turns,
# those that run it last.  The recipe is the only one here, so its input is the terminal.
# `make disk put`, `make clean all`: what the one makes, the other would take away.
RUNS := $(filter run run-iso run-disk debug gdb,$(MAKECMDGOALS))
.PHONY: in-turn $(MAKECMDGOALS)
$(MAKECMDGOALS): in-turn
	@:
in-turn:
	+@set -e; for goal in $(filter-out $(RUNS),$(MAKECMDGOALS)) $(RUNS); do $(MAKE) $$goal; done
else

##   make              everything that `make run` needs: kernel, programs, disk
##   make run          boot to a shell in this terminal (`poweroff` leaves)
##   make run-iso      the same through GRUB, from build/ringlet.iso (make iso)
##   make run-disk     from build/bootdisk.img alone: firmware, GRUB, kernel, root
##   make disk         a new build/disk.img (the old one's files are lost)
##   make put FILE=    a program with its libraries, or a file, into it; AS=/path
##   make get FILE=    a file out of it; AS=name.  `make fsck` checks and mends it
##   make debug        boot stopped, console here; elsewhere, `make gdb` attaches
##   make test         all; or test-host, test-kernel, test-system; T=word picks
##   make test-fresh   README's two commands on fresh Debians; SUITE=sid (root)
##   make path         the files of a read and a write, hop by hop (sizes: folders)
##   make check        warnings, format, linters, layers, the path, limits, pages
##   make test-virtio  every kind of virtio disk of QEMU's; test-names: COUNT=1000
##                     from SEED=1; fuzz-elf, fuzz-syscalls, fuzz-virtio (all long)
##   make bench        Ringlet, Linux (make deps-bench) and a bare ring, measured
##   make deps         install what is missing (also: deps run, deps GUI=1)
##   make doctor       say what is missing or too old, and what mends it
##   make hooks        check before each commit (also: compile_commands.json, tags)
##   make lab LAB=     a student's tree; labs, grade, test-labs: docs/teaching.md
##   make clean        remove build/
## Settings, as in `make run MEM=1G APPEND=elevator=none`
##   DISK=build/disk.img MEM=256M SMP=1 CPU=max MACHINE=pc|q35|microvm GUI=1
##   APPEND=kernel command line  QEMUFLAGS=more for QEMU  SIZE=64M of a new disk
##   CC=gcc|clang  V=1 shows the commands  DEBUG=1 a kernel that checks its locks

O ?= build
# A make below this one inherits -R and knows no default.
ifneq (,$(filter default undefined,$(origin CC)))
CC := gcc
endif
LD := ld
NM := nm
NASM := nasm
USERCC ?= musl-gcc
HOSTCC ?= gcc
PYTHON ?= /usr/bin/python3

DISK ?= build/disk.img
SIZE ?= 64M
MEM ?= 256M
SMP ?= 1
CPU ?= max
MACHINE ?= pc
QEMU ?= qemu-system-x86_64
APPEND ?=
QEMUFLAGS ?=
Q := $(if $(V),,@)

# What the goals need, by the groups of tools/deps: one clear line when it is missing.
ifneq (,$(filter-out help clean doctor sizes path hooks tags print-% deps%,$(or $(MAKECMDGOALS),all)))
GROUPS := build \
	$(if $(filter run% debug test% bench,$(MAKECMDGOALS)),run) \
	$(if $(filter iso run-iso run-disk bootdisk test test-system check,$(MAKECMDGOALS)),iso) \
	$(if $(filter test test-host host-tests check,$(MAKECMDGOALS)),host) \
	$(if $(filter test test-system,$(MAKECMDGOALS)),test debug) \
	$(if $(filter lab labs solution grade again handin check-lab test test-labs grade-mutants \
		gradescope,$(MAKECMDGOALS)),run labs) \
	$(if $(filter gdb,$(MAKECMDGOALS)),debug) \
	$(if $(filter check,$(MAKECMDGOALS)),check)
MISSING := $(shell QEMU='$(QEMU)' tools/deps --missing $(GROUPS))
ifneq (,$(MISSING))
$(error $(MISSING))
endif
endif

# --- kernel -------------------------------------------------------------------

KDIRS := boot kernel kernel/lib kernel/arch kernel/mm kernel/sched kernel/vm kernel/proc \
	kernel/sys block block/dm drivers/pci drivers/virtio drivers/block drivers/char \
	fs/cache fs/vfs fs/nodes fs/pseudo fs/aio fs/ext2 tests/kernel

KSRC := $(wildcard $(addsuffix /*.c,$(KDIRS)))
KASM := $(wildcard $(addsuffix /*.asm,$(KDIRS)))
OBJS := $(KSRC:%.c=$(O)/obj/%.o) $(KASM:%.asm=$(O)/obj/%.asm.o)

# A compiler newer than ours may warn of more, which must not keep anybody from a kernel: warnings
# are errors where WERROR=1 asks for it, as `make check` does, in objects of its own.
ERROR := $(if $(WERROR),-Werror)
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wconversion -Wundef -Wvla -Wcast-qual -Wwrite-strings -Wformat=2 \
	-Wimplicit-fallthrough
KCFLAGS := -std=gnu11 -O2 -g -ffreestanding -nostdinc -mno-red-zone -mcmodel=kernel \
	-mgeneral-regs-only -fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing \
	-fno-strict-overflow \
	-fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-asynchronous-unwind-tables \
	-fcf-protection=none
KINCLUDE := -I. -I$(O)
# Checks of lock order and of sleeping where one must not.
ifneq ($(DEBUG),)
KCFLAGS += -DDEBUG_LOCKS
endif
ALL_CFLAGS = $(KCFLAGS) $(WARNINGS) $(KINCLUDE) -isystem $(CC_INCLUDE) $(CFLAGS)
CC_INCLUDE = $(O)/cc-include
# Linked to fixed addresses, the kernel is full of what -Wall warns of from nasm 2.16.02 on
# (reloc-*: addresses of other sections); nasm 2.16.01 does not know that name.
ASFLAGS := -f elf64 -g -F dwarf -I. -Wall -w-unknown-warning -w-reloc
LDFLAGS := -T linker.ld -z max-page-size=4096 -z noexecstack -nostdlib -static --build-id=none

# What the objects were compiled with: they are compiled again when it changes.
ifneq (,$(filter-out help clean doctor sizes path hooks tags deps gdb,$(or $(MAKECMDGOALS),all)))
FLAGS_NOW := $(CC) $(ALL_CFLAGS) / $(ASFLAGS) / $(LDFLAGS)
ifneq ($(strip $(file <$(O)/.flags)),$(strip $(FLAGS_NOW)))
$(shell mkdir -p $(O)/obj && \
	ln -sfn "$$(dirname "$$($(CC) -print-file-name=include/stdarg.h)")" $(O)/cc-include)
$(file >$(O)/.flags,$(FLAGS_NOW))
endif
VERSION := $(shell git --no-optional-locks describe --always --dirty 2>/dev/null || echo unknown)
VERSION_H := \#define RINGLET_VERSION "$(VERSION)"
ifneq ($(strip $(file <$(O)/version.h)),$(strip $(VERSION_H)))
$(file >$(O)/version.h,$(VERSION_H))
endif
endif

.PHONY: all kernel objects
all: kernel $(if $(filter build/disk.img,$(DISK)),$(DISK))
kernel: $(O)/ringlet.elf
objects: $(OBJS)

# Linux's system calls by number, as the C library's headers name them.
$(O)/syscall_names.h: $(O)/.flags
	$(Q)echo '#include <asm/unistd_64.h>' | $(HOSTCC) -E -dM -o $@.all -
	$(Q)sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/[\2] = "\1",/p' $@.all >$@
$(O)/obj/kernel/sys/syscall.o: $(O)/syscall_names.h

$(O)/obj/%.o: %.c $(O)/.flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) $(ERROR) -MMD -MP -c -o $@ $<

$(O)/obj/%.asm.o: %.asm $(O)/.flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  AS      $<")
	$(Q)$(NASM) $(ASFLAGS) -MD $(@:.o=.d) -MP -o $@ $<

$(O)/ksyms%.o: $(O)/ksyms%.asm
	$(Q)$(NASM) -f elf64 -o $@ $<

# The symbol table for backtraces is made from a first link and added in a second.
# It lies behind the text, so that the second link moves no function.
$(O)/ksyms0.asm: tools/mksyms
	@mkdir -p $(@D)
	$(Q)tools/mksyms </dev/null >$@

$(O)/ringlet0.elf: $(OBJS) $(O)/ksyms0.o linker.ld
	$(Q)$(LD) $(LDFLAGS) -o $@ $(OBJS) $(O)/ksyms0.o

$(O)/ksyms1.asm: $(O)/ringlet0.elf tools/mksyms
	$(Q)$(NM) -n $< | tools/mksyms >$@

$(O)/ringlet.elf: $(OBJS) $(O)/ksyms1.o linker.ld
	$(if $(V),,@echo "  LD      $@")
	$(Q)$(LD) $(LDFLAGS) -o $@ $(OBJS) $(O)/ksyms1.o

$(O)/ringlet.stripped: $(O)/ringlet.elf
	$(Q)strip -s -o $@ $<

-include $(OBJS:.o=.d)

# --- user programs and the disk -----------------------------------------------

# Programs that run on this machine's C library do not depend on O: they are below U.
U ?= build
USER_PROGS := $(patsubst user/%.c,$(U)/user/%,$(wildcard user/*.c))
TEST_PROGS := $(patsubst tests/user/%.c,$(U)/tests/user/%,$(wildcard tests/user/*.c))
USER_CFLAGS := -std=gnu11 -static -O2 -g -Wall -Wextra -Wshadow -Wwrite-strings \
	-Wstrict-prototypes -Wmissing-prototypes -I.

.PHONY: user disk
user: $(USER_PROGS) $(TEST_PROGS)

$(U)/user/%: user/%.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  USERCC  $<")
	$(Q)$(USERCC) $(USER_CFLAGS) $(ERROR) -MMD -MP -MF $@.d -MT $@ -o $@ $<

$(U)/tests/user/%: tests/user/%.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  USERCC  $<")
	$(Q)$(USERCC) $(USER_CFLAGS) $(ERROR) -MMD -MP -MF $@.d -MT $@ -o $@ $<

-include $(USER_PROGS:=.d) $(TEST_PROGS:=.d)

# The disk is kept from run to run: only its absence, or `make disk`, makes one.
build/disk.img: | user
	@echo "  MKDISK  $@"
	$(Q)tools/mkdisk $@ --size $(SIZE)

disk: user
	@echo "  MKDISK  $(DISK)"
	$(Q)tools/mkdisk $(DISK) --size $(SIZE)

# Files into the disk and out of it, while no machine runs on it.
.PHONY: put get fsck
# Names may hold quotes: through the environment, the shell does not read them.
put get fsck: export DISK := $(DISK)
put get: $(filter build/disk.img,$(DISK))
	@test -n "$$FILE" || { echo "which file? As in: make $@ FILE=$(if $(filter get,$@),/root/)hello"; exit 1; }
	$(Q)tools/disk $@ "$$DISK" "$$FILE" "$$AS"
fsck:
	$(Q)tools/disk fsck "$$DISK"

# --- run, debug ---------------------------------------------------------------

ifeq ($(MACHINE),microvm)
# Without ACPI it has no PCI and no tables: the disk's place is its last MMIO slot.
MACHINE_OPTIONS := ,acpi=off
DISK_DEVICE := virtio-blk-device
MACHINE_CMDLINE := virtio_mmio.device=512@0xfeb00e00:12
else
DISK_DEVICE := virtio-blk-pci,disable-legacy=on
endif
CMDLINE := $(strip root=/dev/vda console=$(if $(GUI),tty0,ttyS0) $(MACHINE_CMDLINE) $(APPEND))
ifneq (,$(filter iso run-iso test test-system check,$(MAKECMDGOALS)))
define GRUB_CFG
serial --unit=0 --speed=115200
# It knows no way to clear the screen, on which make has just told what to look at.
terminfo serial dumb
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry "Ringlet" {
	multiboot /boot/ringlet.elf $(CMDLINE)
}
endef
$(shell mkdir -p $(O)/iso/boot/grub)
ifneq ($(strip $(file <$(O)/iso/boot/grub/grub.cfg)),$(strip $(GRUB_CFG)))
$(file >$(O)/iso/boot/grub/grub.cfg,$(GRUB_CFG))
endif
endif

.PHONY: iso run run-iso run-disk bootdisk debug gdb
iso: $(O)/ringlet.iso

$(O)/ringlet.iso: $(O)/ringlet.stripped $(O)/iso/boot/grub/grub.cfg
	@echo "  ISO     $@"
	$(Q)cp $(O)/ringlet.stripped $(O)/iso/boot/ringlet.elf
	$(Q)grub-mkrescue -d /usr/lib/grub/i386-pc --fonts= --themes= --locales= \
		--install-modules="multiboot normal serial terminal terminfo" \
		-o $@ $(O)/iso >$(O)/iso.log 2>&1 || { cat $(O)/iso.log; exit 1; }

QEMU_ARGS = -machine $(MACHINE)$(MACHINE_OPTIONS) -cpu $(CPU) -m $(MEM) -smp $(SMP) -nic none \
	-drive file=$(DISK),if=none,id=d0,format=raw,cache=writeback \
	-device $(DISK_DEVICE),drive=d0 \
	-device isa-debug-exit,iobase=0xf4,iosize=0x04 \
	-serial mon:stdio $(if $(GUI),,-display none) $(QEMUFLAGS)
RUN_QEMU = $(Q)tools/run-qemu $(QEMU) $(QEMU_ARGS)
RUN_KERNEL = $(Q)tools/run-qemu --append '$(CMDLINE)' $(QEMU) $(QEMU_ARGS) -kernel $(O)/ringlet.elf
RUN_DISK = $(if $(filter build/disk.img,$(DISK)),$(DISK))

# Before QEMU starts: what it would say less clearly.
define CHECK_RUN
@test -e "$(DISK)" || { echo "there is no $(DISK); 'make disk DISK=$(DISK)' makes one"; exit 1; }
@! tools/disk-in-use "$(DISK)" || exit 1
@for p in $(USER_PROGS); do test ! $$p -nt "$(DISK)" || { \
	echo "note: $$p is newer than $(DISK); 'make disk' makes a new disk"; break; }; done
$(if $(GUI),@$(QEMU) -display help 2>/dev/null | grep -q gtk || { \
	echo "QEMU has no window here; 'make deps GUI=1' installs qemu-system-gui"; exit 1; })
endef

run: $(O)/ringlet.elf $(RUN_DISK) user
	$(CHECK_RUN)
	$(RUN_KERNEL)

run-iso: $(O)/ringlet.iso $(RUN_DISK) user
	$(CHECK_RUN)
	$(RUN_QEMU) -boot d -cdrom $(O)/ringlet.iso

# A new kernel or command line makes a new image, and the old one's files are lost.
ifneq (,$(filter run-disk bootdisk,$(MAKECMDGOALS)))
ifneq ($(strip $(file <$(O)/bootdisk.set)),$(strip $(SIZE) $(APPEND)))
$(file >$(O)/bootdisk.set,$(SIZE) $(APPEND))
endif
endif
bootdisk: $(O)/bootdisk.img
$(O)/bootdisk.img: $(O)/ringlet.stripped $(O)/bootdisk.set tools/mkbootdisk tools/mkdisk | user
	@echo "  MKBOOT  $@"
	$(Q)$(PYTHON) tools/mkbootdisk $@ $< --size $(SIZE) --append '$(APPEND)'

run-disk: DISK := $(O)/bootdisk.img
run-disk: $(O)/bootdisk.img
	$(RUN_QEMU) -boot c

debug: $(O)/ringlet.elf $(RUN_DISK) user
	$(CHECK_RUN)
	@echo "stopped before the first instruction; now run 'make gdb' in another terminal"
	$(RUN_KERNEL) -S \
		-chardev socket,id=gdb0,path=build/gdb.sock,server=on,wait=off -gdb chardev:gdb0; \
	status=$$?; rm -f build/gdb.sock; exit $$status

gdb:
	@test -S build/gdb.sock || { echo "first run 'make debug' in another terminal"; exit 1; }
	$(Q)gdb -q -x tools/gdbinit $(addprefix -x ,$(wildcard lab/gdbinit)) $(O)/ringlet.elf

# --- tests and checks ---------------------------------------------------------

include tests/host/host.mk
include tests/virtio/virtio.mk
include tests/fuzz/fuzz.mk
include tests/names/names.mk
include tools/bench/bench.mk
include tools/editors.mk
# The teacher's goals, or in a student's tree the student's.
-include labs/labs.mk lab/lab.mk

.PHONY: test test-host test-kernel test-system test-fresh check sizes path doctor help clean
test: all iso host-tests
	$(Q)$(PYTHON) tools/run-tests host kernel labs system
test-host: host-tests
	$(Q)$(PYTHON) tools/run-tests host
test-kernel: all
	$(Q)$(PYTHON) tools/run-tests kernel
test-system: all iso
	$(Q)$(PYTHON) tools/run-tests system

# Machines are made below build/fresh; only root can make them, and only a commit is tested.
SUITE ?= bookworm trixie
test-fresh:
	$(Q)$(PYTHON) tests/fresh/fresh.py $(SUITE)

check:
	$(Q)tools/check

sizes:
	@tools/check-sizes --table

path:
	@tools/path

# For the check scripts: what a file is compiled with.
.PHONY: print-cflags print-sources
print-cflags:
	@echo '$(ALL_CFLAGS)'
print-sources:
	@echo '$(KSRC)'

doctor:
	@tools/deps --doctor

help:
	@sed -n 's/^## \{0,1\}//p' $(wildcard lab/lab.mk) $(firstword $(MAKEFILE_LIST)) \
		$(if $(wildcard labs),,| grep -v -e LAB= -e test-fresh)

clean:
	@for image in build/*.img; do ! tools/disk-in-use $$image || exit 1; done
	rm -rf build

endif
