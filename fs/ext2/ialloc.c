/*
 * Inodes begin and end: the group of a new file, the inode bitmaps, eviction.
 *
 * A file goes to its directory's group, so that the files of a directory lie together. Directories
 * are spread over the groups, so that each has room for its files.
 * Also there: new and deleted inodes
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"
#include "kernel/lib/bitmap.h"

#define NO_GROUP (~0u)

static bool has_room(struct super_block *sb, u32 group, u32 inodes, u32 blocks)
{
	struct buffer_head *bh;
	const struct ext2_group_desc *desc = ext2_group_desc(sb, group, &bh);

	return le16_to_cpu(desc->bg_free_inodes_count) >= inodes &&
	       le16_to_cpu(desc->bg_free_blocks_count) >= blocks;
}

/* The first group from `start` on with at least so much free, or NO_GROUP. */
static u32 first_group_with(struct super_block *sb, u32 start, u32 inodes, u32 blocks)
{
	u32 groups = EXT2_SB(sb)->s_groups_count;

	for (u32 i = 0; i < groups; i++)
		if (has_room(sb, (start + i) % groups, inodes, blocks))
			return (start + i) % groups;
	return NO_GROUP;
}

/* As Linux's Orlov allocator: directories of the root are spread, each to the emptiest group;
 * others stay near their parent while there is about average room. Files go where their
 * directory is. */
static u32 find_group(struct super_block *sb, const struct inode *parent, bool dir)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 start = ext2_inode_group(parent), inodes = 1, blocks = 1, group;
	struct buffer_head *bh;

	if (dir && parent->i_ino == EXT2_ROOT_INO) {
		for (group = 0; group < sbi->s_groups_count; group++)
			if (has_room(sb, group, inodes, blocks)) {
				start = group;
				blocks = 1u + le16_to_cpu(ext2_group_desc(sb, group, &bh)
								  ->bg_free_blocks_count);
			}
		blocks = 1;
	} else if (dir) {
		inodes += sbi->s_free_inodes / sbi->s_groups_count / 2;
		blocks += sbi->s_free_blocks / sbi->s_groups_count / 2;
	}
	group = first_group_with(sb, start, inodes, blocks);
	return group != NO_GROUP ? group : first_group_with(sb, start, 1, 0);
}

/* Pick a free inode number and mark it used. */
static int claim_ino(const struct inode *parent, bool dir, u32 *ino)
{
	struct super_block *sb = parent->i_sb;
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 group = find_group(sb, parent, dir), bit;
	struct ext2_bitmap b = {0};
	int err = group == NO_GROUP ? -ENOSPC : ext2_open_bitmap(sb, group, true, &b);

	if (err)
		return err;
	bit = (u32)bitmap_find_zero(b.map, sbi->s_inodes_per_group, 0);
	*ino = group * sbi->s_inodes_per_group + bit + 1;
	if (bit >= sbi->s_inodes_per_group || *ino < sbi->s_first_ino) {
		err = ext2_error(sb, "group %u claims free inodes that its bitmap has not", group);
	} else {
		bitmap_set(b.map, bit);
		ext2_add16(&b.desc->bg_free_inodes_count, -1);
		ext2_add16(&b.desc->bg_used_dirs_count, dir);
		sbi->s_free_inodes--;
	}
	ext2_close_bitmap(&b, !err);
	return err;
}

static int free_inode(struct inode *inode)
{
	u32 nr = (u32)inode->i_ino - 1, per_group = EXT2_SB(inode->i_sb)->s_inodes_per_group;

	return ext2_free_bit(inode, nr / per_group, nr % per_group, true);
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
	mutex_unlock(&sbi->s_alloc_lock);
	if (err)
		goto err_put;
	inode->i_ino = ino;
	inode_init_owner(inode, dir, mode);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	err = ext2_write_inode(inode, false);
	if (err)
		goto err_release;
	EXT2_I(inode)->i_on_disk = true;
	ext2_set_inode_ops(inode);
	insert_inode_hash(inode);
	mark_inode_dirty(inode);
	return inode;

err_release:
	if (free_inode(inode))
		ext2_error(sb, "inode %u is lost", ino);
err_put:
	ext2_discard_inode(inode);
	return ERR_PTR(err);
}

void ext2_discard_inode(struct inode *inode)
{
	inode->i_nlink = 0;
	iput(inode);
}

void ext2_evict_inode(struct inode *inode)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct super_block *sb = inode->i_sb;
	int err;

	truncate_inode_pages(&inode->i_data, 0);
	if (inode->i_nlink || !ei->i_on_disk || sb_rdonly(sb))
		return;
	ei->i_dtime = (u32)max(current_time().tv_sec, (s64)1);
	inode->i_size = 0;
	err = ext2_truncate_blocks(inode, 0) ?: ext2_free_xattr_block(inode);
	err = err ?: ext2_write_inode(inode, false);
	err = err ?: free_inode(inode);
	if (err && !READ_ONCE(EXT2_SB(sb)->s_aborted))
		ext2_inode_error(inode, "could not be freed (error %d)", err);
}
