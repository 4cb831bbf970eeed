/*
 * Block nodes as Linux has them: who may claim a device, what its ioctls say, and the limits of
 * direct transfers. DISK and PART in the environment name a disk and its first partition, whose
 * contents are lost.
 */
#include "tests/user/tap.h"

#include <sys/ioctl.h>

#define RRPART 0x125f
#define BSZSET 0x40081271

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
