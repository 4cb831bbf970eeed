/*
 * The map of a file: from its block numbers to the device's, through up to three indirect blocks.
 *
 * Invariants:
 * 1. A new branch is filled completely before the one pointer that attaches it is written, so a
 *    failure leaves the old map, and all its new blocks are freed.
 *
 * Locks: truncate_mutex guards the map of an inode.
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"

#define MAX_DEPTH 4u

/* One pointer on the way down. bh: the block that holds it, NULL for the inode's own. */
struct step {
	struct buffer_head *bh;
	le32_t *p;
	u32 offset; /* of the pointer, within its block */
};

u64 ext2_max_size(u32 blocksize_bits)
{
	u64 ptrs = 1ull << (blocksize_bits - 2);
	u64 mapped = EXT2_NDIR_BLOCKS + ptrs + ptrs * ptrs + ptrs * ptrs * ptrs;
	/* i_blocks counts sectors in 32 bits; indirect blocks take a share. */
	u64 counted = (1ull << 32) >> (blocksize_bits - SECTOR_SHIFT);

	counted -= 2 + counted / ptrs + counted / ptrs / ptrs + 2;
	return min(mapped, counted) << blocksize_bits;
}

/* Split a file block number into the offsets of the pointers. Returns: how many, 0 if too big. */
static u32 block_to_path(u32 ptrs_bits, u64 iblock, struct step *chain)
{
	u64 ptrs = 1ull << ptrs_bits;

	if (iblock < EXT2_NDIR_BLOCKS) {
		chain[0].offset = (u32)iblock;
		return 1;
	}
	iblock -= EXT2_NDIR_BLOCKS;
	for (u32 level = 1; level < MAX_DEPTH; level++) {
		u64 span = 1ull << (ptrs_bits * level);

		if (iblock >= span) {
			iblock -= span;
			continue;
		}
		chain[0].offset = EXT2_IND_BLOCK + level - 1;
		for (u32 i = 1; i <= level; i++)
			chain[i].offset = (u32)(iblock >> (ptrs_bits * (level - i))) &
					  (u32)(ptrs - 1);
		return level + 1;
	}
	return 0;
}

static void release_chain(struct step *chain, u32 depth)
{
	for (u32 i = 0; i < depth; i++)
		brelse(chain[i].bh);
}

/* Follow the pointers while they lead on. *got: steps whose pointers were read, the last of
 * them being zero unless all `depth` are there. */
static int walk_chain(struct inode *inode, struct step *chain, u32 depth, u32 *got)
{
	struct super_block *sb = inode->i_sb;
	u32 i = 0, block;

	chain[0].p = &EXT2_I(inode)->i_data[chain[0].offset];
	for (;;) {
		*got = i + 1;
		block = le32_to_cpu(*chain[i].p);
		if (!block)
			return 0;
		if (!ext2_data_block_valid(sb, block)) {
			ext2_error(sb, "inode %llu: block pointer %u is no data block",
				   (unsigned long long)inode->i_ino, block);
			return -EUCLEAN;
		}
		if (++i == depth)
			return 0;
		chain[i].bh = sb_bread(sb, block);
		if (IS_ERR(chain[i].bh)) {
			int err = (int)PTR_ERR(chain[i].bh);

			chain[i].bh = NULL;
			return err;
		}
		chain[i].p = (le32_t *)(void *)chain[i].bh->b_data + chain[i].offset;
	}
}

/* Where a block should lie: behind the file's last one, else by its neighbours in the map. */
static u32 find_goal(struct inode *inode, u64 iblock, const struct step *last)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	const le32_t *start = last->bh ? (const void *)last->bh->b_data : ei->i_data;

	if (ei->i_next_pblock && iblock == ei->i_next_lblock)
		return ei->i_next_pblock;
	for (u32 i = last->offset; i-- > 0;)
		if (le32_to_cpu(start[i]))
			return le32_to_cpu(start[i]) + 1;
	if (last->bh)
		return (u32)last->bh->b_blocknr + 1;
	return ext2_group_first_block(EXT2_SB(inode->i_sb), ext2_inode_group(inode));
}

/* Undo alloc_branch. A failure here was reported and leaks the block. */
static void free_branch(struct inode *inode, const u32 *blocks, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		if (i + 1 < count)
			ext2_forget(inode->i_sb, blocks[i], 1);
		if (ext2_free_blocks(inode, blocks[i], 1))
			ext2_error(inode->i_sb, "inode %llu: block %u is lost",
				   (unsigned long long)inode->i_ino, blocks[i]);
	}
}

/* Allocate `count` blocks, all but the last being indirect ones that lead to the next. */
static int alloc_branch(struct inode *inode, u32 goal, const struct step *missing, u32 count,
			u32 *blocks)
{
	struct super_block *sb = inode->i_sb;
	u32 n;
	int err;

	for (n = 0; n < count; n++) {
		err = ext2_new_block(inode, goal, &blocks[n]);
		if (err)
			goto err_free;
		goal = blocks[n] + 1;
	}
	for (u32 i = 0; i + 1 < count; i++) {
		struct buffer_head *bh = ext2_get_new_metadata(sb, blocks[i]);

		if (IS_ERR(bh)) {
			err = (int)PTR_ERR(bh);
			goto err_free;
		}
		((le32_t *)(void *)bh->b_data)[missing[i + 1].offset] = cpu_to_le32(blocks[i + 1]);
		ext2_dirty_metadata(inode, bh);
		brelse(bh);
	}
	return 0;

err_free:
	free_branch(inode, blocks, n);
	return err;
}

/* Map what the chain lacks from step `got` - 1 on. */
static int extend_chain(struct inode *inode, u64 iblock, struct step *chain, u32 depth, u32 got,
			u32 *block)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct step *last = &chain[got - 1];
	u32 blocks[MAX_DEPTH], count = depth - got + 1;
	int err;

	if (last->bh) {
		err = ext2_get_write_access(inode->i_sb, last->bh);
		if (err)
			return err;
	}
	err = alloc_branch(inode, find_goal(inode, iblock, last), last, count, blocks);
	if (err)
		return err;
	*last->p = cpu_to_le32(blocks[0]);
	if (last->bh)
		ext2_dirty_metadata(inode, last->bh);
	*block = blocks[count - 1];
	ei->i_next_lblock = (u32)iblock + 1;
	ei->i_next_pblock = *block + 1;
	inode->i_ctime = current_time();
	mark_inode_dirty(inode);
	return 0;
}

int ext2_get_block(struct inode *inode, blkno_t iblock, struct buffer_head *bh, bool create)
{
	struct super_block *sb = inode->i_sb;
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct step chain[MAX_DEPTH] = {0};
	u32 depth = block_to_path(sb->s_blocksize_bits - 2, iblock, chain);
	u32 got, block = 0;
	int err;

	if (depth == 0)
		return create ? -EFBIG : 0;
	mutex_lock(&ei->truncate_mutex);
	err = walk_chain(inode, chain, depth, &got);
	if (!err) {
		block = le32_to_cpu(*chain[got - 1].p);
		if (!block && create) {
			err = extend_chain(inode, iblock, chain, depth, got, &block);
			if (!err)
				set_buffer_new(bh);
		}
	}
	mutex_unlock(&ei->truncate_mutex);
	release_chain(chain, depth);
	if (!err && block) {
		bh->b_bdev = sb->s_bdev;
		bh->b_blocknr = block;
		set_buffer_mapped(bh);
	}
	return err;
}

struct buffer_head *ext2_bread(struct inode *inode, u32 iblock, bool create)
{
	struct super_block *sb = inode->i_sb;
	struct buffer_head map = {.b_size = sb->s_blocksize}, *bh;
	int err = ext2_get_block(inode, iblock, &map, create);

	if (err)
		return ERR_PTR(err);
	if (buffer_new(&map)) {
		bh = ext2_get_new_metadata(sb, (u32)map.b_blocknr);
		if (!IS_ERR(bh))
			ext2_dirty_metadata(inode, bh);
		return bh;
	}
	if (!buffer_mapped(&map)) {
		ext2_error(sb, "inode %llu: block %u is a hole", (unsigned long long)inode->i_ino,
			   iblock);
		return ERR_PTR(-EUCLEAN);
	}
	return sb_bread(sb, map.b_blocknr);
}
