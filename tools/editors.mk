# For editors: compile_commands.json says how each C file is compiled, tags where each name is
# defined. A file that both the kernel and a host test compile is the kernel's. A lab's stubs.c is no
# program: the exporter cuts it into functions.

HOST_SRC := $(wildcard tests/host/*.c tests/host/fakes/*.c)
LAB_SRC := $(wildcard tools/labkit/*.c labs/*/public/*.c labs/*/private/*.c \
	labs/*/private/reference/*.c)
FUZZ_SRC := $(filter tests/%,$(FUZZ_VIRTIO_SRC) $(FUZZ_ELF_SRC))

json = $(subst ",\",$(subst \,\\,$1))
define compile_commands # files, what compiles them
$(foreach file,$1,{"directory": "$(call json,$(CURDIR))", "file": "$(file)",
 "command": "$(call json,$(strip $2) -c $(file))"},
)
endef

.PHONY: compile_commands.json tags hooks
compile_commands.json: $(O)/syscall_names.h
	$(file >$(O)/$@.new,$(call compile_commands,$(KSRC),$(CC) $(ALL_CFLAGS)))
	$(file >>$(O)/$@.new,$(call compile_commands,$(wildcard user/*.c tests/user/*.c) \
		$(SYSFUZZ_SRC),$(USERCC) $(USER_CFLAGS)))
	$(file >>$(O)/$@.new,$(call compile_commands,$(HOST_SRC),$(HOSTCC) $(HOST_CFLAGS)))
	$(file >>$(O)/$@.new,$(call compile_commands,$(filter-out $(HOST_SRC),$(FUZZ_SRC)),$(FUZZ_CC) \
		$(FUZZ_CFLAGS)))
	$(file >>$(O)/$@.new,$(foreach file,$(LAB_SRC),$(call compile_commands,$(file),$(HOSTCC) \
		$(HOST_CFLAGS) -Itools/labkit $(addprefix -I,$(dir $(file)) $(wildcard $(dir $(file))../public) \
		$(wildcard $(dir $(file))../../public)))))
	$(file >>$(O)/$@.new,$(call compile_commands,tools/bench/bare/bare.c,$(CC) $(BARE_CFLAGS)))
	@{ echo '['; sed -e '/^ *$$/d' -e '$$s/,$$//' $(O)/$@.new; echo ']'; } >$@; rm $(O)/$@.new

tags:
	@ctags --version 2>/dev/null | grep -q Universal || { \
		echo "universal-ctags is missing; 'make deps' installs it"; exit 1; }
	$(Q)ctags -f $@ --languages=C,Asm --map-Asm=+.asm -R \
		boot kernel block drivers fs user tests tools

hooks:
	@tools/pre-commit --install
