/*
 * Calls that ask or change a file by its name: stat, access, readlink, attributes, size.
 * Also there: what is asked of a file by its name
 */
#include "fs/stat.h"

#include "fs/fs_struct.h"
#include "fs/rlimit.h"
#include "fs/vfs/internal.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"

int vfs_getattr(const struct path *path, struct kstat *stat)
{
	struct inode *inode = path->dentry->d_inode;

	if (inode->i_op && inode->i_op->getattr)
		return inode->i_op->getattr(inode, stat);
	generic_fillattr(inode, stat);
	return 0;
}

int vfs_accessat(int dfd, const char *name, int mask, bool effective, u32 lookup)
{
	struct cred *saved = current->cred, real = *current_cred();
	const struct inode *inode;
	struct path path;
	int err;

	real.fsuid = effective ? real.euid : real.uid;
	real.fsgid = effective ? real.egid : real.gid;
	current->cred = &real; /* nobody else looks at it meanwhile */
	err = path_lookupat(dfd, name, lookup, &path);
	if (!err) {
		inode = path.dentry->d_inode;
		if (mask & MAY_EXEC && S_ISREG(inode->i_mode) && path.mnt->mnt_flags & MS_NOEXEC)
			err = -EACCES;
		else if (mask)
			err = inode_permission(inode, mask);
		path_put(&path);
	}
	current->cred = saved;
	return err;
}

/* The text of a link that has none: the name of where it leads. */
static ssize_t read_magic_link(struct inode *inode, char *buf, size_t size)
{
	struct path path, root;
	char *name;
	size_t len;
	int err = inode->i_op->get_link(inode, &path);

	if (err)
		return err;
	get_fs_root(&root);
	name = d_path(&path, &root, buf, size);
	path_put(&root);
	path_put(&path);
	if (IS_ERR(name))
		return PTR_ERR(name);
	len = strlen(name);
	memmove(buf, name, len + 1);
	return (ssize_t)len;
}

ssize_t vfs_readlinkat(int dfd, const char *name, char *buf, size_t size)
{
	struct inode *inode;
	struct path path;
	ssize_t ret = path_lookupat(dfd, name, LOOKUP_EMPTY, &path);

	if (ret)
		return ret;
	inode = path.dentry->d_inode;
	if (!S_ISLNK(inode->i_mode)) {
		ret = *name ? -EINVAL : -ENOENT;
	} else if (inode->i_op->get_link) {
		ret = read_magic_link(inode, buf, size);
	} else {
		inode_update_atime(inode);
		ret = inode->i_op->readlink(inode, buf, size);
	}
	path_put(&path);
	return ret;
}

int vfs_setattr(const struct path *path, struct iattr *attr)
{
	struct inode *inode = path->dentry->d_inode;
	int err = mnt_want_write(path->mnt);

	if (err)
		return err;
	mutex_lock(&inode->i_mutex);
	err = inode_change_ok(inode, attr);
	if (!err)
		err = notify_change(inode, attr);
	mutex_unlock(&inode->i_mutex);
	mnt_drop_write(path->mnt);
	return err;
}

/* Change the size without asking for permission. */
static int do_truncate(const struct path *path, loff_t size)
{
	const struct inode *inode = path->dentry->d_inode;
	struct timespec64 now = current_time();
	struct iattr attr = {.ia_valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME,
			     .ia_size = size,
			     .ia_mtime = now,
			     .ia_ctime = now};

	if (size < 0)
		return -EINVAL;
	if ((u64)size > inode->i_sb->s_maxbytes ||
	    (size > inode->i_size && file_size_allowed(size)))
		return -EFBIG;
	return vfs_setattr(path, &attr);
}

int vfs_truncate(const struct path *path, loff_t size)
{
	struct inode *inode = path->dentry->d_inode;
	int err;

	if (S_ISDIR(inode->i_mode))
		return -EISDIR;
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	err = inode_permission(inode, MAY_WRITE);
	if (err)
		return err;
	err = get_write_access(inode);
	if (err)
		return err;
	err = do_truncate(path, size);
	put_write_access(inode);
	return err;
}

int vfs_ftruncate(struct file *file, loff_t size)
{
	if (!file->f_writable || !S_ISREG(file->f_inode->i_mode))
		return -EINVAL;
	return do_truncate(&file->f_path, size);
}

static void pick_time(const struct timespec64 *t, u32 bit, struct timespec64 *to, u32 *valid)
{
	if (t && t->tv_nsec == UTIME_OMIT_)
		return;
	*to = !t || t->tv_nsec == UTIME_NOW_ ? current_time() : *t;
	*valid |= bit;
}

int vfs_utimes(const struct path *path, const struct timespec64 times[2])
{
	const struct inode *inode = path->dentry->d_inode;
	struct iattr attr = {.ia_valid = 0};
	bool now = !times || (times[0].tv_nsec == UTIME_NOW_ && times[1].tv_nsec == UTIME_NOW_);
	int err;

	pick_time(times ? &times[0] : NULL, ATTR_ATIME, &attr.ia_atime, &attr.ia_valid);
	pick_time(times ? &times[1] : NULL, ATTR_MTIME, &attr.ia_mtime, &attr.ia_valid);
	if (!attr.ia_valid)
		return 0;
	if (!inode_owner_or_root(inode)) {
		err = now ? inode_permission(inode, MAY_WRITE) : -EPERM;
		if (err)
			return err;
	}
	return vfs_setattr(path, &attr);
}

static int may_enter(const struct path *path)
{
	const struct inode *inode = path->dentry->d_inode;

	return S_ISDIR(inode->i_mode) ? inode_permission(inode, MAY_EXEC) : -ENOTDIR;
}

int vfs_chdir(const struct path *path)
{
	int err = may_enter(path);

	if (!err)
		set_fs_pwd(path);
	return err;
}

int vfs_chroot(const struct path *path)
{
	int err = may_enter(path);

	if (!err && !cred_is_root(current_cred()))
		err = -EPERM;
	if (!err)
		set_fs_root(path);
	return err;
}

char *vfs_getcwd(char *buf, size_t size)
{
	struct path pwd, root;
	char *name = ERR_PTR(-ENOENT);

	get_fs_root(&root);
	get_fs_pwd(&pwd);
	if (!pwd.dentry->d_unhashed || pwd.dentry->d_parent == pwd.dentry)
		name = d_path(&pwd, &root, buf, size);
	path_put(&pwd);
	path_put(&root);
	return name;
}
