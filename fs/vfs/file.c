/*
 * Open files as objects: they are made, held and released. open.c makes one from a name.
 * Path: hop 2 (alloc_file)
 */
#include "fs/file.h"

#include "fs/fs_struct.h"
#include "fs/vfs/internal.h"
#include "fs/vfs/locks.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"

static atomic_t nr_files = ATOMIC_INIT(0);
static const struct file_operations no_fops;

u32 files_nr_open(void)
{
	return (u32)atomic_read(&nr_files);
}

struct file *alloc_file(const struct path *path, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	u32 acc = flags & O_ACCMODE;
	struct file *file = NULL;
	int err = -ENFILE;

	if (atomic_add_return(&nr_files, 1) <= FILES_MAX || cred_is_root(current_cred())) {
		file = kzalloc(sizeof(*file), GFP_KERNEL);
		err = -ENOMEM;
	}
	if (!file) {
		atomic_dec(&nr_files);
		return ERR_PTR(err);
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

void free_file(struct file *file)
{
	kfree(file);
	atomic_dec(&nr_files);
}

/* Writers of what lies in the filesystem itself keep it writable and unexecuted. */
static bool holds_write(const struct file *file)
{
	return file->f_writable && S_ISREG(file->f_inode->i_mode);
}

int file_get_write_access(struct file *file)
{
	int err = holds_write(file) ? get_write_access(file->f_inode) : 0;

	if (err || !holds_write(file))
		return err;
	err = mnt_want_write(file->f_path.mnt);
	if (err)
		put_write_access(file->f_inode);
	return err;
}

void file_put_write_access(struct file *file)
{
	if (!holds_write(file))
		return;
	mnt_drop_write(file->f_path.mnt);
	put_write_access(file->f_inode);
}

void fput(struct file *file)
{
	if (!atomic_dec_and_test(&file->f_count))
		return;
	file_locks_drop(file, file);
	if (file->f_op->release)
		file->f_op->release(file->f_inode, file);
	file_put_write_access(file);
	path_put(&file->f_path);
	free_file(file);
}

/* --- also: files without a name --------------------------------------------------------- */

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
