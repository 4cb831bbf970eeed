/*
 * What fs/vfs shares among its files, and with fs/nodes and fs/pseudo.
 * Also there: inside this folder
 */
#pragma once

#include "fs/dcache.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* The mount of all files without a place in the tree. */
extern struct mount pseudo_mount;
extern struct spinlock dcache_lock; /* for d_path; the rest is fs/vfs/dcache.c's */
extern struct spinlock mount_lock;  /* the tree of mounts */
/* A mount less. The last one: write all and take it apart. Returns: 0 or the error of writing. */
int deactivate_super(struct super_block *sb);
/* A superblock of a type, on dev or on none. Returns: ERR_PTR. Context: sleeps. */
struct super_block *must_check mount_fs(struct file_system_type *type, dev_t dev, u32 flags,
					const char *data, bool silent);
struct file_system_type *next_dev_type(struct file_system_type *type);
int must_check do_remount_sb(struct super_block *sb, u32 flags, const char *data);

/* The walk over a path. */
enum last_type { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_NONE };
struct nameidata {
	struct path path; /* where the walk is; references held */
	struct path root; /* where "/" is; references held */
	const char *name; /* what is left to walk */
	char *buf;	  /* ours, when name lies in the text of a symlink */
	u32 links;	  /* followed so far */
	struct qstr last; /* the last component, within name */
	enum last_type last_type;
	bool trailing; /* a slash follows it */
};
/* Walk to the directory that holds the last component (LAST_NONE: to the end itself). End with
 * nd_end(), unless it fails. */
int must_check nd_start_parent(struct nameidata *nd, int dfd, const char *name);
void nd_end(struct nameidata *nd);
/* Look a name up in a directory whose i_mutex is held. Returns: a dentry, maybe negative. */
struct dentry *must_check lookup_locked(struct dentry *dir, const struct qstr *name);
int must_check may_create(const struct inode *dir);

/* The part of setattr that all share. Locks: i_mutex and write hold. */
int must_check notify_change(struct inode *inode, struct iattr *attr);

/* "." and ".." at positions 0 and 1. Returns: false when the sink is full. */
bool dir_emit_dots(struct file *file, struct dir_context *ctx);
