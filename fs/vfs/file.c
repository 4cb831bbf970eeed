/*
 * Open files: how they come to be, and go.
 * Path: hop 2
 */
#include "fs/file.h"

#include "fs/cache/pagemap.h"
#include "fs/fs_struct.h"
#include "fs/vfs/internal.h"
#include "fs/vfs/locks.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"

static atomic_t nr_files = ATOMIC_INIT(0);
static const struct file_operations no_fops;

u32 files_nr_open(void)
{
	return (u32)atomic_read(&nr_files);
}

static struct file *alloc_file(const struct path *path, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	u32 acc = flags & O_ACCMODE;
	struct file *file;

	if (atomic_add_return(&nr_files, 1) > FILES_MAX && !cred_is_root(current_cred())) {
		atomic_dec(&nr_files);
		return ERR_PTR(-ENFILE);
	}
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file) {
		atomic_dec(&nr_files);
		return ERR_PTR(-ENOMEM);
	}
	atomic_set(&file->f_count, 1);
	mutex_init(&file->f_pos_lock);
	file->f_flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
	file->f_excl = (flags & O_EXCL) != 0;
	if (!(flags & O_PATH)) {
		file->f_readable = acc == O_RDONLY || acc == O_RDWR;
		file->f_writable = acc == O_WRONLY || acc == O_RDWR;
	}
	file->f_path = *path;
	file->f_inode = inode;
	file->f_mapping = inode->i_mapping;
	file->f_op = flags & O_PATH || !inode->i_fop ? &no_fops : inode->i_fop;
	return file;
}

static void free_file(struct file *file)
{
	kfree(file);
	atomic_dec(&nr_files);
}

/* Writers of what lies in the filesystem itself keep it writable and unexecuted. */
static bool holds_write(const struct file *file)
{
	return file->f_writable && S_ISREG(file->f_inode->i_mode);
}

static struct file *do_dentry_open(const struct path *path, u32 flags)
{
	struct file *file = alloc_file(path, flags);
	struct inode *inode = path->dentry->d_inode;
	int err = 0;

	if (IS_ERR(file))
		return file;
	path_get(path);
	if (holds_write(file)) {
		err = get_write_access(inode);
		if (err)
			goto err_path;
		err = mnt_want_write(path->mnt);
		if (err)
			goto err_writecount;
	}
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
	if (holds_write(file))
		mnt_drop_write(path->mnt);
err_writecount:
	if (holds_write(file))
		put_write_access(inode);
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

struct file *alloc_file_pseudo(struct inode *inode, const char *name, u32 flags,
			       const struct file_operations *fops)
{
	struct dentry *dentry = d_alloc_pseudo(igrab(inode), name);
	struct path path = {&pseudo_mount, dentry};
	struct file *file;

	if (!dentry)
		return ERR_PTR(-ENOMEM);
	mntget(path.mnt);
	file = alloc_file(&path, flags);
	if (IS_ERR(file)) {
		path_put(&path);
		return file;
	}
	file->f_op = fops;
	return file;
}

void fput(struct file *file)
{
	if (!atomic_dec_and_test(&file->f_count))
		return;
	file_locks_drop(file, file);
	if (file->f_op->release)
		file->f_op->release(file->f_inode, file);
	if (holds_write(file)) {
		mnt_drop_write(file->f_path.mnt);
		put_write_access(file->f_inode);
	}
	path_put(&file->f_path);
	free_file(file);
}
