/* Descriptors: O_PATH, dup, select, sendfile, and which error comes first. */
#include "tests/user/tap.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/uio.h>

static void two_files(int *in, int *out)
{
	fresh_dir();
	write_file("in", "hello world");
	*in = open("in", O_RDWR);
	*out = open("out", O_RDWR | O_CREAT, 0644);
	CHECK(*in >= 0 && *out >= 0);
}

TEST(o_path_refuses_what_needs_the_file)
{
	struct stat st;
	struct timespec t[2] = {{1, 0}, {2, 0}};
	char buf[8];
	int fd;

	fresh_dir();
	write_file("f", "text");
	fd = open("f", O_PATH | O_RDWR | O_APPEND);
	CHECK(fd >= 0 && fcntl(fd, F_GETFL) == O_PATH);
	FAILS(read(fd, buf, 1), EBADF);
	FAILS(write(fd, buf, 1), EBADF);
	FAILS(pread(fd, buf, 1, 0), EBADF);
	FAILS(lseek(fd, 0, SEEK_SET), EBADF);
	FAILS(ioctl(fd, FIONREAD, buf), EBADF);
	FAILS(fsync(fd), EBADF);
	FAILS(ftruncate(fd, 0), EBADF);
	FAILS(syscall(SYS_fchmod, fd, 0600), EBADF);
	FAILS(syscall(SYS_fchown, fd, -1, -1), EBADF);
	FAILS(syscall(SYS_utimensat, fd, NULL, t, 0), EBADF);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), EBADF);
	FAILS(fcntl(fd, F_SETFL, 0), EBADF);
	FAILS(fcntl(fd, 9999), EBADF);
	FAILS(syscall(SYS_getdents64, fd, buf, 8), EBADF);
	FAILS(sendfile(1, fd, NULL, 1), EBADF);
	CHECK(fstat(fd, &st) == 0 && st.st_size == 4 && (st.st_mode & 0777) == 0644);
}

TEST(symbolic_links_have_no_mode_to_change)
{
	char name[40];
	int fd;

	fresh_dir();
	CHECK(symlink("f", "l") == 0);
	fd = open("l", O_PATH | O_NOFOLLOW);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	FAILS(chmod(name, 0600), EOPNOTSUPP);
}

TEST(o_path_allows_what_needs_the_place)
{
	struct statfs fs;
	struct stat st;
	int fd, copy;

	fresh_dir();
	CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
	fd = open("d", O_PATH | O_CLOEXEC);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_SETFD, 0) == 0);
	CHECK(fstatat(fd, "e", &st, 0) == 0 && fstatat(fd, "", &st, AT_EMPTY_PATH) == 0);
	CHECK(fstatfs(fd, &fs) == 0 && fs.f_bsize > 0);
	copy = dup(fd);
	CHECK(copy > fd && dup2(fd, copy) == copy && dup3(fd, copy, O_CLOEXEC) == copy);
	CHECK(fcntl(fd, F_DUPFD, 50) == 50 && close(50) == 0);
	CHECK(fchdir(copy) == 0 && stat("e", &st) == 0 && close(copy) == 0 && close(fd) == 0);
}

TEST(flags_of_open_files)
{
	int fd, p[2];

	fresh_dir();
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & ~O_DIRECTORY) == 0100000); /* O_LARGEFILE, as of any open */
	CHECK(pipe(p) == 0 && fcntl(p[1], F_GETFL) == O_WRONLY);
	CHECK(fcntl(p[0], F_SETFL, O_NONBLOCK | O_WRONLY | O_TRUNC) == 0);
	CHECK(fcntl(p[0], F_GETFL) == O_NONBLOCK);
	FAILS(fcntl(p[0], 9999), EINVAL);
}

TEST(dup_errors)
{
	int fd = open("/dev/null", O_RDWR);

	FAILS(syscall(SYS_dup3, 99, 99, 0), EINVAL);
	FAILS(syscall(SYS_dup3, 99, 100, 1), EINVAL);
	FAILS(syscall(SYS_dup3, 99, 100, 0), EBADF);
	FAILS(dup2(99, 99), EBADF);
	FAILS(dup2(99, 1), EBADF);
	FAILS(dup2(fd, -1), EBADF);
	FAILS(dup2(fd, 1 << 30), EBADF);
	FAILS(dup(99), EBADF);
	CHECK(dup2(fd, fd) == fd && dup2(fd, 77) == 77 && fcntl(77, F_GETFD) == 0);
	CHECK(write(1, "", 0) == 0);
}

TEST(which_error_comes_first)
{
	struct iovec iov = {"x", 1};
	struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	char *bad = (char *)-4096;
	int p[2], in, out;

	two_files(&in, &out);
	CHECK(pipe(p) == 0);
	FAILS(pread(99, bad, 1, -1), EINVAL);
	FAILS(pwrite(99, bad, 1, -1), EINVAL);
	FAILS(preadv(99, &iov, 1, -1), EINVAL);
	FAILS(pwritev(99, &iov, 1, -1), EINVAL);
	FAILS(syscall(SYS_preadv2, 99, &iov, 1, -2L, 0, 0), EINVAL);
	FAILS(syscall(SYS_preadv2, 99, &iov, 1, -1L, 0, 99), EBADF);
	FAILS(pread(p[0], "", 1, -1), EINVAL);
	FAILS(pread(p[0], bad, 1, 0), ESPIPE);
	FAILS(read(p[1], bad, 1), EBADF);
	FAILS(write(p[0], bad, 1), EBADF);
	FAILS(read(in, bad, 1), EFAULT);
	FAILS(ftruncate(99, -1), EINVAL);
	FAILS(ftruncate(p[1], 0), EINVAL);
	FAILS(truncate("none", -1), EINVAL);
	CHECK(syscall(SYS_utimensat, 99, "none", omit, 0x9999) == 0);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, NULL, NULL, 0), EFAULT);
	FAILS(syscall(SYS_utimensat, in, NULL, NULL, AT_SYMLINK_NOFOLLOW), EINVAL);
	FAILS(syscall(SYS_utimensat, 99, NULL, NULL, 0), EBADF);
	FAILS(fchownat(AT_FDCWD, "in", -1, -1, 0x8000), EINVAL);
	FAILS(fchownat(AT_FDCWD, "in", -1, -1, 0x800), EINVAL);
}

TEST(rarer_forms_of_calls)
{
	int n = 1, fd, in, out;
	struct stat st;
	char buf[64];

	two_files(&in, &out);
	FAILS(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	FAILS(readv(open("in", O_WRONLY), (void *)-4096, 1), EBADF);
	CHECK(symlink("none", "dangling") == 0);
	CHECK(syscall(SYS_faccessat2, AT_FDCWD, "dangling", 0, AT_SYMLINK_NOFOLLOW) == 0);
	FAILS(syscall(SYS_faccessat2, AT_FDCWD, "dangling", 0, 0), ENOENT);
	CHECK(syscall(SYS_faccessat2, in, "", R_OK, AT_EMPTY_PATH) == 0);
	FAILS(linkat(AT_FDCWD, "in", AT_FDCWD, "x", 1), EINVAL);
	CHECK(ioctl(in, FIONREAD, &n) == 0 && n == 11);
	CHECK(ioctl(in, FIONBIO, &n) == 0 && fcntl(in, F_GETFL) & O_NONBLOCK);
	FAILS(ioctl(in, FIONBIO, (void *)-4096), EFAULT);
	CHECK(ioctl(in, 2 /* FIGETBSZ */, &n) == 0 && n >= 512);
	fd = open(".", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, (void *)-4096, 4096), EFAULT);
	FAILS(syscall(SYS_getdents64, fd, buf, 10), EINVAL); /* the entries are still to come */
	FAILS(syscall(SYS_getdents64, open("in", O_WRONLY), buf, 64), ENOTDIR);
	CHECK(syscall(SYS_utime, "in", (long[]){5, 6}) == 0 && stat("in", &st) == 0);
	CHECK(st.st_atime == 5 && st.st_mtime == 6);
	CHECK(syscall(SYS_utimes, "in", (long[]){7, 999999, 8, 0}) == 0 && stat("in", &st) == 0);
	CHECK(st.st_atime == 7 && st.st_mtime == 8);
	FAILS(syscall(SYS_utimes, "in", (long[]){7, 1000000, 8, 0}), EINVAL);
	CHECK(syscall(SYS_futimesat, AT_FDCWD, "in", NULL) == 0 && stat("in", &st) == 0);
	CHECK(st.st_mtime > 1000000);
	FAILS(syscall(SYS_utime, "none", NULL), ENOENT);
	FAILS(syscall(SYS_utime, "in", (void *)-4096), EFAULT);
}

TEST(sendfile_counts_and_modes)
{
	int in, out, ro, app;
	off_t at = 3;

	two_files(&in, &out);
	ro = open("out", O_RDONLY);
	app = open("out", O_WRONLY | O_APPEND);
	CHECK(sendfile(out, in, &at, 0) == 0 && at == 3 && lseek(out, 0, SEEK_END) == 0);
	CHECK(sendfile(out, in, NULL, 0) == 0);
	FAILS(sendfile(ro, in, &at, 0), EBADF);
	FAILS(sendfile(ro, in, &at, 5), EBADF);
	FAILS(sendfile(ro, in, NULL, 0), EBADF);
	FAILS(sendfile(app, in, &at, 0), EINVAL);
	FAILS(sendfile(app, in, NULL, 5), EINVAL);
	CHECK(at == 3 && lseek(in, 0, SEEK_CUR) == 0 && file_is("out", ""));
	at = -1;
	FAILS(sendfile(out, in, &at, 5), EINVAL);
	at = 0;
	FAILS(sendfile(out, in, &at, (size_t)-1), EINVAL);
	at = 6;
	CHECK(sendfile(out, in, &at, 100) == 5 && at == 11 && lseek(in, 0, SEEK_CUR) == 0);
	CHECK(sendfile(out, in, &at, 100) == 0 && sendfile(out, in, NULL, 5) == 5);
	CHECK(file_is("out", "worldhello") && lseek(in, 0, SEEK_CUR) == 5);
	FAILS(sendfile(out, in, (off_t *)-4096, 1), EFAULT);
}

TEST(select_looks_no_further_than_told)
{
	struct timeval none = {0, 0};
	fd_set set;
	int p[2];

	CHECK(pipe(p) == 0);
	FD_ZERO(&set);
	FD_SET(p[0], &set);
	FD_SET(50, &set); /* beyond nfds, in the same word */
	FD_SET(70, &set); /* in another word */
	CHECK(select(p[0] + 1, &set, NULL, NULL, &none) == 0);
	CHECK(!FD_ISSET(p[0], &set) && !FD_ISSET(50, &set) && FD_ISSET(70, &set));
	FD_ZERO(&set);
	FD_SET(60, &set);
	FAILS(select(61, &set, NULL, NULL, &none), EBADF);
	FD_ZERO(&set);
	FD_SET(900, &set); /* where the table of descriptors does not reach */
	CHECK(select(901, &set, NULL, NULL, &none) == 0 && FD_ISSET(900, &set));
}

TEST(a_full_table_makes_no_file)
{
	struct rlimit limit = {64, 64};
	int fd = open("/dev/null", O_RDWR), last, n;

	fresh_dir();
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (n = fd, last = fd; n < 5000 && (n = dup(fd)) >= 0;)
		last = n;
	FAILS(open("new", O_RDWR | O_CREAT, 0600), EMFILE);
	FAILS(access("new", F_OK), ENOENT);
	FAILS(open("none", O_RDWR), EMFILE);
	close(last);
	FAILS(open("none", O_RDWR), ENOENT);
	CHECK(open("new", O_RDWR | O_CREAT, 0600) == last && access("new", F_OK) == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
