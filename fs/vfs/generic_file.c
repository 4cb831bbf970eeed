/*
 * The file operations that files of most filesystems share (hops 3 to 6): what a read or write does
 * besides copying: times, limits, set-id bits, direct or cached, O_SYNC; and fsync.
 *
 * A failed flush is an error of the device's mapping, which files on it compare, too; when fsync
 * itself asked for the flush, its caller alone is told.
 * Path: hop 4, 5, 6
 */
#include "fs/vfs/generic_file.h"

#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/cache/buffer_head.h"
#include "fs/cache/direct_io.h"
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/rlimit.h"
#include "fs/super.h"
#include "kernel/lib/errno.h"

ssize_t generic_file_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	bool direct = (iocb->ki_flags & IOCB_DIRECT) != 0;
	ssize_t done;

	if (iov_iter_count(iter) == 0)
		return 0;
	/* A direct read may be under way, and its iocb be gone, when the call is back. */
	if (direct && !(file->f_flags & O_NOATIME))
		inode_update_atime(file->f_inode);
	if (direct)
		return generic_file_direct_read(iocb, iter);
	done = filemap_read(iocb, iter);
	if (!(file->f_flags & O_NOATIME))
		inode_update_atime(file->f_inode);
	return done;
}

/* Where the write goes and how much fits. Returns: 0 or -EFBIG. */
static int write_checks(struct kiocb *iocb, struct iov_iter *iter, struct inode *inode)
{
	u64 limit = inode->i_sb->s_maxbytes;

	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = inode->i_size;
	if (S_ISREG(inode->i_mode) && rlimit(RLIMIT_FSIZE) < limit) {
		int err = file_size_allowed(iocb->ki_pos + 1);

		if (err)
			return err;
		limit = rlimit(RLIMIT_FSIZE);
	}
	if ((u64)iocb->ki_pos >= limit)
		return -EFBIG;
	iov_iter_truncate(iter, limit - (u64)iocb->ki_pos);
	return 0;
}

ssize_t generic_file_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = iocb->ki_filp->f_mapping->host;
	ssize_t done;

	if (iov_iter_count(iter) == 0)
		return 0;
	if (inode->i_sb->s_flags & MS_SYNCHRONOUS)
		iocb->ki_flags |= IOCB_DSYNC | IOCB_SYNC;
	if (!mutex_trylock(&inode->i_mutex)) {
		if (iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		mutex_lock(&inode->i_mutex);
	}
	done = write_checks(iocb, iter, inode);
	if (done == 0)
		done = file_remove_privs(iocb->ki_filp);
	if (done == 0) {
		file_update_time(iocb->ki_filp);
		if (iocb->ki_flags & IOCB_DIRECT)
			done = generic_file_direct_write(iocb, iter);
		else
			done = generic_perform_write(iocb, iter);
	}
	mutex_unlock(&inode->i_mutex);
	return done > 0 ? generic_write_sync(iocb, done) : done;
}

/* The device lost metadata of this filesystem, or what it had not flushed: any file may be
 * concerned, and each open one reports it once. */
static int check_bdev_err(struct file *file, struct super_block *sb)
{
	struct inode *cache = sb->s_bdev->bd_inode;
	int err = cache ? errseq_check(&cache->i_data.wb_err, file->f_bdev_err) : 0;

	if (err) {
		file->f_bdev_err = errseq_now(&cache->i_data.wb_err);
		WRITE_ONCE(sb->s_bdev_err_seen, file->f_bdev_err);
	}
	return err;
}

int generic_file_fsync(struct file *file, loff_t start, loff_t end, bool datasync)
{
	struct address_space *m = file->f_mapping;
	struct inode *inode = m->host;
	int err = filemap_fdatawrite_range(m, start, end, true), e;

	filemap_fdatawait_range(m, start, end);
	e = sync_mapping_buffers(m);
	err = err < 0 ? err : e;
	e = sync_inode_metadata(inode, datasync);
	err = err < 0 ? err : e;
	if (inode->i_sb->s_bdev) {
		e = blkdev_issue_flush(inode->i_sb->s_bdev);
		err = err < 0 ? err : e;
		e = check_bdev_err(file, inode->i_sb);
		err = err < 0 ? err : e;
	}
	e = errseq_check_and_advance(&m->wb_err, &file->f_wb_err);
	return err < 0 ? err : e;
}
