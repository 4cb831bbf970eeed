/* Set-user-ID and set-group-ID bits, and whose files may be linked and followed. */
#include "tests/user/tap.h"

#include <grp.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define NOBODY	65534
#define SOMEONE 12345
#define GROUP	54321

/* Which of Linux's settings is on here; in Ringlet they cannot be changed. */
static int protected(const char *what)
{
	char path[80];
	int value = '1', fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", what);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		char c;

		if (read(fd, &c, 1) == 1)
			value = c;
		close(fd);
	}
	return value != '0';
}

static void become(uid_t uid)
{
	CHECK(setgroups(0, NULL) == 0 && setgid(uid) == 0 && setuid(uid) == 0);
}

/* An empty directory that everybody may use; then root is root no more. */
static void dir_of_nobody(void)
{
	fresh_dir();
	CHECK(chmod(".", 0777) == 0);
	if (getuid() == 0)
		become(NOBODY);
	umask(0);
}

static int mode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? -1 : (int)(st.st_mode & 07777);
}

static int gid_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? -1 : (int)st.st_gid;
}

/* A file of the caller's with that mode. */
static void make(const char *name, mode_t mode)
{
	unlink(name);
	write_file(name, "some text");
	CHECK(chmod(name, mode) == 0 && mode_of(name) == (int)mode);
}

/* Make the file, open it, do something with fd. Returns: the mode afterwards. */
#define MODE_AFTER(mode, flags, call)                               \
	({                                                          \
		int fd;                                             \
		make("f", mode);                                    \
		CHECK((fd = open("f", flags)) >= 0 && (call) >= 0); \
		close(fd);                                          \
		mode_of("f");                                       \
	})

TEST(writes_end_set_ids)
{
	struct iovec iov = {"abc", 3};
	off_t at = 0;
	int in;

	dir_of_nobody();
	write_file("in", "text");
	in = open("in", O_RDONLY);
	CHECK(MODE_AFTER(06777, O_WRONLY, write(fd, "x", 1)) == 0777);
	CHECK(MODE_AFTER(06777, O_WRONLY, pwrite(fd, "x", 1, 4)) == 0777);
	CHECK(MODE_AFTER(06777, O_WRONLY, writev(fd, &iov, 1)) == 0777);
	CHECK(MODE_AFTER(06777, O_WRONLY | O_APPEND, write(fd, "x", 1)) == 0777);
	CHECK(MODE_AFTER(06777, O_WRONLY, sendfile(fd, in, &at, 3)) == 0777);
	CHECK(MODE_AFTER(04666, O_WRONLY, write(fd, "x", 1)) == 0666);
	/* No privilege without group execution, and the owner is of the group. */
	CHECK(MODE_AFTER(02666, O_WRONLY, write(fd, "x", 1)) == 02666);
	CHECK(MODE_AFTER(06666, O_WRONLY, write(fd, "x", 1)) == 02666);
	CHECK(MODE_AFTER(06777, O_WRONLY, write(fd, "x", 0)) == 06777);
	CHECK(MODE_AFTER(06777, O_RDWR, read(fd, (char[1]){0}, 1)) == 06777);
}

TEST(truncation_ends_set_ids)
{
	dir_of_nobody();
	CHECK(MODE_AFTER(06777, O_WRONLY, ftruncate(fd, 3)) == 0777);
	CHECK(MODE_AFTER(06777, O_WRONLY, ftruncate(fd, 9)) == 0777); /* as it was */
	CHECK(MODE_AFTER(06777, O_WRONLY, ftruncate(fd, 5000)) == 0777);
	CHECK(MODE_AFTER(06777, O_RDONLY, truncate("f", 3)) == 0777);
	CHECK(MODE_AFTER(06777, O_RDONLY, truncate("f", 9)) == 0777);
	CHECK(MODE_AFTER(06777, O_WRONLY | O_TRUNC, 0) == 0777);
	CHECK(MODE_AFTER(06777, O_WRONLY | O_CREAT | O_TRUNC, 0) == 0777);
	CHECK(MODE_AFTER(06666, O_WRONLY | O_TRUNC, 0) == 02666);
	CHECK(MODE_AFTER(06777, O_WRONLY, ftruncate(fd, -1) + 1) == 06777);
}

TEST(chown_ends_set_ids)
{
	dir_of_nobody();
	CHECK(MODE_AFTER(06777, O_RDONLY, fchown(fd, -1, -1)) == 0777);
	CHECK(MODE_AFTER(06777, O_RDONLY, chown("f", -1, -1)) == 0777);
	CHECK(MODE_AFTER(06777, O_RDONLY, chown("f", getuid(), -1)) == 0777);
	CHECK(MODE_AFTER(06777, O_RDONLY, chown("f", -1, getgid())) == 0777);
	CHECK(MODE_AFTER(06777, O_RDONLY, lchown("f", getuid(), getgid())) == 0777);
	CHECK(MODE_AFTER(06766, O_RDONLY, chown("f", -1, -1)) == 02766);
	CHECK(mkfifo("fifo", 0666) == 0 && chmod("fifo", 06777) == 0);
	CHECK(chown("fifo", -1, -1) == 0 && mode_of("fifo") == 0777);
	CHECK(mkdir("d", 0777) == 0 && chmod("d", 07777) == 0);
	CHECK(chown("d", -1, -1) == 0 && mode_of("d") == 07777);
	CHECK(chown("d", getuid(), getgid()) == 0 && mode_of("d") == 07777);
}

TEST(root_and_set_ids)
{
	if (getuid() != 0)
		return;
	fresh_dir();
	umask(0);
	CHECK(MODE_AFTER(06777, O_RDONLY, chown("f", 1, 1)) == 0777);
	CHECK(MODE_AFTER(06777, O_RDONLY, chown("f", -1, -1)) == 0777);
	CHECK(MODE_AFTER(02666, O_RDONLY, chown("f", 1, 1)) == 02666);
	CHECK(mkfifo("fifo", 0666) == 0 && chmod("fifo", 06777) == 0);
	CHECK(chown("fifo", 1, 1) == 0 && mode_of("fifo") == 0777);
	CHECK(mkdir("d", 0777) == 0 && chmod("d", 07777) == 0);
	CHECK(chown("d", 1, 1) == 0 && mode_of("d") == 07777);
	if (!owns_machine())
		return;
	CHECK(mknod("null", S_IFCHR | 0666, 0x103) == 0 && chmod("null", 06777) == 0);
	CHECK(chown("null", -1, -1) == 0 && mode_of("null") == 0777);
	/* What root writes keeps its bits. */
	CHECK(MODE_AFTER(06777, O_WRONLY, write(fd, "x", 1)) == 06777);
	CHECK(MODE_AFTER(06777, O_WRONLY | O_TRUNC, ftruncate(fd, 7)) == 06777);
	CHECK(MODE_AFTER(06777, O_RDONLY, truncate("f", 3)) == 06777);
}

/* Not of the file's group, in a directory that gives it away. */
static void as_stranger(void)
{
	become(SOMEONE);
	CHECK(close(open("g/x", O_WRONLY | O_CREAT | O_EXCL, 02777)) == 0);
	CHECK(mode_of("g/x") == 0777 && gid_of("g/x") == GROUP);
	CHECK(mknod("g/n", S_IFREG | 06777, 0) == 0 && mode_of("g/n") == 04777);
	CHECK(mkfifo("g/p", 02777) == 0 && mode_of("g/p") == 0777);
	/* Also if the umask takes the group's right to execute away. */
	umask(010);
	CHECK(close(open("g/u", O_WRONLY | O_CREAT | O_EXCL, 02777)) == 0 &&
	      mode_of("g/u") == 0767);
	CHECK(mknod("g/v", S_IFREG | 02777, 0) == 0 && mode_of("g/v") == 0767);
	umask(0);
	CHECK(close(open("g/k", O_WRONLY | O_CREAT | O_EXCL, 02767)) == 0);
	CHECK(mode_of("g/k") == 02767 && gid_of("g/k") == GROUP);
	CHECK(mkdir("g/d", 0777) == 0 && mode_of("g/d") == 02777 && gid_of("g/d") == GROUP);
	/* Nor may he set it later; and what he writes to loses it, also as no privilege. */
	CHECK(chmod("g/x", 02777) == 0 && mode_of("g/x") == 0777);
	CHECK(truncate("g/k", 5) == 0 && mode_of("g/k") == 0767);
	CHECK(truncate("theirs", 5) == 0 && mode_of("theirs") == 0767);
	/* Without a right to the mode, an owner that is left alone is no offence. */
	CHECK(chown("plain", -1, -1) == 0);
	FAILS(chown("setid", -1, -1), EPERM);
	CHECK(mode_of("setid") == 04755);
	CHECK(chown("setdir", -1, -1) == 0);
}

static void as_member(void)
{
	gid_t groups[] = {GROUP};

	CHECK(setgroups(1, groups) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
	CHECK(close(open("g/m", O_WRONLY | O_CREAT | O_EXCL, 02777)) == 0);
	CHECK(mode_of("g/m") == 02777 && gid_of("g/m") == GROUP);
	CHECK(truncate("g/m", 5) == 0 && mode_of("g/m") == 0777);
}

TEST(set_group_id_directories)
{
	if (getuid() != 0)
		return;
	fresh_dir();
	umask(0);
	CHECK(chmod(".", 0755) == 0 && mkdir("g", 0777) == 0 && chown("g", 0, GROUP) == 0 &&
	      chmod("g", 02777) == 0);
	make("theirs", 02767);
	make("plain", 0644);
	make("setid", 04755);
	CHECK(mkdir("setdir", 0755) == 0 && chmod("setdir", 06755) == 0);
	CHECK(IN_CHILD(as_stranger()) == 0);
	CHECK(IN_CHILD(as_member()) == 0);
}

static void link_others(void)
{
	become(NOBODY);
	FAILS(link("readable", "d/1"), EPERM);
	CHECK(link("writable", "d/2") == 0);
	FAILS(link("secret", "d/3"), EPERM);
	FAILS(link("setuid", "d/4"), EPERM);
	FAILS(link("setgid", "d/5"), EPERM);
	CHECK(link("locking", "d/6") == 0);
	FAILS(link("fifo", "d/7"), EPERM);
	FAILS(link("symlink", "d/8"), EPERM);
	FAILS(linkat(AT_FDCWD, "symlink", AT_FDCWD, "d/8", AT_SYMLINK_FOLLOW), EPERM);
	CHECK(link("mine", "d/9") == 0);
	FAILS(link("readable", "d/2"), EEXIST);
	FAILS(link("missing", "d/10"), ENOENT);
}

TEST(links_to_files_of_others)
{
	if (getuid() != 0 || !protected("hardlinks"))
		return;
	fresh_dir();
	umask(0);
	CHECK(chmod(".", 0755) == 0 && mkdir("d", 0777) == 0);
	make("readable", 0644);
	make("writable", 0666);
	make("secret", 0);
	make("setuid", 04777);
	make("setgid", 02777);
	make("locking", 02767);
	CHECK(mkfifo("fifo", 0666) == 0 && symlink("readable", "symlink") == 0);
	make("mine", 0);
	CHECK(chown("mine", NOBODY, NOBODY) == 0);
	CHECK(IN_CHILD(link_others()) == 0);
	CHECK(link("mine", "d/root") == 0); /* root may */
}

static void links_of_nobody(void)
{
	struct stat st;

	become(NOBODY);
	CHECK(symlink("../file", "s/nobodys") == 0 && symlink("..", "s/dir") == 0);
	CHECK(symlink("../file", "o/nobodys") == 0 && symlink("s/nobodys", "chain") == 0);
	CHECK(stat("s/nobodys", &st) == 0 && stat("s/roots", &st) == 0);
	CHECK(stat("s/someones", &st) == -1 && errno == EACCES);
}

TEST(links_in_sticky_directories)
{
	struct stat st;

	if (getuid() != 0 || !protected("symlinks"))
		return;
	fresh_dir();
	umask(0);
	CHECK(chmod(".", 0777) == 0 && mkdir("s", 0777) == 0 && chmod("s", 01777) == 0);
	CHECK(mkdir("o", 0777) == 0);
	write_file("file", "text");
	CHECK(symlink("../file", "s/roots") == 0 && symlink("../file", "s/someones") == 0);
	CHECK(lchown("s/someones", SOMEONE, SOMEONE) == 0);
	CHECK(IN_CHILD(links_of_nobody()) == 0);
	/* Not even root follows, whatever for. */
	FAILS(open("s/nobodys", O_RDONLY), EACCES);
	FAILS(open("s/nobodys", O_WRONLY | O_CREAT, 0600), EACCES);
	FAILS(truncate("s/nobodys", 0), EACCES);
	FAILS(stat("s/dir/", &st), EACCES);
	FAILS(open("chain", O_RDONLY), EACCES);
	CHECK(lstat("s/nobodys", &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(stat("s/dir/file", &st) == 0); /* not the last of the path */
	CHECK(stat("s/roots", &st) == 0 && stat("o/nobodys", &st) == 0);
	CHECK(chmod("s", 0777) == 0 && stat("s/nobodys", &st) == 0);
	CHECK(chmod("s", 01775) == 0 && stat("s/nobodys", &st) == 0);
	CHECK(chmod("s", 01777) == 0 && chown("s", NOBODY, -1) == 0);
	CHECK(stat("s/nobodys", &st) == 0 && stat("s/roots", &st) == 0); /* his directory */
	FAILS(stat("s/someones", &st), EACCES);
	CHECK(unlink("s/nobodys") == 0 && file_is("file", "text"));
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
