/*
 * The virtio disk driver on the machine's own devices, on the second disk: its contents do not
 * matter. What the first test writes stays there, for who looks at the image from outside.
 */
#include "tests/kernel/ktest.h"

#include "block/bio.h"
#include "block/genhd.h"
#include "drivers/block/virtio_blk.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/page.h"
#include "kernel/sched/wait.h"

#define PATTERN_BYTES (4u << 20)
#define REBINDS	      100
#define IN_FLIGHT     32u

/* Word `index` of the disk, as tests/system/test_virtio.py knows it too. */
static u64 pattern(u64 index)
{
	return (index + 1) * 0x9e3779b97f4a7c15ull;
}

static struct {
	atomic_t left, errors;
	struct completion done;
} flight;

static void flight_start(void)
{
	init_completion(&flight.done);
	atomic_set(&flight.errors, 0);
	atomic_set(&flight.left, 1);
}

static void landed_one(void)
{
	if (atomic_dec_and_test(&flight.left))
		complete(&flight.done);
}

/* Returns: errors. */
static int flight_wait(void)
{
	landed_one();
	wait_for_completion(&flight.done);
	return atomic_read(&flight.errors);
}

static void landed(struct bio *bio)
{
	if (bio->bi_status)
		atomic_inc(&flight.errors);
	bio_put(bio);
	landed_one();
}

/* The scratch disk, or NULL. */
static struct block_device *open_scratch(void)
{
	dev_t dev = blk_lookup_devt("vdb");
	struct block_device *bdev = dev ? blkdev_get_by_dev(dev, true, NULL) : NULL;

	return IS_ERR(bdev) ? NULL : bdev;
}

/* A block of 2^order pages as one bio, in pieces of a page. */
static bool send(struct block_device *bdev, blk_opf_t opf, u64 at, struct page *pages, u32 nr)
{
	struct bio *bio = bio_alloc(bdev, (u16)nr, opf, GFP_KERNEL);

	if (!bio)
		return false;
	bio->bi_iter.bi_sector = at >> SECTOR_SHIFT;
	bio->bi_end_io = landed;
	for (u32 i = 0; i < nr; i++)
		if (bio_add_page(bio, &pages[i], PAGE_SIZE, 0) != PAGE_SIZE) {
			bio_put(bio);
			return false;
		}
	atomic_inc(&flight.left);
	submit_bio(bio);
	return true;
}

/* The whole pattern, in bios of 1 to 16 pages, all in flight at once. Returns: errors, or -1. */
static int transfer(struct block_device *bdev, enum req_op op, struct page *pages)
{
	u32 total = (u32)(PATTERN_BYTES / PAGE_SIZE), nr;
	bool sent = true;
	int errors;

	flight_start();
	for (u32 at = 0; at < total && sent; at += nr) {
		nr = min(1 + at * 7 % 16, total - at);
		sent = send(bdev, op, at * PAGE_SIZE, pages + at, nr);
	}
	errors = flight_wait();
	return sent ? errors : -1;
}

static bool holds_pattern(const u64 *data)
{
	for (u64 i = 0; i < PATTERN_BYTES / sizeof(u64); i++)
		if (data[i] != pattern(i)) {
			printk("# word %llu of the disk is %#llx\n", (unsigned long long)i,
			       (unsigned long long)data[i]);
			return false;
		}
	return true;
}

KTEST(virtio, a_pattern_comes_back)
{
	struct block_device *bdev = open_scratch();
	struct page *pages;
	u64 *data;

	if (!bdev) {
		ktest_skip("no second disk");
		return;
	}
	pages = alloc_pages(GFP_KERNEL, 10);
	KEXPECT(pages);
	data = page_address(pages);
	for (u64 i = 0; i < PATTERN_BYTES / sizeof(u64); i++)
		data[i] = pattern(i);
	KEXPECT(transfer(bdev, REQ_OP_WRITE, pages) == 0);
	KEXPECT(blkdev_issue_flush(bdev) == 0);
	for (u64 i = 0; i < PATTERN_BYTES / sizeof(u64); i++)
		data[i] = 0;
	KEXPECT(transfer(bdev, REQ_OP_READ, pages) == 0);
	KEXPECT(holds_pattern(data));
	free_pages(pages, 10);
	blkdev_put(bdev, NULL);
}

/* Take the driver away from its devices with requests in flight, and give it back. What was in
 * flight ends, well or not. Returns: whether all ended. */
static bool rebind(struct page *page)
{
	struct block_device *bdev = open_scratch();

	if (!bdev)
		return false;
	flight_start();
	for (u32 i = 0; i < IN_FLIGHT; i++)
		if (!send(bdev, REQ_OP_READ, i * 3 * PAGE_SIZE, page, 1))
			atomic_inc(&flight.errors);
	virtio_blk_exit();
	(void)flight_wait();
	blkdev_put(bdev, NULL);
	virtio_blk_init();
	return true;
}

KTEST(virtio, a_hundred_rebinds_under_io_leak_nothing)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct mm_stats before, after;

	KEXPECT(page);
	if (!blk_lookup_devt("vdb")) {
		ktest_skip("no second disk");
		return;
	}
	for (u32 i = 0; i < 4; i++) /* caches fill */
		KEXPECT(rebind(page));
	mm_get_stats(&before);
	for (u32 i = 0; i < REBINDS; i++)
		KEXPECT(rebind(page));
	mm_get_stats(&after);
	printk("# %llu pages free before, %llu after\n", (unsigned long long)before.free_pages,
	       (unsigned long long)after.free_pages);
	KEXPECT(after.free_pages + 4 >= before.free_pages);
	put_page(page);
}

/* `resize=SECTORS`: who looks on resizes the second disk once it is told to (QEMU's monitor); it is
 * seen while I/O goes on. */
KTEST(virtio, a_resize_is_seen_under_io)
{
	u64 want = cmdline_u64("resize", 0);
	ktime_t end = ktime_get_ns() + 60 * NSEC_PER_SEC;
	struct page *page = alloc_page(GFP_KERNEL);
	struct block_device *bdev;
	int errors = 0;

	if (!want) {
		ktest_skip("nobody resizes");
		return;
	}
	bdev = open_scratch();
	KEXPECT(page && bdev);
	printk("# resize now\n");
	while (bdev_nr_sectors(bdev) != want && ktime_get_ns() < end) {
		flight_start();
		for (u32 i = 0; i < IN_FLIGHT; i++)
			errors += !send(bdev, REQ_OP_READ, i * 2 * PAGE_SIZE, page, 1);
		errors += flight_wait();
	}
	KEXPECT(errors == 0);
	KEXPECT(bdev_nr_sectors(bdev) == want);
	flight_start();
	KEXPECT(send(bdev, REQ_OP_READ, (want - 8) << SECTOR_SHIFT, page, 1));
	KEXPECT(flight_wait() == 0);
	blkdev_put(bdev, NULL);
	put_page(page);
}
