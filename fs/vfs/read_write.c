/*
 * Operations on open files with their checks, as the system calls need them.
 * Path: hop 3
 */
#include "fs/file.h"

#include "fs/inode.h"
#include "fs/poll.h"
#include "kernel/lib/errno.h"

static bool is_stream(const struct file *file)
{
	return file->f_op->llseek == no_llseek;
}

int vfs_rw_allowed(const struct file *file, bool positional, bool write)
{
	if (positional && is_stream(file))
		return -ESPIPE;
	return (write ? file->f_writable : file->f_readable) ? 0 : -EBADF;
}

int vfs_iocb_check(struct kiocb *iocb, struct iov_iter *it, bool write)
{
	const struct file *file = iocb->ki_filp;
	const struct inode *inode = file->f_inode;

	if (!(write ? file->f_writable : file->f_readable))
		return -EBADF;
	iocb->ki_flags |= file->f_flags & IOCB_O_BITS;
	if (!(write ? file->f_op->write_iter : file->f_op->read_iter))
		return -EINVAL;
	/* Who can tell that he would have to wait? */
	if ((iocb->ki_flags & IOCB_NOWAIT) &&
	    ((!S_ISREG(inode->i_mode) && !S_ISBLK(inode->i_mode)) ||
	     (write && !(iocb->ki_flags & IOCB_DIRECT))))
		return -EOPNOTSUPP;
	iov_iter_truncate(it, MAX_RW_COUNT);
	if (iocb->ki_pos < 0 || iov_iter_count(it) > (u64)(INT64_MAX - iocb->ki_pos))
		return -EINVAL;
	return 0;
}

/* pos NULL: at f_pos, which moves. */
static ssize_t do_rw(struct file *file, struct iov_iter *it, loff_t *pos, u32 iocb_flags,
		     bool write)
{
	struct kiocb iocb = {.ki_filp = file, .ki_flags = iocb_flags};
	bool lock = !pos && !is_stream(file);
	ssize_t ret;

	if (pos && is_stream(file))
		return -ESPIPE;
	if (lock)
		mutex_lock(&file->f_pos_lock);
	iocb.ki_pos = pos ? *pos : file->f_pos;
	ret = vfs_iocb_check(&iocb, it, write);
	if (!ret)
		ret = vfs_iocb_rw(&iocb, it, write);
	else if (ret == -EINVAL && S_ISDIR(file->f_inode->i_mode))
		ret = -EISDIR;
	if (ret >= 0)
		*(pos ? pos : &file->f_pos) = iocb.ki_pos;
	if (lock)
		mutex_unlock(&file->f_pos_lock);
	return ret;
}

ssize_t vfs_readv(struct file *file, struct iov_iter *it, loff_t *pos, u32 iocb_flags)
{
	return do_rw(file, it, pos, iocb_flags, false);
}

ssize_t vfs_writev(struct file *file, struct iov_iter *it, loff_t *pos, u32 iocb_flags)
{
	return do_rw(file, it, pos, iocb_flags, true);
}

int vfs_fsync(struct file *file, bool datasync)
{
	return file->f_op->fsync ? file->f_op->fsync(file, 0, INT64_MAX, datasync) : -EINVAL;
}

/* --- also: the kernel's reads, positions, directories, ioctl, poll ---------------------- */

ssize_t kernel_read(struct file *file, void *buf, size_t len, loff_t pos)
{
	struct iov_iter it;

	iov_iter_init_kernel(&it, buf, len);
	return vfs_readv(file, &it, &pos, 0);
}

loff_t vfs_llseek(struct file *file, loff_t off, int whence)
{
	loff_t ret;

	if (is_stream(file))
		return -ESPIPE;
	mutex_lock(&file->f_pos_lock);
	ret = file->f_op->llseek ? file->f_op->llseek(file, off, whence) :
				   generic_file_llseek(file, off, whence);
	mutex_unlock(&file->f_pos_lock);
	return ret;
}

int vfs_iterate(struct file *file, struct dir_context *ctx)
{
	struct inode *inode = file->f_inode;
	int err = -ENOENT;

	if (!file->f_op->iterate)
		return -ENOTDIR;
	if (!file->f_readable)
		return -EBADF;
	mutex_lock(&file->f_pos_lock);
	mutex_lock(&inode->i_mutex);
	if (inode->i_nlink != 0) {
		ctx->pos = file->f_pos;
		err = file->f_op->iterate(file, ctx);
		file->f_pos = ctx->pos;
		if (!(file->f_flags & O_NOATIME))
			inode_update_atime(inode);
	}
	mutex_unlock(&inode->i_mutex);
	mutex_unlock(&file->f_pos_lock);
	return err;
}

long vfs_ioctl(struct file *file, u32 cmd, u64 arg)
{
	return file->f_op->ioctl ? file->f_op->ioctl(file, cmd, arg) : -ENOTTY;
}

u32 vfs_poll(struct file *file, struct poll_table *pt)
{
	return file->f_op->poll ? file->f_op->poll(file, pt) :
				  POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}
