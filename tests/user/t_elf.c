/* Dynamically linked programs: execve maps the interpreter that the file names, and says by the
 * auxiliary vector where the program is. This program is its own interpreter: it is linked to fixed
 * addresses, so there is room for it beside a file that is made here. */
#include "tap.h"
#include <elf.h>
#include <stddef.h>
#include <sys/auxv.h>

#define PROGRAM_AT 0x10000000ul
#define ENTRY	   (PROGRAM_AT + 0x123)
#define BIAS_MIN   0x500000000000ul /* where programs without an address of their own go */

/* Headers, and right behind them the interpreter's name. */
struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	char interp[5000];
};

static struct image image_of(const char *interp)
{
	struct image im = {
		.eh = {.e_ident = "\177ELF\2\1\1",
		       .e_type = ET_EXEC,
		       .e_machine = EM_X86_64,
		       .e_version = 1,
		       .e_entry = ENTRY,
		       .e_phoff = offsetof(struct image, ph),
		       .e_ehsize = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 2},
		.ph = {{.p_type = PT_INTERP,
			.p_offset = offsetof(struct image, interp),
			.p_filesz = strlen(interp) + 1},
		       {.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = PROGRAM_AT,
			.p_filesz = sizeof(struct image),
			.p_memsz = sizeof(struct image),
			.p_align = 4096}},
	};

	strcpy(im.interp, interp);
	return im;
}

static void put(const char *name, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len && close(fd) == 0);
}

static void put_image(const char *name, const struct image *im)
{
	put(name, im, sizeof(*im));
}

/* The errno of execve, in a child; 0: the program ran, and its status was 0. */
static int exec_error(const char *name, char *arg)
{
	int status = IN_CHILD(execl(name, name, arg, (char *)NULL); _exit(errno));

	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static char self[4096];
static void setup(void)
{
	fresh_dir();
	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
}

/* Runs as the interpreter of a program at `entry`: 0 when the auxiliary vector says so. */
static int as_interpreter(const char *how)
{
	unsigned long entry = getauxval(AT_ENTRY), first = entry - (ENTRY - PROGRAM_AT);
	const char *platform = (const char *)getauxval(AT_PLATFORM);
	char exe[100] = "";

	CHECK(how[0] == 'p' ? first >= BIAS_MIN && first % 4096 == 0 : entry == ENTRY);
	CHECK(getauxval(AT_BASE) == 0); /* of a file with addresses of its own */
	CHECK(getauxval(AT_FLAGS) == 0);
	CHECK(getauxval(AT_PHDR) == first + offsetof(struct image, ph));
	CHECK(getauxval(AT_PHNUM) == 2 && getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
	CHECK(memcmp((void *)first, ELFMAG, SELFMAG) == 0);
	CHECK(platform && strcmp(platform, "x86_64") == 0);
	CHECK(readlink("/proc/self/exe", exe, sizeof(exe)) > 0 && strstr(exe, "/prog"));
	return failed;
}

TEST(the_interpreter_runs_and_finds_the_program)
{
	struct image im;

	setup();
	im = image_of(self);
	put_image("prog", &im);
	CHECK(exec_error("./prog", "@exec") == 0);
	im.eh.e_type = ET_DYN;
	im.ph[1].p_vaddr = 0;
	im.eh.e_entry = ENTRY - PROGRAM_AT;
	put_image("prog", &im);
	CHECK(exec_error("./prog", "@pie") == 0);
	put("script", "#!./prog @pie\n", 14);
	CHECK(exec_error("./script", NULL) == 0);
}

TEST(only_the_first_interpreter_counts)
{
	struct image im;

	setup();
	im = image_of("/no/such/loader");
	im.eh.e_phnum = 3;
	im.ph[2] = im.ph[0];
	im.ph[2].p_offset += 100;
	im.ph[2].p_filesz = strlen(self) + 1;
	strcpy(im.interp + 100, self);
	put_image("prog", &im);
	CHECK(exec_error("./prog", "@three") == ENOENT);
}

TEST(an_interpreter_that_is_missing)
{
	struct image im = image_of("/no/such/loader");

	setup();
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == ENOENT);
	im = image_of("prog/loader");
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == ENOTDIR);
}

TEST(an_interpreter_that_may_not_run)
{
	struct image im = image_of("/");

	setup();
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == EACCES);
	im = image_of("./loader");
	put_image("prog", &im);
	put("loader", "x", 1);
	chmod("loader", 0644);
	CHECK(exec_error("./prog", NULL) == EACCES);
	mkfifo("fifo", 0777);
	im = image_of("./fifo");
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == EACCES);
}

TEST(an_interpreter_that_is_no_program)
{
	char text[200] = "#!/bin/sh\n";
	struct image im = image_of("./loader"), bad = image_of("");

	setup();
	put_image("prog", &im);
	put("loader", text, 0);
	CHECK(exec_error("./prog", NULL) == EIO);
	put("loader", text, 63);
	CHECK(exec_error("./prog", NULL) == EIO);
	put("loader", text, sizeof(text)); /* a script neither */
	CHECK(exec_error("./prog", NULL) == ELIBBAD);
	bad.eh.e_machine = EM_386;
	put_image("loader", &bad);
	CHECK(exec_error("./prog", NULL) == ELIBBAD);
}

TEST(a_name_that_is_none)
{
	struct image im;

	setup();
	im = image_of(self);
	im.ph[0].p_filesz--; /* no end */
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == ENOEXEC);
	im.ph[0].p_filesz = 1;
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == ENOEXEC);
	im.ph[0].p_filesz = 4097;
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == ENOEXEC);
	im.ph[0].p_filesz = 4096;
	memset(im.interp, '/', 4095);
	im.interp[4095] = 0;
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == EACCES); /* the root directory */
	im.ph[0].p_filesz = 100;
	im.ph[0].p_offset = 1ul << 40; /* behind the end */
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == EIO);
}

TEST(nobody_writes_the_interpreter_while_it_loads_only)
{
	struct image im;
	int fd;

	setup();
	fd = open("loader", O_WRONLY | O_CREAT, 0755);
	im = image_of("./loader");
	put_image("prog", &im);
	CHECK(exec_error("./prog", NULL) == ETXTBSY);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1 && argv[1][0] == '@')
		return as_interpreter(argv[1] + 1);
	return run_tests(argc, argv);
}
