/*
 * A block device in memory under fs/: bios complete when the code under test sleeps, in an order
 * that a seed decides. Requests are counted as a queue that merges neighbours would make them.
 */
#include "tests/host/fakes/disk.h"
#include "tests/host/host.h"

#include "block/bio.h"
#include "block/blkdev.h"
#include "block/genhd.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/softirq.h"

#define MAX_PENDING 65536
#define MAX_SECTORS 2048 /* of one request: 1 MiB */

u8 fake_disk[FAKE_DISK_BYTES];
struct fake_disk_stats fake_disk_stats;
u64 fake_disk_bad_sector = ~0ull;
bool fake_disk_fail_writes, fake_disk_fail_reads;

static struct gendisk disk = {.limits.logical_block_size = 512, .ra_pages = VM_READAHEAD_PAGES};
static struct block_device bdev = {.bd_disk = &disk, .bd_openers = 1};
static struct bio *pending[MAX_PENDING];
static u32 nr_pending;
static unsigned int seed;
static bool seeded;
static sector_t last_end, last_sectors;
static blk_opf_t last_op;

struct block_device *fake_disk_bdev(sector_t sectors)
{
	mutex_init(&disk.open_mutex);
	bdev.bd_nr_sectors = sectors;
	return &bdev;
}

struct bio *bio_alloc(struct block_device *dev, u16 nr_vecs, blk_opf_t opf, gfp_t gfp)
{
	struct bio *bio = malloc(sizeof(*bio));

	(void)gfp;
	bio_init(bio, dev, opf);
	if (nr_vecs > BIO_INLINE_VECS) {
		bio->bi_max_vecs = nr_vecs;
		bio->bi_io_vec = calloc(nr_vecs, sizeof(struct bio_vec));
	}
	return bio;
}

void bio_put(struct bio *bio)
{
	if (bio->bi_io_vec != bio->bi_inline_vecs)
		free(bio->bi_io_vec);
	free(bio);
}

u32 bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset)
{
	struct bio_vec *last = bio->bi_vcnt ? &bio->bi_io_vec[bio->bi_vcnt - 1] : NULL;

	if (last && page_to_phys(last->bv_page).v + last->bv_offset + last->bv_len ==
			    page_to_phys(page).v + offset) {
		last->bv_len += len;
	} else {
		if (bio->bi_vcnt == bio->bi_max_vecs)
			return 0;
		bio->bi_io_vec[bio->bi_vcnt++] = (struct bio_vec){page, len, offset};
	}
	bio->bi_iter.bi_size += len;
	return len;
}

void bio_io_error(struct bio *bio, int error)
{
	bio->bi_status = error;
	bio->bi_end_io(bio);
}

static void count_request(const struct bio *bio)
{
	sector_t sectors = bio->bi_iter.bi_size >> SECTOR_SHIFT;
	bool merges = bio->bi_iter.bi_sector == last_end && bio_op(bio) == last_op &&
		      last_sectors + sectors <= MAX_SECTORS;

	fake_disk_stats.bios++;
	if (!merges)
		fake_disk_stats.requests++;
	last_sectors = merges ? last_sectors + sectors : sectors;
	last_end = bio_end_sector(bio);
	last_op = bio_op(bio);
}

void submit_bio(struct bio *bio)
{
	might_sleep();
	assert_true(nr_pending < MAX_PENDING);
	assert_true(bio_end_sector(bio) <= bdev.bd_nr_sectors);
	count_request(bio);
	pending[nr_pending++] = bio;
}

static void perform(struct bio *bio)
{
	u64 pos = bio->bi_iter.bi_sector << SECTOR_SHIFT;
	bool write = op_is_write(bio->bi_opf);

	if ((write ? fake_disk_fail_writes : fake_disk_fail_reads) ||
	    (bio->bi_iter.bi_sector <= fake_disk_bad_sector &&
	     bio_end_sector(bio) > fake_disk_bad_sector)) {
		bio->bi_status = -EIO;
		return;
	}
	for (u16 i = 0; i < bio->bi_vcnt; i++) {
		struct bio_vec *bv = &bio->bi_io_vec[i];
		char *data = (char *)page_address(bv->bv_page) + bv->bv_offset;

		if (write)
			memcpy(&fake_disk[pos], data, bv->bv_len);
		else
			memcpy(data, &fake_disk[pos], bv->bv_len);
		pos += bv->bv_len;
	}
}

/* Complete one bio, as a softirq does. */
bool fake_disk_complete_one(void)
{
	struct bio *bio;
	u32 i;

	if (nr_pending == 0)
		return false;
	if (!seeded)
		seed = host_seed(1);
	seeded = true;
	i = (u32)rand_r(&seed) % nr_pending;
	bio = pending[i];
	pending[i] = pending[--nr_pending];
	perform(bio);
	fake_bh_disable();
	bio->bi_end_io(bio);
	fake_bh_enable();
	return true;
}

void blk_start_plug(struct blk_plug *plug)
{
	(void)plug;
}

/* What is sent separately is not merged. */
void blk_finish_plug(struct blk_plug *plug)
{
	(void)plug;
	last_end = ~0ull;
}

int blkdev_issue_flush(struct block_device *dev)
{
	(void)dev;
	fake_disk_stats.flushes++;
	return 0;
}

int blkdev_issue_discard(struct block_device *dev, sector_t sector, sector_t nr)
{
	(void)dev;
	(void)sector;
	(void)nr;
	return -EOPNOTSUPP;
}

int blkdev_issue_zeroout(struct block_device *dev, sector_t sector, sector_t nr)
{
	(void)dev;
	memset(&fake_disk[sector << SECTOR_SHIFT], 0, nr << SECTOR_SHIFT);
	return 0;
}

struct block_device *blkdev_get_by_dev(dev_t dev, bool write, void *holder)
{
	(void)write;
	(void)holder;
	if (dev != bdev.bd_dev)
		return ERR_PTR(-ENXIO);
	bdev.bd_openers++;
	return &bdev;
}

void blkdev_put_locked(struct block_device *dev, void *holder)
{
	(void)holder;
	dev->bd_openers--;
}

void blkdev_put(struct block_device *dev, void *holder)
{
	blkdev_put_locked(dev, holder);
}

/* The device goes with its last opener. */
void bdput(struct block_device *dev)
{
	if (dev->bd_openers || !dev->bd_inode)
		return;
	bdev_free_inode(dev->bd_inode);
	dev->bd_inode = NULL;
}

int blk_for_each_device(int (*fn)(struct block_device *bdev, void *arg), void *arg)
{
	return fn(&bdev, arg);
}

bool bdev_read_only(const struct block_device *dev)
{
	return dev->bd_read_only;
}

struct queue_limits *blk_queue_limits(struct request_queue *q)
{
	(void)q;
	return NULL;
}

void (*bdev_free_inode)(struct inode *inode);
void (*bdev_size_changed)(struct block_device *bdev);

void bdev_set_read_only(struct block_device *dev, bool read_only)
{
	dev->bd_read_only = read_only;
}

int blkdev_reread_part(struct block_device *dev, const void *holder)
{
	(void)holder;
	(void)dev;
	return -EINVAL;
}
