/*
 * ext2 in memory: what its files share.
 *
 * Invariants:
 * 1. A block number from the disk is used only after ext2_data_block_valid() or, in a group
 *    descriptor, ext2_group_desc_ok(). An inode number is used only after ext2_iget()'s check.
 * 2. Metadata (bitmaps, descriptors, inode table, indirect and directory blocks, slow symlinks)
 *    lies in the device's buffers and changes only by the calls of ext2_meta.h. File data lies in
 *    the inode's own pages. A freed metadata block is forgotten, so that its buffer never
 *    overwrites data that comes to lie there.
 * 3. i_blocks counts every block allocated to the inode: data, indirect, attributes.
 *
 * Lock order: i_mutex, page lock, truncate_mutex, s_alloc_lock; then the buffers of the device.
 * Path: hop 7
 */
#pragma once

#include "fs/cache/buffer_head.h"
#include "fs/ext2/ext2_disk.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/types.h"
#include "kernel/sched/mutex.h"

struct file_operations;

/* What the inodes of each type can do. The mount hands the tables down, because the files that read
 * or make an inode lie below the operations. Device nodes, FIFOs and sockets have `file_inode`. */
struct ext2_inode_tables {
	const struct inode_operations *file_inode, *dir_inode, *symlink_inode;
	const struct file_operations *file, *dir;
	const struct address_space_operations *aops;
};

struct ext2_sb_info {
	struct buffer_head *s_sbh;	   /* [const] holds s_es */
	struct ext2_super_block *s_es;	   /* [s_alloc_lock] */
	struct buffer_head **s_group_desc; /* [const]; the descriptors in them: [s_alloc_lock] */
	u32 s_gdb_count; /* [const] blocks of descriptors; const down to the lock */
	u32 s_groups_count, s_blocks_count, s_first_data_block, s_blocks_per_group;
	u32 s_inodes_count, s_inodes_per_group, s_inodes_per_block, s_itb_per_group;
	u32 s_desc_per_block, s_inode_size, s_first_ino; /* bytes; first not reserved */
	u32 s_overhead_blocks;				 /* metadata, for statfs */
	bool s_filetype;				 /* directory entries tell the type */
	const struct ext2_inode_tables *s_inode_tables;	 /* [const] */
	struct mutex s_alloc_lock;
	u32 s_free_blocks, s_free_inodes; /* [s_alloc_lock] sums of the descriptors */
	u16 s_mount_state;		  /* [sb->s_lock] s_state to leave behind */
	bool s_aborted;			  /* [atomic] found corrupt: metadata stays as it is */
};

struct ext2_inode_info {
	struct inode vfs_inode;
	struct mutex truncate_mutex;
	le32_t i_data[EXT2_N_BLOCKS];	  /* [truncate_mutex] as on the disk */
	u32 i_next_lblock, i_next_pblock; /* [truncate_mutex] where to go on allocating */
	u32 i_flags, i_file_acl, i_dtime; /* [i_mutex] */
	bool i_wide_times;		  /* [i_mutex] the raw inode has room for nanoseconds */
	bool i_on_disk;			  /* [const once hashed] read or made: evict may free it */
};

/* One group's bitmap of blocks or inodes, with its descriptor, about to change. */
struct ext2_bitmap {
	struct buffer_head *bh, *gdb; /* bh: referenced */
	u64 *map;
	struct ext2_group_desc *desc;
};

/* A directory entry within its buffer, which is referenced. */
struct ext2_slot {
	struct buffer_head *bh;
	struct ext2_dir_entry *de;
};

static inline struct ext2_sb_info *EXT2_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
static inline struct ext2_inode_info *EXT2_I(struct inode *inode)
{
	return container_of(inode, struct ext2_inode_info, vfs_inode);
}
static inline u32 ext2_inode_group(const struct inode *inode)
{
	return (u32)(inode->i_ino - 1) / EXT2_SB(inode->i_sb)->s_inodes_per_group;
}
static inline void ext2_add16(le16_t *count, int by)
{
	*count = cpu_to_le16((u16)(le16_to_cpu(*count) + by));
}
/* Is the target in i_data, where other inodes have their block pointers? */
static inline bool ext2_is_fast_symlink(struct inode *inode)
{
	u32 acl = EXT2_I(inode)->i_file_acl ? inode->i_sb->s_blocksize / SECTOR_SIZE : 0;

	return S_ISLNK(inode->i_mode) && inode->i_blocks == acl;
}

/* indirect.c. As get_block_t says. */
int ext2_get_block(struct inode *inode, blkno_t iblock, struct buffer_head *bh, bool create);

/* --- also: what the other files share ----------------------------------------------------- */

/* superblock.c */
/* Announce a corruption: one line, the error flag on disk, and the filesystem turns read-only.
 * Returns: -EUCLEAN. */
#define ext2_error(sb, ...) (sb_error((sb), __VA_ARGS__), ext2_abort(sb))
#define ext2_inode_error(inode, fmt, ...) \
	ext2_error((inode)->i_sb, "inode %u " fmt, (u32)(inode)->i_ino, ##__VA_ARGS__)
int ext2_abort(struct super_block *sb);
/* Write the superblock with the counters of now, and wait. */
int must_check ext2_commit_super(struct super_block *sb);
/* Before a file of 2 GiB or more is written: write to the superblock that such files may exist.
 * Context: sleeps. */
int must_check ext2_allow_large_file(struct super_block *sb);

/* load.c */
/* Set up sb->s_fs_info from the device, all checked. silent: no line when it is no ext2 at all.
 * Returns: 0, -EINVAL (no ext2, or features that we lack), -EUCLEAN, -EIO, -ENOMEM.
 * Context: sleeps. */
int must_check ext2_load(struct super_block *sb, bool silent);
void ext2_unload(struct super_block *sb);
/* Do the device and the features allow writing? Prints the features that do not. */
bool must_check ext2_may_write(struct super_block *sb);
/* Sum up the descriptors' free counts. Nobody else uses the filesystem yet. */
void ext2_count_free(struct super_block *sb);
/* Print "ext2: vda: message". Returns: err. */
int ext2_refuse(struct super_block *sb, int err, const char *fmt, ...) printf_like(3, 4);

/* balloc.c */
struct ext2_group_desc *ext2_group_desc(struct super_block *sb, u32 group, struct buffer_head **bh);
/* Do bitmaps and inode table lie in the group, apart from each other and from the descriptors? */
bool ext2_group_desc_ok(struct super_block *sb, u32 group);
bool ext2_bg_has_super(const struct ext2_sb_info *sbi, u32 group);
u32 ext2_group_first_block(const struct ext2_sb_info *sbi, u32 group);
bool ext2_data_block_valid(struct super_block *sb, u32 block);
/* Read a bitmap, checked, with write access to it and its descriptor. Locks: s_alloc_lock held.
 * Returns: 0; the caller closes it. */
int must_check ext2_open_bitmap(struct super_block *sb, u32 group, bool inodes,
				struct ext2_bitmap *b);
void ext2_close_bitmap(struct ext2_bitmap *b, bool changed);
/* Allocate one block near `goal` for inode, i_blocks included.
 * Locks: truncate_mutex held. Returns: 0, -ENOSPC, -EIO, -EUCLEAN, -ENOMEM. */
int must_check ext2_new_block(struct inode *inode, u32 goal, u32 *block);
/* Clear the bit of the inode, or of a block of its, with all counts. */
int must_check ext2_free_bit(struct inode *inode, u32 group, u32 bit, bool inodes);
/* Give back a valid data block. Locks: truncate_mutex held. */
int must_check ext2_free_block(struct inode *inode, u32 block);

/* ialloc.c */
/* A new inode for an entry of dir, written and hashed, i_nlink 1, one reference.
 * Returns: ERR_PTR(-ENOSPC, ...). */
struct inode *must_check ext2_new_inode(struct inode *dir, mode_t mode);
/* Free a new inode that got no name, and all its blocks. */
void ext2_discard_inode(struct inode *inode);
/* The last reference is gone; a deleted inode is freed with its blocks. */
void ext2_evict_inode(struct inode *inode);

/* inode.c */
struct inode *must_check ext2_iget(struct super_block *sb, u32 ino);
/* Give a new inode its operations, by its type. */
void ext2_set_inode_ops(struct inode *inode);
/* Bring the inode's bytes in the table up to date. */
int ext2_write_inode(struct inode *inode, bool wait);
/* The times are those that the disk can hold, also before they are written. */
int ext2_getattr(struct inode *inode, struct kstat *stat);
int ext2_setattr(struct inode *inode, const struct iattr *attr);

/* indirect.c */
/* Move *iblock on to the next block with data, or (data false) without. It moves to `end` or beyond
 * if there is none. Returns: 0, -EINTR, -EIO, ... */
int must_check ext2_seek_block(struct inode *inode, u64 *iblock, u64 end, bool data);
u64 ext2_max_size(u32 blocksize_bits);
/* The buffer of block `iblock` of a directory or symlink. create: where none is, a new, zeroed one,
 * which the caller fills and marks dirty. Returns: ERR_PTR(-EUCLEAN) for a hole. */
struct buffer_head *must_check ext2_bread(struct inode *inode, u32 iblock, bool create);

/* truncate.c */
/* Free all blocks that lie wholly past `size`. Context: sleeps; pages there are gone already. */
int must_check ext2_truncate_blocks(struct inode *inode, loff_t size);
int must_check ext2_setsize(struct inode *inode, loff_t size);
/* Drop the blocks past i_size that a failed write left. */
void ext2_write_failed(struct inode *inode);
/* Drop this inode's share of its attribute block. */
int must_check ext2_free_xattr_block(struct inode *inode);

/* dir.c. Locks: dir's i_mutex held. */
/* Returns: 0, -ENOENT, ... */
int must_check ext2_find_entry(struct inode *dir, const struct qstr *name, struct ext2_slot *slot);
int must_check ext2_add_link(struct inode *dir, const struct qstr *name, struct inode *inode);
/* Fails only once the filesystem is found corrupt. */
int must_check ext2_delete_entry(struct inode *dir, struct ext2_slot *slot);
/* Let the entry name another inode; dir's times stay. Fails as ext2_delete_entry. */
int must_check ext2_set_link(struct inode *dir, struct ext2_slot *slot, struct inode *inode);
/* dir's entries changed: new times, and a hash index would be stale. */
void ext2_touch_dir(struct inode *dir);
int must_check ext2_make_empty(struct inode *inode, struct inode *parent);
/* Returns: 0, -ENOTEMPTY, -EUCLEAN, ... */
int must_check ext2_empty_dir(struct inode *dir);

/* symlink.c */
int must_check ext2_write_symlink(struct inode *inode, const char *target, size_t len);

extern const struct inode_operations ext2_dir_inode_operations;
extern const struct inode_operations ext2_file_inode_operations;
extern const struct inode_operations ext2_symlink_inode_operations;
extern const struct file_operations ext2_dir_operations;
extern const struct file_operations ext2_file_operations;
extern const struct address_space_operations ext2_aops;

/* Register the filesystem type "ext2". */
void ext2_init(void);
