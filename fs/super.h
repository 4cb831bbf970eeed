/*
 * Filesystems: their types, superblocks, and the tree of mounts.
 * Also there: filesystems and mounts
 */
#pragma once

#include "fs/dcache.h"
#include "fs/inode.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/errseq.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/mutex.h"

struct block_device;
struct file;
struct inode;
struct seq_file;
struct super_block;

#define MS_RDONLY      1u
#define MS_NOSUID      2u
#define MS_NODEV       4u
#define MS_NOEXEC      8u
#define MS_SYNCHRONOUS 16u
#define MS_REMOUNT     32u
#define MS_NOATIME     1024u
#define MS_BIND	       4096u
#define MS_SILENT      32768u

struct kstatfs { /* Linux's struct statfs fields */
	u64 f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid, f_namelen;
};

/* All may sleep. A missing op: nothing to do. */
struct super_operations {
	struct inode *(*alloc_inode)(struct super_block *sb); /* NULL: plain struct inode */
	void (*free_inode)(struct inode *inode);
	int (*write_inode)(struct inode *inode, bool wait);
	/* Last reference gone: truncate and free on disk if i_nlink is 0. Must call
	 * truncate_inode_pages(&inode->i_data, 0). */
	void (*evict_inode)(struct inode *inode);
	void (*put_super)(struct super_block *sb);
	int (*sync_fs)(struct super_block *sb, bool wait);
	int (*statfs)(struct super_block *sb, struct kstatfs *buf);
	int (*remount_fs)(struct super_block *sb, u32 flags, const char *data);
	/* Does a d_volatile name still stand for what it was looked up as? NULL: yes. */
	bool (*d_revalidate)(const struct dentry *d);
};

struct file_system_type {
	const char *name;
	bool needs_dev;
	bool in_memory; /* dentries are the only copy: pinned until umount */
	bool single;	/* all mounts show the same one (/dev, /proc) */
	/* Read the superblock of sb->s_bdev (or none), set s_op, s_root. Returns: 0 or -errno;
	 * prints one line that says what it found and what it wanted. */
	int (*fill_super)(struct super_block *sb, const char *data, bool silent);
	struct list_head list; /* [const once set] */
};

struct super_block {
	struct block_device *s_bdev; /* [const] NULL for pseudo filesystems */
	bool s_bdev_write;	     /* [s_lock to change] s_bdev is open for writing */
	dev_t s_dev;		     /* [const] */
	u32 s_blocksize;	     /* [const] bytes */
	u32 s_blocksize_bits;
	u32 s_flags;			 /* [s_lock to change] MS_* */
	bool s_readonly_remount;	 /* [s_lock to change] turning read-only: no new writers */
	atomic_t s_writers;		 /* [atomic] operations and open files that may write */
	u64 s_maxbytes;			 /* [const] largest file */
	u64 s_magic;			 /* [const] */
	struct file_system_type *s_type; /* [const] */
	const struct super_operations *s_op; /* [const] */
	struct dentry *s_root;		     /* [const] */
	struct mutex s_lock;		     /* mount, remount, umount, sync */
	struct mutex s_rename_mutex;	     /* renames between directories */
	atomic_t s_active;		     /* [atomic] mounts of it; from 0 it does not return */
	u32 s_walkers;			     /* [sb_lock] calls of super_for_each that are at it */
	struct list_head s_inodes;	     /* [inode_lock] */
	struct list_head s_dirty;	     /* [inode_lock] inodes, oldest first */
	struct list_head s_list;	     /* [sb_lock] all superblocks */
	bool s_lost; /* [atomic] an inode was not written or not freed: not clean */
	/* Errors of the device's cache, failed flushes too, as counted there. */
	u32 s_bdev_err_base;	/* [const] before the mount for writing */
	u32 s_bdev_err_seen;	/* [atomic] that some fsync has reported */
	struct errseq s_wb_err; /* [atomic] errors of all files, for syncfs */
	void *s_fs_info;	/* filesystem's */
};

static inline bool sb_rdonly(const struct super_block *sb)
{
	return (sb->s_flags & MS_RDONLY) != 0;
}

/* Where the pages of an inode lie: NULL when on no device. */
static inline struct block_device *inode_bdev(const struct inode *inode)
{
	return S_ISBLK(inode->i_mode) ? inode->i_bdev : inode->i_sb->s_bdev;
}

struct mount {
	struct list_head list;	       /* [mount_lock; mount_mutex to change] all, in order */
	struct super_block *mnt_sb;    /* [const] */
	struct dentry *mnt_root;       /* [const] */
	struct mount *mnt_parent;      /* [mount_lock; mount_mutex to change] itself at the root */
	struct dentry *mnt_mountpoint; /* [mount_lock; mount_mutex to change] in the parent */
	u32 mnt_flags;		       /* [mount_mutex to change] */
	u32 mnt_id;		       /* [const] a number of its own, for /proc/PID/mountinfo */
	char mnt_devname[64];	       /* [const] for /proc/mounts */
	atomic_t mnt_count;	       /* [atomic] users: open files, working directories */
};

void register_filesystem(struct file_system_type *type);
struct file_system_type *get_fs_type(const char *name);
/* The text of /proc/filesystems. Returns: 0. */
int filesystems_show(struct seq_file *m);

/* A filesystem without a name in the tree, for inodes of the kernel's own (pipes, block devices).
 * Owns: type and op stay the caller's. Returns: ERR_PTR(-ENOMEM). */
struct super_block *must_check alloc_pseudo_super(struct file_system_type *type,
						  const struct super_operations *op);
/* Hold a mount writable: for every change, and while a file is open for writing. Returns: 0 or
 * -EROFS. */
int must_check mnt_want_write(struct mount *mnt);
void mnt_drop_write(struct mount *mnt);
int must_check vfs_statfs(const struct path *path, struct kstatfs *buf);

/* Set the block size of sb and of its device's cache. Returns: as set_blocksize. */
int must_check sb_set_blocksize(struct super_block *sb, u32 bytes);

/* Mount the device or pseudo filesystem as the very first root. Tries all types with needs_dev when
 * type is NULL. Returns: 0 or -errno with one line printed. */
int must_check mount_root(const char *devname, const char *type, u32 flags, const char *data);
/* mount(2), also MS_REMOUNT; no MS_BIND. Context: sleeps. */
int must_check do_mount(const char *devname, const char *dir, const char *type, u32 flags,
			const char *data);
/* umount2(2): -EBUSY while in use; MNT_DETACH (2) unhooks at once what has no mounts below it. An
 * error of writing is returned, but the filesystem is unmounted all the same. */
int must_check do_umount(const char *dir, u32 flags);
/* At a mount point: the mounted root instead. Steps over all mounts stacked there. */
void follow_mount(struct path *path);
/* At a mounted root: the mount point. False at the namespace's root. */
bool follow_up(struct path *path);
void mntget(struct mount *mnt);
void mntput(struct mount *mnt);
/* The text of /proc/mounts, or (info) of /proc/PID/mountinfo. Returns: 0 or -ENOMEM. */
int must_check mounts_show(struct seq_file *m, bool info);
/* Call fn on every superblock; stops at non-zero. None goes while fn is at it: umount waits. */
int super_for_each(int (*fn)(struct super_block *sb, void *arg), void *arg);
/* May the disk be marked clean? Only if all that was changed is written, and all that was deleted
 * is freed. */
bool sb_is_whole(struct super_block *sb);
/* sync(2): everything, and wait. / one filesystem, with error reporting. */
void sync_all(void);
int must_check sync_filesystem(struct super_block *sb);
/* Before power off, when no process is left: sync all, make all read-only. What still is in use
 * stays marked as not clean. */
void super_emergency_remount_ro(void);
/* An error or corruption that the filesystem cannot mend: remember, print, turn read-only. */
void sb_error(struct super_block *sb, const char *fmt, ...) printf_like(2, 3);
