/* Directories: making, reading across seeks, walking, the current one. */
#include "tests/user/tap.h"

#include <dirent.h>

static int count_entries(DIR *dir)
{
	int n = 0;

	while (readdir(dir))
		n++;
	return n;
}

TEST(make_and_remove)
{
	struct stat st;

	fresh_dir();
	CHECK(mkdir("d", 0755) == 0 && stat("d", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(st.st_nlink == 2 || st.st_nlink == 1);
	FAILS(mkdir("d", 0755), EEXIST);
	FAILS(mkdir("none/d", 0755), ENOENT);
	write_file("f", "");
	FAILS(mkdir("f/d", 0755), ENOTDIR);
	FAILS(mkdir("f", 0755), EEXIST);
	FAILS(mkdir("", 0755), ENOENT);
	FAILS(mkdir("/", 0755), EEXIST);
	CHECK(mkdir("d/slash/", 0755) == 0);
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(rmdir("d/."), EINVAL);
	FAILS(rmdir("d/slash/.."), ENOTEMPTY);
	CHECK(rmdir("d/slash/") == 0 && rmdir("d") == 0);
	FAILS(rmdir("d"), ENOENT);
	FAILS(rmdir("/"), EBUSY);
	FAILS(unlinkat(AT_FDCWD, "f", 0x1), EINVAL);
	FAILS(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
}

TEST(read_all_entries)
{
	char name[100];
	static char seen[500];
	struct dirent *e;
	DIR *dir;
	int n = 0, dots = 0, i;

	fresh_dir();
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "a name that is long enough to fill blocks %d", i);
		write_file(name, "");
	}
	dir = opendir(".");
	while ((e = readdir(dir))) {
		dots += strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
		CHECK(e->d_ino != 0);
		if (sscanf(e->d_name, "a name that is long enough to fill blocks %d", &i) != 1)
			continue;
		CHECK(e->d_type == DT_REG || e->d_type == DT_UNKNOWN);
		CHECK(!seen[i]++);
		n++;
	}
	CHECK(n == 500 && dots == 2);
	rewinddir(dir);
	CHECK(count_entries(dir) == 502);
	closedir(dir);
}

TEST(seek_to_every_entry)
{
	char name[40], names[70][40];
	long at[70];
	struct dirent *e;
	DIR *dir;
	int n;

	fresh_dir();
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		write_file(name, "");
	}
	dir = opendir(".");
	for (n = 0; n < 70; n++) {
		at[n] = telldir(dir);
		e = readdir(dir);
		if (!e)
			break;
		strcpy(names[n], e->d_name);
	}
	CHECK(n == 62);
	for (int i = n - 1; i >= 0; i -= 3) {
		seekdir(dir, at[i]);
		for (int k = i; k < n && k < i + 5; k++) {
			e = readdir(dir);
			CHECK(e && strcmp(e->d_name, names[k]) == 0);
		}
	}
	seekdir(dir, at[n - 1]);
	CHECK(readdir(dir) && !readdir(dir));
}

TEST(small_buffers)
{
	char buf[64];
	int fd, n = 0;
	long got;

	fresh_dir();
	for (char c = 'a'; c < 'k'; c++)
		write_file((char[]){c, 0}, "");
	fd = open(".", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, buf, 10), EINVAL);
	while ((got = syscall(SYS_getdents64, fd, buf, 32)) > 0)
		for (long at = 0; at < got; at += *(unsigned short *)(buf + at + 16))
			n++;
	CHECK(got == 0 && n == 12);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && syscall(SYS_getdents64, fd, buf, 64) > 0);
	fd = open("a", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, buf, 64), ENOTDIR);
	FAILS(syscall(SYS_getdents64, 999, buf, 64), EBADF);
}

TEST(remove_while_reading)
{
	char name[60];
	struct dirent *e;
	DIR *dir;

	fresh_dir();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "file with some name %d", i);
		write_file(name, "");
	}
	dir = opendir(".");
	while ((e = readdir(dir)))
		if (e->d_name[0] == 'f')
			CHECK(unlink(e->d_name) == 0);
	rewinddir(dir);
	CHECK(count_entries(dir) == 2);
}

TEST(types_of_entries)
{
	struct dirent *e;
	DIR *dir;

	fresh_dir();
	write_file("r", "");
	mkdir("d", 0755);
	symlink("x", "l");
	mkfifo("p", 0600);
	dir = opendir(".");
	while ((e = readdir(dir))) {
		int type = e->d_type;

		if (type == DT_UNKNOWN)
			continue;
		switch (e->d_name[0]) {
		case 'r':
			CHECK(type == DT_REG);
			break;
		case 'l':
			CHECK(type == DT_LNK);
			break;
		case 'p':
			CHECK(type == DT_FIFO);
			break;
		default:
			CHECK(type == DT_DIR);
		}
	}
}

TEST(the_current_directory)
{
	char start[4096], buf[4096];
	int fd;

	fresh_dir();
	CHECK(getcwd(start, sizeof(start)) == start);
	CHECK(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0 && chdir("a/b") == 0);
	CHECK(getcwd(buf, sizeof(buf)) && strcmp(buf + strlen(start), "/a/b") == 0);
	CHECK(chdir("../..") == 0 && getcwd(buf, sizeof(buf)) && strcmp(buf, start) == 0);
	fd = open("a", O_RDONLY);
	CHECK(fchdir(fd) == 0 && getcwd(buf, sizeof(buf)) &&
	      strcmp(buf + strlen(start), "/a") == 0);
	FAILS(syscall(SYS_getcwd, buf, 3), ERANGE);
	FAILS(chdir("none"), ENOENT);
	write_file("f", "");
	FAILS(chdir("f"), ENOTDIR);
	fd = open("f", O_RDONLY);
	FAILS(fchdir(fd), ENOTDIR);
	FAILS(fchdir(999), EBADF);
	CHECK(chdir("/../..") == 0 && getcwd(buf, sizeof(buf)) && strcmp(buf, "/") == 0);
}

TEST(a_removed_current_directory)
{
	char buf[4096];

	fresh_dir();
	CHECK(mkdir("gone", 0755) == 0 && chdir("gone") == 0 && rmdir("../gone") == 0);
	FAILS(syscall(SYS_getcwd, buf, sizeof(buf)), ENOENT);
	FAILS(open("f", O_RDWR | O_CREAT, 0600), ENOENT);
	FAILS(mkdir("d", 0755), ENOENT);
	CHECK(chdir("..") == 0);
}

TEST(relative_to_a_directory)
{
	struct stat st;
	int dir, fd;

	fresh_dir();
	CHECK(mkdir("d", 0755) == 0);
	dir = open("d", O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "f", O_RDWR | O_CREAT, 0644);
	CHECK(fd >= 0 && stat("d/f", &st) == 0);
	CHECK(mkdirat(dir, "e", 0755) == 0 && symlinkat("f", dir, "s") == 0);
	CHECK(fstatat(dir, "s", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
	CHECK(faccessat(dir, "f", R_OK, 0) == 0 && renameat(dir, "f", AT_FDCWD, "moved") == 0);
	CHECK(linkat(AT_FDCWD, "moved", dir, "back", 0) == 0 && stat("d/back", &st) == 0);
	CHECK(unlinkat(dir, "e", AT_REMOVEDIR) == 0 && unlinkat(dir, "back", 0) == 0);
	FAILS(openat(fd, "x", O_RDONLY), ENOTDIR);
	FAILS(openat(999, "x", O_RDONLY), EBADF);
	CHECK(close(openat(999, "/", O_RDONLY)) == 0); /* absolute: the number does not matter */
}

TEST(moving_directories)
{
	struct stat a, b;
	char buf[4096];

	fresh_dir();
	CHECK(mkdir("a", 0755) == 0 && mkdir("a/in", 0755) == 0 && mkdir("b", 0755) == 0);
	CHECK(chdir("a/in") == 0 && rename("../../a/in", "../../b/new") == 0);
	CHECK(stat("..", &a) == 0 && stat("../../b", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(getcwd(buf, sizeof(buf)) && strcmp(strrchr(buf, '/'), "/new") == 0);
	FAILS(rename("../../b", "deeper"), EINVAL);
	CHECK(rename("../../b", "../../c") == 0 && getcwd(buf, sizeof(buf)) &&
	      strstr(buf, "/c/new"));
	CHECK(rmdir("../../a") == 0);
}

TEST(roots)
{
	char buf[100];

	fresh_dir();
	if (getuid() != 0)
		return;
	CHECK(mkdir("jail", 0755) == 0 && mkdir("jail/in", 0755) == 0);
	CHECK(IN_CHILD(CHECK(chroot("jail") == 0 && chdir("/in/../..") == 0);
		       CHECK(getcwd(buf, sizeof(buf)) && strcmp(buf, "/") == 0);
		       CHECK(access("/in", F_OK) == 0); FAILS(access("/proc", F_OK), ENOENT)) == 0);
	FAILS(chroot("none"), ENOENT);
	CHECK(IN_CHILD(setuid(1); FAILS(chroot("/"), EPERM)) == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
