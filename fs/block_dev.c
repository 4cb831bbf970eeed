/*
 * Block devices as files: a page cache for each device, and the operations of block nodes.
 *
 * The cache hangs on an inode of the pseudo filesystem "bdev", made at first use and dropped when
 * the last opener closes the device through bdev_close.
 *
 * Lock order: bdev_lock (a mutex), then pages.
 */
#include "fs/block_dev.h"

#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/buffer_head.h"
#include "fs/direct_io.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/pagemap.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"

/* Linux's <linux/fs.h>. */
#define BLKROSET     0x125du
#define BLKROGET     0x125eu
#define BLKRRPART    0x125fu
#define BLKGETSIZE   0x1260u
#define BLKFLSBUF    0x1261u
#define BLKRAGET     0x1263u
#define BLKSSZGET    0x1268u
#define BLKDISCARD   0x1277u
#define BLKIOMIN     0x1278u
#define BLKIOOPT     0x1279u
#define BLKPBSZGET   0x127bu
#define BLKZEROOUT   0x127fu
#define BLKBSZGET    0x80081270u
#define BLKBSZSET    0x40081271u
#define BLKGETSIZE64 0x80081272u

static struct super_block bdev_sb = {.s_maxbytes = INT64_MAX, .s_blocksize = 4096};
static struct mutex bdev_lock; /* bd_inode of all devices */

static u64 bdev_bytes(const struct block_device *bdev)
{
	return bdev_nr_sectors(bdev) << SECTOR_SHIFT;
}

/* --- the cache ---------------------------------------------------------------------------- */

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

/* The device goes, and nobody had it open: its cache was only looked at. */
static void drop_bdev_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	kfree(inode);
}

void bdev_cache_init(void)
{
	bdev_free_inode = drop_bdev_inode;
	mutex_init(&bdev_lock);
	INIT_LIST_HEAD(&bdev_sb.s_inodes);
	INIT_LIST_HEAD(&bdev_sb.s_dirty);
}

static void set_inode_blocksize(struct block_device *bdev, struct inode *inode, u32 bytes)
{
	bdev->bd_block_size = bytes;
	inode->i_blkbits = (u32)__builtin_ctz(bytes);
	/* A last block that the device holds in part cannot be used. */
	WRITE_ONCE(inode->i_size, (loff_t)ALIGN_DOWN(bdev_bytes(bdev), (u64)bytes));
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
	struct inode *inode = kzalloc(sizeof(*inode), GFP_NOFS);

	if (!inode)
		return NULL;
	inode->i_sb = &bdev_sb;
	inode->i_mode = S_IFBLK;
	inode->i_rdev = bdev->bd_dev;
	inode->i_bdev = bdev;
	atomic_set(&inode->i_count, 1);
	mutex_init(&inode->i_mutex);
	address_space_init(&inode->i_data, inode);
	inode->i_data.a_ops = &def_blk_aops;
	inode->i_mapping = &inode->i_data;
	INIT_LIST_HEAD(&inode->i_dirty);
	set_inode_blocksize(bdev, inode, default_blocksize(bdev));
	return inode;
}

struct address_space *bdev_mapping(struct block_device *bdev)
{
	struct inode *inode = __atomic_load_n(&bdev->bd_inode, __ATOMIC_ACQUIRE);

	if (!inode) {
		mutex_lock(&bdev_lock);
		inode = bdev->bd_inode;
		if (!inode) {
			inode = make_bdev_inode(bdev);
			__atomic_store_n(&bdev->bd_inode, inode, __ATOMIC_RELEASE);
		}
		mutex_unlock(&bdev_lock);
	}
	return inode ? &inode->i_data : ERR_PTR(-ENOMEM);
}

int set_blocksize(struct block_device *bdev, u32 bytes)
{
	struct address_space *m = bdev_mapping(bdev);

	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	if (bytes < bdev_logical_block_size(bdev) || bytes > PAGE_SIZE ||
	    (bytes & (bytes - 1)) != 0)
		return -EINVAL;
	if (bytes != bdev->bd_block_size) {
		int err = sync_blockdev(bdev);

		if (err < 0)
			return err;
		mutex_lock(&m->host->i_mutex);
		truncate_inode_pages(m, 0);
		set_inode_blocksize(bdev, m->host, bytes);
		mutex_unlock(&m->host->i_mutex);
	}
	return 0;
}

int sync_blockdev(struct block_device *bdev)
{
	int err = 0, flush_err;

	if (bdev->bd_inode)
		err = filemap_write_and_wait(&bdev->bd_inode->i_data);
	flush_err = blkdev_issue_flush(bdev);
	return err < 0 ? err : flush_err;
}

void invalidate_bdev(struct block_device *bdev)
{
	if (bdev->bd_inode)
		(void)invalidate_mapping_pages(&bdev->bd_inode->i_data, 0, ~0ull);
}

static void bdev_inode_put(struct inode *inode)
{
	if (!atomic_dec_and_test(&inode->i_count))
		return;
	truncate_inode_pages(&inode->i_data, 0);
	kfree(inode);
}

struct sync_args {
	bool wait;
	ktime_t before;
};

static int sync_one_bdev(struct block_device *bdev, void *arg)
{
	const struct sync_args *args = arg;
	struct inode *inode;
	int err = 0;

	mutex_lock(&bdev_lock);
	inode = bdev->bd_inode;
	if (inode)
		atomic_inc(&inode->i_count);
	mutex_unlock(&bdev_lock);
	if (!inode)
		return 0;
	if (inode->i_dirtied_when <= args->before)
		err = filemap_fdatawrite_range(&inode->i_data, 0, INT64_MAX, args->wait);
	if (args->wait) {
		filemap_fdatawait_keep_errors(&inode->i_data, 0, INT64_MAX);
		err = blkdev_issue_flush(bdev);
	}
	(void)err; /* errors of writes stay in the mapping for who asks */
	bdev_inode_put(inode);
	return 0;
}

void sync_bdevs(bool wait, ktime_t before)
{
	struct sync_args args = {wait, before};

	(void)blk_for_each_device(sync_one_bdev, &args);
}

void bdev_close(struct block_device *bdev, bool write, void *holder)
{
	struct gendisk *disk = bdev->bd_disk;
	struct inode *inode = NULL;

	mutex_lock(&disk->open_mutex);
	if (bdev->bd_openers == 1 && bdev->bd_inode) {
		if (sync_blockdev(bdev) < 0)
			printk("%s: error while writing at close\n", disk->disk_name);
		mutex_lock(&bdev_lock);
		inode = bdev->bd_inode;
		__atomic_store_n(&bdev->bd_inode, NULL, __ATOMIC_RELEASE);
		mutex_unlock(&bdev_lock);
	}
	mutex_unlock(&disk->open_mutex);
	if (inode)
		bdev_inode_put(inode);
	blkdev_put(bdev, write, holder);
}

/* --- block nodes -------------------------------------------------------------------------- */

static int blkdev_open(struct inode *inode, struct file *file)
{
	void *holder = file->f_flags & O_EXCL ? file : NULL;
	struct block_device *bdev = blkdev_get_by_dev(inode->i_rdev, file->f_writable, holder);
	struct address_space *m;

	if (IS_ERR(bdev))
		return (int)PTR_ERR(bdev);
	m = bdev_mapping(bdev);
	if (IS_ERR(m)) {
		blkdev_put(bdev, file->f_writable, holder);
		return (int)PTR_ERR(m);
	}
	/* The device may have grown or shrunk since. */
	mutex_lock(&m->host->i_mutex);
	set_inode_blocksize(bdev, m->host, bdev->bd_block_size);
	mutex_unlock(&m->host->i_mutex);
	file->f_mapping = m;
	file->f_wb_err_seq = filemap_sample_wb_err(m);
	file->private_data = bdev;
	return 0;
}

static void blkdev_release(struct inode *inode, struct file *file)
{
	(void)inode;
	bdev_close(file->private_data, file->f_writable, file->f_flags & O_EXCL ? file : NULL);
}

static loff_t blkdev_llseek(struct file *file, loff_t off, int whence)
{
	loff_t size = (loff_t)bdev_bytes(file->private_data);

	if (whence == SEEK_CUR)
		off += file->f_pos;
	else if (whence == SEEK_END)
		off += size;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0 || off > size)
		return -EINVAL;
	file->f_pos = off;
	return off;
}

/* May it be written, and how much of it? Returns: 0 or -errno. */
static int blkdev_write_checks(const struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = iocb->ki_filp->f_mapping->host;
	loff_t size = READ_ONCE(inode->i_size);

	if (bdev_read_only(inode->i_bdev))
		return -EPERM;
	if (iocb->ki_pos >= size)
		return -ENOSPC;
	iov_iter_truncate(iter, (u64)(size - iocb->ki_pos));
	return 0;
}

static ssize_t blkdev_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = iocb->ki_filp->f_mapping->host;
	ssize_t done;

	if (iov_iter_count(iter) == 0)
		return bdev_read_only(inode->i_bdev) ? -EPERM : 0;
	if (iocb->ki_flags & IOCB_DIRECT) { /* without the mutex: many at a time */
		done = blkdev_write_checks(iocb, iter);
		return done ? done : generic_file_direct_write(iocb, iter);
	}
	mutex_lock(&inode->i_mutex);
	done = blkdev_write_checks(iocb, iter);
	if (!done)
		done = generic_perform_write(iocb, iter);
	mutex_unlock(&inode->i_mutex);
	return generic_write_sync(iocb, done);
}

static int blkdev_fsync(struct file *file, loff_t start, loff_t end, bool datasync)
{
	int err = filemap_fdatawrite_range(file->f_mapping, start, end, true), e;

	(void)datasync;
	filemap_fdatawait_keep_errors(file->f_mapping, start, end);
	e = blkdev_issue_flush(file->private_data);
	err = err < 0 ? err : e;
	e = file_check_and_advance_wb_err(file);
	return err < 0 ? err : e;
}

/* BLKDISCARD and BLKZEROOUT: {start, length} in bytes. */
static int blkdev_range_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct block_device *bdev = file->private_data;
	struct address_space *m = file->f_mapping;
	u64 range[2], mask = bdev_logical_block_size(bdev) - 1;
	sector_t sector, nr;
	int err;

	if (!file->f_writable)
		return -EBADF;
	if (copy_from_user(range, USERPTR(arg), sizeof(range)) < 0)
		return -EFAULT;
	if (((range[0] | range[1]) & mask) != 0 || range[0] + range[1] < range[0] ||
	    range[0] + range[1] > bdev_bytes(bdev))
		return -EINVAL;
	if (range[1] == 0)
		return 0;
	err = filemap_write_and_wait(m);
	if (err < 0)
		return err;
	sector = range[0] >> SECTOR_SHIFT;
	nr = range[1] >> SECTOR_SHIFT;
	mutex_lock(&m->host->i_mutex);
	err = cmd == BLKDISCARD ? blkdev_issue_discard(bdev, sector, nr) :
				  blkdev_issue_zeroout(bdev, sector, nr);
	(void)invalidate_mapping_pages(m, range[0] >> PAGE_SHIFT,
				       (range[0] + range[1] - 1) >> PAGE_SHIFT);
	mutex_unlock(&m->host->i_mutex);
	return err;
}

static int put_int(u64 arg, u32 value)
{
	return put_user_obj(USERPTR(arg), &value);
}

static int put_u64(u64 arg, u64 value)
{
	return put_user_obj(USERPTR(arg), &value);
}

static int blkdev_set_read_only(struct block_device *bdev, u64 arg)
{
	u32 on;

	if (!cred_is_root(current_cred()))
		return -EACCES;
	if (get_user_obj(&on, USERPTR(arg)) < 0)
		return -EFAULT;
	bdev_set_read_only(bdev, on != 0);
	return 0;
}

/* Whoever mounted it relies on the size: the device is claimed meanwhile. */
static int blkdev_set_blocksize(struct file *file, u64 arg)
{
	void *holder = file->f_flags & O_EXCL ? file : (void *)&arg;
	struct block_device *bdev = file->private_data, *claimed;
	u32 bytes;
	int err;

	if (!cred_is_root(current_cred()))
		return -EACCES;
	if (get_user_obj(&bytes, USERPTR(arg)) < 0)
		return -EFAULT;
	claimed = blkdev_get_by_dev(bdev->bd_dev, false, holder);
	if (IS_ERR(claimed))
		return (int)PTR_ERR(claimed);
	err = set_blocksize(claimed, bytes);
	blkdev_put(claimed, false, holder);
	return err;
}

static int blkdev_reread(struct block_device *bdev)
{
	int err;

	if (!cred_is_root(current_cred()))
		return -EACCES;
	err = sync_blockdev(bdev); /* the table is read past the page cache */
	return err < 0 ? err : blkdev_reread_part(bdev);
}

static long blkdev_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct block_device *bdev = file->private_data;
	const struct gendisk *disk = bdev->bd_disk;
	const struct queue_limits *lim = disk->queue ? blk_queue_limits(disk->queue) : NULL;
	u32 sector_size = bdev_logical_block_size(bdev);
	int err;

	switch (cmd) {
	case BLKGETSIZE:
		return put_u64(arg, bdev_nr_sectors(bdev));
	case BLKGETSIZE64:
		return put_u64(arg, bdev_bytes(bdev));
	case BLKSSZGET:
		return put_int(arg, sector_size);
	case BLKPBSZGET:
		return put_int(arg, lim ? max(lim->physical_block_size, sector_size) : sector_size);
	case BLKIOMIN:
		return put_int(arg, lim ? max(lim->io_min_bytes, sector_size) : sector_size);
	case BLKIOOPT:
		return put_int(arg, lim ? lim->io_opt_bytes : 0);
	case BLKBSZGET:
		return put_int(arg, bdev->bd_block_size);
	case BLKBSZSET:
		return blkdev_set_blocksize(file, arg);
	case BLKRAGET:
		return put_u64(arg, READAHEAD_MAX_PAGES << (PAGE_SHIFT - SECTOR_SHIFT));
	case BLKROGET:
		return put_int(arg, bdev_read_only(bdev));
	case BLKROSET:
		return blkdev_set_read_only(bdev, arg);
	case BLKRRPART:
		return blkdev_reread(bdev);
	case BLKFLSBUF:
		if (!cred_is_root(current_cred()))
			return -EACCES;
		err = sync_blockdev(bdev);
		invalidate_bdev(bdev);
		return err;
	case BLKDISCARD:
	case BLKZEROOUT:
		return blkdev_range_ioctl(file, cmd, arg);
	default:
		return disk->fops && disk->fops->ioctl ? disk->fops->ioctl(bdev, cmd, arg) :
							 -ENOTTY;
	}
}

const struct file_operations def_blk_fops = {
	.llseek = blkdev_llseek,
	.read_iter = generic_file_read_iter,
	.write_iter = blkdev_write_iter,
	.ioctl = blkdev_ioctl,
	.open = blkdev_open,
	.release = blkdev_release,
	.fsync = blkdev_fsync,
};
