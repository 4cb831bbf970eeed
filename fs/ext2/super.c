/*
 * Mounting and unmounting. The tables of operations are put together here.
 *
 * The superblock says "not clean" from a read-write mount until the unmount. sync and unmount bring
 * its counters up to date. The counters of the group descriptors are always up to date.
 * Also there: mount and unmount
 */
#include "fs/ext2/ext2.h"

#include "block/genhd.h"
#include "kernel/lib/err.h"
#include "kernel/mm/kmalloc.h"

/* From read-only to read-write: count what is free, and say "not clean" on disk. */
static int begin_writing(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_super_block *es = sbi->s_es;

	sbi->s_mount_state = le16_to_cpu(es->s_state);
	if ((sbi->s_mount_state & (EXT2_VALID_FS | EXT2_ERROR_FS)) != EXT2_VALID_FS)
		ext2_refuse(sb, 0,
			    "was not cleanly unmounted, or has errors: run e2fsck "
			    "(make fsck, for Ringlet's disk)");
	ext2_count_free(sb);
	es->s_state = cpu_to_le16((u16)(sbi->s_mount_state & ~EXT2_VALID_FS));
	es->s_mnt_count = cpu_to_le16((u16)(le16_to_cpu(es->s_mnt_count) + 1));
	es->s_mtime = cpu_to_le32((u32)current_time().tv_sec);
	return ext2_commit_super(sb);
}

/* From read-write to read-only: the superblock gets its state of before the mount, unless errors
 * came up or something was not written. */
static int end_writing(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u16 state = sbi->s_mount_state | (le16_to_cpu(sbi->s_es->s_state) & EXT2_ERROR_FS);

	if (state & EXT2_VALID_FS && !sb_is_whole(sb)) {
		state &= (u16)~EXT2_VALID_FS;
		ext2_refuse(sb, 0, "stays marked as not clean, as not all was written: run e2fsck");
	}
	sbi->s_es->s_state = cpu_to_le16(state);
	return ext2_commit_super(sb);
}

static struct inode *ext2_alloc_inode(struct super_block *sb)
{
	struct ext2_inode_info *ei = kzalloc(sizeof(*ei), GFP_NOFS);

	(void)sb;
	if (!ei)
		return NULL;
	mutex_init(&ei->truncate_mutex);
	return &ei->vfs_inode;
}

static void ext2_free_inode_info(struct inode *inode)
{
	kfree(EXT2_I(inode));
}

static void ext2_put_super(struct super_block *sb)
{
	if (!sb_rdonly(sb) && end_writing(sb))
		ext2_refuse(sb, 0, "the superblock could not be written");
	ext2_unload(sb);
}

static int ext2_sync_fs(struct super_block *sb, bool wait)
{
	(void)wait;
	return sb_rdonly(sb) ? 0 : ext2_commit_super(sb);
}

static int ext2_statfs(struct super_block *sb, struct kstatfs *buf)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 reserved = le32_to_cpu(sbi->s_es->s_r_blocks_count);

	mutex_lock(&sbi->s_alloc_lock);
	buf->f_blocks = sbi->s_blocks_count - sbi->s_overhead_blocks;
	buf->f_bfree = sbi->s_free_blocks;
	buf->f_bavail = sbi->s_free_blocks - min(sbi->s_free_blocks, reserved);
	buf->f_files = sbi->s_inodes_count;
	buf->f_ffree = sbi->s_free_inodes;
	mutex_unlock(&sbi->s_alloc_lock);
	return 0;
}

static int ext2_remount(struct super_block *sb, u32 flags, const char *data)
{
	(void)data;
	if (((flags & MS_RDONLY) != 0) == sb_rdonly(sb))
		return 0;
	if (flags & MS_RDONLY)
		return end_writing(sb);
	if (READ_ONCE(EXT2_SB(sb)->s_aborted))
		return ext2_refuse(sb, -EROFS, "was found corrupt; unmount it and run e2fsck");
	return ext2_may_write(sb) ? begin_writing(sb) : -EROFS;
}

static const struct ext2_inode_tables inode_tables = {
	.file_inode = &ext2_file_inode_operations,
	.dir_inode = &ext2_dir_inode_operations,
	.symlink_inode = &ext2_symlink_inode_operations,
	.file = &ext2_file_operations,
	.dir = &ext2_dir_operations,
	.aops = &ext2_aops,
};

static const struct super_operations ext2_sops = {
	.alloc_inode = ext2_alloc_inode,
	.free_inode = ext2_free_inode_info,
	.write_inode = ext2_write_inode,
	.evict_inode = ext2_evict_inode,
	.put_super = ext2_put_super,
	.sync_fs = ext2_sync_fs,
	.statfs = ext2_statfs,
	.remount_fs = ext2_remount,
};

static int ext2_fill_super(struct super_block *sb, const char *data, bool silent)
{
	struct inode *root;
	int err;

	if (data && *data)
		return ext2_refuse(sb, -EINVAL, "unknown mount options \"%s\"", data);
	err = ext2_load(sb, silent);
	if (err)
		return err;
	sb->s_op = &ext2_sops;
	EXT2_SB(sb)->s_inode_tables = &inode_tables;
	sb->s_magic = EXT2_SUPER_MAGIC;
	if (!sb_rdonly(sb) && !ext2_may_write(sb)) {
		ext2_refuse(sb, 0, "mounted read-only");
		sb->s_flags |= MS_RDONLY;
	}
	root = ext2_iget(sb, EXT2_ROOT_INO);
	err = IS_ERR(root) ? (int)PTR_ERR(root) : 0;
	if (!err && !S_ISDIR(root->i_mode)) {
		iput(root);
		err = ext2_error(sb, "the root inode is no directory");
	}
	if (!err) {
		sb->s_root = d_make_root(root);
		err = sb->s_root ? 0 : -ENOMEM;
	}
	if (!err && !sb_rdonly(sb))
		err = begin_writing(sb);
	if (err) {
		dput(sb->s_root);
		sb->s_root = NULL;
		ext2_unload(sb);
	}
	return err;
}

static struct file_system_type ext2_type = {
	.name = "ext2",
	.needs_dev = true,
	.fill_super = ext2_fill_super,
};

void ext2_init(void)
{
	register_filesystem(&ext2_type);
}
