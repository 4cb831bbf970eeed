/* The block layer and the driver below it, on the second disk: its contents do not matter. */
#include "tests/kernel/ktest.h"

#include "block/bio.h"
#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/pagemap.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/sched/wait.h"

#define MANY		 200u
#define SECTORS_PER_PAGE (PAGE_SIZE / SECTOR_SIZE)

/* The scratch disk, or NULL (the test then is skipped). */
static struct block_device *open_scratch(void)
{
	dev_t dev = blk_lookup_devt("vdb");
	struct block_device *bdev;

	if (dev == 0) {
		ktest_skip("no second disk");
		return NULL;
	}
	bdev = blkdev_get_by_dev(dev, true, NULL);
	return IS_ERR(bdev) ? NULL : bdev;
}

static int one_page(struct block_device *bdev, blk_opf_t opf, sector_t sector, struct page *page)
{
	struct bio *bio = bio_alloc(bdev, 1, opf, GFP_KERNEL);
	int err;

	if (!bio)
		return -ENOMEM;
	bio->bi_iter.bi_sector = sector;
	err = bio_add_page(bio, page, PAGE_SIZE, 0) == PAGE_SIZE ? submit_bio_wait(bio) : -EINVAL;
	bio_put(bio);
	return err;
}

KTEST(block, what_is_written_is_read)
{
	struct block_device *bdev = open_scratch();
	struct page *page = alloc_page(GFP_KERNEL);
	u8 *data;

	if (!bdev)
		return;
	KEXPECT(page);
	data = page_address(page);
	for (u32 round = 0; round < 4; round++) {
		memset(data, (int)(0x40 + round), PAGE_SIZE);
		KEXPECT(one_page(bdev, REQ_OP_WRITE | REQ_SYNC, round * SECTORS_PER_PAGE, page) ==
			0);
	}
	KEXPECT(blkdev_issue_flush(bdev) == 0);
	for (u32 round = 0; round < 4; round++) {
		memset(data, 0, PAGE_SIZE);
		KEXPECT(one_page(bdev, REQ_OP_READ | REQ_SYNC, round * SECTORS_PER_PAGE, page) ==
			0);
		KEXPECT(data[0] == 0x40 + round && data[PAGE_SIZE - 1] == 0x40 + round);
	}
	put_page(page);
	blkdev_put(bdev, NULL);
}

KTEST(block, beyond_the_end_is_an_error)
{
	struct block_device *bdev = open_scratch();
	struct page *page = alloc_page(GFP_KERNEL);

	if (!bdev)
		return;
	KEXPECT(page);
	KEXPECT(one_page(bdev, REQ_OP_READ, bdev_nr_sectors(bdev) - 1, page) == -EIO);
	KEXPECT(one_page(bdev, REQ_OP_WRITE, ~0ull - 7, page) == -EIO);
	KEXPECT(one_page(bdev, REQ_OP_READ, bdev_nr_sectors(bdev) - SECTORS_PER_PAGE, page) == 0);
	put_page(page);
	blkdev_put(bdev, NULL);
}

static struct {
	atomic_t left, errors;
	struct completion done;
} flight;

static void landed(struct bio *bio)
{
	if (bio->bi_status)
		atomic_inc(&flight.errors);
	bio_put(bio);
	if (atomic_dec_and_test(&flight.left))
		complete(&flight.done);
}

/* Send one bio a page, all before the first is waited for. Returns: errors. */
static int fly(struct block_device *bdev, enum req_op op, struct page **pages)
{
	init_completion(&flight.done);
	atomic_set(&flight.left, (int)MANY);
	atomic_set(&flight.errors, 0);
	for (u32 i = 0; i < MANY; i++) {
		struct bio *bio = bio_alloc(bdev, 1, op, GFP_KERNEL);

		/* Every seventh page, so that few neighbours can be merged. */
		bio->bi_iter.bi_sector = (u64)i * 7 % MANY * SECTORS_PER_PAGE;
		bio->bi_end_io = landed;
		if (bio_add_page(bio, pages[i], PAGE_SIZE, 0) != PAGE_SIZE)
			bio_io_error(bio, -EINVAL);
		else
			submit_bio(bio);
	}
	wait_for_completion(&flight.done);
	return atomic_read(&flight.errors);
}

KTEST(block, many_in_flight_all_land_in_their_place)
{
	static struct page *pages[MANY];
	struct block_device *bdev = open_scratch();

	if (!bdev)
		return;
	for (u32 i = 0; i < MANY; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KEXPECT(pages[i]);
		memset(page_address(pages[i]), (int)(i & 0xff), PAGE_SIZE);
	}
	KEXPECT(fly(bdev, REQ_OP_WRITE, pages) == 0);
	for (u32 i = 0; i < MANY; i++)
		memset(page_address(pages[i]), 0xee, PAGE_SIZE);
	KEXPECT(fly(bdev, REQ_OP_READ, pages) == 0);
	for (u32 i = 0; i < MANY; i++) {
		const u8 *data = page_address(pages[i]);

		KEXPECT(data[0] == (i & 0xff) && data[PAGE_SIZE - 1] == (i & 0xff));
		put_page(pages[i]);
	}
	blkdev_put(bdev, NULL);
}

KTEST(block, plugged_neighbours_become_few_requests)
{
	struct block_device *bdev = open_scratch();
	struct page *page = alloc_page(GFP_KERNEL);
	struct blk_plug plug;
	u64 before;

	if (!bdev)
		return;
	if (!cmdline_bool("blk.merge", true) || !cmdline_bool("blk.plug", true)) {
		ktest_skip("merging is switched off");
		return;
	}
	KEXPECT(page);
	before = bdev->bd_stats.ios[0];
	init_completion(&flight.done);
	atomic_set(&flight.left, 64);
	atomic_set(&flight.errors, 0);
	blk_start_plug(&plug);
	for (u32 i = 0; i < 64; i++) {
		struct bio *bio = bio_alloc(bdev, 1, REQ_OP_READ, GFP_KERNEL);

		bio->bi_iter.bi_sector = i * SECTORS_PER_PAGE;
		bio->bi_end_io = landed;
		KEXPECT(bio_add_page(bio, page, PAGE_SIZE, 0) == PAGE_SIZE);
		submit_bio(bio);
	}
	blk_finish_plug(&plug);
	wait_for_completion(&flight.done);
	KEXPECT(atomic_read(&flight.errors) == 0);
	KEXPECT(bdev->bd_stats.ios[0] - before <= 16);
	put_page(page);
	blkdev_put(bdev, NULL);
}

static size_t freed_within = 1;
static u32 nr_asked;

/* A shrinker has no memory to give, and asks for some itself. */
static size_t shrink_and_ask(size_t nr_pages, gfp_t gfp)
{
	nr_asked++;
	freed_within = try_to_free_pages(nr_pages, gfp);
	return 0;
}

static u64 cached_pages(void)
{
	struct pagecache_stats stats;

	pagecache_get_stats(&stats);
	return stats.cached;
}

KTEST(block, reclaim_frees_clean_pages_and_does_not_enter_itself)
{
	static struct shrinker asking = {.shrink = shrink_and_ask};
	struct block_device *bdev = open_scratch();
	struct page *page;
	u64 cached;

	if (!bdev)
		return;
	for (pgoff_t i = 0; i < 64; i++) {
		page = read_mapping_page(bdev_mapping(bdev), i);
		KEXPECT(!IS_ERR(page));
		put_page(page);
	}
	cached = cached_pages();
	KEXPECT(cached >= 64);
	KEXPECT(try_to_free_pages(32, GFP_NOFS) >= 32);
	KEXPECT(cached_pages() <= cached - 32);
	shrinker_register(&asking); /* the last one: asked when the others have too little */
	KEXPECT(try_to_free_pages(1u << 20, GFP_NOFS) >= 32);
	KEXPECT(nr_asked == 1 && freed_within == 0);
	KEXPECT(cached_pages() <= cached - 64);
	bdev_close(bdev, true, NULL);
}
