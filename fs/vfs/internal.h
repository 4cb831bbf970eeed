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
extern struct spinlock dcache_lock; /* for d_path and libfs; the rest is fs/vfs/dcache.c's */

/* The tree of mounts (mount.c), for those who change and show it. */
#define MNT_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)
extern struct spinlock mount_lock;
extern struct list_head mounts; /* [mount_lock] in the order in which they were made */
/* A new mount of a superblock. sb may be an ERR_PTR. Owns: takes sb's reference over, also on
 * failure. Returns: ERR_PTR. */
struct mount *must_check alloc_mount(struct super_block *sb, const char *devname, u32 flags);
/* Hang mnt at a place. Locks: mount_mutex held. Returns: 0, -EBUSY, -ENOTDIR, -ENOENT. */
int must_check attach_mount(struct mount *mnt, const struct path *at);
/* Take mnt out of the tree. Locks: mount_mutex held. Returns: 0; -EBUSY: a mount is on it, or (not
 * with `detach`) more than the tree and the caller's path use it. */
int must_check detach_mount(struct mount *mnt, bool detach);
/* mntput with a result. Returns: 0, or the error of writing when it was the last. */
int mntput_last(struct mount *mnt);

/* A file whose open op has not run: flags and operations are set. Owns: references to the path stay
 * the caller's. Returns: ERR_PTR(-ENFILE, -ENOMEM). */
struct file *must_check alloc_file(const struct path *path, u32 flags);
void free_file(struct file *file);
/* A writer of a regular file keeps the filesystem writable and the file from being executed. Other
 * files need neither. Returns: 0, -ETXTBSY, -EROFS. */
int must_check file_get_write_access(struct file *file);
void file_put_write_access(struct file *file);

/* Drop a mount's reference. The last one writes all and takes the superblock apart. Returns: 0 or
 * the error of writing. */
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
