/*
 * A second disk that lies (tests/virtio/vhost_user_blk.py): everybody in flight is answered, the
 * first disk goes on, and so does the kernel. `liar=` on the command line says what to expect.
 */
#include "tests/kernel/ktest.h"

#include "block/bio.h"
#include "block/genhd.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/sched/wait.h"

#define ARM_SECTOR 2047u /* reading it makes the device lie with the next request */
#define IN_FLIGHT  16u
#define PATIENCE_S 10u

static struct {
	atomic_t left, errors, others;
	struct completion done;
} flight;

static void landed(struct bio *bio)
{
	if (bio->bi_status == -EIO)
		atomic_inc(&flight.errors);
	else if (bio->bi_status)
		atomic_inc(&flight.others);
	bio_put(bio);
	if (atomic_dec_and_test(&flight.left))
		complete(&flight.done);
}

static int read_sector(struct block_device *bdev, sector_t sector, struct page *page)
{
	struct bio *bio = bio_alloc(bdev, 1, REQ_OP_READ | REQ_SYNC, GFP_KERNEL);
	int err;

	if (!bio)
		return -ENOMEM;
	bio->bi_iter.bi_sector = sector;
	err = bio_add_page(bio, page, SECTOR_SIZE, 0) == SECTOR_SIZE ? submit_bio_wait(bio) :
								       -EINVAL;
	bio_put(bio);
	return err;
}

static void fly(struct block_device *bdev, struct page *page)
{
	init_completion(&flight.done);
	atomic_set(&flight.errors, 0);
	atomic_set(&flight.others, 0);
	atomic_set(&flight.left, (int)IN_FLIGHT);
	for (u32 i = 0; i < IN_FLIGHT; i++) {
		struct bio *bio = bio_alloc(bdev, 1, REQ_OP_READ | REQ_NOMERGE, GFP_KERNEL);

		bio->bi_iter.bi_sector = i * 16;
		bio->bi_end_io = landed;
		if (bio_add_page(bio, page, SECTOR_SIZE, 0) != SECTOR_SIZE)
			bio_io_error(bio, -EINVAL);
		else
			submit_bio(bio);
	}
	wait_for_completion(&flight.done);
}

/* Returns: whether the disk has this many sectors in time. */
static bool wait_capacity(struct block_device *bdev, sector_t sectors)
{
	ktime_t end = ktime_get_ns() + PATIENCE_S * NSEC_PER_SEC;

	while (ktime_get_ns() < end) {
		if (bdev_nr_sectors(bdev) == sectors)
			return true;
		(void)thread_sleep_ns(10 * NSEC_PER_MSEC, false);
	}
	return false;
}

/* What is expected of the disk after its lie. */
static bool answered(struct block_device *bdev, const char *expect, struct page *page)
{
	int errors = atomic_read(&flight.errors), after = read_sector(bdev, 0, page);

	printk("# %d of %u failed, then %d\n", errors, IN_FLIGHT, after);
	if (atomic_read(&flight.others) != 0)
		return false;
	if (strcmp(expect, "broken") == 0) /* the disk is given up */
		return errors >= 1 && after == -EIO;
	if (strcmp(expect, "one") == 0) /* one request failed */
		return errors == 1 && after == 0;
	if (strcmp(expect, "unchanged") == 0) /* a claim that cannot be: not taken over */
		return errors == 0 && after == 0;
	return strcmp(expect, "none") == 0 && errors == 0 && after == 0;
}

KTEST(liar, callers_are_answered_and_other_disks_go_on)
{
	const char *expect = cmdline_get("liar");
	struct page *page = alloc_page(GFP_KERNEL);
	struct block_device *good, *bad;
	bool ok;

	if (!expect) {
		ktest_skip("no disk that lies");
		return;
	}
	KEXPECT(page);
	good = blkdev_get_by_dev(blk_lookup_devt("vda"), false, NULL);
	bad = blkdev_get_by_dev(blk_lookup_devt("vdb"), false, NULL);
	KEXPECT(!IS_ERR(good) && !IS_ERR(bad));
	KEXPECT(read_sector(bad, 0, page) == 0);
	KEXPECT(read_sector(bad, ARM_SECTOR, page) == 0);
	if (strcmp(expect, "empty") == 0) {
		ok = wait_capacity(bad, 0) && read_sector(bad, 0, page) == -EIO;
	} else if (strcmp(expect, "smaller") == 0) {
		ok = wait_capacity(bad, 2048) && read_sector(bad, 4096, page) == -EIO &&
		     read_sector(bad, 0, page) == 0;
	} else {
		if (strcmp(expect, "unchanged") == 0) /* time for the claim to be heard */
			(void)thread_sleep_ns(500 * NSEC_PER_MSEC, false);
		fly(bad, page);
		ok = answered(bad, expect, page);
	}
	KEXPECT(ok);
	KEXPECT(read_sector(good, 0, page) == 0);
	blkdev_put(bad, NULL);
	blkdev_put(good, NULL);
	put_page(page);
}
