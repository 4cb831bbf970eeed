/* O_DIRECT, preadv2 and pwritev2: past the page cache, and coherent with it. */
#include "tests/user/tap.h"

#include <sys/mman.h>
#include <sys/uio.h>

#define K     1024
#define BLOCK 4096
#ifndef RWF_DSYNC /* newer C libraries have them */
#define RWF_DSYNC  0x02
#define RWF_NOWAIT 0x08
#define RWF_APPEND 0x10
#endif

static char *buffer(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static void fill(char *p, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (char)((i + seed) * 2654435761u >> 13);
}

static int open_direct(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_DIRECT, 0644);

	CHECK(fd >= 0);
	return fd;
}

static ssize_t rw2(int nr, int fd, void *p, size_t len, off_t pos, int flags)
{
	struct iovec iov = {p, len};

	return syscall(nr, fd, &iov, 1, pos, 0L, flags);
}

TEST(what_is_written_comes_back)
{
	char *out = buffer(256 * K), *in = buffer(256 * K);
	int fd, plain;

	fresh_dir();
	fd = open_direct("f");
	fill(out, 256 * K, 1);
	CHECK(write(fd, out, 256 * K) == 256 * K);
	CHECK(lseek(fd, 0, SEEK_CUR) == 256 * K);
	CHECK(pread(fd, in, 256 * K, 0) == 256 * K && memcmp(in, out, 256 * K) == 0);
	/* Over it, where blocks are allocated by now. */
	fill(out + 16 * K, 64 * K, 7);
	CHECK(pwrite(fd, out + 16 * K, 64 * K, 16 * K) == 64 * K);
	memset(in, 0, 256 * K);
	CHECK(pread(fd, in, 256 * K, 0) == 256 * K && memcmp(in, out, 256 * K) == 0);
	plain = open("f", O_RDONLY);
	memset(in, 0, 256 * K);
	CHECK(read(plain, in, 256 * K) == 256 * K && memcmp(in, out, 256 * K) == 0);
}

TEST(what_is_not_aligned_is_refused)
{
	char *p = buffer(4 * BLOCK);
	struct iovec iov[2] = {{p, BLOCK}, {p + BLOCK, 100}};
	int fd;

	fresh_dir();
	fd = open_direct("f");
	CHECK(write(fd, p, 4 * BLOCK) == 4 * BLOCK);
	FAILS(pread(fd, p, BLOCK, 1), EINVAL);
	FAILS(pread(fd, p, 100, 0), EINVAL);
	FAILS(pread(fd, p + 1, BLOCK, 0), EINVAL);
	FAILS(pwrite(fd, p, BLOCK, 7), EINVAL);
	FAILS(pwrite(fd, p, BLOCK + 3, 0), EINVAL);
	FAILS(pwrite(fd, p + 9, BLOCK, 0), EINVAL);
	FAILS(preadv(fd, iov, 2, 0), EINVAL);
	FAILS(open("/proc/uptime", O_RDONLY | O_DIRECT), EINVAL);
	CHECK(pread(fd, p, 0, 0) == 0);
}

TEST(a_read_ends_at_the_end_of_the_file)
{
	char *p = buffer(16 * K);
	int fd, plain;

	fresh_dir();
	plain = open("f", O_RDWR | O_CREAT, 0644);
	fill(p, 16 * K, 3);
	CHECK(write(plain, p, 5000) == 5000);
	fd = open_direct("f");
	memset(p, 0, 16 * K);
	CHECK(pread(fd, p, 16 * K, 0) == 5000);
	CHECK(pread(fd, p, BLOCK, BLOCK) == 5000 - BLOCK);
	CHECK(pread(fd, p, BLOCK, 2 * BLOCK) == 0);
	CHECK(pread(fd, p, BLOCK, 1 << 20) == 0);
}

TEST(holes_read_as_zeroes_and_can_be_written)
{
	char *p = buffer(64 * K), *zero = buffer(64 * K);
	struct stat st;
	int fd;

	fresh_dir();
	fd = open_direct("f");
	CHECK(ftruncate(fd, 64 * K) == 0);
	memset(p, 1, 64 * K);
	CHECK(pread(fd, p, 64 * K, 0) == 64 * K && memcmp(p, zero, 64 * K) == 0);
	fill(zero + 32 * K, BLOCK, 5);
	CHECK(pwrite(fd, zero + 32 * K, BLOCK, 32 * K) == BLOCK);
	CHECK(pread(fd, p, 64 * K, 0) == 64 * K && memcmp(p, zero, 64 * K) == 0);
	CHECK(fstat(fd, &st) == 0 && st.st_blocks > 0 && st.st_blocks * 512 < 64 * K);
	/* Behind the end. */
	CHECK(pwrite(fd, zero + 32 * K, BLOCK, 128 * K) == BLOCK);
	CHECK(fstat(fd, &st) == 0 && st.st_size == 132 * K);
	CHECK(pread(fd, p, BLOCK, 96 * K) == BLOCK && p[0] == 0 && p[BLOCK - 1] == 0);
}

TEST(the_cache_and_the_disk_agree)
{
	char *p = buffer(BLOCK), *q = buffer(BLOCK), *map;
	int fd, plain;

	fresh_dir();
	plain = open("f", O_RDWR | O_CREAT, 0644);
	fd = open_direct("f");
	memset(p, 'a', BLOCK);
	CHECK(write(plain, p, BLOCK) == BLOCK); /* dirty, and only in the cache */
	CHECK(pread(fd, q, BLOCK, 0) == BLOCK && q[0] == 'a' && q[BLOCK - 1] == 'a');
	memset(p, 'b', BLOCK);
	CHECK(pwrite(fd, p, BLOCK, 0) == BLOCK);
	CHECK(pread(plain, q, BLOCK, 0) == BLOCK && q[0] == 'b' && q[BLOCK - 1] == 'b');
	/* The cache cannot let go of a page that is mapped. */
	map = mmap(NULL, BLOCK, PROT_READ, MAP_PRIVATE, plain, 0);
	CHECK(map != MAP_FAILED && map[0] == 'b');
	memset(p, 'c', BLOCK);
	CHECK(pwrite(fd, p, BLOCK, 0) == BLOCK);
	CHECK(pread(plain, q, BLOCK, 0) == BLOCK && q[0] == 'c' && q[BLOCK - 1] == 'c');
	memset(p, 'd', BLOCK);
	CHECK(pwrite(plain, p, 100, 0) == 100);
	CHECK(pread(fd, q, BLOCK, 0) == BLOCK && q[0] == 'd' && q[100] == 'c');
}

#define RANDOM_BYTES (512 * K)

/* Any mix of both ways against an array. */
TEST(random_transfers_match_an_array)
{
	char *model = buffer(RANDOM_BYTES), *p = buffer(RANDOM_BYTES);
	int fds[2], ok = 1;

	fresh_dir();
	fds[0] = open("f", O_RDWR | O_CREAT, 0644);
	fds[1] = open_direct("f");
	CHECK(ftruncate(fds[0], RANDOM_BYTES) == 0);
	srand(test_seed(1));
	for (int i = 0; i < 2000 && ok; i++) {
		size_t unit = rand() % 2 ? 512 : BLOCK;
		size_t pos = (size_t)rand() % (RANDOM_BYTES / unit) * unit;
		size_t len = (1 + (size_t)rand() % 40) * unit;
		int direct = rand() % 2;

		len = pos + len > RANDOM_BYTES ? RANDOM_BYTES - pos : len;
		if (!direct && rand() % 2 && len > 10)
			pos += 3, len -= 7;
		if (rand() % 2) {
			fill(p, len, (unsigned int)rand());
			ok &= pwrite(fds[direct], p, len, (off_t)pos) == (ssize_t)len;
			memcpy(model + pos, p, len);
		} else {
			ok &= pread(fds[direct], p, len, (off_t)pos) == (ssize_t)len &&
			      memcmp(p, model + pos, len) == 0;
		}
		if (rand() % 100 == 0)
			fsync(fds[0]);
	}
	CHECK(ok);
	CHECK(pread(fds[1], p, RANDOM_BYTES, 0) == RANDOM_BYTES &&
	      memcmp(p, model, RANDOM_BYTES) == 0);
}

TEST(vectors_gather_and_scatter)
{
	char *p = buffer(64 * K), *q = buffer(64 * K);
	struct iovec out[20], in[3] = {{q, 8 * K}, {q + 32 * K, 4 * K}, {q + 8 * K, 8 * K}};
	int fd;

	fresh_dir();
	fd = open_direct("f");
	fill(p, 64 * K, 11);
	for (int i = 0; i < 20; i++)
		out[i] = (struct iovec){p + (i * 7 % 10) * 1024, 1024};
	CHECK(pwritev(fd, out, 20, 0) == 20 * K);
	CHECK(pwritev(fd, out, 20, 0) == 20 * K);
	CHECK(preadv(fd, in, 3, 0) == 20 * K);
	for (int i = 0; i < 20; i++) {
		const char *at = i < 8 ? q + i * K : i < 12 ? q + (24 + i) * K : q + (i - 4) * K;

		CHECK(memcmp(at, p + (i * 7 % 10) * K, K) == 0);
	}
}

TEST(appending_goes_to_the_end)
{
	char *p = buffer(2 * BLOCK), *q = buffer(2 * BLOCK);
	int fd;

	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT | O_APPEND | O_DIRECT, 0644);
	memset(p, 'x', BLOCK);
	memset(p + BLOCK, 'y', BLOCK);
	CHECK(write(fd, p, BLOCK) == BLOCK);
	CHECK(write(fd, p + BLOCK, BLOCK) == BLOCK);
	CHECK(pread(fd, q, 2 * BLOCK, 0) == 2 * BLOCK && memcmp(p, q, 2 * BLOCK) == 0);
}

TEST(wild_pointers_fault)
{
	char *p = buffer(3 * BLOCK);
	int fd;

	fresh_dir();
	fd = open_direct("f");
	CHECK(write(fd, p, 3 * BLOCK) == 3 * BLOCK);
	CHECK(munmap(p + BLOCK, BLOCK) == 0);
	FAILS(pread(fd, p + BLOCK, BLOCK, 0), EFAULT);
	FAILS(pwrite(fd, p + BLOCK, BLOCK, 0), EFAULT);
	CHECK(mprotect(p + 2 * BLOCK, BLOCK, PROT_READ) == 0);
	FAILS(pread(fd, p + 2 * BLOCK, BLOCK, 0), EFAULT);
	CHECK(pwrite(fd, p + 2 * BLOCK, BLOCK, 0) == BLOCK);
	FAILS(pread(fd, (void *)0xffff888000000000ul, BLOCK, 0), EFAULT);
}

/* The buffer is shared after fork, until the read gives its program a copy. */
TEST(a_forked_buffer_is_copied_first)
{
	char *p = buffer(BLOCK);
	int fd;
	pid_t pid;

	fresh_dir();
	fd = open_direct("f");
	memset(p, 'n', BLOCK);
	CHECK(write(fd, p, BLOCK) == BLOCK);
	memset(p, 'o', BLOCK);
	CHILD(pid, { CHECK(pread(fd, p, BLOCK, 0) == BLOCK && p[9] == 'n'); });
	CHECK(reap(pid) == 0);
	CHECK(p[0] == 'o' && p[BLOCK - 1] == 'o');
	CHILD(pid, {
		sleep_ms(50);
		CHECK(p[0] == 'o' && p[BLOCK - 1] == 'o');
	});
	CHECK(pread(fd, p, BLOCK, 0) == BLOCK && p[0] == 'n');
	CHECK(reap(pid) == 0);
}

TEST(the_flag_can_be_set_later)
{
	char *p = buffer(BLOCK);
	int fd;

	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0644);
	CHECK(write(fd, p, BLOCK) == BLOCK);
	CHECK(fcntl(fd, F_SETFL, O_DIRECT) == 0);
	CHECK(fcntl(fd, F_GETFL) & O_DIRECT);
	FAILS(pread(fd, p, 100, 0), EINVAL);
	CHECK(fcntl(fd, F_SETFL, 0) == 0);
	CHECK(pread(fd, p, 100, 0) == 100);
}

TEST(preadv2_and_pwritev2_take_flags)
{
	char *p = buffer(2 * BLOCK), *q = buffer(2 * BLOCK);
	int fd, plain;

	fresh_dir();
	fd = open_direct("f");
	plain = open("f", O_RDWR);
	memset(p, 'p', 2 * BLOCK);
	CHECK(rw2(SYS_pwritev2, fd, p, BLOCK, 0, RWF_DSYNC) == BLOCK);
	CHECK(rw2(SYS_pwritev2, fd, p, BLOCK, 0, RWF_DSYNC) == BLOCK);
	CHECK(rw2(SYS_preadv2, fd, q, BLOCK, 0, 0) == BLOCK && q[5] == 'p');
	/* -1 is the file's own position. */
	CHECK(lseek(plain, 10, SEEK_SET) == 10);
	CHECK(rw2(SYS_preadv2, plain, q, 20, -1, 0) == 20);
	CHECK(lseek(plain, 0, SEEK_CUR) == 30);
	CHECK(rw2(SYS_pwritev2, plain, "end", 3, 0, RWF_APPEND) == 3);
	CHECK(lseek(plain, 0, SEEK_END) == BLOCK + 3);
	FAILS(rw2(SYS_preadv2, plain, q, 20, 0, 0x1000), EOPNOTSUPP);
	FAILS(rw2(SYS_preadv2, plain, q, 20, -7, 0), EINVAL);
	FAILS(rw2(SYS_preadv2, 99, q, 20, 0, 0), EBADF);
}

TEST(nowait_says_so_rather_than_wait)
{
	char *p = buffer(BLOCK);
	int fd, plain;
	ssize_t n;

	fresh_dir();
	fd = open_direct("f");
	plain = open("f", O_RDWR);
	memset(p, 'w', BLOCK);
	CHECK(write(fd, p, BLOCK) == BLOCK && fsync(fd) == 0);
	n = rw2(SYS_preadv2, fd, p, BLOCK, 0, RWF_NOWAIT);
	CHECK(n == BLOCK || (n == -1 && errno == EAGAIN));
	CHECK(pwrite(plain, p, 100, 0) == 100); /* dirty: it would have to be written first */
	n = rw2(SYS_preadv2, fd, p, BLOCK, 0, RWF_NOWAIT);
	CHECK(n == BLOCK || (n == -1 && errno == EAGAIN));
	CHECK(pread(plain, p, BLOCK, 0) == BLOCK);
	CHECK(rw2(SYS_preadv2, plain, p, BLOCK, 0, RWF_NOWAIT) == BLOCK); /* in the cache */
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
