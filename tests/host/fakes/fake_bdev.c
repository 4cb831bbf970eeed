#include "tests/host/fakes/fake_bdev.h"
#include "tests/host/host.h"

#include "block/blkdev.h"
#include "fs/file.h"
#include "fs/nodes/char_dev.h"
#include "fs/nodes/pipe.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/gup.h"

struct fake_bdev fake_bdev[FAKE_BDEVS];

static struct block_device bdevs[FAKE_BDEVS];
static struct gendisk disks[FAKE_BDEVS] = {
	{.disk_name = "vda",
	 .limits.logical_block_size = 512,
	 .part = {&bdevs[0]},
	 .open_mutex = MUTEX_INIT(disks[0].open_mutex)},
	{.disk_name = "vdb",
	 .limits.logical_block_size = 512,
	 .part = {&bdevs[1]},
	 .open_mutex = MUTEX_INIT(disks[1].open_mutex)},
};
static struct block_device bdevs[FAKE_BDEVS] = {
	{.bd_dev = MKDEV(254, 0), .bd_disk = &disks[0]},
	{.bd_dev = MKDEV(254, 16), .bd_disk = &disks[1]},
};
static struct queue_limits limits = {.logical_block_size = 512};

/* What the VFS names and these tests do not have. */
const struct file_operations def_chr_fops, fifo_fops;

bool cmdline_bool(const char *key, bool dflt)
{
	(void)key;
	return dflt;
}

void fake_bdev_load(int nr, u8 *data, u64 bytes)
{
	ASSERT(bdevs[nr].bd_openers == 0);
	free(fake_bdev[nr].data);
	fake_bdev[nr] = (struct fake_bdev){.data = data, .bytes = bytes};
	bdevs[nr].bd_nr_sectors = bytes / SECTOR_SIZE;
}

static struct fake_bdev *disk_of(const struct block_device *bdev)
{
	return &fake_bdev[bdev - bdevs];
}

void bdev_name(const struct block_device *bdev, char *buf, size_t size)
{
	(void)snprintf(buf, size, "vd%c", (char)('a' + (bdev - bdevs)));
}

bool bdev_read_only(const struct block_device *bdev)
{
	return disk_of(bdev)->read_only;
}

struct queue_limits *blk_queue_limits(struct request_queue *q)
{
	(void)q;
	return &limits;
}

struct block_device *blkdev_get_by_dev(dev_t dev, bool write, void *holder)
{
	for (int i = 0; i < FAKE_BDEVS; i++) {
		struct block_device *bdev = &bdevs[i];

		if (bdev->bd_dev != dev)
			continue;
		if (holder && bdev->bd_holder && bdev->bd_holder != holder)
			return ERR_PTR(-EBUSY);
		if (write && disk_of(bdev)->read_only)
			return ERR_PTR(-EROFS);
		bdev->bd_openers++;
		bdev->bd_holder = holder ? holder : bdev->bd_holder;
		return bdev;
	}
	return ERR_PTR(-ENXIO);
}

void blkdev_put_locked(struct block_device *bdev, void *holder)
{
	(void)holder;
	ASSERT(bdev->bd_openers > 0);
	if (--bdev->bd_openers == 0)
		bdev->bd_holder = NULL;
}

void blkdev_put(struct block_device *bdev, void *holder)
{
	blkdev_put_locked(bdev, holder);
}

/* The device goes with its last opener. */
void bdput(struct block_device *bdev)
{
	if (bdev->bd_openers || !bdev->bd_inode)
		return;
	bdev_free_inode(bdev->bd_inode);
	bdev->bd_inode = NULL;
}

dev_t blk_lookup_devt(const char *name)
{
	return strcmp(name, "vda") == 0 ? bdevs[0].bd_dev : 0;
}

int blk_for_each_device(int (*fn)(struct block_device *bdev, void *arg), void *arg)
{
	int ret = 0;

	for (int i = 0; i < FAKE_BDEVS && ret == 0; i++)
		ret = fn(&bdevs[i], arg);
	return ret;
}

void (*bdev_free_inode)(struct inode *inode);
void (*bdev_size_changed)(struct block_device *bdev);

void bdev_set_read_only(struct block_device *bdev, bool read_only)
{
	disk_of(bdev)->read_only = read_only;
}

int blkdev_reread_part(struct block_device *bdev, const void *holder)
{
	(void)holder;
	(void)bdev;
	return -EINVAL;
}

/* --- bios --------------------------------------------------------------------------------- */

struct bio *bio_alloc(struct block_device *bdev, u16 nr_vecs, blk_opf_t opf, gfp_t gfp)
{
	struct bio *bio = malloc(sizeof(*bio));

	(void)gfp;
	ASSERT(nr_vecs <= BIO_INLINE_VECS);
	bio_init(bio, bdev, opf);
	return bio;
}

void bio_io_error(struct bio *bio, int error)
{
	bio->bi_status = error;
	bio->bi_end_io(bio);
}

/* User memory is the test's own, not pages: no O_DIRECT into it. */
__attribute__((weak)) int pin_user_page(userptr_t p, bool write, struct page **page)
{
	(void)p;
	(void)write;
	(void)page;
	return -EFAULT;
}

void bio_put(struct bio *bio)
{
	free(bio);
}

u32 bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset)
{
	if (bio->bi_vcnt == bio->bi_max_vecs)
		return 0;
	bio->bi_io_vec[bio->bi_vcnt++] = (struct bio_vec){page, len, offset};
	bio->bi_iter.bi_size += len;
	return len;
}

static int transfer(struct fake_bdev *d, struct bio *bio)
{
	bool write = op_is_write(bio->bi_opf);
	u64 pos = bio->bi_iter.bi_sector * SECTOR_SIZE;
	sector_t end = bio_end_sector(bio);

	if (write)
		d->writes++;
	else
		d->reads++;
	if (end * SECTOR_SIZE > d->bytes ||
	    (bio->bi_iter.bi_sector < d->bad_end && end > d->bad_start))
		return -EIO;
	if (write && d->fail_writes_after && --d->fail_writes_after == 0) {
		d->fail_writes_after = 1;
		return -EIO;
	}
	ASSERT(!write || !d->read_only);
	for (u16 i = 0; i < bio->bi_vcnt; i++) {
		struct bio_vec *bv = &bio->bi_io_vec[i];
		char *mem = (char *)page_address(bv->bv_page) + bv->bv_offset;

		if (write)
			memcpy(d->data + pos, mem, bv->bv_len);
		else
			memcpy(mem, d->data + pos, bv->bv_len);
		pos += bv->bv_len;
	}
	return 0;
}

void submit_bio(struct bio *bio)
{
	bio->bi_status = transfer(disk_of(bio->bi_bdev), bio);
	fake_cpu.softirq_depth++;
	bio->bi_end_io(bio);
	fake_cpu.softirq_depth--;
}

int blkdev_issue_flush(struct block_device *bdev)
{
	disk_of(bdev)->flushes++;
	return 0;
}

int blkdev_issue_discard(struct block_device *bdev, sector_t sector, sector_t nr)
{
	(void)bdev;
	(void)sector;
	(void)nr;
	return -EOPNOTSUPP;
}

int blkdev_issue_zeroout(struct block_device *bdev, sector_t sector, sector_t nr)
{
	memset(disk_of(bdev)->data + sector * SECTOR_SIZE, 0, nr * SECTOR_SIZE);
	return 0;
}

void blk_start_plug(struct blk_plug *plug)
{
	(void)plug;
}

void blk_finish_plug(struct blk_plug *plug)
{
	(void)plug;
}
