/*
 * Giving blocks back: truncation of the map, and the shared block of extended attributes.
 *
 * Invariants:
 * 1. A pointer is cleared before its block is freed; what is cleared and not yet freed is in the
 *    struct free_run, so that a truncation that failed for want of memory can be taken up again.
 * 2. A map that loops ends at the first block that is free already.
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"

#define ENOMEM_TRIES 8

/* Adjacent blocks of one group on their way to ext2_free_blocks. */
struct free_run {
	struct inode *inode;
	u32 start, count;
};

static int must_check flush_run(struct free_run *run)
{
	int err = 0;

	if (run->count)
		err = ext2_free_blocks(run->inode, run->start, run->count);
	if (!err)
		run->count = 0;
	return err;
}

/* Clear *p and free the block that it names. */
static int must_check free_pointer(struct free_run *run, le32_t *p)
{
	struct ext2_sb_info *sbi = EXT2_SB(run->inode->i_sb);
	u32 block = le32_to_cpu(*p);
	int err;

	if (run->count && block == run->start + run->count &&
	    (block - sbi->s_first_data_block) % sbi->s_blocks_per_group != 0) {
		run->count++;
	} else {
		err = flush_run(run);
		if (err)
			return err;
		run->start = block;
		run->count = 1;
	}
	*p = cpu_to_le32(0);
	return 0;
}

static int must_check free_tree(struct free_run *run, le32_t *p, u32 level, u64 first);

/* Free what the indirect block holds from its file block `first` (counted from its own start) on.
 * `level`: 1 when its pointers name data. */
static int must_check free_indirect(struct free_run *run, u32 block, u32 level, u64 first)
{
	struct super_block *sb = run->inode->i_sb;
	u32 bits = sb->s_blocksize_bits - 2, shift = bits * (level - 1);
	struct buffer_head *bh = sb_bread(sb, block);
	le32_t *p;
	int err;

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	err = ext2_get_write_access(sb, bh);
	p = (void *)bh->b_data;
	for (u64 i = first >> shift; !err && i < 1ull << bits; i++) {
		err = free_tree(run, &p[i], level - 1, first & ((1ull << shift) - 1));
		first = 0;
	}
	ext2_dirty_metadata(run->inode, bh);
	brelse(bh);
	return err;
}

/* Free the blocks below pointer *p from file block `first` (counted from the pointer's start) on,
 * and with first == 0 the indirect block itself. */
static int must_check free_tree(struct free_run *run, le32_t *p, u32 level, u64 first)
{
	struct super_block *sb = run->inode->i_sb;
	u32 block = le32_to_cpu(*p);
	int err;

	if (!block)
		return 0;
	if (!ext2_data_block_valid(sb, block)) {
		ext2_error(sb, "inode %llu: block pointer %u is no data block",
			   (unsigned long long)run->inode->i_ino, block);
		return -EUCLEAN;
	}
	if (level > 0) {
		err = free_indirect(run, block, level, first);
		if (err || first)
			return err;
	}
	err = free_pointer(run, p);
	if (!err && (level > 0 || !S_ISREG(run->inode->i_mode)))
		ext2_forget(sb, block, 1);
	return err;
}

/* All four kinds of pointers in the inode. */
static int must_check free_from(struct free_run *run, u64 first)
{
	struct ext2_inode_info *ei = EXT2_I(run->inode);
	u32 bits = run->inode->i_sb->s_blocksize_bits - 2;
	int err = 0;

	for (u64 i = first; !err && i < EXT2_NDIR_BLOCKS; i++)
		err = free_tree(run, &ei->i_data[i], 0, 0);
	first -= min(first, (u64)EXT2_NDIR_BLOCKS);
	for (u32 level = 1; !err && level <= 3; level++) {
		u64 span = 1ull << (bits * level);

		if (first < span)
			err = free_tree(run, &ei->i_data[EXT2_IND_BLOCK + level - 1], level, first);
		first -= min(first, span);
	}
	return err ? err : flush_run(run);
}

static bool has_blocks(struct inode *inode)
{
	return S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode) ||
	       (S_ISLNK(inode->i_mode) && !ext2_is_fast_symlink(inode));
}

int ext2_truncate_blocks(struct inode *inode, loff_t size)
{
	struct super_block *sb = inode->i_sb;
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct free_run run = {.inode = inode};
	u64 first = ((u64)size + sb->s_blocksize - 1) >> sb->s_blocksize_bits;
	int err;

	if (!has_blocks(inode))
		return 0;
	mutex_lock(&ei->truncate_mutex);
	ei->i_next_pblock = 0;
	for (int tries = 0; tries < ENOMEM_TRIES; tries++) {
		err = free_from(&run, first);
		if (err != -ENOMEM)
			break;
	}
	mutex_unlock(&ei->truncate_mutex);
	if (err && !READ_ONCE(EXT2_SB(sb)->s_aborted))
		ext2_error(sb, "inode %llu: truncation failed (%d), blocks are lost",
			   (unsigned long long)inode->i_ino, err);
	return err;
}

int ext2_setsize(struct inode *inode, loff_t size)
{
	bool shrinks;
	int err;

	if (size < 0 || (u64)size > inode->i_sb->s_maxbytes)
		return size < 0 ? -EINVAL : -EFBIG;
	err = size > INT32_MAX ? ext2_need_large_file(inode->i_sb) : 0;
	if (!err)
		err = block_truncate_page(inode, size, ext2_get_block);
	if (err)
		return err;
	shrinks = size < inode->i_size;
	inode->i_size = size;
	if (shrinks) {
		truncate_inode_pages(&inode->i_data, size);
		err = ext2_truncate_blocks(inode, size);
	}
	inode->i_mtime = inode->i_ctime = current_time();
	mark_inode_dirty(inode);
	return err;
}

void ext2_write_failed(struct inode *inode, loff_t end)
{
	if (end <= inode->i_size)
		return;
	truncate_inode_pages(&inode->i_data, inode->i_size);
	/* A failure was reported there; the write's own error goes to the caller. */
	(void)!ext2_truncate_blocks(inode, inode->i_size);
	mark_inode_dirty(inode);
}

int ext2_free_xattr_block(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	u32 block = EXT2_I(inode)->i_file_acl, refs;
	struct ext2_xattr_header *header;
	struct buffer_head *bh;
	int err;

	if (!block)
		return 0;
	if (!ext2_data_block_valid(sb, block)) {
		ext2_error(sb, "inode %llu: attribute block %u is no data block",
			   (unsigned long long)inode->i_ino, block);
		return -EUCLEAN;
	}
	bh = sb_bread(sb, block);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	header = (void *)bh->b_data;
	refs = le32_to_cpu(header->h_refcount);
	if (le32_to_cpu(header->h_magic) != EXT2_XATTR_MAGIC || refs == 0) {
		brelse(bh);
		ext2_error(sb, "inode %llu: block %u holds no attributes",
			   (unsigned long long)inode->i_ino, block);
		return -EUCLEAN;
	}
	err = ext2_get_write_access(sb, bh);
	if (!err && refs > 1) {
		header->h_refcount = cpu_to_le32(refs - 1);
		ext2_dirty_metadata(NULL, bh);
	}
	brelse(bh);
	if (!err && refs == 1) {
		err = ext2_free_blocks(inode, block, 1);
		if (!err)
			ext2_forget(sb, block, 1);
	}
	return err;
}
