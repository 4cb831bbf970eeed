/*
 * The operations on names: make, remove, link and rename.
 *
 * Lock order: fs/inode.h.
 * Also there: names are made and removed
 */
#include "fs/vfs/namei.h"

#include "fs/fs_struct.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Walk to where a name shall be made. On success: nd->path is the directory, locked and held
 * writable, and the dentry returned is negative. End with end_create(). */
static struct dentry *start_create(struct nameidata *nd, int dfd, const char *name, bool is_dir)
{
	struct dentry *dentry;
	int err = nd_start_parent(nd, dfd, name), write_err;

	if (err)
		return ERR_PTR(err);
	if (nd->last_type != LAST_NORM) {
		err = -EEXIST;
		goto err_nd;
	}
	write_err = mnt_want_write(nd->path.mnt);
	mutex_lock(&nd->path.dentry->d_inode->i_mutex);
	dentry = lookup_locked(nd->path.dentry, &nd->last);
	if (IS_ERR(dentry)) {
		err = (int)PTR_ERR(dentry);
		goto err_lock;
	}
	if (dentry->d_inode)
		err = -EEXIST;
	else if (nd->trailing && !is_dir)
		err = -ENOENT;
	else if (write_err)
		err = write_err;
	else
		err = may_create(nd->path.dentry->d_inode);
	if (!err)
		return dentry;
	dput(dentry);
err_lock:
	mutex_unlock(&nd->path.dentry->d_inode->i_mutex);
	if (!write_err)
		mnt_drop_write(nd->path.mnt);
err_nd:
	nd_end(nd);
	return ERR_PTR(err);
}

static void end_create(struct nameidata *nd, struct dentry *dentry)
{
	mutex_unlock(&nd->path.dentry->d_inode->i_mutex);
	mnt_drop_write(nd->path.mnt);
	dput(dentry);
	nd_end(nd);
}

int vfs_mkdirat(int dfd, const char *name, mode_t mode)
{
	struct nameidata nd;
	struct dentry *dentry = start_create(&nd, dfd, name, true);
	struct inode *dir;
	int err = -EPERM;

	if (IS_ERR(dentry))
		return (int)PTR_ERR(dentry);
	dir = nd.path.dentry->d_inode;
	mode = (mode & (0777 | S_ISVTX) & ~current_fs()->umask) | S_IFDIR;
	if (dir->i_op->mkdir)
		err = dir->i_op->mkdir(dir, dentry, mode);
	end_create(&nd, dentry);
	return err;
}

int vfs_mknodat(int dfd, const char *name, mode_t mode, dev_t dev)
{
	struct nameidata nd;
	struct dentry *dentry;
	struct inode *dir;
	int err = -EPERM;

	if ((mode & S_IFMT) == 0)
		mode |= S_IFREG;
	if (S_ISDIR(mode))
		return -EPERM;
	if (!S_ISREG(mode) && !S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISFIFO(mode) &&
	    (mode & S_IFMT) != S_IFSOCK)
		return -EINVAL;
	dentry = start_create(&nd, dfd, name, false);
	if (IS_ERR(dentry))
		return (int)PTR_ERR(dentry);
	dir = nd.path.dentry->d_inode;
	mode = vfs_prepare_mode(dir, mode & (S_IFMT | 07777));
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !cred_is_root(current_cred()))
		err = -EPERM;
	else if (S_ISREG(mode) && dir->i_op->create)
		err = dir->i_op->create(dir, dentry, mode);
	else if (!S_ISREG(mode) && dir->i_op->mknod)
		err = dir->i_op->mknod(dir, dentry, mode, dev);
	end_create(&nd, dentry);
	return err;
}

int vfs_symlinkat(const char *target, int dfd, const char *name)
{
	struct nameidata nd;
	struct dentry *dentry;
	struct inode *dir;
	int err = -EPERM;

	if (!*target)
		return -ENOENT;
	if (strnlen(target, PATH_MAX_LEN) == PATH_MAX_LEN)
		return -ENAMETOOLONG;
	dentry = start_create(&nd, dfd, name, false);
	if (IS_ERR(dentry))
		return (int)PTR_ERR(dentry);
	dir = nd.path.dentry->d_inode;
	if (dir->i_op->symlink)
		err = dir->i_op->symlink(dir, dentry, target);
	end_create(&nd, dentry);
	return err;
}

/* As Linux with fs.protected_hardlinks: a name keeps a file alive that its owner removes, so others
 * may link only what they may change anyhow, and what gives no privilege. */
static int may_link(const struct inode *inode)
{
	const mode_t set_gid = S_ISGID | S_IXGRP;

	if (inode_owner_or_root(inode))
		return 0;
	if (!S_ISREG(inode->i_mode) || inode->i_mode & S_ISUID ||
	    (inode->i_mode & set_gid) == set_gid)
		return -EPERM;
	return inode_permission(inode, MAY_READ | MAY_WRITE) ? -EPERM : 0;
}

int vfs_linkat(int odfd, const char *oldname, int ndfd, const char *newname, u32 lookup)
{
	struct nameidata nd;
	struct dentry *dentry;
	struct inode *dir, *inode;
	struct path old;
	int err;

	err = path_lookupat(odfd, oldname, lookup, &old);
	if (err)
		return err;
	inode = old.dentry->d_inode;
	dentry = start_create(&nd, ndfd, newname, false);
	if (IS_ERR(dentry)) {
		path_put(&old);
		return (int)PTR_ERR(dentry);
	}
	dir = nd.path.dentry->d_inode;
	if (old.mnt != nd.path.mnt) {
		err = -EXDEV;
	} else if (S_ISDIR(inode->i_mode) || !dir->i_op->link) {
		err = -EPERM;
	} else {
		mutex_lock(&inode->i_mutex);
		err = may_link(inode);
		if (!err)
			err = inode->i_nlink == 0 ? -ENOENT : dir->i_op->link(dir, dentry, inode);
		mutex_unlock(&inode->i_mutex);
	}
	end_create(&nd, dentry);
	path_put(&old);
	return err;
}

/* May the caller take this name out of dir? */
static int may_delete(const struct inode *dir, const struct dentry *victim, bool is_dir)
{
	const struct inode *inode = victim->d_inode;
	const struct cred *cred = current_cred();
	int err;

	if (!inode)
		return -ENOENT;
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (dir->i_mode & S_ISVTX && !cred_is_root(cred) && cred->fsuid != inode->i_uid &&
	    cred->fsuid != dir->i_uid)
		return -EPERM;
	if (is_dir && !S_ISDIR(inode->i_mode))
		return -ENOTDIR;
	if (!is_dir && S_ISDIR(inode->i_mode))
		return -EISDIR;
	return victim->d_mounted ? -EBUSY : 0;
}

/* Take the last component out of the directory that the walk ended in. */
static int remove_last(struct nameidata *nd, bool is_dir)
{
	struct inode *dir = nd->path.dentry->d_inode, *inode = NULL;
	int (*op)(struct inode * dir, struct dentry * dentry);
	struct dentry *dentry;
	int err = mnt_want_write(nd->path.mnt);

	if (err)
		return err;
	mutex_lock(&dir->i_mutex);
	dentry = lookup_locked(nd->path.dentry, &nd->last);
	if (IS_ERR(dentry)) {
		err = (int)PTR_ERR(dentry);
		goto out;
	}
	if (!is_dir && nd->trailing && dentry->d_inode)
		err = S_ISDIR(dentry->d_inode->i_mode) ? -EISDIR : -ENOTDIR;
	if (!err)
		err = may_delete(dir, dentry, is_dir);
	if (!err) {
		inode = igrab(dentry->d_inode);
		mutex_lock(&inode->i_mutex);
		op = is_dir ? dir->i_op->rmdir : dir->i_op->unlink;
		err = op ? op(dir, dentry) : -EPERM;
		mutex_unlock(&inode->i_mutex);
	}
	if (!err) {
		d_drop(dentry);
		shrink_dcache_parent(dentry);
	}
	dput(dentry);
out:
	mutex_unlock(&dir->i_mutex);
	iput(inode); /* frees its blocks, not under the directory's lock */
	mnt_drop_write(nd->path.mnt);
	return err;
}

static int do_remove(int dfd, const char *name, bool is_dir)
{
	static const int rmdir_refusals[] = {
		[LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY, [LAST_NONE] = -EBUSY};
	struct nameidata nd;
	int err = nd_start_parent(&nd, dfd, name);

	if (err)
		return err;
	if (nd.last_type == LAST_NORM)
		err = remove_last(&nd, is_dir);
	else
		err = is_dir ? rmdir_refusals[nd.last_type] : -EISDIR;
	nd_end(&nd);
	return err;
}

int vfs_unlinkat(int dfd, const char *name)
{
	return do_remove(dfd, name, false);
}

int vfs_rmdirat(int dfd, const char *name)
{
	return do_remove(dfd, name, true);
}

/* --- rename --- */

/* Locked by inode: what names two dentries may be one directory, and is locked once. */
static void lock_rename(struct dentry *a, struct dentry *b)
{
	if (a->d_inode == b->d_inode) {
		mutex_lock(&a->d_inode->i_mutex);
		return;
	}
	/* The mutex keeps the tree as it is, so that nobody else can order the two differently. */
	mutex_lock(&a->d_sb->s_rename_mutex);
	if (d_is_ancestor(b, a) || (!d_is_ancestor(a, b) && b < a)) {
		struct dentry *t = a;

		a = b;
		b = t;
	}
	mutex_lock(&a->d_inode->i_mutex);
	mutex_lock(&b->d_inode->i_mutex);
}

static void unlock_rename(struct dentry *a, struct dentry *b)
{
	mutex_unlock(&a->d_inode->i_mutex);
	if (a->d_inode != b->d_inode) {
		mutex_unlock(&b->d_inode->i_mutex);
		mutex_unlock(&a->d_sb->s_rename_mutex);
	}
}

/* The checks that need both names. */
static int may_rename(struct nameidata *from, struct dentry *old, struct nameidata *to,
		      struct dentry *new, u32 flags)
{
	struct inode *old_dir = from->path.dentry->d_inode, *new_dir = to->path.dentry->d_inode;
	bool is_dir;
	int err;

	if (!old->d_inode)
		return -ENOENT;
	is_dir = S_ISDIR(old->d_inode->i_mode);
	if (new->d_inode && flags &RENAME_NOREPLACE)
		return -EEXIST;
	if (!is_dir && (from->trailing || to->trailing))
		return -ENOTDIR;
	if (d_is_ancestor(old, to->path.dentry))
		return -EINVAL;
	if (d_is_ancestor(new, from->path.dentry))
		return -ENOTEMPTY;
	if (old->d_inode == new->d_inode)
		return 0;
	err = may_delete(old_dir, old, is_dir);
	if (!err)
		err = new->d_inode ? may_delete(new_dir, new, is_dir) : may_create(new_dir);
	if (!err && is_dir && new_dir != old_dir)
		err = inode_permission(old->d_inode, MAY_WRITE); /* its ".." changes */
	if (!err && !old_dir->i_op->rename)
		err = -EPERM;
	return err;
}

static int rename_locked(struct nameidata *from, struct nameidata *to, u32 flags,
			 struct inode **victim)
{
	struct inode *old_dir = from->path.dentry->d_inode, *new_dir = to->path.dentry->d_inode;
	struct dentry *old, *new;
	int err;

	old = lookup_locked(from->path.dentry, &from->last);
	if (IS_ERR(old))
		return (int)PTR_ERR(old);
	new = lookup_locked(to->path.dentry, &to->last);
	if (IS_ERR(new)) {
		err = (int)PTR_ERR(new);
		goto out_old;
	}
	err = may_rename(from, old, to, new, flags);
	if (err || old->d_inode == new->d_inode) /* two names of one file: both stay */
		goto out;
	if (new->d_inode) {
		*victim = igrab(new->d_inode);
		mutex_lock(&(*victim)->i_mutex);
	}
	err = old_dir->i_op->rename(old_dir, old, new_dir, new);
	if (*victim)
		mutex_unlock(&(*victim)->i_mutex);
	if (!err) {
		d_move(old, new);
		shrink_dcache_parent(new);
	}
out:
	dput(new);
out_old:
	dput(old);
	return err;
}

int vfs_renameat(int odfd, const char *oldname, int ndfd, const char *newname, u32 flags)
{
	struct inode *victim = NULL;
	struct nameidata from, to;
	int err;

	if (flags & ~RENAME_NOREPLACE)
		return -EINVAL;
	err = nd_start_parent(&from, odfd, oldname);
	if (err)
		return err;
	err = nd_start_parent(&to, ndfd, newname);
	if (err)
		goto out_from;
	if (from.path.mnt != to.path.mnt)
		err = -EXDEV;
	else if (from.last_type != LAST_NORM)
		err = -EBUSY;
	else if (to.last_type != LAST_NORM)
		err = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	else
		err = mnt_want_write(from.path.mnt);
	if (err)
		goto out;
	lock_rename(from.path.dentry, to.path.dentry);
	err = rename_locked(&from, &to, flags, &victim);
	unlock_rename(from.path.dentry, to.path.dentry);
	iput(victim);
	mnt_drop_write(from.path.mnt);
out:
	nd_end(&to);
out_from:
	nd_end(&from);
	return err;
}
