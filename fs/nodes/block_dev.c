/*
 * Block nodes: a block device as a file (hop 3). Its pages are those of the device's cache
 * (fs/cache/bdev_cache.c); its ioctls are in block_ioctl.c.
 * Path: hop 2, 3 (blkdev_write_iter)
 */
#include "fs/nodes/block_dev.h"

#include "block/blkdev.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/direct_io.h"
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/vfs/generic_file.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static int blkdev_open(struct inode *inode, struct file *file)
{
	void *holder = file->f_excl ? file : NULL;
	struct block_device *bdev = blkdev_get_by_dev(inode->i_rdev, file->f_writable, holder);
	struct address_space *m;

	if (IS_ERR(bdev))
		return (int)PTR_ERR(bdev);
	m = bdev_mapping(bdev);
	if (IS_ERR(m)) {
		blkdev_put(bdev, holder);
		return (int)PTR_ERR(m);
	}
	file->f_mapping = m;
	file->f_wb_err = errseq_sample(&m->wb_err);
	file->private_data = bdev;
	return 0;
}

static void blkdev_release(struct inode *inode, struct file *file)
{
	(void)inode;
	bdev_close(file->private_data, file->f_writable, file->f_excl ? file : NULL);
}

static loff_t blkdev_llseek(struct file *file, loff_t off, int whence)
{
	loff_t size = (loff_t)bdev_bytes(file->private_data);

	return generic_file_llseek_size(file, off, whence, size, size);
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
	filemap_fdatawait_range(file->f_mapping, start, end);
	e = blkdev_issue_flush(file->private_data);
	err = err < 0 ? err : e;
	e = errseq_check_and_advance(&file->f_mapping->wb_err, &file->f_wb_err);
	return err < 0 ? err : e;
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
