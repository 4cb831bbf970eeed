/*
 * Mounting, and the superblock while mounted.
 *
 * The superblock says "not clean" from a read-write mount until the unmount, and "has errors" from
 * the first corruption on. Its counters are brought up to date by sync and unmount; the
 * descriptors' own are always. Backup superblocks are never touched.
 */
#include "fs/ext2/ext2.h"

#include "block/genhd.h"
#include "fs/ext2/ext2_load.h"
#include "fs/ext2/ext2_meta.h"
#include "kernel/mm/kmalloc.h"

void ext2_error(struct super_block *sb, const char *fmt, ...)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_super_block *es = sbi->s_es;
	char message[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	WRITE_ONCE(sbi->s_aborted, true);
	if (!sb_rdonly(sb)) {
		es->s_state = cpu_to_le16(le16_to_cpu(es->s_state) | EXT2_ERROR_FS);
		mark_buffer_dirty(sbi->s_sbh);
	}
	sb_error(sb, "ext2: %s", message);
}

int ext2_need_large_file(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_super_block *es = sbi->s_es;
	u32 features;
	int err = 0;

	if (le32_to_cpu(es->s_rev_level) == EXT2_GOOD_OLD_REV)
		return -EFBIG;
	mutex_lock(&sbi->s_alloc_lock);
	features = le32_to_cpu(es->s_feature_ro_compat);
	if (!(features & EXT2_FEATURE_RO_COMPAT_LARGE_FILE)) {
		err = ext2_get_write_access(sb, sbi->s_sbh);
		if (!err) {
			es->s_feature_ro_compat =
				cpu_to_le32(features | EXT2_FEATURE_RO_COMPAT_LARGE_FILE);
			ext2_dirty_metadata(NULL, sbi->s_sbh);
		}
	}
	mutex_unlock(&sbi->s_alloc_lock);
	return err;
}

/* Write the superblock with the counters of now. */
static int must_check commit_super(struct super_block *sb, bool wait)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_super_block *es = sbi->s_es;

	mutex_lock(&sbi->s_alloc_lock);
	es->s_free_blocks_count = cpu_to_le32(sbi->s_free_blocks);
	es->s_free_inodes_count = cpu_to_le32(sbi->s_free_inodes);
	es->s_wtime = cpu_to_le32((u32)current_time().tv_sec);
	sbi->s_counters_dirty = false;
	ext2_dirty_metadata(NULL, sbi->s_sbh);
	mutex_unlock(&sbi->s_alloc_lock);
	return wait ? sync_dirty_buffer(sbi->s_sbh) : 0;
}

/* From read-only to read-write: count what is free, and say "not clean" on disk. */
static int must_check begin_writing(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_super_block *es = sbi->s_es;

	sbi->s_mount_state = le16_to_cpu(es->s_state);
	if (!(sbi->s_mount_state & EXT2_VALID_FS))
		ext2_message(sb, "was not cleanly unmounted; e2fsck is recommended");
	else if (sbi->s_mount_state & EXT2_ERROR_FS)
		ext2_message(sb, "has errors; e2fsck is recommended");
	ext2_count_free(sb);
	es->s_state = cpu_to_le16((u16)(sbi->s_mount_state & ~EXT2_VALID_FS));
	es->s_mnt_count = cpu_to_le16((u16)(le16_to_cpu(es->s_mnt_count) + 1));
	es->s_mtime = cpu_to_le32((u32)current_time().tv_sec);
	return commit_super(sb, true);
}

/* And back: the state of before the mount, unless errors came up. */
static int must_check end_writing(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);

	sbi->s_es->s_state = cpu_to_le16(sbi->s_mount_state);
	return commit_super(sb, true);
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
		ext2_message(sb, "the superblock could not be written");
	ext2_unload(sb);
}

static int ext2_sync_fs(struct super_block *sb, bool wait)
{
	if (sb_rdonly(sb) || !READ_ONCE(EXT2_SB(sb)->s_counters_dirty))
		return 0;
	return commit_super(sb, wait);
}

static int ext2_statfs(struct super_block *sb, struct kstatfs *buf)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 reserved = le32_to_cpu(sbi->s_es->s_r_blocks_count);
	u64 uuid[2];

	memcpy(uuid, sbi->s_es->s_uuid, sizeof(uuid));
	mutex_lock(&sbi->s_alloc_lock);
	*buf = (struct kstatfs){
		.f_type = EXT2_SUPER_MAGIC,
		.f_bsize = sb->s_blocksize,
		.f_blocks = sbi->s_blocks_count - sbi->s_overhead_blocks,
		.f_bfree = sbi->s_free_blocks,
		.f_bavail = sbi->s_free_blocks - min(sbi->s_free_blocks, reserved),
		.f_files = sbi->s_inodes_count,
		.f_ffree = sbi->s_free_inodes,
		.f_fsid = uuid[0] ^ uuid[1],
		.f_namelen = EXT2_NAME_LEN,
	};
	mutex_unlock(&sbi->s_alloc_lock);
	return 0;
}

static int ext2_remount(struct super_block *sb, u32 flags, const char *data)
{
	bool read_only = (flags & MS_RDONLY) != 0;

	if (!ext2_options_ok(sb, data))
		return -EINVAL;
	if (read_only == sb_rdonly(sb))
		return 0;
	if (read_only)
		return end_writing(sb);
	if (READ_ONCE(EXT2_SB(sb)->s_aborted)) {
		ext2_message(sb, "was found corrupt; unmount it and run e2fsck");
		return -EROFS;
	}
	if (bdev_read_only(sb->s_bdev) || !ext2_may_write(sb))
		return -EROFS;
	return begin_writing(sb);
}

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

static int must_check make_root(struct super_block *sb)
{
	struct inode *root = ext2_iget(sb, EXT2_ROOT_INO);

	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	if (!S_ISDIR(root->i_mode)) {
		iput(root);
		ext2_message(sb, "the root inode is no directory");
		return -EUCLEAN;
	}
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int ext2_fill_super(struct super_block *sb, const char *data, bool silent)
{
	int err;

	if (!ext2_options_ok(sb, data))
		return -EINVAL;
	err = ext2_load(sb, silent);
	if (err)
		return err;
	sb->s_op = &ext2_sops;
	sb->s_magic = EXT2_SUPER_MAGIC;
	if (!sb_rdonly(sb) && (bdev_read_only(sb->s_bdev) || !ext2_may_write(sb))) {
		ext2_message(sb, "mounted read-only");
		sb->s_flags |= MS_RDONLY;
	}
	err = make_root(sb);
	if (err)
		goto err_unload;
	if (sb_rdonly(sb))
		return 0;
	err = begin_writing(sb);
	if (err)
		goto err_root;
	return 0;

err_root:
	dput(sb->s_root);
	sb->s_root = NULL;
err_unload:
	ext2_unload(sb);
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
