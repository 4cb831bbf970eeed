/*
 * Helpers of filesystems that live in the dcache: a directory is read, and umount frees all.
 * Also there: filesystems in memory
 */
#include "fs/dcache.h"

#include "fs/vfs/internal.h"

/* The n-th positive child, or NULL. Locks: dcache_lock. */
static struct dentry *find_child_locked(const struct dentry *dir, loff_t n)
{
	struct dentry *d;

	list_for_each_entry(d, &dir->d_subdirs, d_child)
		if (d->d_inode && !d->d_unhashed && n-- <= 0)
			return d;
	return NULL;
}

/* The same with a reference. */
static struct dentry *nth_child(struct dentry *dir, loff_t n)
{
	struct dentry *d;

	spin_lock(&dcache_lock);
	d = find_child_locked(dir, n);
	if (d) {
		list_del_init(&d->d_lru);
		atomic_inc(&d->d_count);
	}
	spin_unlock(&dcache_lock);
	return d;
}

bool d_is_empty(struct dentry *dir)
{
	struct dentry *d = nth_child(dir, 0);

	dput(d);
	return !d;
}

bool dir_emit_dots(struct file *file, struct dir_context *ctx)
{
	struct dentry *dir = file->f_path.dentry, *parent;

	if (ctx->pos == 0 && ctx->actor(ctx, ".", 1, 0, dir->d_inode->i_ino, DT_DIR_))
		ctx->pos = 1;
	if (ctx->pos == 1) {
		parent = dget_parent(dir);
		if (ctx->actor(ctx, "..", 2, 1, parent->d_inode->i_ino, DT_DIR_))
			ctx->pos = 2;
		dput(parent);
	}
	return ctx->pos >= 2;
}

int dcache_readdir(struct file *file, struct dir_context *ctx)
{
	struct dentry *dir = file->f_path.dentry, *d;

	if (!dir_emit_dots(file, ctx))
		return 0;
	while ((d = nth_child(dir, ctx->pos - 2)) != NULL) {
		bool taken = ctx->actor(ctx, d->d_name.name, d->d_name.len, ctx->pos,
					d->d_inode->i_ino, mode_to_dtype(d->d_inode->i_mode));

		dput(d);
		if (!taken)
			break;
		ctx->pos++;
	}
	return 0;
}

void d_genocide(struct dentry *root)
{
	struct dentry *dir = root, *child;

	/* Depth first without recursion: unpin the first positive child that has none itself. */
	for (;;) {
		spin_lock(&dcache_lock);
		child = find_child_locked(dir, 0);
		spin_unlock(&dcache_lock);
		if (child) {
			dir = child; /* the pin keeps it */
			continue;
		}
		if (dir == root)
			return;
		child = dir;
		dir = dir->d_parent;
		d_drop(child);
		dput(child);
	}
}
