/*
 * The map of a file: from its block numbers to the device's, through up to three indirect blocks.
 *
 * Invariants:
 * 1. A new indirect block is zeroed before a pointer names it. A failure further down leaves it
 *    empty, which is valid. A lack of space is seen before the first one is made.
 *
 * Locks: truncate_mutex guards the map of an inode.
 * Path: hop 7
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"

#define MAX_DEPTH 4u

/* The pointer that the walk stands at. */
struct step {
	struct buffer_head *bh; /* the block that holds it; NULL: the inode */
	le32_t *array;		/* all pointers beside it */
	u32 index;
};

/* Split a file block number into the indices of the pointers. Returns: how many, 0 if too big. */
static u32 block_to_path(u32 ptrs_bits, u64 iblock, u32 *path)
{
	if (iblock < EXT2_NDIR_BLOCKS) {
		path[0] = (u32)iblock;
		return 1;
	}
	iblock -= EXT2_NDIR_BLOCKS;
	for (u32 level = 1; level < MAX_DEPTH; level++) {
		if (iblock < 1ull << (ptrs_bits * level)) {
			path[0] = EXT2_IND_BLOCK + level - 1;
			for (u32 i = 1; i <= level; i++)
				path[i] = (u32)(iblock >> (ptrs_bits * (level - i))) &
					  ((1u << ptrs_bits) - 1);
			return level + 1;
		}
		iblock -= 1ull << (ptrs_bits * level);
	}
	return 0;
}

/* Where a block should lie: behind the file's last one, else by its neighbours in the map. */
static u32 find_goal(struct inode *inode, u64 iblock, const struct step *at)
{
	struct ext2_inode_info *ei = EXT2_I(inode);

	if (ei->i_next_pblock && iblock == ei->i_next_lblock)
		return ei->i_next_pblock;
	for (u32 i = at->index; i-- > 0;)
		if (le32_to_cpu(at->array[i]))
			return le32_to_cpu(at->array[i]) + 1;
	if (at->bh)
		return (u32)at->bh->b_blocknr + 1;
	return ext2_group_first_block(EXT2_SB(inode->i_sb), ext2_inode_group(inode));
}

/* Give the zero pointer a block; an indirect one (levels > 0 below it) is made empty. */
static int add_pointer(struct inode *inode, u64 iblock, const struct step *at, u32 levels)
{
	struct super_block *sb = inode->i_sb;
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct buffer_head *bh;
	u32 block;
	int err = at->bh ? ext2_get_write_access(sb, at->bh) : 0;

	if (err)
		return err;
	if (EXT2_SB(sb)->s_free_blocks <= levels)
		return -ENOSPC;
	err = ext2_new_block(inode, find_goal(inode, iblock, at), &block);
	if (err)
		return err;
	if (levels > 0) {
		bh = ext2_get_new_metadata(sb, block);
		if (IS_ERR(bh)) {
			err = ext2_free_block(inode, block);
			return err ? err : (int)PTR_ERR(bh);
		}
		ext2_dirty_metadata(inode, bh);
		brelse(bh);
	}
	at->array[at->index] = cpu_to_le32(block);
	if (at->bh)
		ext2_dirty_metadata(inode, at->bh);
	ei->i_next_lblock = levels ? (u32)iblock : (u32)iblock + 1;
	ei->i_next_pblock = block + 1;
	inode->i_ctime = current_time();
	mark_inode_dirty(inode);
	return 0;
}

/* Follow the pointers of the path to the data block. *block: 0 for a hole, which the zero pointer
 * makes of all blocks that lie *levels below it. */
static int walk_map(struct inode *inode, u64 iblock, bool create, u32 *block, bool *fresh,
		    u32 *levels)
{
	struct super_block *sb = inode->i_sb;
	struct step at = {.array = EXT2_I(inode)->i_data};
	u32 path[MAX_DEPTH], depth = block_to_path(sb->s_blocksize_bits - 2, iblock, path);
	int err = create && depth == 0 ? -EFBIG : 0;

	*block = 0;
	for (u32 i = 0; i < depth; i++) {
		*levels = depth - i - 1;
		at.index = path[i];
		*fresh = create && !le32_to_cpu(at.array[at.index]);
		if (*fresh)
			err = add_pointer(inode, iblock, &at, *levels);
		*block = err ? 0 : le32_to_cpu(at.array[at.index]);
		brelse(at.bh);
		if (!*block)
			return err;
		if (!ext2_data_block_valid(sb, *block))
			return ext2_inode_error(inode, "block pointer %u is no data block", *block);
		if (i + 1 == depth)
			return 0;
		at.bh = sb_bread(sb, *block);
		if (IS_ERR(at.bh))
			return (int)PTR_ERR(at.bh);
		at.array = (void *)at.bh->b_data;
	}
	return err;
}

int ext2_get_block(struct inode *inode, blkno_t iblock, struct buffer_head *bh, bool create)
{
	bool fresh = false;
	u32 block, levels;
	int err;

	mutex_lock(&EXT2_I(inode)->truncate_mutex);
	err = walk_map(inode, iblock, create, &block, &fresh, &levels);
	mutex_unlock(&EXT2_I(inode)->truncate_mutex);
	if (err || !block)
		return err;
	if (fresh)
		set_buffer_new(bh);
	bh->b_bdev = inode->i_sb->s_bdev;
	bh->b_blocknr = block;
	set_buffer_mapped(bh);
	return 0;
}

/* --- also: limits, seeking, metadata blocks --------------------------------------------- */

u64 ext2_max_size(u32 blocksize_bits)
{
	u64 ptrs = 1ull << (blocksize_bits - 2);
	u64 mapped = EXT2_NDIR_BLOCKS + ptrs + ptrs * ptrs + ptrs * ptrs * ptrs;
	/* i_blocks counts sectors in 32 bits; indirect blocks take a share. */
	u64 counted = (1ull << 32) >> (blocksize_bits - SECTOR_SHIFT);

	counted -= 2 + counted / ptrs + counted / ptrs / ptrs + 2;
	return min(mapped, counted) << blocksize_bits;
}

int ext2_seek_block(struct inode *inode, u64 *iblock, u64 end, bool data)
{
	u32 bits = inode->i_sb->s_blocksize_bits - 2, block, levels = 0;
	bool fresh = false;
	u64 first, span;
	int err = 0;

	while (!err && *iblock < end) {
		mutex_lock(&EXT2_I(inode)->truncate_mutex);
		err = walk_map(inode, *iblock, false, &block, &fresh, &levels);
		mutex_unlock(&EXT2_I(inode)->truncate_mutex);
		if (err || data == (block != 0))
			break;
		/* Blocks are counted from where those of an indirect tree begin. */
		first = *iblock < EXT2_NDIR_BLOCKS ? 0 : EXT2_NDIR_BLOCKS;
		for (u32 l = 1; first && *iblock - first >= 1ull << (bits * l); l++)
			first += 1ull << (bits * l);
		span = block ? 1 : 1ull << (bits * levels);
		*iblock = first + ALIGN_UP(*iblock - first + 1, span);
		if (signal_pending())
			err = -EINTR;
	}
	return err;
}

struct buffer_head *ext2_bread(struct inode *inode, u32 iblock, bool create)
{
	struct super_block *sb = inode->i_sb;
	struct buffer_head map = {.b_size = sb->s_blocksize};
	int err = ext2_get_block(inode, iblock, &map, create);

	if (err)
		return ERR_PTR(err);
	if (buffer_new(&map))
		return ext2_get_new_metadata(sb, (u32)map.b_blocknr);
	if (buffer_mapped(&map))
		return sb_bread(sb, (u32)map.b_blocknr);
	return ERR_PTR(ext2_inode_error(inode, "block %u is a hole", iblock));
}
