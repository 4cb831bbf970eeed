/*
 * Block nodes as Linux has them: who may claim a device, what its ioctls say, and the limits of
 * direct transfers. DISK and PART in the environment name a disk and its first partition, whose
 * contents are lost.
 */
#include "tests/user/tap.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

#define FRAGET	      0x1265
#define RAGET	      0x1263
#define SECTGET	      0x1267
#define DISCARD	      0x1277
#define ALIGNOFF      0x127a
#define DISCARDZEROES 0x127c
#define SECDISCARD    0x127d
#define ROTATIONAL    0x127e
#define ZEROOUT	      0x127f
#define RRPART	      0x125f
#define BSZSET	      0x40081271
#define BLOCK	      4096

static const char *disk, *part;

TEST(a_claim_excludes_other_claims)
{
	int plain = open(disk, O_RDWR), fd = open(disk, O_RDONLY | O_EXCL), size = 4096;

	CHECK(plain >= 0 && fd >= 0);
	CHECK(!(fcntl(fd, F_GETFL) & O_EXCL));
	FAILS(open(disk, O_RDONLY | O_EXCL), EBUSY);
	FAILS(open(part, O_RDWR | O_EXCL), EBUSY);
	CHECK(close(open(disk, O_RDWR)) == 0); /* who does not ask to be alone */
	CHECK(close(open(part, O_RDWR)) == 0);
	FAILS(ioctl(plain, BSZSET, &size), EBUSY);
	CHECK(ioctl(fd, BSZSET, &size) == 0);
	FAILS(ioctl(plain, RRPART), EBUSY);
	CHECK(ioctl(fd, RRPART) == 0);
	CHECK(IN_CHILD(close(fd)) == 0); /* it is still open here */
	FAILS(open(disk, O_RDONLY | O_EXCL), EBUSY);
	CHECK(close(fd) == 0);

	fd = open(part, O_RDONLY | O_EXCL);
	CHECK(fd >= 0);
	FAILS(open(disk, O_RDONLY | O_EXCL), EBUSY);
	FAILS(open(part, O_RDONLY | O_EXCL), EBUSY);
	FAILS(ioctl(plain, BSZSET, &size), EBUSY);
	CHECK(close(fd) == 0);
	CHECK(close(open(disk, O_RDONLY | O_EXCL)) == 0);
	CHECK(ioctl(plain, BSZSET, &size) == 0);
}

static int range(int fd, unsigned long cmd, uint64_t start, uint64_t length)
{
	uint64_t args[2] = {start, length};

	return ioctl(fd, cmd, args);
}

TEST(ranges_are_checked)
{
	int fd = open(disk, O_RDWR), reader = open(disk, O_RDONLY);
	uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);
	const unsigned long cmds[] = {DISCARD, ZEROOUT};

	for (int i = 0; i < 2; i++) {
		FAILS(range(reader, cmds[i], 0, BLOCK), EBADF);
		FAILS(range(fd, cmds[i], 0, 0), EINVAL);
		FAILS(range(fd, cmds[i], BLOCK, 0), EINVAL);
		FAILS(range(fd, cmds[i], 100, BLOCK), EINVAL);
		FAILS(range(fd, cmds[i], size, 512), EINVAL);
		FAILS(range(fd, cmds[i], size - 512, 1024), EINVAL);
		FAILS(range(fd, cmds[i], UINT64_MAX - 511, 1024), EINVAL);
		FAILS(range(fd, cmds[i], UINT64_MAX - 511, 512), EINVAL);
		FAILS(ioctl(fd, cmds[i], 8), EFAULT);
		CHECK(range(fd, cmds[i], size - 512, 512) == 0);
	}
	FAILS(range(fd, SECDISCARD, 0, BLOCK), EOPNOTSUPP);
}

/* What was written beside the range and is only in the cache stays. */
TEST(zeroing_is_seen_and_harms_no_neighbours)
{
	static char buf[4 * BLOCK];
	int fd = open(part, O_RDWR);
	uint64_t at = 64 * BLOCK;

	memset(buf, 'n', sizeof(buf));
	CHECK(pwrite(fd, buf, sizeof(buf), (off_t)at) == sizeof(buf));
	CHECK(range(fd, ZEROOUT, at + 512, 2 * BLOCK) == 0);
	CHECK(pread(fd, buf, sizeof(buf), (off_t)at) == sizeof(buf));
	for (int i = 0; i < 4 * BLOCK; i += 512)
		CHECK(buf[i] == (i >= 512 && i < 512 + 2 * BLOCK ? 0 : 'n') &&
		      buf[i + 511] == buf[i]);
}

TEST(questions_are_answered)
{
	int fd = open(disk, O_RDONLY), value = -1;
	unsigned short small = 9;

	CHECK(ioctl(fd, ALIGNOFF, &value) == 0 && value == 0);
	CHECK(ioctl(fd, DISCARDZEROES, &value) == 0 && value == 0);
	CHECK(ioctl(fd, SECTGET, &small) == 0 && small >= 8);
	CHECK(ioctl(fd, ROTATIONAL, &small) == 0 && small == 1);
	FAILS(ioctl(fd, RAGET, NULL), EINVAL);
	FAILS(ioctl(fd, FRAGET, NULL), EINVAL);
	FAILS(ioctl(fd, BSZSET, NULL), EINVAL);
	FAILS(ioctl(fd, RAGET, 8), EFAULT);
	FAILS(ioctl(fd, 0x12ff, &value), ENOTTY);
}

TEST(a_direct_read_is_cut_to_the_device_first)
{
	int fd = open(disk, O_RDWR | O_DIRECT);
	off_t size = lseek(fd, 0, SEEK_END);
	char *p = aligned_alloc(BLOCK, 4 * BLOCK);

	CHECK(pread(fd, p, 4 * BLOCK, size - BLOCK) == BLOCK);
	CHECK(pread(fd, p, 4 * BLOCK - 1, size - BLOCK) == BLOCK);
	CHECK(pread(fd, p, 100, size) == 0);
	FAILS(pread(fd, p, 100, size - BLOCK), EINVAL);
	FAILS(pread(fd, p, 4 * BLOCK - 1, size - 4 * BLOCK), EINVAL);
	FAILS(pread(fd, p + 1, 4 * BLOCK, size - BLOCK), EINVAL);
}

TEST(what_lies_before_missing_memory_is_transferred)
{
	char *p = mmap(NULL, 3 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open(part, O_RDWR | O_DIRECT);

	memset(p, 'm', BLOCK);
	CHECK(munmap(p + BLOCK, BLOCK) == 0);
	CHECK(pwrite(fd, p, 3 * BLOCK, 0) == BLOCK);
	memset(p, 0, BLOCK);
	CHECK(pread(fd, p, 2 * BLOCK, 0) == BLOCK && p[0] == 'm' && p[BLOCK - 1] == 'm');
	FAILS(pread(fd, p + BLOCK, 2 * BLOCK, 0), EFAULT);
	FAILS(pwrite(fd, p + BLOCK, 2 * BLOCK, 0), EFAULT);
}

int main(int argc, char **argv)
{
	disk = getenv("DISK");
	part = getenv("PART");
	if (!disk || !part) {
		fprintf(stderr, "blkdev: DISK and PART name what may be overwritten\n");
		return 2;
	}
	return run_tests(argc, argv);
}
