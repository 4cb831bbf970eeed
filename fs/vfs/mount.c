/*
 * The tree of mounts, and the places in it. namespace.c has the calls that change it.
 *
 * Invariants:
 * 1. A mount in the tree holds a reference to its parent and to its mount point's dentry; the tree
 *    holds one to the mount.
 * 2. d_mounted of a dentry is true if some mount has it as its mount point.
 *
 * Lock order: mount_mutex (one change of the tree at a time), i_mutex of the mount point,
 * mount_lock, dcache_lock. The last two are spinlocks.
 * Also there: mounts
 */
#include "fs/super.h"

#include "fs/vfs/internal.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

/* Unchecked class, as the dcache's lock is taken under it. */
struct spinlock mount_lock = SPINLOCK_INIT("mounts", LOCK_ANY);
struct list_head mounts = LIST_HEAD_INIT(mounts);

static const struct super_operations no_super_ops;
static struct super_block pseudo_sb = {.s_op = &no_super_ops};
struct mount pseudo_mount = {
	.mnt_sb = &pseudo_sb,
	.list = LIST_HEAD_INIT(pseudo_mount.list),
	.mnt_parent = &pseudo_mount,
	.mnt_count = ATOMIC_INIT(1),
};

void mntget(struct mount *mnt)
{
	atomic_inc(&mnt->mnt_count);
}

int mntput_last(struct mount *mnt)
{
	int err;

	if (!atomic_dec_and_test(&mnt->mnt_count))
		return 0;
	dput(mnt->mnt_root);
	err = deactivate_super(mnt->mnt_sb);
	kfree(mnt);
	return err;
}

void mntput(struct mount *mnt)
{
	(void)mntput_last(mnt); /* a line was printed */
}

void path_get(const struct path *path)
{
	mntget(path->mnt);
	dget(path->dentry);
}

void path_put(const struct path *path)
{
	dput(path->dentry);
	mntput(path->mnt);
}

struct mount *alloc_mount(struct super_block *sb, const char *devname, u32 flags)
{
	static atomic_t last_id;
	struct mount *mnt;

	if (IS_ERR(sb))
		return ERR_CAST(sb);
	mnt = kzalloc(sizeof(*mnt), GFP_KERNEL);
	if (!mnt) {
		(void)deactivate_super(sb);
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&mnt->list);
	mnt->mnt_sb = sb;
	mnt->mnt_root = dget(sb->s_root);
	mnt->mnt_parent = mnt;
	mnt->mnt_flags = flags & MNT_FLAGS;
	mnt->mnt_id = (u32)atomic_add_return(&last_id, 1);
	strscpy(mnt->mnt_devname, devname, sizeof(mnt->mnt_devname));
	atomic_set(&mnt->mnt_count, 1);
	return mnt;
}

static struct mount *child_at(const struct path *path)
{
	struct mount *mnt;

	list_for_each_entry(mnt, &mounts, list)
		if (mnt->mnt_parent == path->mnt && mnt->mnt_mountpoint == path->dentry &&
		    mnt->mnt_parent != mnt)
			return mnt;
	return NULL;
}

void follow_mount(struct path *path)
{
	struct mount *mnt;
	struct path old;

	while (path->dentry->d_mounted) {
		spin_lock(&mount_lock);
		mnt = child_at(path);
		if (mnt)
			mntget(mnt);
		spin_unlock(&mount_lock);
		if (!mnt)
			return;
		old = *path;
		*path = (struct path){mnt, dget(mnt->mnt_root)};
		path_put(&old);
	}
}

bool follow_up(struct path *path)
{
	struct path up;

	spin_lock(&mount_lock);
	up = (struct path){path->mnt->mnt_parent, path->mnt->mnt_mountpoint};
	if (up.mnt == path->mnt) {
		spin_unlock(&mount_lock);
		return false;
	}
	path_get(&up);
	spin_unlock(&mount_lock);
	path_put(path);
	*path = up;
	return true;
}

int attach_mount(struct mount *mnt, const struct path *at)
{
	int err = 0;

	mutex_lock(&at->dentry->d_inode->i_mutex); /* against rmdir */
	if (at->dentry == mnt->mnt_root)
		err = -EBUSY; /* the same once more on top of itself */
	else if (S_ISDIR(mnt->mnt_root->d_inode->i_mode) != S_ISDIR(at->dentry->d_inode->i_mode))
		err = -ENOTDIR;
	else if (at->dentry->d_unhashed && at->dentry->d_parent != at->dentry)
		err = -ENOENT;
	if (!err) {
		path_get(at);
		spin_lock(&mount_lock);
		mnt->mnt_parent = at->mnt;
		mnt->mnt_mountpoint = at->dentry;
		at->dentry->d_mounted = true;
		list_add_tail(&mnt->list, &mounts);
		spin_unlock(&mount_lock);
	}
	mutex_unlock(&at->dentry->d_inode->i_mutex);
	return err;
}

static bool has_children(const struct mount *mnt)
{
	struct mount *child;

	list_for_each_entry(child, &mounts, list)
		if (child->mnt_parent == mnt && child != mnt)
			return true;
	return false;
}

int detach_mount(struct mount *mnt, bool detach)
{
	struct path at = {mnt->mnt_parent, mnt->mnt_mountpoint};

	spin_lock(&mount_lock); /* nobody finds it while we look who has it */
	if (has_children(mnt) || (atomic_read(&mnt->mnt_count) > 2 && !detach)) {
		spin_unlock(&mount_lock);
		return -EBUSY;
	}
	list_del_init(&mnt->list);
	mnt->mnt_parent = mnt;
	mnt->mnt_mountpoint = NULL;
	at.dentry->d_mounted = child_at(&at) != NULL;
	spin_unlock(&mount_lock);
	path_put(&at);
	atomic_dec(&mnt->mnt_count); /* the tree's: the caller has one more */
	return 0;
}
