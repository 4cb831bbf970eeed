/*
 * The superblock's bytes while mounted: its error flag, its counters, its features.
 *
 * It says "has errors" from the first corruption on. The first file of 2 GiB sets the feature for
 * such files, and revision 1 if the superblock has revision 0. Backup superblocks never change.
 * Also there: the superblock changes
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"

int ext2_abort(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);

	WRITE_ONCE(sbi->s_aborted, true);
	if (sb->s_bdev_write) {
		sbi->s_es->s_state = cpu_to_le16(le16_to_cpu(sbi->s_es->s_state) | EXT2_ERROR_FS);
		mark_buffer_dirty(sbi->s_sbh);
	}
	return -EUCLEAN;
}

int ext2_commit_super(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_super_block *es = sbi->s_es;

	mutex_lock(&sbi->s_alloc_lock);
	es->s_free_blocks_count = cpu_to_le32(sbi->s_free_blocks);
	es->s_free_inodes_count = cpu_to_le32(sbi->s_free_inodes);
	es->s_wtime = cpu_to_le32((u32)current_time().tv_sec);
	ext2_dirty_metadata(NULL, sbi->s_sbh);
	mutex_unlock(&sbi->s_alloc_lock);
	return sync_dirty_buffer(sbi->s_sbh);
}

int ext2_allow_large_file(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_super_block *es = sbi->s_es;
	u32 features = le32_to_cpu(es->s_feature_ro_compat);

	if (features & EXT2_FEATURE_RO_COMPAT_LARGE_FILE &&
	    le32_to_cpu(es->s_rev_level) != EXT2_GOOD_OLD_REV)
		return 0;
	mutex_lock(&sbi->s_alloc_lock);
	if (le32_to_cpu(es->s_rev_level) == EXT2_GOOD_OLD_REV) {
		/* Revision 0 has no features. The new fields say what held without them. */
		es->s_rev_level = cpu_to_le32(EXT2_DYNAMIC_REV);
		es->s_first_ino = cpu_to_le32(EXT2_GOOD_OLD_FIRST_INO);
		es->s_inode_size = cpu_to_le16(EXT2_GOOD_OLD_INODE_SIZE);
	}
	es->s_feature_ro_compat = cpu_to_le32(features | EXT2_FEATURE_RO_COMPAT_LARGE_FILE);
	mutex_unlock(&sbi->s_alloc_lock);
	return ext2_commit_super(sb);
}
