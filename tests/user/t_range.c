/* Calls on ranges: of bytes (holes, copies, advice, space) and of descriptors; and statx. */
#include "tests/user/tap.h"

#include <sys/sysmacros.h>

#define SEEK_DATA_ 3
#define SEEK_HOLE_ 4

static char page[4096];

static int create(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	return fd;
}

TEST(holes_and_data)
{
	static const off_t at[] = {0, 1 << 20, 5 << 20, 80 << 20};
	off_t size = (80 << 20) + 5000;
	int fd, p[2];

	fresh_dir();
	fd = create("f");
	FAILS(lseek(fd, 0, SEEK_DATA_), ENXIO);
	FAILS(lseek(fd, 0, SEEK_HOLE_), ENXIO);
	memset(page, 'd', sizeof(page));
	for (int i = 0; i < 4; i++)
		CHECK(pwrite(fd, page, 4096, at[i]) == 4096);
	CHECK(ftruncate(fd, size) == 0);
	for (int i = 0; i < 4; i++) {
		CHECK(lseek(fd, at[i], SEEK_DATA_) == at[i]);
		CHECK(lseek(fd, at[i] + 9, SEEK_DATA_) == at[i] + 9);
		CHECK(lseek(fd, at[i] + 9, SEEK_HOLE_) == at[i] + 4096);
		CHECK(lseek(fd, at[i] + 4096, SEEK_HOLE_) == at[i] + 4096);
		CHECK(lseek(fd, 0, SEEK_CUR) == at[i] + 4096);
		if (i < 3)
			CHECK(lseek(fd, at[i] + 4096, SEEK_DATA_) == at[i + 1]);
	}
	FAILS(lseek(fd, at[3] + 4096, SEEK_DATA_), ENXIO);
	FAILS(lseek(fd, size, SEEK_HOLE_), ENXIO);
	FAILS(lseek(fd, -1, SEEK_DATA_), ENXIO);
	CHECK(ftruncate(fd, at[3] + 100) == 0); /* the end is the last hole */
	CHECK(lseek(fd, at[3], SEEK_HOLE_) == at[3] + 100);
	CHECK(pipe(p) == 0);
	FAILS(lseek(p[0], 0, SEEK_DATA_), ESPIPE);
}

static long copy(int in, off_t *from, int out, off_t *to, size_t n, unsigned int flags)
{
	return syscall(SYS_copy_file_range, in, from, out, to, n, flags);
}

TEST(copies_of_ranges)
{
	off_t from = 6, to = 2;
	int in, out, p[2], dir;

	fresh_dir();
	write_file("in", "hello world");
	in = open("in", O_RDWR);
	out = create("out");
	CHECK(copy(in, NULL, out, NULL, 5, 0) == 5 && lseek(in, 0, SEEK_CUR) == 5);
	CHECK(copy(in, &from, out, &to, 100, 0) == 5 && from == 11 && to == 7);
	CHECK(lseek(in, 0, SEEK_CUR) == 5 && lseek(out, 0, SEEK_CUR) == 5);
	CHECK(file_is("out", "heworld") && copy(in, &from, out, NULL, 5, 0) == 0);
	from = 0;
	to = 3;
	FAILS(copy(in, &from, in, &to, 5, 0), EINVAL); /* overlap */
	to = 20;
	CHECK(copy(in, &from, in, &to, 5, 0) == 5);
	FAILS(copy(in, NULL, out, NULL, 1, 1), EINVAL);
	FAILS(copy(in, NULL, 99, NULL, 1, 0), EBADF);
	FAILS(copy(in, NULL, open("out", O_RDONLY), NULL, 1, 0), EBADF);
	FAILS(copy(open("in", O_WRONLY), NULL, out, NULL, 1, 0), EBADF);
	FAILS(copy(in, NULL, open("out", O_WRONLY | O_APPEND), NULL, 1, 0), EBADF);
	FAILS(copy(in, (off_t *)-4096, out, NULL, 1, 0), EFAULT);
	CHECK(pipe(p) == 0);
	dir = open(".", O_RDONLY);
	FAILS(copy(in, NULL, p[1], NULL, 1, 0), EINVAL);
	FAILS(copy(dir, NULL, out, NULL, 1, 0), EISDIR);
	from = INT64_MAX - 5;
	CHECK(copy(in, &from, out, NULL, 10, 0) == 0);
	FAILS(copy(in, &from, out, NULL, ~0ul, 0), EOVERFLOW);
	from = -1;
	CHECK(copy(in, &from, out, NULL, 10, 0) == -1 && (errno == EINVAL || errno == EOVERFLOW));
}

TEST(advice)
{
	int fd, p[2];

	fresh_dir();
	fd = create("f");
	for (int i = 0; i < 20; i++)
		CHECK(write(fd, page, 4096) == 4096);
	CHECK(syscall(SYS_fadvise64, fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	CHECK(fsync(fd) == 0 && syscall(SYS_fadvise64, fd, 100, 30000, POSIX_FADV_DONTNEED) == 0);
	CHECK(pread(fd, page, 4096, 8192) == 4096);
	CHECK(syscall(SYS_fadvise64, fd, 0, 1l << 40, POSIX_FADV_WILLNEED) == 0);
	CHECK(syscall(SYS_fadvise64, fd, 0, 0, POSIX_FADV_RANDOM) == 0);
	FAILS(syscall(SYS_fadvise64, fd, 0, -1l, POSIX_FADV_NORMAL), EINVAL);
	FAILS(syscall(SYS_fadvise64, fd, 0, 0, 9), EINVAL);
	FAILS(syscall(SYS_fadvise64, 99, 0, -1l, 9), EBADF);
	CHECK(pipe(p) == 0);
	FAILS(syscall(SYS_fadvise64, p[0], 0, -1l, 9), ESPIPE);
}

TEST(space_in_advance)
{
	int fd, p[2], ro, dir;

	fresh_dir();
	fd = create("f");
	ro = open("f", O_RDONLY);
	dir = open(".", O_RDONLY);
	CHECK(pipe(p) == 0);
	FAILS(syscall(SYS_fallocate, 99, 0, 0, 10), EBADF);
	FAILS(syscall(SYS_fallocate, ro, 0, 0, 0), EINVAL);
	FAILS(syscall(SYS_fallocate, ro, 0, -1l, 10), EINVAL);
	FAILS(syscall(SYS_fallocate, ro, 2, 0, 10), EOPNOTSUPP);
	FAILS(syscall(SYS_fallocate, ro, 0, 0, 10), EBADF);
	FAILS(syscall(SYS_fallocate, dir, 0, 0, 10), EBADF);
	FAILS(syscall(SYS_fallocate, p[1], 0, 0, 10), ESPIPE);
	FAILS(syscall(SYS_fallocate, open("/dev/null", O_RDWR), 0, 0, 10), ENODEV);
	FAILS(syscall(SYS_fallocate, fd, 0, INT64_MAX - 5, 10), EFBIG);
	errno = 0; /* ext2 cannot; other filesystems can */
	CHECK(syscall(SYS_fallocate, fd, 0, 0, 10) == 0 || errno == EOPNOTSUPP);
}

TEST(ranges_of_descriptors)
{
	int fd = open("/dev/null", O_RDWR), status;

	for (int n = 50; n < 60; n++)
		CHECK(dup2(fd, n) == n);
	CHECK(syscall(SYS_close_range, 58, ~0u, 4) == 0 && fcntl(58, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(57, F_GETFD) == 0 && syscall(SYS_close_range, 52, 54, 0) == 0);
	CHECK(fcntl(51, F_GETFD) == 0 && fcntl(55, F_GETFD) == 0);
	FAILS(fcntl(52, F_GETFD), EBADF);
	FAILS(fcntl(54, F_GETFD), EBADF);
	FAILS(syscall(SYS_close_range, 54, 52, 0), EINVAL);
	FAILS(syscall(SYS_close_range, 52, 54, 1), EINVAL);
	/* A child that shares the table closes only its own copy. */
	fflush(stdout);
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(syscall(SYS_close_range, 50, 59, 2) != 0 || fcntl(51, F_GETFD) != -1);
	status = reap(child);
	CHECK(status == 0 && fcntl(51, F_GETFD) == 0);
}

struct statx_k {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct {
		int64_t sec;
		uint32_t nsec, pad;
	} atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare[14];
};

TEST(statx_tells_what_stat_does)
{
	struct statx_k x;
	struct stat st;
	int fd;

	fresh_dir();
	write_file("f", "12345");
	fd = open("f", O_RDONLY);
	CHECK(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, &x) == 0 && stat("f", &st) == 0);
	CHECK((x.mask & 0x7ff) == 0x7ff && x.size == 5 && x.ino == st.st_ino &&
	      x.mode == st.st_mode && x.nlink == 1 && x.uid == st.st_uid && x.gid == st.st_gid &&
	      x.blksize == (uint32_t)st.st_blksize && x.blocks == (uint64_t)st.st_blocks);
	CHECK(x.mtime.sec == st.st_mtime && x.ctime.sec == st.st_ctime &&
	      x.atime.sec == st.st_atime && x.mtime.nsec == (uint32_t)st.st_mtim.tv_nsec);
	CHECK(x.dev_major == major(st.st_dev) && x.dev_minor == minor(st.st_dev));
	CHECK(syscall(SYS_statx, fd, "", AT_EMPTY_PATH | 0x2000, 1, &x) == 0 && x.size == 5);
	CHECK(symlink("f", "s") == 0);
	CHECK(syscall(SYS_statx, AT_FDCWD, "s", AT_SYMLINK_NOFOLLOW | 0x800, 0, &x) == 0 &&
	      S_ISLNK(x.mode));
	CHECK(syscall(SYS_statx, AT_FDCWD, "/dev/null", 0, 0x7ff, &x) == 0);
	CHECK(x.rdev_major == 1 && x.rdev_minor == 3);
	CHECK(syscall(SYS_statx, AT_FDCWD, "/proc", 0, 0x7ff, &x) == 0 &&
	      x.attributes & x.attributes_mask & 0x2000);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0x7ff, &x), EINVAL);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000u, &x), EINVAL);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0x40000, 0x7ff, &x), EINVAL);
	FAILS(syscall(SYS_statx, AT_FDCWD, "", 0, 0x7ff, &x), ENOENT);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, NULL), EFAULT);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
