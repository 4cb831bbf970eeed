/*
 * Inode allocation: which group a new file goes to, and the inode bitmaps.
 *
 * Files go to their directory's group, so that a directory's files lie together; directories are
 * spread over the groups, so that there is room for that.
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"
#include "kernel/lib/bitmap.h"

#define NO_GROUP (~0u)

struct group_counts {
	u32 inodes, blocks, dirs; /* free, free, used */
};

static struct group_counts counts_of(struct super_block *sb, u32 group)
{
	const struct ext2_group_desc *desc = ext2_group_desc(sb, group, NULL);

	return (struct group_counts){
		.inodes = le16_to_cpu(desc->bg_free_inodes_count),
		.blocks = le16_to_cpu(desc->bg_free_blocks_count),
		.dirs = le16_to_cpu(desc->bg_used_dirs_count),
	};
}

static u32 first_group_with_inodes(struct super_block *sb, u32 start, u32 min_inodes)
{
	u32 groups = EXT2_SB(sb)->s_groups_count;

	for (u32 i = 0; i < groups; i++)
		if (counts_of(sb, (start + i) % groups).inodes >= min_inodes)
			return (start + i) % groups;
	return NO_GROUP;
}

/* For a directory, as Linux's Orlov allocator: one of the root goes to the emptiest group of those
 * with average room, others stay near their parent while there is room. */
static u32 find_group_dir(struct super_block *sb, const struct inode *parent)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 groups = sbi->s_groups_count, start = ext2_inode_group(parent), best = NO_GROUP;
	u32 avg_inodes = sbi->s_free_inodes / groups, avg_blocks = sbi->s_free_blocks / groups;
	u32 slack_inodes = 0, slack_blocks = 0, best_dirs = ~0u;
	bool spread = parent->i_ino == EXT2_ROOT_INO;

	if (!spread) {
		slack_inodes = min(avg_inodes, sbi->s_inodes_per_group / 4);
		slack_blocks = min(avg_blocks, sbi->s_blocks_per_group / 4);
	}
	for (u32 i = 0; i < groups; i++) {
		u32 group = (start + i) % groups;
		struct group_counts c = counts_of(sb, group);

		if (c.inodes == 0 || c.inodes < avg_inodes - slack_inodes ||
		    c.blocks < avg_blocks - slack_blocks || c.dirs >= best_dirs)
			continue;
		best = group;
		best_dirs = c.dirs;
		if (!spread)
			break;
	}
	return best != NO_GROUP ? best : first_group_with_inodes(sb, start, max(avg_inodes, 1u));
}

static u32 find_group_other(struct super_block *sb, const struct inode *parent)
{
	u32 groups = EXT2_SB(sb)->s_groups_count, group = ext2_inode_group(parent);
	struct group_counts c = counts_of(sb, group);

	if (c.inodes && c.blocks)
		return group;
	/* A quadratic hash, so that the files of one directory end up in one group again. */
	group = (group + (u32)parent->i_ino) % groups;
	for (u32 i = 1; i < groups; i <<= 1) {
		group = (group + i) % groups;
		c = counts_of(sb, group);
		if (c.inodes && c.blocks)
			return group;
	}
	return first_group_with_inodes(sb, ext2_inode_group(parent), 1);
}

static struct buffer_head *read_inode_bitmap(struct super_block *sb, u32 group)
{
	return sb_bread(sb, le32_to_cpu(ext2_group_desc(sb, group, NULL)->bg_inode_bitmap));
}

/* Set or clear an inode's bit, with the counts. Locks: s_alloc_lock held. */
static int must_check change_bit(struct super_block *sb, u32 group, struct buffer_head *bh, u32 bit,
				 bool used, bool dir)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct buffer_head *gdb;
	struct ext2_group_desc *desc = ext2_group_desc(sb, group, &gdb);
	u64 *map = (void *)bh->b_data;
	u32 free = le16_to_cpu(desc->bg_free_inodes_count);
	u32 dirs = le16_to_cpu(desc->bg_used_dirs_count);
	int err = ext2_get_write_access(sb, bh);

	if (!err)
		err = ext2_get_write_access(sb, gdb);
	if (err)
		return err;
	if (used) {
		bitmap_set(map, bit);
		free--;
		sbi->s_free_inodes--;
	} else {
		bitmap_clear(map, bit);
		free++;
		sbi->s_free_inodes++;
	}
	if (dir)
		dirs = used ? dirs + 1 : dirs - min(dirs, 1u);
	desc->bg_free_inodes_count = cpu_to_le16((u16)free);
	desc->bg_used_dirs_count = cpu_to_le16((u16)dirs);
	ext2_dirty_metadata(NULL, bh);
	ext2_dirty_metadata(NULL, gdb);
	sbi->s_counters_dirty = true;
	return 0;
}

/* Pick a free inode number and mark it used. */
static int must_check claim_ino(const struct inode *parent, bool dir, u32 *ino)
{
	struct super_block *sb = parent->i_sb;
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 group, bit;
	struct buffer_head *bh;
	int err;

	group = dir ? find_group_dir(sb, parent) : find_group_other(sb, parent);
	if (group == NO_GROUP)
		return -ENOSPC;
	bh = read_inode_bitmap(sb, group);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	bit = (u32)bitmap_find_zero((void *)bh->b_data, sbi->s_inodes_per_group, 0);
	*ino = group * sbi->s_inodes_per_group + bit + 1;
	if (bit >= sbi->s_inodes_per_group || *ino < sbi->s_first_ino) {
		ext2_error(sb, "group %u claims free inodes that its bitmap has not", group);
		err = -EUCLEAN;
	} else {
		err = change_bit(sb, group, bh, bit, true, dir);
	}
	brelse(bh);
	return err;
}

static int must_check release_ino(struct super_block *sb, u32 ino, bool dir)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 group = (ino - 1) / sbi->s_inodes_per_group, bit = (ino - 1) % sbi->s_inodes_per_group;
	struct buffer_head *bh;
	int err;

	mutex_lock(&sbi->s_alloc_lock);
	bh = read_inode_bitmap(sb, group);
	if (IS_ERR(bh)) {
		err = (int)PTR_ERR(bh);
		goto out_unlock;
	}
	if (bitmap_test((void *)bh->b_data, bit)) {
		err = change_bit(sb, group, bh, bit, false, dir);
	} else {
		ext2_error(sb, "inode %u is free already", ino);
		err = -EUCLEAN;
	}
	brelse(bh);
out_unlock:
	mutex_unlock(&sbi->s_alloc_lock);
	return err;
}

struct inode *ext2_new_inode(struct inode *dir, mode_t mode)
{
	struct super_block *sb = dir->i_sb;
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct inode *inode = new_inode(sb);
	u32 ino = 0;
	int err;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&sbi->s_alloc_lock);
	err = claim_ino(dir, S_ISDIR(mode), &ino);
	inode->i_generation = sbi->s_next_generation++;
	mutex_unlock(&sbi->s_alloc_lock);
	if (err)
		goto err_put;
	inode->i_ino = ino;
	inode_init_owner(inode, dir, mode);
	inode->i_nlink = 1;
	inode->i_size = 0;
	inode->i_blocks = 0;
	inode->i_blkbits = sb->s_blocksize_bits;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	err = ext2_update_inode(inode, false, true);
	if (err)
		goto err_release;
	EXT2_I(inode)->i_on_disk = true;
	insert_inode_hash(inode);
	mark_inode_dirty(inode);
	return inode;

err_release:
	if (release_ino(sb, ino, S_ISDIR(mode)))
		ext2_error(sb, "inode %u is lost", ino);
err_put:
	inode->i_nlink = 0;
	iput(inode);
	return ERR_PTR(err);
}

int ext2_free_inode(struct inode *inode)
{
	return release_ino(inode->i_sb, (u32)inode->i_ino, S_ISDIR(inode->i_mode));
}
