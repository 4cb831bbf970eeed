/*
 * The page cache of a block device. Programs that open its node use it, and so does the metadata
 * of filesystems.
 *
 * The cache belongs to an inode of the pseudo filesystem "bdev", which is made at first use. The
 * last bdev_close of a device empties its cache. The inode remembers errors, and stays as long as
 * the device.
 *
 * Lock order: open_mutex, then pages; i_mutex, then pages; bdev_lock (a spinlock) is innermost.
 * Path: hop 4 (blkdev_readpage)
 */
#include "fs/cache/bdev_cache.h"

#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/cache/buffer_head.h"
#include "fs/cache/direct_io.h"
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/spinlock.h"

static struct super_block bdev_sb = {.s_maxbytes = INT64_MAX,
				     .s_dirty = LIST_HEAD_INIT(bdev_sb.s_dirty)};
/* Of all devices: bd_inode, and the block size and size of their caches. */
static struct spinlock bdev_lock = SPINLOCK_INIT("bdev_lock", LOCK_FS);

static int blkdev_get_block(struct inode *inode, blkno_t iblock, struct buffer_head *bh,
			    bool create)
{
	if (iblock >= bdev_bytes(inode->i_bdev) >> inode->i_blkbits)
		return create ? -EIO : 0;
	bh->b_bdev = inode->i_bdev;
	bh->b_blocknr = iblock;
	set_buffer_mapped(bh);
	return 0;
}

static int blkdev_readpage(struct inode *inode, struct page *page)
{
	return block_read_full_page(inode, page, blkdev_get_block);
}

static int blkdev_writepage(struct page *page)
{
	return block_write_full_page(page, blkdev_get_block);
}

static int blkdev_write_begin(struct inode *inode, loff_t pos, u32 len, struct page **pagep)
{
	return block_write_begin(inode, pos, len, pagep, blkdev_get_block);
}

static ssize_t blkdev_direct_IO(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	return blockdev_direct_IO(iocb, iter, write, NULL);
}

static const struct address_space_operations def_blk_aops = {
	.readpage = blkdev_readpage,
	.writepage = blkdev_writepage,
	.write_begin = blkdev_write_begin,
	.write_end = generic_write_end,
	.direct_IO = blkdev_direct_IO,
};

/* Locks: bdev_lock. */
static void set_blocksize_locked(struct block_device *bdev, struct inode *inode, u32 bytes)
{
	WRITE_ONCE(bdev->bd_block_size, bytes);
	inode->i_blkbits = (u32)__builtin_ctz(bytes);
	/* The device may end within a block: that one cannot be used. */
	WRITE_ONCE(inode->i_size, (loff_t)ALIGN_DOWN(bdev_bytes(bdev), (u64)bytes));
}

static void set_inode_blocksize(struct block_device *bdev, struct inode *inode, u32 bytes)
{
	spin_lock(&bdev_lock);
	set_blocksize_locked(bdev, inode, bytes);
	spin_unlock(&bdev_lock);
}

/* The largest block size that divides the device: all of it can be reached. */
static u32 default_blocksize(const struct block_device *bdev)
{
	u32 size = bdev_logical_block_size(bdev);

	while (size < PAGE_SIZE && (bdev_bytes(bdev) & size) == 0)
		size *= 2;
	return size;
}

static struct inode *make_bdev_inode(struct block_device *bdev)
{
	struct bdev_inode *made = kzalloc(sizeof(*made), GFP_NOFS);
	struct inode *inode;

	if (!made)
		return NULL;
	made->ra_pages = default_ra_pages;
	inode = &made->inode;
	inode->i_sb = &bdev_sb;
	inode->i_mode = S_IFBLK;
	inode->i_rdev = bdev->bd_dev;
	inode->i_bdev = bdev;
	mutex_init(&inode->i_mutex);
	address_space_init(&inode->i_data, inode);
	inode->i_data.a_ops = &def_blk_aops;
	inode->i_mapping = &inode->i_data;
	INIT_LIST_HEAD(&inode->i_dirty);
	return inode;
}

static void free_bdev_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	kfree(container_of(inode, struct bdev_inode, inode));
}

/* Returns: the device's inode: ours, or that of another who was faster. The size is read under the
 * lock, so that size_changed comes before and is seen, or comes later and sees the inode. */
static struct inode *enter_bdev_inode(struct block_device *bdev, struct inode *ours)
{
	struct inode *inode;

	spin_lock(&bdev_lock);
	inode = bdev->bd_inode;
	if (!inode) {
		inode = ours;
		set_blocksize_locked(bdev, inode, default_blocksize(bdev));
		__atomic_store_n(&bdev->bd_inode, inode, __ATOMIC_RELEASE);
	}
	spin_unlock(&bdev_lock);
	if (inode != ours)
		free_bdev_inode(ours);
	return inode;
}

struct address_space *bdev_mapping(struct block_device *bdev)
{
	struct inode *inode = __atomic_load_n(&bdev->bd_inode, __ATOMIC_ACQUIRE);

	if (!inode) {
		inode = make_bdev_inode(bdev);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		inode = enter_bdev_inode(bdev, inode);
	}
	return &inode->i_data;
}

/* --- also: the size changes, and the device goes ------------------------------------------ */

/* Not under i_mutex: its owner may wait for the device. */
static void size_changed(struct block_device *bdev)
{
	spin_lock(&bdev_lock);
	if (bdev->bd_inode)
		set_blocksize_locked(bdev, bdev->bd_inode, bdev->bd_block_size);
	spin_unlock(&bdev_lock);
}

int bdev_set_ra_pages(struct block_device *bdev, u64 pages)
{
	struct address_space *m = bdev_mapping(bdev->bd_disk->part[0]);

	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	WRITE_ONCE(container_of(m->host, struct bdev_inode, inode)->ra_pages,
		   (u32)min(pages, (u64)MAX_RA_PAGES));
	return 0;
}

void bdev_cache_init(void)
{
	if (!cmdline_bool("readahead", true))
		default_ra_pages = 0;
	bdev_free_inode = free_bdev_inode;
	bdev_size_changed = size_changed;
}

int set_blocksize(struct block_device *bdev, u32 bytes)
{
	struct address_space *m = bdev_mapping(bdev);
	int err;

	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	if (bytes < bdev_logical_block_size(bdev) || bytes > PAGE_SIZE ||
	    (bytes & (bytes - 1)) != 0)
		return -EINVAL;
	if (bytes == bdev->bd_block_size)
		return 0;
	/* Most of it without the mutex: writers wait for that. */
	err = filemap_write_and_wait_range(m, 0, INT64_MAX);
	if (err < 0)
		return err;
	mutex_lock(&m->host->i_mutex);
	/* What was written meanwhile must not be dropped. */
	err = filemap_write_and_wait_range(m, 0, INT64_MAX);
	if (!err) {
		truncate_inode_pages(m, 0);
		set_inode_blocksize(bdev, m->host, bytes);
	}
	mutex_unlock(&m->host->i_mutex);
	return err;
}

/* --- also: sync, and the last close ------------------------------------------------------- */

/* A flush that no fsync asked for. The next fsync of the device, or of a file on it, reports a
 * failure. */
static int flush_keep_error(struct block_device *bdev)
{
	int err = blkdev_issue_flush(bdev);

	if (err && bdev->bd_inode)
		mapping_set_error(&bdev->bd_inode->i_data, err);
	return err;
}

int sync_blockdev(struct block_device *bdev)
{
	struct address_space *m = bdev->bd_inode ? &bdev->bd_inode->i_data : NULL;
	int err = m ? filemap_write_and_wait_range(m, 0, INT64_MAX) : 0;
	int old = m ? errseq_take(&m->wb_err) : 0;
	int flush_err = flush_keep_error(bdev);

	err = old ? old : err;
	return err ? err : flush_err;
}

struct sync_args {
	bool wait;
	ktime_t before;
};

static int sync_one_bdev(struct block_device *bdev, void *arg)
{
	const struct sync_args *args = arg;
	struct address_space *m;
	int err = 0;

	if (!bdev->bd_inode || !READ_ONCE(bdev->bd_openers)) /* nothing in it */
		return 0;
	m = &bdev->bd_inode->i_data;
	if (m->host->i_dirtied_when <= args->before)
		err = filemap_fdatawrite_range(m, 0, INT64_MAX, args->wait);
	if (args->wait) {
		filemap_fdatawait_range(m, 0, INT64_MAX);
		err = flush_keep_error(bdev);
	}
	(void)err; /* it stays in the mapping, for the next fsync */
	return 0;
}

void sync_bdevs(bool wait, ktime_t before)
{
	struct sync_args args = {wait, before};

	(void)blk_for_each_device(sync_one_bdev, &args);
}

/* An error stays recorded: fsync tells it to the next opener. Locks: open_mutex held. */
static void write_and_empty(struct block_device *bdev, struct address_space *m, bool write)
{
	int err = filemap_write_and_wait_range(m, 0, INT64_MAX);

	if (err)
		mapping_set_error(m, err); /* also when a page could not even be sent */
	else if (write)
		(void)flush_keep_error(bdev);
	truncate_inode_pages(m, 0);
	set_inode_blocksize(bdev, m->host, default_blocksize(bdev));
}

void bdev_close(struct block_device *bdev, bool write, void *holder)
{
	struct gendisk *disk = bdev->bd_disk;
	struct address_space *m = bdev_mapping(bdev);
	u32 errors = IS_ERR(m) ? 0 : errseq_now(&m->wb_err);

	/* Most of it without the mutex: openers and readers of /sys wait for that. */
	if (!IS_ERR(m) && READ_ONCE(bdev->bd_openers) == 1)
		(void)!filemap_write_and_wait_range(m, 0, INT64_MAX);
	mutex_lock(&disk->open_mutex);
	if (!IS_ERR(m) && bdev->bd_openers == 1)
		write_and_empty(bdev, m, write);
	if (!IS_ERR(m) && errseq_now(&m->wb_err) != errors)
		printk("%s: error while writing at close\n", disk->disk_name);
	blkdev_put_locked(bdev, holder);
	mutex_unlock(&disk->open_mutex);
	bdput(bdev);
}
