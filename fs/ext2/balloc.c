/*
 * Block allocation: bitmaps and group descriptors.
 *
 * Invariants:
 * 1. A block is given out only if its bit was clear, and freed only if its bit was set.
 * 2. A bitmap is used only after the bits of the group's own metadata were found set.
 *
 * Locks: s_alloc_lock guards bitmaps, descriptors and counters.
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"
#include "fs/fs_struct.h"
#include "kernel/lib/bitmap.h"

struct ext2_group_desc *ext2_group_desc(struct super_block *sb, u32 group, struct buffer_head **bh)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct buffer_head *gdb = sbi->s_group_desc[group / sbi->s_desc_per_block];
	struct ext2_group_desc *desc = (void *)gdb->b_data;

	if (bh)
		*bh = gdb;
	return desc + group % sbi->s_desc_per_block;
}

static bool is_power_of(u32 n, u32 base)
{
	u64 power = base;

	while (power < n)
		power *= base;
	return power == n;
}

bool ext2_bg_has_super(const struct ext2_sb_info *sbi, u32 group)
{
	const struct ext2_super_block *es = sbi->s_es;

	if (group == 0)
		return true;
	if (le32_to_cpu(es->s_rev_level) == EXT2_GOOD_OLD_REV)
		return true;
	if (le32_to_cpu(es->s_feature_compat) & EXT2_FEATURE_COMPAT_SPARSE_SUPER2)
		return false; /* up to two backups; nothing of ours depends on where */
	if (!(le32_to_cpu(es->s_feature_ro_compat) & EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER))
		return true;
	return group == 1 || is_power_of(group, 3) || is_power_of(group, 5) ||
	       is_power_of(group, 7);
}

u32 ext2_group_first_block(const struct ext2_sb_info *sbi, u32 group)
{
	return sbi->s_first_data_block + group * sbi->s_blocks_per_group;
}

u32 ext2_group_blocks(const struct ext2_sb_info *sbi, u32 group)
{
	return min(sbi->s_blocks_per_group,
		   sbi->s_blocks_count - ext2_group_first_block(sbi, group));
}

bool ext2_group_desc_ok(struct super_block *sb, u32 group)
{
	const struct ext2_sb_info *sbi = EXT2_SB(sb);
	const struct ext2_group_desc *desc = ext2_group_desc(sb, group, NULL);
	u32 first = ext2_group_first_block(sbi, group), blocks = ext2_group_blocks(sbi, group);
	u32 low = ext2_bg_has_super(sbi, group) ? 1 + sbi->s_gdb_count : 0;
	u32 bb = le32_to_cpu(desc->bg_block_bitmap) - first;
	u32 ib = le32_to_cpu(desc->bg_inode_bitmap) - first;
	u32 table = le32_to_cpu(desc->bg_inode_table) - first;

	return bb >= low && bb < blocks && ib >= low && ib < blocks && table >= low &&
	       table < blocks && sbi->s_itb_per_group <= blocks - table && bb != ib &&
	       bb - table >= sbi->s_itb_per_group && ib - table >= sbi->s_itb_per_group &&
	       le16_to_cpu(desc->bg_free_blocks_count) <= blocks &&
	       le16_to_cpu(desc->bg_free_inodes_count) <= sbi->s_inodes_per_group &&
	       le16_to_cpu(desc->bg_used_dirs_count) <= sbi->s_inodes_per_group;
}

static u32 block_group(const struct ext2_sb_info *sbi, u32 block)
{
	return (block - sbi->s_first_data_block) / sbi->s_blocks_per_group;
}

bool ext2_data_block_valid(struct super_block *sb, u32 block)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_group_desc *desc;
	u32 group, table;

	if (block <= sbi->s_first_data_block || block >= sbi->s_blocks_count)
		return false;
	group = block_group(sbi, block);
	desc = ext2_group_desc(sb, group, NULL);
	table = le32_to_cpu(desc->bg_inode_table);
	if (block == le32_to_cpu(desc->bg_block_bitmap) ||
	    block == le32_to_cpu(desc->bg_inode_bitmap) ||
	    (block >= table && block - table < sbi->s_itb_per_group))
		return false;
	return !ext2_bg_has_super(sbi, group) ||
	       block - ext2_group_first_block(sbi, group) > sbi->s_gdb_count;
}

static u64 *bitmap_of(struct buffer_head *bh)
{
	return (void *)bh->b_data;
}

/* Returns: the group's bitmap, checked; ERR_PTR(-EIO, -EUCLEAN, -ENOMEM). */
static struct buffer_head *read_block_bitmap(struct super_block *sb, u32 group)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_group_desc *desc = ext2_group_desc(sb, group, NULL);
	u32 first = ext2_group_first_block(sbi, group);
	u32 table = le32_to_cpu(desc->bg_inode_table) - first;
	struct buffer_head *bh;
	u64 *map;

	/* Checked at mount, but the device can be written behind our back. */
	if (!ext2_group_desc_ok(sb, group)) {
		ext2_error(sb, "descriptor of group %u has become impossible", group);
		return ERR_PTR(-EUCLEAN);
	}
	bh = sb_bread(sb, le32_to_cpu(desc->bg_block_bitmap));
	if (IS_ERR(bh))
		return bh;
	map = bitmap_of(bh);
	if (bitmap_test(map, le32_to_cpu(desc->bg_block_bitmap) - first) &&
	    bitmap_test(map, le32_to_cpu(desc->bg_inode_bitmap) - first) &&
	    bitmap_find_zero(map, table + sbi->s_itb_per_group, table) ==
		    table + sbi->s_itb_per_group)
		return bh;
	brelse(bh);
	ext2_error(sb, "block bitmap of group %u has metadata blocks free", group);
	return ERR_PTR(-EUCLEAN);
}

/* May the caller take one more block, or is the rest for the super-user? */
static bool has_free_blocks(const struct ext2_sb_info *sbi)
{
	const struct ext2_super_block *es = sbi->s_es;
	const struct cred *cred = current_cred();

	if (sbi->s_free_blocks > le32_to_cpu(es->s_r_blocks_count))
		return true;
	return sbi->s_free_blocks > 0 &&
	       (cred_is_root(cred) || cred->fsuid == le16_to_cpu(es->s_def_resuid) ||
		(le16_to_cpu(es->s_def_resgid) != 0 &&
		 in_group(cred, le16_to_cpu(es->s_def_resgid))));
}

/* A free bit: the goal itself, one near it, eight free ones together, or any. Returns `bits`
 * when there is none. */
static u32 find_free_bit(const u64 *map, u32 bits, u32 goal)
{
	const char *bytes = (const void *)map;
	const char *empty;
	u32 bit;

	if (goal) {
		u32 near = min((goal + 63u) & ~63u, bits);

		bit = (u32)bitmap_find_zero(map, near, goal);
		if (bit < near)
			return bit;
	}
	empty = memchr(bytes + goal / 8, 0, bits / 8 - min(goal / 8, bits / 8));
	if (empty)
		return (u32)(empty - bytes) * 8;
	bit = (u32)bitmap_find_zero(map, bits, goal);
	return bit < bits || goal == 0 ? bit : find_free_bit(map, bits, 0);
}

/* One block of the group. Returns: 0, -ENOSPC when it has none, -errno. */
static int alloc_in_group(struct super_block *sb, u32 group, u32 goal_bit, u32 *block)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 bits = ext2_group_blocks(sbi, group), bit;
	struct buffer_head *bh, *gdb;
	struct ext2_group_desc *desc = ext2_group_desc(sb, group, &gdb);
	u16 free = le16_to_cpu(desc->bg_free_blocks_count);
	int err;

	if (free == 0)
		return -ENOSPC;
	bh = read_block_bitmap(sb, group);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	bit = find_free_bit(bitmap_of(bh), bits, goal_bit < bits ? goal_bit : 0);
	*block = ext2_group_first_block(sbi, group) + bit;
	if (bit >= bits || !ext2_data_block_valid(sb, *block)) {
		ext2_error(sb, "group %u claims %u free blocks that its bitmap has not", group,
			   free);
		err = -EUCLEAN;
		goto out;
	}
	err = ext2_get_write_access(sb, bh);
	if (!err)
		err = ext2_get_write_access(sb, gdb);
	if (err)
		goto out;
	bitmap_set(bitmap_of(bh), bit);
	ext2_dirty_metadata(NULL, bh);
	desc->bg_free_blocks_count = cpu_to_le16((u16)(free - 1));
	ext2_dirty_metadata(NULL, gdb);
	sbi->s_free_blocks--;
	sbi->s_counters_dirty = true;
out:
	brelse(bh);
	return err;
}

int ext2_new_block(struct inode *inode, u32 goal, u32 *block)
{
	struct super_block *sb = inode->i_sb;
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 group, goal_bit;
	int err = -ENOSPC;

	if (goal < sbi->s_first_data_block || goal >= sbi->s_blocks_count)
		goal = sbi->s_first_data_block;
	group = block_group(sbi, goal);
	goal_bit = goal - ext2_group_first_block(sbi, group);
	mutex_lock(&sbi->s_alloc_lock);
	if (has_free_blocks(sbi))
		for (u32 i = 0; i < sbi->s_groups_count && err == -ENOSPC; i++) {
			err = alloc_in_group(sb, group, goal_bit, block);
			group = (group + 1) % sbi->s_groups_count;
			goal_bit = 0;
		}
	mutex_unlock(&sbi->s_alloc_lock);
	if (!err)
		inode->i_blocks += sb->s_blocksize / SECTOR_SIZE;
	return err;
}

int ext2_free_blocks(struct inode *inode, u32 block, u32 count)
{
	struct super_block *sb = inode->i_sb;
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 group = block_group(sbi, block);
	u32 bit = block - ext2_group_first_block(sbi, group);
	struct buffer_head *bh, *gdb;
	struct ext2_group_desc *desc = ext2_group_desc(sb, group, &gdb);
	u32 free;
	int err;

	mutex_lock(&sbi->s_alloc_lock);
	bh = read_block_bitmap(sb, group);
	err = IS_ERR(bh) ? (int)PTR_ERR(bh) : 0;
	if (err)
		goto out_unlock;
	free = le16_to_cpu(desc->bg_free_blocks_count) + count;
	if (bitmap_find_zero(bitmap_of(bh), bit + count, bit) < bit + count ||
	    free > ext2_group_blocks(sbi, group)) {
		ext2_error(sb, "inode %llu: freeing blocks %u+%u that are free already",
			   (unsigned long long)inode->i_ino, block, count);
		err = -EUCLEAN;
		goto out;
	}
	err = ext2_get_write_access(sb, bh);
	if (!err)
		err = ext2_get_write_access(sb, gdb);
	if (err)
		goto out;
	for (u32 i = 0; i < count; i++)
		bitmap_clear(bitmap_of(bh), bit + i);
	ext2_dirty_metadata(NULL, bh);
	desc->bg_free_blocks_count = cpu_to_le16((u16)free);
	ext2_dirty_metadata(NULL, gdb);
	sbi->s_free_blocks += count;
	sbi->s_counters_dirty = true;
	inode->i_blocks -= min(inode->i_blocks, (u64)count * (sb->s_blocksize / SECTOR_SIZE));
out:
	brelse(bh);
out_unlock:
	mutex_unlock(&sbi->s_alloc_lock);
	return err;
}
