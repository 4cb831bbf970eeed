/*
 * The name of a place: a mount and a dentry become a path as text.
 * Also there: from a place to its name
 */
#include "fs/dcache.h"

#include "fs/vfs/internal.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* A text that grows to the front; left is negative once it did not fit. */
struct prepend_buffer {
	char *p;
	ssize_t left;
};

static void prepend(struct prepend_buffer *b, const char *text, size_t len)
{
	b->left -= (ssize_t)len;
	if (b->left < 0)
		return;
	b->p -= len;
	memcpy(b->p, text, len);
}

/* The walk from path up to root. Returns: whether it ended there.
 * Locks: mount_lock and dcache_lock held. */
static bool prepend_path(const struct path *path, const struct path *root, struct prepend_buffer *b)
{
	const struct dentry *d = path->dentry;
	const struct mount *mnt = path->mnt;

	while (d != root->dentry || mnt != root->mnt) {
		if (d == mnt->mnt_root || d->d_parent == d) {
			if (d != mnt->mnt_root || mnt->mnt_parent == mnt)
				return false;
			d = mnt->mnt_mountpoint;
			mnt = mnt->mnt_parent;
			continue;
		}
		prepend(b, d->d_name.name, d->d_name.len);
		prepend(b, "/", 1);
		d = d->d_parent;
	}
	return true;
}

char *d_path(const struct path *path, const struct path *root, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)", outside[] = "(unreachable)";
	const struct dentry *d = path->dentry;
	struct prepend_buffer b = {buf + size, (ssize_t)size};
	char *end;
	bool inside;

	prepend(&b, "", 1);
	spin_lock(&mount_lock);
	spin_lock(&dcache_lock);
	if (path->mnt == &pseudo_mount) {
		prepend(&b, d->d_name.name, d->d_name.len);
	} else {
		if (d->d_unhashed && d->d_parent != d)
			prepend(&b, deleted, sizeof(deleted) - 1);
		end = b.p;
		inside = prepend_path(path, root, &b);
		if (b.p == end)
			prepend(&b, "/", 1);
		if (!inside)
			prepend(&b, outside, sizeof(outside) - 1);
	}
	spin_unlock(&dcache_lock);
	spin_unlock(&mount_lock);
	return b.left < 0 ? ERR_PTR(-ENAMETOOLONG) : b.p;
}
