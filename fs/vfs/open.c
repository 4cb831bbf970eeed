/*
 * open: a name becomes an open file. The steps: walk the path, check rights, call the inode's open.
 * Path: hop 2
 */
#include "fs/file.h"

#include "fs/cache/pagemap.h"
#include "fs/vfs/internal.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static struct file *do_dentry_open(const struct path *path, u32 flags)
{
	struct file *file = alloc_file(path, flags);
	struct inode *inode = path->dentry->d_inode;
	int err;

	if (IS_ERR(file))
		return file;
	path_get(path);
	err = file_get_write_access(file);
	if (err)
		goto err_path;
	if (file->f_op->open)
		err = file->f_op->open(inode, file);
	if (err)
		goto err_write;
	file->f_flags &= ~O_NOCTTY; /* was for open only */
	file->f_wb_err = errseq_sample(&file->f_mapping->wb_err);
	file->f_bdev_err = READ_ONCE(inode->i_sb->s_bdev_err_seen);
	if (flags & O_DIRECT && !(flags & O_PATH) &&
	    (!file->f_mapping->a_ops || !file->f_mapping->a_ops->direct_IO)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	return file;

err_write:
	file_put_write_access(file);
err_path:
	path_put(path);
	free_file(file);
	return ERR_PTR(err);
}

/* May the caller open what was found? */
static int may_open(const struct path *path, u32 flags, bool created)
{
	static const int acc_masks[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
					MAY_READ | MAY_WRITE};
	const struct inode *inode = path->dentry->d_inode;
	int mask = acc_masks[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
	int err;

	if (!inode)
		return -ENOENT;
	if (flags & O_PATH)
		return 0;
	if (S_ISLNK(inode->i_mode))
		return -ELOOP;
	if (S_ISDIR(inode->i_mode) && mask & MAY_WRITE)
		return -EISDIR;
	if ((S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode)) && path->mnt->mnt_flags & MS_NODEV)
		return -EACCES;
	if ((inode->i_mode & S_IFMT) == S_IFSOCK)
		return -ENXIO;
	err = created ? 0 : inode_permission(inode, mask);
	if (!err && flags & O_NOATIME && !inode_owner_or_root(inode))
		err = -EPERM;
	return err;
}

struct file *filp_openat(int dfd, const char *name, u32 flags, mode_t mode)
{
	struct file *file;
	struct path path;
	bool created = false;
	int err;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return ERR_PTR(flags & O_ACCMODE ? -EOPNOTSUPP : -EINVAL);
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else
		flags |= O_LARGEFILE;
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return ERR_PTR(-EINVAL);
	err = path_openat(dfd, name, flags, mode & 07777, &path, &created);
	if (err)
		return ERR_PTR(err);
	err = may_open(&path, flags, created);
	file = err ? ERR_PTR(err) : do_dentry_open(&path, flags);
	if (!IS_ERR(file) && flags & O_TRUNC && !created && S_ISREG(file->f_inode->i_mode)) {
		err = vfs_truncate(&path, 0);
		if (err) {
			fput(file);
			file = ERR_PTR(err);
		}
	}
	path_put(&path);
	return file;
}

struct file *filp_open(const char *name, u32 flags, mode_t mode)
{
	return filp_openat(AT_FDCWD, name, flags, mode);
}

/* --- also: programs --------------------------------------------------------------------- */

struct file *open_exec(const char *name)
{
	struct file *file;
	struct path path;
	mode_t mode;
	int err = path_lookupat(AT_FDCWD, name, LOOKUP_FOLLOW, &path);

	if (err)
		return ERR_PTR(err);
	/* Looked at before it is opened: a FIFO would wait for its writer. */
	mode = path.dentry->d_inode->i_mode;
	if (!S_ISREG(mode) || path.mnt->mnt_flags & MS_NOEXEC)
		err = -EACCES;
	else
		err = inode_permission(path.dentry->d_inode, MAY_EXEC);
	file = err ? ERR_PTR(err) : do_dentry_open(&path, O_RDONLY);
	path_put(&path);
	return file;
}
