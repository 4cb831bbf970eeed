/* Files: open, read, write, seek, links, truncation, attributes. */
#include "tests/user/tap.h"

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/uio.h>

static char pattern[200000];

static void make_pattern(void)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (char)(i * 13 + i / 251);
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? -1 : st.st_size;
}

static int create(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);

	CHECK(fd >= 0);
	return fd;
}

TEST(open_flags)
{
	int fd;

	fresh_dir();
	FAILS(open("f", O_RDWR), ENOENT);
	fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0640);
	CHECK(fd >= 0 && write(fd, "hello", 5) == 5);
	FAILS(open("f", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	close(fd);
	fd = open("f", O_WRONLY | O_TRUNC);
	CHECK(size_of("f") == 0);
	FAILS(read(fd, pattern, 1), EBADF);
	close(fd);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	FAILS(write(fd, "x", 1), EBADF);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	FAILS(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open(".", O_RDWR), EISDIR);
	FAILS(open("f/x", O_RDONLY), ENOTDIR);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open("none/", O_RDWR | O_CREAT, 0600), EISDIR);
	CHECK(symlink("f", "link") == 0);
	FAILS(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(open("link", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK(symlink("target", "dangling") == 0);
	FAILS(open("dangling", O_RDONLY), ENOENT);
	CHECK(close(open("dangling", O_RDWR | O_CREAT, 0600)) == 0 && size_of("target") == 0);
	FAILS(close(999), EBADF);
	FAILS(close(-1), EBADF);
	FAILS(read(999, pattern, 1), EBADF);
}

TEST(names_too_long)
{
	char name[5000];

	fresh_dir();
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	FAILS(open(name, O_RDWR | O_CREAT, 0600), ENAMETOOLONG);
	name[255] = 0;
	CHECK(close(open(name, O_RDWR | O_CREAT, 0600)) == 0 && unlink(name) == 0);
	memset(name, '/', sizeof(name));
	name[4096] = 0;
	FAILS(open(name, O_RDONLY), ENAMETOOLONG);
	name[4095] = 0;
	CHECK(close(open(name, O_RDONLY)) == 0);
}

TEST(seek_and_holes)
{
	char buf[100];
	int fd, bad = 0;

	fresh_dir();
	make_pattern();
	fd = create("f");
	CHECK(lseek(fd, 1000000, SEEK_SET) == 1000000 && size_of("f") == 0);
	CHECK(write(fd, "end", 3) == 3 && size_of("f") == 1000003);
	CHECK(lseek(fd, -3, SEEK_END) == 1000000 && read(fd, buf, 100) == 3);
	CHECK(memcmp(buf, "end", 3) == 0 && read(fd, buf, 100) == 0);
	CHECK(lseek(fd, 500000, SEEK_SET) == 500000 && read(fd, buf, 100) == 100);
	for (int i = 0; i < 100; i++)
		bad += buf[i] != 0;
	CHECK(bad == 0 && lseek(fd, 0, SEEK_CUR) == 500100);
	CHECK(lseek(fd, 100, SEEK_END) == 1000103 && read(fd, buf, 10) == 0);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	CHECK(lseek(fd, 0, SEEK_CUR) == 1000103);
	/* Far enough for double indirect blocks. */
	CHECK(pwrite(fd, "far", 3, 20000000) == 3 && pread(fd, buf, 10, 20000000) == 3);
	CHECK(pread(fd, buf, 10, 19999990) == 10 && buf[0] == 0);
}

TEST(positional_io_leaves_the_position)
{
	char buf[10] = "";
	int fd;

	fresh_dir();
	fd = create("f");
	CHECK(write(fd, "0123456789", 10) == 10);
	CHECK(pwrite(fd, "AB", 2, 4) == 2 && pread(fd, buf, 4, 3) == 4);
	CHECK(memcmp(buf, "3AB6", 4) == 0 && lseek(fd, 0, SEEK_CUR) == 10);
	CHECK(pread(fd, buf, 10, 100) == 0);
	FAILS(pread(fd, buf, 1, -1), EINVAL);
	FAILS(pwrite(fd, buf, 1, -1), EINVAL);
	struct iovec iov[2] = {{buf, 2}, {buf + 2, 3}};
	CHECK(preadv(fd, iov, 2, 4) == 5 && memcmp(buf, "AB678", 5) == 0);
	CHECK(pwritev(fd, iov, 2, 0) == 5 && pread(fd, buf, 10, 0) == 10);
	CHECK(memcmp(buf, "AB678B6789", 10) == 0 && lseek(fd, 0, SEEK_CUR) == 10);
}

TEST(append)
{
	int a, b;

	fresh_dir();
	write_file("f", "start ");
	a = open("f", O_WRONLY | O_APPEND);
	b = open("f", O_WRONLY | O_APPEND);
	for (int i = 0; i < 3; i++) {
		CHECK(write(a, "a", 1) == 1);
		CHECK(lseek(b, 0, SEEK_SET) == 0 && write(b, "b", 1) == 1);
	}
	CHECK(file_is("f", "start ababab"));
	CHECK(fcntl(a, F_SETFL, 0) == 0 && lseek(a, 0, SEEK_SET) == 0 && write(a, "S", 1) == 1);
	CHECK(file_is("f", "Start ababab"));
	CHECK(fcntl(a, F_SETFL, O_APPEND) == 0 && fcntl(a, F_GETFL) & O_APPEND);
	CHECK(write(a, "!", 1) == 1 && file_is("f", "Start ababab!"));
}

TEST(duplicates_share_the_position)
{
	char buf[4];
	int fd, other, high;

	fresh_dir();
	write_file("f", "abcdef");
	fd = open("f", O_RDONLY);
	other = dup(fd);
	CHECK(read(fd, buf, 2) == 2 && read(other, buf, 2) == 2 && buf[0] == 'c');
	CHECK(dup2(fd, other) == other && dup2(fd, fd) == fd);
	FAILS(dup2(999, 5), EBADF);
	FAILS(dup2(999, 999), EBADF);
	FAILS(dup2(fd, 100000000), EBADF);
	FAILS(dup(999), EBADF);
	FAILS(dup3(fd, fd, 0), EINVAL);
	FAILS(syscall(SYS_dup3, fd, 20, 1), EINVAL);
	CHECK(dup3(fd, 20, O_CLOEXEC) == 20 && fcntl(20, F_GETFD) == FD_CLOEXEC);
	CHECK(dup2(20, 21) == 21 && fcntl(21, F_GETFD) == 0);
	high = fcntl(fd, F_DUPFD, 100);
	CHECK(high == 100 && fcntl(fd, F_DUPFD_CLOEXEC, 100) == 101 &&
	      fcntl(101, F_GETFD) == FD_CLOEXEC);
	FAILS(fcntl(fd, F_DUPFD, 100000000), EINVAL);
	FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
	CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(ioctl(fd, FIONCLEX) == 0 && fcntl(fd, F_GETFD) == 0);
	CHECK(ioctl(fd, FIOCLEX) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	FAILS(fcntl(fd, 9999), EINVAL);
	FAILS(ioctl(fd, 0x5401, buf), ENOTTY);
	CHECK(IN_CHILD(CHECK(read(fd, buf, 1) == 1 && buf[0] == 'e')) == 0);
	CHECK(read(other, buf, 1) == 1 && buf[0] == 'f'); /* also with the child */
}

TEST(too_many_files)
{
	int fd, last = -1;

	while ((fd = dup(0)) >= 0 && fd < 2000000)
		last = fd;
	CHECK(errno == EMFILE && last >= 255);
	FAILS(open("/", O_RDONLY), EMFILE);
	int fds[2];
	FAILS(pipe(fds), EMFILE);
	close(last);
	FAILS(pipe(fds), EMFILE); /* and the one number is free again */
	CHECK(dup(0) == last);
}

TEST(rename_replaces)
{
	struct stat a, b;

	fresh_dir();
	write_file("a", "A");
	write_file("b", "B");
	stat("a", &a);
	CHECK(rename("a", "b") == 0 && file_is("b", "A"));
	FAILS(stat("a", &b), ENOENT);
	CHECK(stat("b", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(rename("b", "b") == 0 && link("b", "c") == 0 && rename("b", "c") == 0);
	CHECK(size_of("b") == 1 && size_of("c") == 1); /* the same file: nothing happens */
	CHECK(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
	FAILS(rename("b", "d"), EISDIR);
	FAILS(rename("d", "b"), ENOTDIR);
	FAILS(rename("d", "d/x"), EINVAL);
	CHECK(rename("d", "e") == 0);
	write_file("e/full", "x");
	CHECK(mkdir("d", 0755) == 0);
	FAILS(rename("d", "e"), ENOTEMPTY);
	CHECK(rename("e", "d/inner") == 0 && file_is("d/inner/full", "x"));
	FAILS(rename("none", "x"), ENOENT);
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", 1), EEXIST);
	FAILS(rename(".", "x"), EBUSY);
}

TEST(links)
{
	struct stat st;
	char buf[20] = "";

	fresh_dir();
	write_file("a", "A");
	CHECK(link("a", "b") == 0 && stat("a", &st) == 0 && st.st_nlink == 2);
	FAILS(link("a", "b"), EEXIST);
	FAILS(link("none", "c"), ENOENT);
	CHECK(mkdir("d", 0755) == 0);
	FAILS(link("d", "e"), EPERM);
	CHECK(unlink("a") == 0 && file_is("b", "A") && stat("b", &st) == 0 && st.st_nlink == 1);
	FAILS(unlink("a"), ENOENT);
	FAILS(unlink("d"), EISDIR);
	FAILS(rmdir("b"), ENOTDIR);
	CHECK(symlink("b", "s") == 0 && file_is("s", "A"));
	FAILS(symlink("x", "s"), EEXIST);
	FAILS(symlink("", "t"), ENOENT);
	CHECK(readlink("s", buf, sizeof(buf)) == 1 && buf[0] == 'b');
	FAILS(readlink("b", buf, 10), EINVAL);
	FAILS(syscall(SYS_readlink, "s", buf, 0), EINVAL);
	CHECK(lstat("s", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 1);
	CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
	FAILS(open("loop1", O_RDONLY), ELOOP);
	CHECK(linkat(AT_FDCWD, "s", AT_FDCWD, "ls", 0) == 0 && lstat("ls", &st) == 0 &&
	      S_ISLNK(st.st_mode));
	CHECK(linkat(AT_FDCWD, "s", AT_FDCWD, "lf", AT_SYMLINK_FOLLOW) == 0 &&
	      lstat("lf", &st) == 0 && S_ISREG(st.st_mode));
	CHECK(symlink("d/..", "up") == 0 && file_is("up/b", "A"));
}

TEST(unlinked_files_live_on)
{
	struct stat st;
	char buf[10] = "";
	int fd;

	fresh_dir();
	fd = create("f");
	write(fd, "data", 4);
	CHECK(unlink("f") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 4);
	write_file("f", "other");
	CHECK(write(fd, "more", 4) == 4 && pread(fd, buf, 10, 0) == 8);
	CHECK(memcmp(buf, "datamore", 8) == 0 && file_is("f", "other"));
	CHECK(ftruncate(fd, 2) == 0 && pread(fd, buf, 10, 0) == 2);
}

TEST(truncation)
{
	char buf[8192];
	int fd, bad = 0;

	fresh_dir();
	make_pattern();
	fd = create("f");
	CHECK(write(fd, pattern, sizeof(pattern)) == (ssize_t)sizeof(pattern));
	CHECK(ftruncate(fd, 5000) == 0 && size_of("f") == 5000);
	CHECK(ftruncate(fd, 9000) == 0 && pread(fd, buf, sizeof(buf), 4000) == 5000);
	CHECK(memcmp(buf, pattern + 4000, 1000) == 0);
	for (int i = 1000; i < 5000; i++)
		bad += buf[i] != 0;
	CHECK(bad == 0);
	CHECK(truncate("f", 3) == 0 && size_of("f") == 3);
	FAILS(truncate("f", -1), EINVAL);
	FAILS(ftruncate(fd, -1), EINVAL);
	FAILS(truncate("none", 0), ENOENT);
	FAILS(truncate(".", 0), EISDIR);
	close(fd);
	fd = open("f", O_RDONLY);
	FAILS(ftruncate(fd, 0), EINVAL);
	FAILS(ftruncate(999, 0), EBADF);
}

TEST(large_writes_read_back)
{
	static char got[sizeof(pattern)];
	int fd, sizes[] = {1, 7, 511, 512, 513, 4095, 4096, 4097, 65536, 99999};

	fresh_dir();
	make_pattern();
	fd = create("f");
	for (size_t at = 0, k = 0; at < sizeof(pattern); k++) {
		size_t n = (size_t)sizes[k % 10];

		if (n > sizeof(pattern) - at)
			n = sizeof(pattern) - at;
		CHECK(write(fd, pattern + at, n) == (ssize_t)n);
		at += n;
	}
	CHECK(fsync(fd) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(read(fd, got, sizeof(got)) == (ssize_t)sizeof(got));
	CHECK(memcmp(got, pattern, sizeof(got)) == 0);
	CHECK(fdatasync(fd) == 0 && syncfs(fd) == 0);
	FAILS(fsync(999), EBADF);
}

TEST(sendfile_copies)
{
	int in, out;
	off_t pos = 3;

	fresh_dir();
	make_pattern();
	write_file("in", "0123456789");
	in = open("in", O_RDONLY);
	out = create("out");
	CHECK(sendfile(out, in, NULL, 4) == 4 && lseek(in, 0, SEEK_CUR) == 4);
	CHECK(sendfile(out, in, &pos, 100) == 7 && pos == 10 && lseek(in, 0, SEEK_CUR) == 4);
	CHECK(file_is("out", "01233456789"));
	CHECK(sendfile(out, in, &pos, 100) == 0);
	FAILS(sendfile(in, in, NULL, 1), EBADF);
}

TEST(modes_and_owners)
{
	struct stat st;
	int fd;

	fresh_dir();
	umask(027);
	CHECK(umask(022) == 027);
	umask(027);
	fd = open("f", O_RDWR | O_CREAT, 0777);
	CHECK(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0750);
	CHECK(mkdir("d", 0777) == 0 && stat("d", &st) == 0 && (st.st_mode & 07777) == 0750);
	CHECK(chmod("f", 04711) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 04711);
	CHECK(fchmod(fd, 0600) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(fchmodat(AT_FDCWD, "f", 0644, 0) == 0);
	FAILS(chmod("none", 0), ENOENT);
	FAILS(fchmod(999, 0), EBADF);
	if (getuid() != 0)
		return;
	CHECK(chown("f", 12, 34) == 0 && stat("f", &st) == 0 && st.st_uid == 12 && st.st_gid == 34);
	CHECK(fchown(fd, -1, 35) == 0 && stat("f", &st) == 0 && st.st_uid == 12 && st.st_gid == 35);
	CHECK(symlink("f", "s") == 0 && lchown("s", 7, 8) == 0);
	CHECK(lstat("s", &st) == 0 && st.st_uid == 7 && stat("s", &st) == 0 && st.st_uid == 12);
	CHECK(access("f", R_OK | W_OK) == 0);
	FAILS(access("f", X_OK), EACCES); /* not even root */
	FAILS(access("f", 99), EINVAL);
	/* A change of owner ends set-user-ID. */
	CHECK(chmod("f", 06755) == 0 && chown("f", 1, 1) == 0 && stat("f", &st) == 0);
	CHECK((st.st_mode & 07777) == 0755);
}

TEST(times_of_files)
{
	struct timespec t[2] = {{1000, 5000000}, {2000, 6000000}};
	struct stat a, b;
	time_t start = time(NULL) - 2;
	int fd;

	fresh_dir();
	fd = create("f");
	CHECK(fstat(fd, &a) == 0 && a.st_mtime >= start && a.st_atime >= start);
	CHECK(utimensat(AT_FDCWD, "f", t, 0) == 0 && stat("f", &b) == 0);
	CHECK(b.st_atime == 1000 && b.st_mtime == 2000 && b.st_ctime >= start);
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_sec = 3000;
	CHECK(futimens(fd, t) == 0 && stat("f", &b) == 0 && b.st_atime == 1000 &&
	      b.st_mtime == 3000);
	t[0].tv_nsec = UTIME_NOW;
	CHECK(futimens(fd, t) == 0 && stat("f", &b) == 0 && b.st_atime >= start);
	t[0].tv_nsec = 2000000000;
	FAILS(futimens(fd, t), EINVAL);
	CHECK(write(fd, "x", 1) == 1 && stat("f", &b) == 0 && b.st_mtime >= start);
	CHECK(utimensat(AT_FDCWD, "f", NULL, 0) == 0);
	FAILS(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
	FAILS(futimens(999, NULL), EBADF);
	CHECK(symlink("f", "s") == 0);
	t[0] = t[1] = (struct timespec){77, 0};
	CHECK(utimensat(AT_FDCWD, "s", t, AT_SYMLINK_NOFOLLOW) == 0 && lstat("s", &b) == 0 &&
	      b.st_mtime == 77 && stat("s", &b) == 0 && b.st_mtime != 77);
}

TEST(stat_tells)
{
	struct stat st, at;
	struct statfs fs;
	int fd;

	fresh_dir();
	make_pattern();
	fd = create("f");
	write(fd, pattern, 10000);
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 10000);
	fsync(fd);
	CHECK(fstat(fd, &st) == 0 && st.st_blocks >= 20 && st.st_blksize >= 512);
	CHECK(fstatat(AT_FDCWD, "f", &at, 0) == 0 && at.st_ino == st.st_ino &&
	      at.st_dev == st.st_dev);
	CHECK(fstatat(fd, "", &at, AT_EMPTY_PATH) == 0 && at.st_ino == st.st_ino);
	FAILS(fstatat(AT_FDCWD, "", &at, 0), ENOENT);
	FAILS(fstatat(AT_FDCWD, "f", &at, 0x40000), EINVAL);
	FAILS(fstat(999, &at), EBADF);
	CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0x103);
	CHECK(statfs(".", &fs) == 0 && fs.f_bsize > 0 && fs.f_blocks >= fs.f_bfree &&
	      fs.f_namelen == 255);
	CHECK(fstatfs(fd, &fs) == 0 && statfs("/proc", &fs) == 0 && fs.f_type == 0x9fa0);
	FAILS(statfs("/none", &fs), ENOENT);
}

TEST(special_files)
{
	char buf[100];
	int fd;

	fd = open("/dev/zero", O_RDWR);
	memset(buf, 1, sizeof(buf));
	CHECK(read(fd, buf, 100) == 100 && buf[0] == 0 && buf[99] == 0 && write(fd, buf, 9) == 9);
	fd = open("/dev/null", O_RDWR);
	CHECK(read(fd, buf, 100) == 0 && write(fd, buf, 100) == 100);
	fd = open("/dev/full", O_RDWR);
	FAILS(write(fd, "x", 1), ENOSPC);
	fd = open("/dev/urandom", O_RDONLY);
	CHECK(read(fd, buf, 100) == 100);
	fd = open("/", O_RDONLY);
	FAILS(read(fd, buf, 1), EISDIR);
	fd = open("/", O_RDONLY | O_PATH);
	FAILS(read(fd, buf, 1), EBADF);
	fresh_dir();
	FAILS(mknod("x", S_IFDIR, 0), EPERM);
	CHECK(mknod("plain", 0644, 0) == 0 && size_of("plain") == 0);
	if (owns_machine()) {
		CHECK(mknod("null", S_IFCHR | 0600, 0x103) == 0);
		FAILS(mknod("null", S_IFCHR | 0600, 0x103), EEXIST);
	} else {
		FAILS(mknod("null", S_IFCHR | 0600, 0x103), EPERM);
	}
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
