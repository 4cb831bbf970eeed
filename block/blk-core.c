/*
 * submit_bio: checks, and the loop that takes a bio down through stacked devices.
 *
 * A device without a queue sends bios on by submit_bio itself. That does not recurse: while a
 * thread is in the loop, what it submits is collected, and goes before everything that waited
 * already, in the order given. So a part cut off a bio reaches its queue before the next is cut.
 * Path: hop 8, 9
 */
#include "block/blk.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/mempool.h"
#include "kernel/sched/ratelimit.h"

/* Sectors of one discard or zeroing bio: its size must fit 32 bits. */
#define RANGE_SECTORS (1u << 22)

static struct page *zero_page; /* [const] */

static int bio_check_range(const struct bio *bio, const struct block_device *bdev)
{
	static struct ratelimit_state rs = RATELIMIT_STATE_INIT("ends of devices");
	sector_t nr = bdev_nr_sectors(bdev), sectors = bio->bi_iter.bi_size >> SECTOR_SHIFT;
	char name[DISK_NAME_LEN];
	u32 missed;

	if (bio->bi_iter.bi_sector <= nr && sectors <= nr - bio->bi_iter.bi_sector)
		return 0;
	if (!ratelimit(&rs, &missed))
		return -EIO;
	bdev_name(bdev, name, sizeof(name));
	printk("%s: access beyond the end: sector %llu + %llu > %llu\n", name,
	       (unsigned long long)bio->bi_iter.bi_sector, (unsigned long long)sectors,
	       (unsigned long long)nr);
	return -EIO;
}

/* May this bio go to its device? A partition's sector becomes the disk's. */
static int bio_check_and_remap(struct bio *bio)
{
	struct block_device *bdev = bio->bi_bdev;
	u32 block = bdev_logical_block_size(bdev);
	int err;

	if (READ_ONCE(bdev->bd_disk->dead))
		return -EIO;
	if (op_is_write(bio->bi_opf) && bio->bi_iter.bi_size && READ_ONCE(bdev->bd_disk->read_only))
		return -EPERM;
	if ((bio->bi_iter.bi_size | (bio->bi_iter.bi_sector << SECTOR_SHIFT)) & (block - 1))
		return -EIO;
	if (bdev->bd_partno && !(bio->bi_flags & BIO_REMAPPED)) {
		err = bio_check_range(bio, bdev);
		if (err)
			return err;
		bio->bi_iter.bi_sector += bdev->bd_start_sect;
		bio->bi_flags |= BIO_REMAPPED;
	}
	return bio_check_range(bio, bdev->bd_disk->part[0]);
}

static void submit_bio_one(struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	int err;

	/* Counted first, then checked: del_gendisk sets dead, then waits for the count. */
	atomic_inc(&disk->submitters);
	err = bio_check_and_remap(bio);
	if (err)
		bio_io_error(bio, err);
	else if (disk->queue)
		blk_mq_submit_bio(bio);
	else
		disk->fops->submit_bio(bio);
	if (atomic_dec_and_test(&disk->submitters) && READ_ONCE(disk->dead))
		wake_up_all(&disk->drained);
}

void submit_bio(struct bio *bio)
{
	struct bio_list pending = {NULL, NULL}, fresh = {NULL, NULL};

	might_sleep();
	if (current->bio_list) {
		bio_list_add(current->bio_list, bio);
		return;
	}
	current->bio_list = &fresh;
	do {
		submit_bio_one(bio);
		if (fresh.head) {
			fresh.tail->bi_next = pending.head;
			if (!pending.head)
				pending.tail = fresh.tail;
			pending.head = fresh.head;
			fresh.head = NULL;
		}
		bio = bio_list_pop(&pending);
	} while (bio);
	current->bio_list = NULL;
	mempool_release(&bio_clones);
}

int submit_bio_wait(struct bio *bio)
{
	struct completion done;

	init_completion(&done);
	bio->bi_private = &done;
	bio->bi_end_io = bio_wake_waiter;
	bio->bi_opf |= REQ_SYNC;
	submit_bio(bio);
	blk_flush_plug();
	wait_for_completion(&done);
	bio->bi_private = NULL;
	return bio->bi_status;
}

/* --- also: flush, discard, zero --------------------------------------------------------- */

int blkdev_issue_flush(struct block_device *bdev)
{
	struct bio bio;

	bio_init(&bio, bdev, REQ_OP_WRITE | REQ_PREFLUSH);
	return submit_bio_wait(&bio);
}

/* Send `op` over a range, a bio at a time. Zeroes with pages when op is WRITE. */
static int issue_range(struct block_device *bdev, enum req_op op, sector_t sector, sector_t nr)
{
	u16 vecs = op == REQ_OP_WRITE ? BIO_MAX_VECS : 0;
	struct bio *bio;
	int err = 0;

	if (sector > bdev_nr_sectors(bdev) || nr > bdev_nr_sectors(bdev) - sector)
		return -EINVAL;
	if (bdev_read_only(bdev))
		return -EPERM;
	while (nr && !err) {
		bio = bio_alloc(bdev, vecs, op, GFP_KERNEL);
		if (!bio)
			return -ENOMEM;
		bio->bi_iter.bi_sector = sector;
		if (op == REQ_OP_WRITE)
			while (bio_end_sector(bio) < sector + nr) {
				sector_t left = sector + nr - bio_end_sector(bio);

				if (!bio_add_page(bio, zero_page,
						  (u32)min(left << SECTOR_SHIFT, PAGE_SIZE), 0))
					break;
			}
		else
			bio->bi_iter.bi_size = (u32)min(nr, (sector_t)RANGE_SECTORS)
					       << SECTOR_SHIFT;
		nr -= bio->bi_iter.bi_size >> SECTOR_SHIFT;
		sector = bio_end_sector(bio);
		err = submit_bio_wait(bio);
		bio_put(bio);
	}
	return err;
}

int blkdev_issue_discard(struct block_device *bdev, sector_t sector, sector_t nr)
{
	return issue_range(bdev, REQ_OP_DISCARD, sector, nr);
}

int blkdev_issue_zeroout(struct block_device *bdev, sector_t sector, sector_t nr)
{
	int err = issue_range(bdev, REQ_OP_WRITE_ZEROES, sector, nr);

	return err == -EOPNOTSUPP ? issue_range(bdev, REQ_OP_WRITE, sector, nr) : err;
}

void block_init(void)
{
	zero_page = alloc_page(GFP_KERNEL | GFP_ZERO);
	if (!zero_page)
		panic("block: no memory for a page of zeroes");
	genhd_init();
	bio_init_reserves();
	blk_mq_init();
	blk_merge_enabled = cmdline_bool("blk.merge", true);
	blk_plug_enabled = cmdline_bool("blk.plug", true);
	sched_sleep_hook = blk_flush_plug;
	blk_poll_init();
}
