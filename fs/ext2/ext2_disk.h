/*
 * The layout of an ext2 filesystem on disk. All integers are little-endian.
 *
 * Sources: Documentation/filesystems/ext4 of Linux, lib/ext2fs/ext2_fs.h of e2fsprogs.
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/types.h"

#define EXT2_SUPER_MAGIC    0xef53u
#define EXT2_SB_OFFSET	    1024u /* bytes from the start of the device, at any block size */
#define EXT2_MIN_BLOCK_SIZE 1024u
#define EXT2_MAX_BLOCK_SIZE 4096u

#define EXT2_GOOD_OLD_REV	 0u
#define EXT2_DYNAMIC_REV	 1u
#define EXT2_GOOD_OLD_INODE_SIZE 128u
#define EXT2_GOOD_OLD_FIRST_INO	 11u
#define EXT2_ROOT_INO		 2u
#define EXT2_LINK_MAX		 32000u
#define EXT2_NAME_LEN		 255u

/* s_state */
#define EXT2_VALID_FS 0x0001u
#define EXT2_ERROR_FS 0x0002u

#define EXT2_FEATURE_COMPAT_SPARSE_SUPER2   0x0200u
#define EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER 0x0001u
#define EXT2_FEATURE_RO_COMPAT_LARGE_FILE   0x0002u
#define EXT2_FEATURE_INCOMPAT_FILETYPE	    0x0002u
#define EXT2_FEATURE_RO_COMPAT_SUPP \
	(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE)
#define EXT2_FEATURE_INCOMPAT_SUPP EXT2_FEATURE_INCOMPAT_FILETYPE

struct ext2_super_block {
	le32_t s_inodes_count;
	le32_t s_blocks_count;
	le32_t s_r_blocks_count; /* reserved for the super-user */
	le32_t s_free_blocks_count;
	le32_t s_free_inodes_count;
	le32_t s_first_data_block; /* 1 when blocks have 1 KiB, else 0 */
	le32_t s_log_block_size;   /* log2(block size) - 10 */
	le32_t s_log_frag_size;
	le32_t s_blocks_per_group;
	le32_t s_frags_per_group;
	le32_t s_inodes_per_group;
	le32_t s_mtime;
	le32_t s_wtime;
	le16_t s_mnt_count;
	le16_t s_max_mnt_count;
	le16_t s_magic;
	le16_t s_state;
	le16_t s_errors;
	le16_t s_minor_rev_level;
	le32_t s_lastcheck;
	le32_t s_checkinterval;
	le32_t s_creator_os;
	le32_t s_rev_level;
	le16_t s_def_resuid;
	le16_t s_def_resgid;
	/* From here on revision 1 only. */
	le32_t s_first_ino;
	le16_t s_inode_size;
	le16_t s_block_group_nr;
	le32_t s_feature_compat;
	le32_t s_feature_incompat;
	le32_t s_feature_ro_compat;
	u8 s_uuid[16];
	char s_volume_name[16];
	char s_last_mounted[64];
	le32_t s_algorithm_usage_bitmap;
	u8 s_prealloc_blocks;
	u8 s_prealloc_dir_blocks;
	le16_t s_reserved_gdt_blocks;
	u8 s_journal_uuid[16];
	le32_t s_journal_inum;
	le32_t s_journal_dev;
	le32_t s_last_orphan;
	u8 s_reserved[788];
};
static_assert(sizeof(struct ext2_super_block) == 1024, "superblock");
static_assert(offsetof(struct ext2_super_block, s_magic) == 56, "superblock");
static_assert(offsetof(struct ext2_super_block, s_first_ino) == 84, "superblock");
static_assert(offsetof(struct ext2_super_block, s_reserved_gdt_blocks) == 206, "superblock");
static_assert(offsetof(struct ext2_super_block, s_last_orphan) == 232, "superblock");

struct ext2_group_desc {
	le32_t bg_block_bitmap;
	le32_t bg_inode_bitmap;
	le32_t bg_inode_table;
	le16_t bg_free_blocks_count;
	le16_t bg_free_inodes_count;
	le16_t bg_used_dirs_count;
	le16_t bg_flags;
	le32_t bg_reserved[3];
};
static_assert(sizeof(struct ext2_group_desc) == 32, "group descriptor");

#define EXT2_NDIR_BLOCKS 12u
#define EXT2_IND_BLOCK	 12u
#define EXT2_DIND_BLOCK	 13u
#define EXT2_TIND_BLOCK	 14u
#define EXT2_N_BLOCKS	 15u

/* i_flags */
#define EXT2_INDEX_FL	    0x00001000u /* hashed directory: a linear write makes the index stale */
#define EXT2_EXTENTS_FL	    0x00080000u
#define EXT2_INLINE_DATA_FL 0x10000000u

struct ext2_inode {
	le16_t i_mode;
	le16_t i_uid;
	le32_t i_size;
	le32_t i_atime;
	le32_t i_ctime;
	le32_t i_mtime;
	le32_t i_dtime; /* time of deletion */
	le16_t i_gid;
	le16_t i_links_count;
	le32_t i_blocks; /* 512-byte units */
	le32_t i_flags;
	le32_t i_osd1;
	le32_t i_block[EXT2_N_BLOCKS];
	le32_t i_generation;
	le32_t i_file_acl;  /* block of extended attributes */
	le32_t i_size_high; /* regular files */
	le32_t i_faddr;
	le16_t i_blocks_high;
	le16_t i_file_acl_high;
	le16_t i_uid_high;
	le16_t i_gid_high;
	le16_t i_checksum_lo;
	le16_t i_reserved;
	/* Inodes of more than 128 bytes: i_extra_isize bytes of the following are in use. */
	le16_t i_extra_isize;
	le16_t i_checksum_hi;
	le32_t i_ctime_extra; /* nanoseconds << 2 | bits 32 and 33 of the seconds */
	le32_t i_mtime_extra;
	le32_t i_atime_extra;
	le32_t i_crtime;
	le32_t i_crtime_extra;
	le32_t i_version_hi;
	le32_t i_projid;
};
static_assert(sizeof(struct ext2_inode) == 160, "inode");
static_assert(offsetof(struct ext2_inode, i_block) == 40, "inode");
static_assert(offsetof(struct ext2_inode, i_file_acl) == 104, "inode");
static_assert(offsetof(struct ext2_inode, i_uid_high) == 120, "inode");
static_assert(offsetof(struct ext2_inode, i_extra_isize) == 128, "inode");
static_assert(offsetof(struct ext2_inode, i_atime_extra) == 140, "inode");

struct ext2_dir_entry {
	le32_t inode;	/* 0: unused */
	le16_t rec_len; /* bytes to the next entry; the last one ends with its block */
	u8 name_len;
	u8 file_type; /* EXT2_FT_*; high byte of name_len (so 0) without the filetype feature */
	char name[];  /* not terminated */
};
static_assert(sizeof(struct ext2_dir_entry) == 8, "directory entry");

#define EXT2_DIR_REC_LEN(name_len) (((u32)(name_len) + 8u + 3u) & ~3u)

enum ext2_file_type {
	EXT2_FT_UNKNOWN,
	EXT2_FT_REG_FILE,
	EXT2_FT_DIR,
	EXT2_FT_CHRDEV,
	EXT2_FT_BLKDEV,
	EXT2_FT_FIFO,
	EXT2_FT_SOCK,
	EXT2_FT_SYMLINK,
	EXT2_FT_MAX,
};

#define EXT2_XATTR_MAGIC 0xea020000u
struct ext2_xattr_header {
	le32_t h_magic;
	le32_t h_refcount; /* inodes that share the block */
	le32_t h_blocks;
	le32_t h_hash;
	le32_t h_reserved[4];
};
static_assert(sizeof(struct ext2_xattr_header) == 32, "attribute header");
