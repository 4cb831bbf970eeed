/*
 * Directory entries: the cached tree of names. As Linux's dcache, with one lock.
 *
 * Invariants:
 * 1. A dentry holds a reference to its parent and, when positive, to its inode.
 * 2. A hashed dentry is what its directory says; a negative one says that the name is absent.
 * 3. Nothing below a removed directory is hashed. So nothing unused holds the directory.
 * 4. d_parent and d_name change only under the rename mutex and dcache_lock (d_move).
 * 5. A directory has one dentry at most, whatever a disk says. So the tree has no loops, and two
 *    dentries of directories have two inodes.
 * Path: hop 2
 */
#pragma once

#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct dir_context;
struct file;
struct inode;
struct super_block;
struct mount;

struct qstr {
	const char *name; /* not terminated when it points into a path */
	u32 len;	  /* bytes */
	u32 hash;
};

#define DNAME_INLINE_LEN 40

struct dentry {
	atomic_t d_count;	    /* [atomic] */
	bool d_unhashed;	    /* [dcache_lock to change] removed or never hashed */
	bool d_mounted;		    /* [mount_lock to change] something is mounted here */
	bool d_volatile;	    /* [const] not kept once unused: procfs, devfs */
	struct inode *d_inode;	    /* [dcache_lock to change] NULL: negative */
	struct dentry *d_parent;    /* [dcache_lock to change] itself at a root */
	struct qstr d_name;	    /* [dcache_lock to change] terminated */
	struct super_block *d_sb;   /* [const] */
	struct list_head d_hash;    /* [dcache_lock] */
	struct list_head d_child;   /* [dcache_lock] in the parent's d_subdirs */
	struct list_head d_subdirs; /* [dcache_lock] */
	struct list_head d_lru;	    /* [dcache_lock] unused ones, reclaimable */
	char d_iname[DNAME_INLINE_LEN];
};

/* A place in the tree of mounts. */
struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

/* For /proc/sys/fs: how many there are, and how many of these nobody uses. */
struct cache_stats {
	u32 nr, unused, negative; /* negative: unused ones of absent names */
};

void dcache_init(void);
void dcache_get_stats(struct cache_stats *stats);
u32 qstr_hash(const char *name, u32 len);
/* A new unhashed, negative dentry with one reference. Returns: NULL if no memory. */
struct dentry *must_check d_alloc(struct dentry *parent, const struct qstr *name);
/* The root dentry of a filesystem. Owns: takes over the inode reference, also on failure. */
struct dentry *must_check d_make_root(struct inode *inode);
/* Attach the inode (reference taken over; NULL: negative) and hash it. For ->lookup, ->create. */
void d_add(struct dentry *dentry, struct inode *inode);
/* The same for what a disk says. Returns: 0, or -EUCLEAN when the inode is a directory that has a
 * dentry elsewhere; then nothing is taken over. */
int must_check d_splice(struct dentry *dentry, struct inode *inode);
void d_instantiate(struct dentry *dentry, struct inode *inode);
/* Returns: the hashed dentry with a reference, or NULL. */
struct dentry *d_lookup(struct dentry *parent, const struct qstr *name);
struct dentry *dget(struct dentry *dentry);
struct dentry *dget_parent(struct dentry *dentry);
void dput(struct dentry *dentry); /* may sleep: the inode may go */
void path_get(const struct path *path);
void path_put(const struct path *path);

/* --- also: names go, move and are listed ----------------------------------------------- */

/* The name is gone (unlink, rmdir): forget it. */
void d_drop(struct dentry *dentry);
/* rename: dentry takes target's place and name. target is dropped. */
void d_move(struct dentry *dentry, struct dentry *target);
bool d_is_ancestor(const struct dentry *ancestor, const struct dentry *d);
/* Free unused dentries: all of a filesystem (umount), or about nr (reclaim). */
void shrink_dcache_sb(struct super_block *sb);
/* A dentry with a name but no place in a tree, for pipes. Owns: takes the inode over, also on
 * failure (NULL). */
struct dentry *must_check d_alloc_pseudo(struct inode *inode, const char *name);
/* Filesystems that live in the dcache: readdir over the positive children / unpin all (umount). */
int dcache_readdir(struct file *file, struct dir_context *ctx);
bool d_is_empty(struct dentry *dir);
void d_genocide(struct dentry *root);
size_t shrink_dcache(size_t nr);
/* dir was removed or replaced: forget all names below it. Its inode takes no new ones (i_nlink is
 * 0). Context: sleeps; the caller holds dir. */
void shrink_dcache_parent(struct dentry *dir);

/* The absolute name of a path below root; "(unreachable)" in front when outside. Returns: pointer
 * into buf, or ERR_PTR(-ENAMETOOLONG). " (deleted)" follows the name of an unlinked file. */
char *must_check d_path(const struct path *path, const struct path *root, char *buf, size_t size);
