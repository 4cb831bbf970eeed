/*
 * Path walk.
 *
 * The text of a symlink is put in front of what is left to walk. So the walk is one loop without
 * recursion, however links lead to links.
 *
 * Lock order: one directory's i_mutex at a time.
 * Path: hop 2
 */
#include "fs/vfs/namei.h"

#include "fs/fs_struct.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

static int nd_start(struct nameidata *nd, int dfd, const char *name, u32 flags)
{
	struct file *file;
	size_t len = strnlen(name, PATH_MAX_LEN);

	if (len == 0 && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (len == PATH_MAX_LEN)
		return -ENAMETOOLONG;
	*nd = (struct nameidata){.name = name};
	if (*name == '/') {
		get_fs_root(&nd->path);
	} else if (dfd == AT_FDCWD) {
		get_fs_pwd(&nd->path);
	} else {
		file = fget_raw(dfd);
		if (!file)
			return -EBADF;
		nd->path = file->f_path;
		path_get(&nd->path);
		fput(file);
		if (len > 0 && !S_ISDIR(nd->path.dentry->d_inode->i_mode)) {
			path_put(&nd->path);
			return -ENOTDIR;
		}
	}
	get_fs_root(&nd->root);
	return 0;
}

void nd_end(struct nameidata *nd)
{
	path_put(&nd->path);
	path_put(&nd->root);
	kfree(nd->buf);
}

static void nd_jump(struct nameidata *nd, struct path to)
{
	path_put(&nd->path);
	nd->path = to;
}

/* A name that is known and still stands for the same thing, with a reference, or NULL. */
static struct dentry *lookup_known(struct dentry *dir, const struct qstr *name)
{
	struct dentry *dentry = d_lookup(dir, name);

	if (!dentry || !dentry->d_volatile || !dentry->d_sb->s_op->d_revalidate ||
	    dentry->d_sb->s_op->d_revalidate(dentry))
		return dentry;
	d_drop(dentry);
	dput(dentry);
	return NULL;
}

struct dentry *lookup_locked(struct dentry *dir, const struct qstr *name)
{
	struct inode *inode = dir->d_inode;
	struct dentry *dentry = lookup_known(dir, name);
	int err;

	if (dentry)
		return dentry;
	if ((dir->d_unhashed && dir->d_parent != dir) || inode->i_nlink == 0)
		return ERR_PTR(-ENOENT); /* removed */
	if (!inode->i_op || !inode->i_op->lookup)
		return ERR_PTR(-ENOTDIR);
	dentry = d_alloc(dir, name);
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	err = inode->i_op->lookup(inode, dentry);
	if (err) {
		dput(dentry);
		return ERR_PTR(err);
	}
	return dentry;
}

static struct dentry *lookup(struct dentry *dir, const struct qstr *name)
{
	struct dentry *dentry = lookup_known(dir, name);

	if (!dentry) {
		mutex_lock(&dir->d_inode->i_mutex);
		dentry = lookup_locked(dir, name);
		mutex_unlock(&dir->d_inode->i_mutex);
	}
	return dentry;
}

/* --- also: "..", mounts and symlinks ---------------------------------------------------- */

static bool same_path(const struct path *a, const struct path *b)
{
	return a->mnt == b->mnt && a->dentry == b->dentry;
}

static void follow_dotdot(struct nameidata *nd)
{
	struct dentry *parent;

	while (!same_path(&nd->path, &nd->root)) {
		if (nd->path.dentry != nd->path.mnt->mnt_root) {
			parent = dget_parent(nd->path.dentry);
			dput(nd->path.dentry);
			nd->path.dentry = parent;
			break;
		}
		if (!follow_up(&nd->path))
			break;
	}
	follow_mount(&nd->path);
}

/* As Linux with fs.protected_symlinks: in a directory where everybody may put links but not remove
 * others', the last link of a path is followed only by its owner, or if it is the directory's. */
static int may_follow(const struct inode *dir, const struct inode *link)
{
	const mode_t shared = S_ISVTX | S_IWOTH;

	if ((dir->i_mode & shared) != shared || link->i_uid == dir->i_uid)
		return 0;
	return link->i_uid == current_cred()->fsuid ? 0 : -EACCES;
}

/* Go on at the target of the link; rest is what follows the link's name. */
static int follow_link(struct nameidata *nd, const struct path *link, const char *rest)
{
	struct inode *inode = link->dentry->d_inode;
	const char *end = rest;
	struct path to;
	ssize_t len;
	char *buf;
	int err;

	if (++nd->links > MAX_SYMLINKS)
		return -ELOOP;
	while (*end == '/')
		end++;
	if (!*end) {
		err = may_follow(nd->path.dentry->d_inode, inode);
		if (err)
			return err;
	}
	if (inode->i_op->get_link) {
		err = inode->i_op->get_link(inode, &to);
		if (err)
			return err;
		nd_jump(nd, to);
		nd->name = rest;
		return 0;
	}
	buf = kmalloc(PATH_MAX_LEN + strlen(rest) + 1, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	len = inode->i_op->readlink(inode, buf, PATH_MAX_LEN);
	if (len <= 0) {
		kfree(buf);
		return len < 0 ? (int)len : -ENOENT;
	}
	inode_update_atime(inode);
	memcpy(buf + len, rest, strlen(rest) + 1);
	kfree(nd->buf);
	nd->last.name = NULL; /* it may have been in there */
	nd->name = nd->buf = buf;
	if (*buf == '/') {
		path_get(&nd->root);
		nd_jump(nd, nd->root);
	}
	return 0;
}

/* --- components ------------------------------------------------------------------------- */

/* Walk the component in nd->last; when it is a symlink that is followed, nd->name is its text. */
static int nd_walk_last(struct nameidata *nd, bool follow)
{
	const char *rest = nd->last.name + nd->last.len;
	struct path next;
	int err = 0;

	if (nd->last_type != LAST_NORM) {
		if (nd->last_type == LAST_DOTDOT)
			follow_dotdot(nd);
		nd->name = rest;
		return 0;
	}
	next.dentry = lookup(nd->path.dentry, &nd->last);
	if (IS_ERR(next.dentry))
		return (int)PTR_ERR(next.dentry);
	if (!next.dentry->d_inode) {
		dput(next.dentry);
		return -ENOENT;
	}
	next.mnt = nd->path.mnt;
	mntget(next.mnt);
	follow_mount(&next);
	if (follow && S_ISLNK(next.dentry->d_inode->i_mode)) {
		err = follow_link(nd, &next, rest);
		path_put(&next);
		return err;
	}
	nd_jump(nd, next);
	nd->name = rest;
	return 0;
}

/* Cut the next component off nd->name. Returns: what follows it and its slashes. */
static const char *next_component(struct nameidata *nd)
{
	const char *name = nd->name, *end = name;

	while (*end && *end != '/')
		end++;
	nd->last.name = name;
	nd->last.len = (u32)(end - name);
	nd->last_type = LAST_NORM;
	if (nd->last.len == 1 && name[0] == '.')
		nd->last_type = LAST_DOT;
	else if (nd->last.len == 2 && name[0] == '.' && name[1] == '.')
		nd->last_type = LAST_DOTDOT;
	nd->last.hash = qstr_hash(name, nd->last.len);
	nd->trailing = *end == '/';
	while (*end == '/')
		end++;
	return end;
}

/* Walk to the directory that holds the last component. LAST_NONE: nd->path is the end itself. */
static int nd_walk_parent(struct nameidata *nd)
{
	const char *after;
	int err;

	for (;;) {
		const struct inode *inode = nd->path.dentry->d_inode;

		while (*nd->name == '/')
			nd->name++;
		if (!*nd->name) {
			nd->last_type = LAST_NONE;
			return 0;
		}
		if (!S_ISDIR(inode->i_mode))
			return -ENOTDIR;
		err = inode_permission(inode, MAY_EXEC);
		if (err)
			return err;
		after = next_component(nd);
		if (nd->last.len > NAME_MAX_LEN)
			return -ENAMETOOLONG;
		if (!*after)
			return 0;
		err = nd_walk_last(nd, true);
		if (err)
			return err;
	}
}

int nd_start_parent(struct nameidata *nd, int dfd, const char *name)
{
	int err = nd_start(nd, dfd, name, 0);

	if (err)
		return err;
	err = nd_walk_parent(nd);
	if (err)
		nd_end(nd);
	return err;
}

static int walk_all(struct nameidata *nd, u32 flags)
{
	int err;

	for (;;) {
		err = nd_walk_parent(nd);
		if (err || nd->last_type == LAST_NONE)
			break;
		err = nd_walk_last(nd, flags & LOOKUP_FOLLOW || nd->trailing);
		if (err)
			break;
	}
	if (!err && (nd->trailing || flags & LOOKUP_DIRECTORY) &&
	    !S_ISDIR(nd->path.dentry->d_inode->i_mode))
		err = -ENOTDIR;
	return err;
}

/* The walk is over: on success the caller gets the references to where it ended. */
static int finish_walk(struct nameidata *nd, int err, struct path *path)
{
	if (!err) {
		*path = nd->path;
		path_get(path);
	}
	nd_end(nd);
	return err;
}

int path_lookupat(int dfd, const char *name, u32 flags, struct path *path)
{
	struct nameidata nd;
	int err = nd_start(&nd, dfd, name, flags);

	return err ? err : finish_walk(&nd, walk_all(&nd, flags), path);
}

/* --- also: open makes the file (O_CREAT) ------------------------------------------------ */

int may_create(const struct inode *dir)
{
	if (dir->i_nlink == 0)
		return -ENOENT; /* removed, though somebody is still in it */
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

/* The last component of an open with O_CREAT: made, and the walk over, unless it exists. */
static int create_last(struct nameidata *nd, mode_t mode, bool *created)
{
	struct dentry *dir = nd->path.dentry, *dentry;
	struct inode *inode = dir->d_inode;
	int err = 0;

	mutex_lock(&inode->i_mutex);
	dentry = lookup_locked(dir, &nd->last);
	if (IS_ERR(dentry)) {
		mutex_unlock(&inode->i_mutex);
		return (int)PTR_ERR(dentry);
	}
	if (!dentry->d_inode) {
		err = mnt_want_write(nd->path.mnt);
		if (!err) {
			err = may_create(inode);
			if (!err)
				err = inode->i_op->create ?
					      inode->i_op->create(inode, dentry,
								  vfs_prepare_mode(inode, mode)) :
					      -EACCES;
			mnt_drop_write(nd->path.mnt);
		}
		*created = !err;
	}
	mutex_unlock(&inode->i_mutex);
	if (*created) {
		mntget(nd->path.mnt);
		nd_jump(nd, (struct path){nd->path.mnt, dentry});
	} else {
		dput(dentry);
	}
	return err;
}

static int open_creat(struct nameidata *nd, u32 flags, mode_t mode, bool *created)
{
	int err;

	for (;;) {
		err = nd_walk_parent(nd);
		if (err)
			return err;
		if (nd->last_type == LAST_NONE)
			break;
		if (nd->last_type == LAST_NORM) {
			if (nd->trailing)
				return -EISDIR;
			err = create_last(nd, mode, created);
			if (err || *created)
				return err;
			if (flags & O_EXCL)
				return -EEXIST;
		}
		err = nd_walk_last(nd, !(flags & O_NOFOLLOW));
		if (err)
			return err;
	}
	if (flags & O_EXCL)
		return -EEXIST;
	return S_ISDIR(nd->path.dentry->d_inode->i_mode) ? -EISDIR : 0;
}

/* --- open ------------------------------------------------------------------------------- */

int path_openat(int dfd, const char *name, u32 flags, mode_t mode, struct path *path, bool *created)
{
	u32 lookup_flags = (flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			   (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0);
	struct nameidata nd;
	int err = nd_start(&nd, dfd, name, 0);

	if (err)
		return err;
	*created = false;
	mode = (mode & 07777) | S_IFREG;
	if (flags & O_CREAT)
		err = open_creat(&nd, flags, mode, created);
	else
		err = walk_all(&nd, lookup_flags);
	if (!err && S_ISLNK(nd.path.dentry->d_inode->i_mode) && !(flags & O_PATH))
		err = -ELOOP; /* O_NOFOLLOW */
	return finish_walk(&nd, err, path);
}
