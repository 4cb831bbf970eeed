/* What /proc tells of this process and of the system, and what may be written there. */
#include "tests/user/tap.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

/* All of a file, ended by a zero byte. Returns: its length, or -1. */
static char text[65536];
static ssize_t get(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n, sum = 0;

	memset(text, 0, sizeof(text));
	while (fd >= 0 && (n = read(fd, text + sum, sizeof(text) - 1 - (size_t)sum)) > 0)
		sum += n;
	close(fd);
	return fd < 0 ? -1 : sum;
}

/* Write at once. Returns: as write, with errno. */
static ssize_t put(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_TRUNC), err;
	ssize_t n = fd < 0 ? -1 : write(fd, what, strlen(what));

	err = errno;
	close(fd);
	errno = err;
	return n;
}

TEST(the_name_is_written)
{
	char name[17] = "", path[64];
	pid_t pid;

	CHECK(put("/proc/self/comm", "first") == 5);
	CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "first") == 0);
	CHECK(get("/proc/self/comm") == 6 && strcmp(text, "first\n") == 0);
	CHECK(put("/proc/self/comm", "a name of more than 15 bytes") == 28);
	CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a name of more ") == 0);
	CHECK(prctl(PR_SET_NAME, "second") == 0);
	CHECK(get("/proc/self/comm") == 7 && strcmp(text, "second\n") == 0);
	CHECK(get("/proc/self/status") > 0 && strncmp(text, "Name:\tsecond\n", 13) == 0);
	CHECK(get("/proc/self/stat") > 0 && strstr(text, "(second)"));
	/* Nobody names another process. */
	CHILD(pid, pause());
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	FAILS(put(path, "other"), EINVAL);
	CHECK(get(path) == 7 && strcmp(text, "second\n") == 0);
	kill(pid, SIGKILL);
	CHECK(reap(pid) == SIGKILL);
}

/* A name that somebody chose makes no lines of its own. */
TEST(names_with_line_feeds)
{
	int fd;

	CHECK(prctl(PR_SET_NAME, "x\nUid:\t7\\y") == 0);
	CHECK(get("/proc/self/status") > 0);
	CHECK(strstr(text, "Name:\tx\\nUid:\t7\\\\y\n") == text);
	CHECK(!strstr(text, "\nUid:\t7"));
	fresh_dir();
	write_file("a\nb c\\d", "text");
	fd = open("a\nb c\\d", O_RDONLY);
	CHECK(fd >= 0 && mmap(NULL, 4, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	close(fd);
	CHECK(get("/proc/self/maps") > 0 && strstr(text, "/a\\012b c\\d\n") &&
	      !strstr(text, "\nb c"));
}

TEST(what_is_not_there)
{
	FAILS(put("/proc/self/no_such_file", "x"), ENOENT);
	FAILS(open("/proc/self/no_such_file", O_RDONLY), ENOENT);
	FAILS(open("/proc/sys/kernel/no_such_file", O_RDONLY), ENOENT);
}

/* 36 35 98:0 /root /mount rw,noatime ... - ext3 /dev/root rw,errors=continue */
TEST(mountinfo)
{
	unsigned id, parent, major, minor, root_id = 0, lines = 0;
	char root[256], point[256], options[256], type[64], source[256], super[1024], *tail;

	CHECK(get("/proc/self/mountinfo") > 0);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		struct stat st;

		CHECK(sscanf(line, "%u %u %u:%u %255s %255s %255s", &id, &parent, &major, &minor,
			     root, point, options) == 7);
		tail = strstr(line, " - ");
		CHECK(tail && sscanf(tail, " - %63s %255s %1023s", type, source, super) == 3);
		CHECK(root[0] == '/' || strchr(root, ':'));
		CHECK(point[0] == '/');
		CHECK(strncmp(options, "rw", 2) == 0 || strncmp(options, "ro", 2) == 0);
		CHECK(strncmp(super, "rw", 2) == 0 || strncmp(super, "ro", 2) == 0);
		if (strcmp(point, "/") == 0)
			root_id = id;
		if (strcmp(point, "/proc") == 0 && strcmp(type, "proc") == 0)
			CHECK(stat("/proc", &st) == 0 && st.st_dev == makedev(major, minor));
	}
	CHECK(lines >= 2 && root_id > 0);
}

TEST(names_of_the_system)
{
	struct utsname u;
	char line[512];

	CHECK(uname(&u) == 0);
	snprintf(line, sizeof(line), "%s\n", u.release);
	CHECK(get("/proc/sys/kernel/osrelease") > 0 && strcmp(text, line) == 0);
	snprintf(line, sizeof(line), "%s\n", u.nodename);
	CHECK(get("/proc/sys/kernel/hostname") > 0 && strcmp(text, line) == 0);
	snprintf(line, sizeof(line), "%s\n", u.domainname);
	CHECK(get("/proc/sys/kernel/domainname") > 0 && strcmp(text, line) == 0);
	snprintf(line, sizeof(line), "%s\n", u.version);
	CHECK(get("/proc/sys/kernel/version") > 0 && strcmp(text, line) == 0);
	CHECK(get("/proc/sys/kernel/ostype") == 6 && strcmp(text, "Linux\n") == 0);
	snprintf(line, sizeof(line), "Linux version %s (", u.release);
	CHECK(get("/proc/version") > 0 && strncmp(text, line, strlen(line)) == 0);
	CHECK(text[strlen(text) - 1] == '\n');
}

TEST(numbers_of_the_system)
{
	int a, b, c, d;

	CHECK(get("/proc/sys/kernel/pid_max") > 0 && atoi(text) > getpid());
	CHECK(get("/proc/sys/kernel/printk") > 0);
	CHECK(sscanf(text, "%d\t%d\t%d\t%d\n", &a, &b, &c, &d) == 4);
	CHECK(a >= 0 && a < 16 && b >= 0 && b < 8);
}

TEST(processors_and_interrupts)
{
	char *flags;

	CHECK(get("/proc/cpuinfo") > 0);
	CHECK(strstr(text, "processor\t: 0\n") && strstr(text, "vendor_id\t: "));
	CHECK(strstr(text, "model name\t: ") && strstr(text, "cpu MHz\t\t: "));
	flags = strstr(text, "flags\t\t: ");
	CHECK(flags && strstr(flags, " sse2 ") && strstr(flags, " lm "));
	CHECK(get("/proc/interrupts") > 0);
	CHECK(strstr(text, "CPU0") && strstr(text, "LOC:") && strstr(text, "ERR:"));
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
