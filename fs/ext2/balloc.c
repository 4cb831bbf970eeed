/*
 * Block allocation, and the bitmaps and group descriptors of blocks and inodes.
 *
 * Invariants:
 * 1. A block is given out only if its bit was clear and it is no metadata of the group. It is freed
 *    only if its bit was set.
 *
 * Locks: s_alloc_lock guards bitmaps, descriptors and counters.
 * Also there: free blocks
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"
#include "fs/fs_struct.h"
#include "kernel/lib/bitmap.h"

struct ext2_group_desc *ext2_group_desc(struct super_block *sb, u32 group, struct buffer_head **bh)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);

	*bh = sbi->s_group_desc[group / sbi->s_desc_per_block];
	return (struct ext2_group_desc *)(void *)(*bh)->b_data + group % sbi->s_desc_per_block;
}

bool ext2_bg_has_super(const struct ext2_sb_info *sbi, u32 group)
{
	const struct ext2_super_block *es = sbi->s_es;

	/* sparse_super2 has up to two backups; nothing of ours depends on where. */
	if (group == 0 || le32_to_cpu(es->s_feature_compat) & EXT2_FEATURE_COMPAT_SPARSE_SUPER2)
		return group == 0;
	if (!(le32_to_cpu(es->s_feature_ro_compat) & EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER))
		return true;
	for (u32 base = 3; base <= 7; base += 2) {
		u32 rest = group;

		while (rest % base == 0)
			rest /= base;
		if (rest == 1) /* the powers of 3, 5 and 7 */
			return true;
	}
	return false;
}

u32 ext2_group_first_block(const struct ext2_sb_info *sbi, u32 group)
{
	return sbi->s_first_data_block + group * sbi->s_blocks_per_group;
}

static u32 group_blocks(const struct ext2_sb_info *sbi, u32 group)
{
	return min(sbi->s_blocks_per_group,
		   sbi->s_blocks_count - ext2_group_first_block(sbi, group));
}

/* Where a group's own blocks lie, counted from its first. */
struct group_layout {
	u32 blocks, supers, block_bitmap, inode_bitmap, table;
};

static struct group_layout layout_of(struct super_block *sb, u32 group)
{
	const struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 first = ext2_group_first_block(sbi, group);
	struct buffer_head *bh;
	const struct ext2_group_desc *desc = ext2_group_desc(sb, group, &bh);

	return (struct group_layout){
		.blocks = group_blocks(sbi, group),
		.supers = ext2_bg_has_super(sbi, group) ? 1 + sbi->s_gdb_count : 0,
		.block_bitmap = le32_to_cpu(desc->bg_block_bitmap) - first,
		.inode_bitmap = le32_to_cpu(desc->bg_inode_bitmap) - first,
		.table = le32_to_cpu(desc->bg_inode_table) - first,
	};
}

bool ext2_group_desc_ok(struct super_block *sb, u32 group)
{
	const struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct buffer_head *bh;
	const struct ext2_group_desc *desc = ext2_group_desc(sb, group, &bh);
	struct group_layout g = layout_of(sb, group);

	return g.block_bitmap >= g.supers && g.block_bitmap < g.blocks &&
	       g.inode_bitmap >= g.supers && g.inode_bitmap < g.blocks && g.table >= g.supers &&
	       g.table < g.blocks && sbi->s_itb_per_group <= g.blocks - g.table &&
	       g.block_bitmap != g.inode_bitmap &&
	       g.block_bitmap - g.table >= sbi->s_itb_per_group &&
	       g.inode_bitmap - g.table >= sbi->s_itb_per_group &&
	       le16_to_cpu(desc->bg_free_blocks_count) <= g.blocks &&
	       le16_to_cpu(desc->bg_free_inodes_count) <= sbi->s_inodes_per_group;
}

bool ext2_data_block_valid(struct super_block *sb, u32 block)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct group_layout g;
	u32 bit;

	if (block <= sbi->s_first_data_block || block >= sbi->s_blocks_count)
		return false;
	g = layout_of(sb, (block - sbi->s_first_data_block) / sbi->s_blocks_per_group);
	bit = (block - sbi->s_first_data_block) % sbi->s_blocks_per_group;
	return bit >= g.supers && bit != g.block_bitmap && bit != g.inode_bitmap &&
	       (bit < g.table || bit - g.table >= sbi->s_itb_per_group);
}

int ext2_open_bitmap(struct super_block *sb, u32 group, bool inodes, struct ext2_bitmap *b)
{
	struct group_layout g = layout_of(sb, group);
	int err;

	b->desc = ext2_group_desc(sb, group, &b->gdb);
	/* Checked at mount, but the device can be written behind our back. */
	if (!ext2_group_desc_ok(sb, group))
		return ext2_error(sb, "descriptor of group %u has become impossible", group);
	b->bh = sb_bread(sb, ext2_group_first_block(EXT2_SB(sb), group) +
				     (inodes ? g.inode_bitmap : g.block_bitmap));
	if (IS_ERR(b->bh))
		return (int)PTR_ERR(b->bh);
	b->map = (void *)b->bh->b_data;
	err = ext2_get_write_access(sb, b->bh) ?: ext2_get_write_access(sb, b->gdb);
	if (err)
		brelse(b->bh);
	return err;
}

void ext2_close_bitmap(struct ext2_bitmap *b, bool changed)
{
	if (changed) {
		ext2_dirty_metadata(NULL, b->bh);
		ext2_dirty_metadata(NULL, b->gdb);
	}
	brelse(b->bh);
}

/* One block of the group, the first free one from the goal on. Returns: 0, -ENOSPC, -errno. */
static int alloc_in_group(struct super_block *sb, u32 group, u32 goal, u32 *block)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 bits = group_blocks(sbi, group), bit;
	struct ext2_bitmap b = {0};
	int err = -ENOSPC;

	if (le16_to_cpu(ext2_group_desc(sb, group, &b.gdb)->bg_free_blocks_count))
		err = ext2_open_bitmap(sb, group, false, &b);
	if (err)
		return err;
	bit = (u32)bitmap_find_zero(b.map, bits, goal);
	if (bit >= bits)
		bit = (u32)bitmap_find_zero(b.map, bits, 0);
	*block = ext2_group_first_block(sbi, group) + bit;
	if (bit >= bits || !ext2_data_block_valid(sb, *block)) {
		err = ext2_error(sb, "block bitmap of group %u is wrong", group);
	} else {
		bitmap_set(b.map, bit);
		ext2_add16(&b.desc->bg_free_blocks_count, -1);
		sbi->s_free_blocks--;
	}
	ext2_close_bitmap(&b, !err);
	return err;
}

int ext2_new_block(struct inode *inode, u32 goal, u32 *block)
{
	struct super_block *sb = inode->i_sb;
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 group, bit, reserved = le32_to_cpu(sbi->s_es->s_r_blocks_count);
	int err = -ENOSPC;

	if (cred_is_root(current_cred()))
		reserved = 0;
	if (goal < sbi->s_first_data_block || goal >= sbi->s_blocks_count)
		goal = sbi->s_first_data_block;
	group = (goal - sbi->s_first_data_block) / sbi->s_blocks_per_group;
	bit = (goal - sbi->s_first_data_block) % sbi->s_blocks_per_group;
	mutex_lock(&sbi->s_alloc_lock);
	for (u32 i = 0; i < sbi->s_groups_count && err == -ENOSPC; i++) {
		if (sbi->s_free_blocks <= reserved)
			break;
		err = alloc_in_group(sb, (group + i) % sbi->s_groups_count, bit, block);
		bit = 0;
	}
	mutex_unlock(&sbi->s_alloc_lock);
	if (!err)
		inode->i_blocks += sb->s_blocksize / SECTOR_SIZE;
	return err;
}

int ext2_free_bit(struct inode *inode, u32 group, u32 bit, bool inodes)
{
	struct ext2_sb_info *sbi = EXT2_SB(inode->i_sb);
	struct ext2_bitmap b = {0};
	int err;

	mutex_lock(&sbi->s_alloc_lock);
	err = ext2_open_bitmap(inode->i_sb, group, inodes, &b);
	if (err)
		goto out;
	if (!bitmap_test(b.map, bit)) {
		err = ext2_inode_error(inode, "or its block %u of group %u is free already", bit,
				       group);
	} else if (inodes) {
		ext2_add16(&b.desc->bg_free_inodes_count, 1);
		ext2_add16(&b.desc->bg_used_dirs_count, -S_ISDIR(inode->i_mode));
		sbi->s_free_inodes++;
	} else {
		ext2_add16(&b.desc->bg_free_blocks_count, 1);
		sbi->s_free_blocks++;
		inode->i_blocks -=
			min(inode->i_blocks, (u64)(1u << inode->i_blkbits) / SECTOR_SIZE);
	}
	if (!err)
		bitmap_clear(b.map, bit);
	ext2_close_bitmap(&b, !err);
out:
	mutex_unlock(&sbi->s_alloc_lock);
	return err;
}

int ext2_free_block(struct inode *inode, u32 block)
{
	struct ext2_sb_info *sbi = EXT2_SB(inode->i_sb);
	u32 nr = block - sbi->s_first_data_block;

	return ext2_free_bit(inode, nr / sbi->s_blocks_per_group, nr % sbi->s_blocks_per_group,
			     false);
}
