/*
 * Inodes: one file of one filesystem, in memory.
 *
 * Invariants:
 * 1. (i_sb, i_ino) names at most one inode in the hash; iget_locked gives that one.
 * 2. When the last reference of an inode with i_nlink == 0 goes, evict_inode frees it on the disk.
 *
 * Lock order: s_rename_mutex, i_mutex of the directories (an ancestor first, else by the address of
 * their dentries), i_mutex of what a name in them stands for. Then pages (fs/cache/pagemap.h).
 * Path: hop 3
 */
#pragma once

#include "fs/address_space.h"
#include "fs/stat.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/mutex.h"

struct block_device;
struct cache_stats;
struct dentry;
struct file;
struct file_lock_lists;
struct file_operations;
struct inode_operations;
struct path;
struct pipe;
struct super_block;

enum inode_state {
	I_NEW,		  /* being read or made by one thread */
	I_DIRTY,	  /* something, be it only times, is newer than on disk */
	I_DIRTY_DATASYNC, /* something that fdatasync must write is */
	I_FREEING,	  /* being evicted: gone for all others */
	I_SYNC,		  /* write_inode is under way */
	I_UNSYNCED,	  /* write_inode was called, but nobody waited for the medium */
};

struct inode {
	ino_t i_ino;		   /* [const] */
	mode_t i_mode;		   /* [i_mutex to change] */
	uid_t i_uid;		   /* [i_mutex to change] */
	gid_t i_gid;		   /* [i_mutex to change] */
	u32 i_nlink;		   /* [i_mutex to change] */
	dev_t i_rdev;		   /* [const] device nodes */
	loff_t i_size;		   /* [i_mutex to change] bytes */
	u64 i_blocks;		   /* 512-byte units, as in struct stat; the filesystem guards it */
	u32 i_blkbits;		   /* [const] log2 of the filesystem's block size */
	struct timespec64 i_atime; /* readers change it without a lock */
	struct timespec64 i_mtime, i_ctime; /* [i_mutex to change] */
	u64 i_state;			    /* [atomic bits] enum inode_state */
	atomic_t i_count;		    /* [atomic] */
	atomic_t i_writecount;		    /* [atomic] > 0 writers, < 0 executed (ETXTBSY) */
	atomic_t i_dio_count; /* [atomic] direct transfers under way, fs/cache/direct_io.c */
	struct mutex i_mutex;
	struct super_block *i_sb;	     /* [const] */
	const struct inode_operations *i_op; /* [const] */
	const struct file_operations *i_fop; /* [const] default for open */
	struct address_space *i_mapping; /* [const] &i_data; readers use f_mapping (fs/file.h) */
	struct address_space i_data;
	struct dentry *i_dentry;	 /* [dcache_lock] a directory's only one; not a reference */
	struct file_lock_lists *i_locks; /* [locks_lock] NULL: never locked */
	struct pipe *i_pipe;		 /* [pipes_lock to change] pipes and FIFOs */
	struct block_device *i_bdev;	 /* [const] whose cache it is (fs/cache/bdev_cache.h) */
	struct list_head i_hash;	 /* [inode_lock] */
	struct list_head i_sb_list;	 /* [inode_lock] */
	struct list_head i_dirty;	 /* [inode_lock] on the superblock's dirty list */
	ktime_t i_dirtied_when;		 /* [inode_lock] of a device's own inode: no lock */
	struct list_head i_lru;		 /* [inode_lock] unused */
	void *i_private;		 /* filesystem's */
};

/* What setattr changes; ia_valid says which. */
#define ATTR_MODE  0x01u
#define ATTR_UID   0x02u
#define ATTR_GID   0x04u
#define ATTR_SIZE  0x08u
#define ATTR_ATIME 0x10u
#define ATTR_MTIME 0x20u
#define ATTR_CTIME 0x40u
#define ATTR_CHOWN 0x80u /* by chown, which ends set-id bits even if it leaves the owners */
struct iattr {
	u32 ia_valid;
	mode_t ia_mode;
	uid_t ia_uid;
	gid_t ia_gid;
	loff_t ia_size;
	struct timespec64 ia_atime, ia_mtime, ia_ctime;
};

struct kstat {
	dev_t dev, rdev;
	ino_t ino;
	mode_t mode;
	u32 nlink;
	uid_t uid;
	gid_t gid;
	loff_t size;
	u32 blksize; /* bytes */
	u64 blocks;  /* 512-byte units */
	struct timespec64 atime, mtime, ctime;
};

/*
 * Each op of a directory is called with the directory's i_mutex held (rename: both), after
 * permission, name and read-only checks, may sleep, and returns 0 or -errno. A missing op means
 * -EPERM (create, link, ...) or the generic behaviour named. On success the op updates times and
 * marks inodes dirty.
 */
struct inode_operations {
	/* Find `dentry`'s name in dir: d_add(dentry, inode or NULL). Returns 0 when it is
	 * absent. */
	int (*lookup)(struct inode *dir, struct dentry *dentry);
	/* Make a regular file; d_instantiate on success. */
	int (*create)(struct inode *dir, struct dentry *dentry, mode_t mode);
	int (*link)(struct inode *dir, struct dentry *dentry, struct inode *inode);
	int (*unlink)(struct inode *dir, struct dentry *dentry); /* victim's i_mutex held too */
	int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target);
	int (*mkdir)(struct inode *dir, struct dentry *dentry, mode_t mode);
	int (*rmdir)(struct inode *dir, struct dentry *dentry); /* -ENOTEMPTY checked here */
	int (*mknod)(struct inode *dir, struct dentry *dentry, mode_t mode, dev_t rdev);
	/* new_dentry may be positive: replaced atomically. */
	int (*rename)(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
		      struct dentry *new_dentry);
	/* Target of a symlink into buf, terminated. Returns: its length. */
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A magic link (/proc/self/exe): where it leads, references held. NULL: use readlink. */
	int (*get_link)(struct inode *inode, struct path *path);
	/* i_mutex held. NULL: all attributes, and pages past a smaller size are dropped. */
	int (*setattr)(struct inode *inode, const struct iattr *attr);
	/* NULL: generic_fillattr. */
	int (*getattr)(struct inode *inode, struct kstat *stat);
};

void inode_init(void);
void icache_get_stats(struct cache_stats *stats);
/* A new inode of sb, one reference, not hashed. Returns: NULL if no memory. */
struct inode *must_check new_inode(struct super_block *sb);
/* The inode with this number; I_NEW set when it must still be read, then unlock_new_inode or
 * iget_failed. Returns: NULL if no memory. Context: sleeps while another reads it. */
struct inode *must_check iget_locked(struct super_block *sb, ino_t ino);
void unlock_new_inode(struct inode *inode);
void iget_failed(struct inode *inode);
/* Enter a new inode (i_ino set, just created on disk) into the hash. */
void insert_inode_hash(struct inode *inode);
struct inode *igrab(struct inode *inode);
void iput(struct inode *inode); /* last one: evict if nlink is 0; may sleep */

/* How the page cache tells the inode cache that an inode became dirty. Set by inode_init().
 * state: bits of I_DIRTY_ALL, or 0 when only pages are (after the page's tag is set).
 * Context: no lock held. */
#define I_DIRTY_ALL ((1ull << I_DIRTY) | (1ull << I_DIRTY_DATASYNC))
extern void (*inode_dirtied_hook)(struct inode *inode, u64 state);
static inline void mark_inode_dirty(struct inode *inode)
{
	inode_dirtied_hook(inode, I_DIRTY_ALL);
}
/* Only times changed: fdatasync may leave it out. */
static inline void mark_inode_dirty_sync(struct inode *inode)
{
	inode_dirtied_hook(inode, 1ull << I_DIRTY);
}
/* Only pages are dirty. */
static inline void mark_inode_dirty_pages(struct inode *inode)
{
	inode_dirtied_hook(inode, 0);
}
/* For write-back: the dirty inode of sb dirtied longest ago, at or before `older_than`, with a
 * reference, or NULL. It counts as newer than `older_than` from now on, so that a loop with one
 * value ends. Write its pages, then write_inode_now(), which takes it off the list when clean. */
struct inode *inode_next_dirty(struct super_block *sb, ktime_t older_than);
/* Write all unused and used inodes of sb (sync), or drop all unused ones (umount).
 * evict_inodes returns how many are still in use. */
int must_check sync_inodes_sb(struct super_block *sb, bool wait);
int must_check evict_inodes(struct super_block *sb);
/* Write one inode's metadata now through write_inode. */
int must_check write_inode_now(struct inode *inode, bool wait);
/* fsync's half: the metadata is on the medium when this returns 0. datasync: only if needed to
 * read the data back. */
int must_check sync_inode_metadata(struct inode *inode, bool datasync);
size_t shrink_icache(size_t nr);
/* The mode of a file that shall be made in dir, no directory itself: less the umask, and less
 * S_ISGID where the group would be one that the caller is not in. The umask comes last, so that
 * it does not hide the group's right to execute from the check. */
mode_t vfs_prepare_mode(const struct inode *dir, mode_t mode);
/* Owner, group (setgid directory), and the mode as the caller prepared it. */
void inode_init_owner(struct inode *inode, const struct inode *dir, mode_t mode);
struct timespec64 current_time(void);
void inode_update_atime(struct inode *inode); /* relatime, unless read-only */
/* A write changes mtime and ctime / ends set-id bits, unless root writes. i_mutex held. */
void file_update_time(struct file *file);
int must_check file_remove_privs(struct file *file);
/* MAY_* of the caller. Returns: 0, -EACCES, or -EROFS for a write to a read-only filesystem. */
#define MAY_EXEC  1
#define MAY_WRITE 2
#define MAY_READ  4
int must_check inode_permission(const struct inode *inode, int mask);

/* --- also: attributes; programs that run are not written ------------------------------- */

void generic_fillattr(const struct inode *inode, struct kstat *stat);
/* Checks of setattr (owner, mode) / apply all but the size. */
int must_check inode_change_ok(const struct inode *inode, struct iattr *attr);
void inode_setattr_copy(struct inode *inode, const struct iattr *attr);
/* Is the caller the owner, or root? */
bool inode_owner_or_root(const struct inode *inode);
/* Inodes without a name that are still open: they keep a filesystem from turning read-only. */
bool inodes_orphaned(struct super_block *sb);
/* Executing / writing exclude each other. */
int must_check deny_write_access(struct inode *inode);
void allow_write_access(struct inode *inode);
int must_check get_write_access(struct inode *inode);
void put_write_access(struct inode *inode);
