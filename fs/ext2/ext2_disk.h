/*
 * The layout of an ext2 filesystem on disk. All integers are little-endian.
 *
 * Sources: Documentation/filesystems/ext4 of Linux, lib/ext2fs/ext2_fs.h of e2fsprogs.
 * Also there: the layout on the disk
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/types.h"

#define EXT2_SUPER_MAGIC    0xef53u
#define EXT2_SB_OFFSET	    1024u /* bytes from the start of the device, at any block size */
#define EXT2_MIN_BLOCK_SIZE 1024u

#define EXT2_GOOD_OLD_REV	 0u
#define EXT2_DYNAMIC_REV	 1u
#define EXT2_GOOD_OLD_INODE_SIZE 128u
#define EXT2_GOOD_OLD_FIRST_INO	 11u
#define EXT2_ROOT_INO		 2u
#define EXT2_LINK_MAX		 32000u

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
	le32_t s_inodes_count, s_blocks_count;
	le32_t s_r_blocks_count; /* reserved for the super-user */
	le32_t s_free_blocks_count, s_free_inodes_count;
	le32_t s_first_data_block; /* 1 when blocks have 1 KiB, else 0 */
	le32_t s_log_block_size;   /* log2(block size) - 10 */
	le32_t s_log_frag_size, s_blocks_per_group, s_frags_per_group, s_inodes_per_group;
	le32_t s_mtime, s_wtime; /* last mount, last write */
	le16_t s_mnt_count, s_max_mnt_count;
	le16_t s_magic;
	le16_t s_state;
	le16_t s_errors, s_minor_rev_level;
	le32_t s_lastcheck, s_checkinterval, s_creator_os;
	le32_t s_rev_level;
	le16_t s_def_resuid, s_def_resgid;
	/* From here on revision 1 only. */
	le32_t s_first_ino;
	le16_t s_inode_size, s_block_group_nr;
	le32_t s_feature_compat, s_feature_incompat, s_feature_ro_compat;
	u8 s_uuid[16];
	u8 s_reserved[904];
};
static_assert(sizeof(struct ext2_super_block) == 1024, "superblock");
static_assert(offsetof(struct ext2_super_block, s_magic) == 56, "superblock");
static_assert(offsetof(struct ext2_super_block, s_first_ino) == 84, "superblock");
static_assert(offsetof(struct ext2_super_block, s_uuid) == 104, "superblock");

struct ext2_group_desc {
	le32_t bg_block_bitmap, bg_inode_bitmap, bg_inode_table; /* block numbers */
	le16_t bg_free_blocks_count, bg_free_inodes_count, bg_used_dirs_count;
	le16_t bg_flags;
	le32_t bg_reserved[3];
};
static_assert(sizeof(struct ext2_group_desc) == 32, "group descriptor");

#define EXT2_NDIR_BLOCKS 12u
#define EXT2_IND_BLOCK	 12u
#define EXT2_N_BLOCKS	 15u

/* i_flags */
#define EXT2_INDEX_FL	    0x00001000u /* hashed directory: a linear write makes the index stale */
#define EXT2_EXTENTS_FL	    0x00080000u
#define EXT2_INLINE_DATA_FL 0x10000000u

struct ext2_inode {
	le16_t i_mode, i_uid;
	le32_t i_size, i_atime, i_ctime, i_mtime;
	le32_t i_dtime; /* time of deletion */
	le16_t i_gid, i_links_count;
	le32_t i_blocks; /* 512-byte units */
	le32_t i_flags, i_osd1;
	le32_t i_block[EXT2_N_BLOCKS];
	le32_t i_generation;
	le32_t i_file_acl;  /* block of extended attributes */
	le32_t i_size_high; /* regular files */
	le32_t i_faddr;
	le16_t i_blocks_high, i_file_acl_high, i_uid_high, i_gid_high;
	le16_t i_checksum_lo, i_reserved;
	/* Inodes of more than 128 bytes: i_extra_isize bytes of the following are in use. */
	le16_t i_extra_isize, i_checksum_hi;
	/* Nanoseconds << 2 | bits 32 and 33 of the seconds. */
	le32_t i_ctime_extra, i_mtime_extra, i_atime_extra;
	le32_t i_crtime, i_crtime_extra;
	le32_t i_version_hi, i_projid;
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
	u8 file_type; /* see EXT2_FT_MAX; 0, as part of name_len, without the feature filetype */
	char name[];  /* not terminated */
};
static_assert(sizeof(struct ext2_dir_entry) == 8, "directory entry");

#define EXT2_DIR_REC_LEN(name_len) (((u32)(name_len) + 8u + 3u) & ~3u)

/* file_type: unknown, regular, directory, char device, block device, FIFO, socket, symlink */
#define EXT2_FT_MAX 8u

#define EXT2_XATTR_MAGIC 0xea020000u
struct ext2_xattr_header { /* its first fields */
	le32_t h_magic;
	le32_t h_refcount; /* inodes that share the block */
};
static_assert(sizeof(struct ext2_xattr_header) == 8, "extended attributes");
