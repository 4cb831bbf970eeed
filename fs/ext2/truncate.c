/*
 * Giving blocks back: truncation of the map, and the shared block of extended attributes.
 *
 * Invariants:
 * 1. A pointer is cleared, and a buffer forgotten, before the block is freed.
 * 2. A map that loops ends at the first block that is free already.
 * Also there: blocks are given back
 */
#include "fs/ext2/ext2.h"

#include "fs/cache/direct_io.h"
#include "fs/ext2/ext2_meta.h"

/* Free the blocks below pointer *p from file block `first` (counted from the pointer's start) on,
 * and with first == 0 the block that it names. level: 0 when that is data. */
static int free_tree(struct inode *inode, le32_t *p, u32 level, u64 first)
{
	struct super_block *sb = inode->i_sb;
	u32 block = le32_to_cpu(*p), bits = sb->s_blocksize_bits - 2, shift = bits * (level - 1);
	struct buffer_head *bh;
	int err;

	if (!block)
		return 0;
	if (!ext2_data_block_valid(sb, block))
		return ext2_inode_error(inode, "block pointer %u is no data block", block);
	if (level > 0) {
		bh = sb_bread(sb, block);
		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		err = ext2_get_write_access(sb, bh);
		for (u64 i = first >> shift, skip = first; !err && i < 1ull << bits; i++, skip = 0)
			err = free_tree(inode, (le32_t *)(void *)bh->b_data + i, level - 1,
					skip & ((1ull << shift) - 1));
		ext2_dirty_metadata(inode, bh);
		brelse(bh);
		if (err || first)
			return err;
	}
	*p = cpu_to_le32(0);
	if (level > 0 || !S_ISREG(inode->i_mode))
		ext2_forget(sb, block, 1);
	return ext2_free_block(inode, block);
}

/* All four kinds of pointers in the inode. */
static int free_from(struct inode *inode, u64 first)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	u32 bits = inode->i_sb->s_blocksize_bits - 2;
	int err = 0;

	for (u64 i = first; !err && i < EXT2_NDIR_BLOCKS; i++)
		err = free_tree(inode, &ei->i_data[i], 0, 0);
	first -= min(first, (u64)EXT2_NDIR_BLOCKS);
	for (u32 level = 1; !err && level <= 3; level++) {
		u64 span = 1ull << (bits * level);

		if (first < span)
			err = free_tree(inode, &ei->i_data[EXT2_IND_BLOCK + level - 1], level,
					first);
		first -= min(first, span);
	}
	return err;
}

int ext2_truncate_blocks(struct inode *inode, loff_t size)
{
	struct super_block *sb = inode->i_sb;
	u64 first = ((u64)size + sb->s_blocksize - 1) >> sb->s_blocksize_bits;
	int err;

	if (!S_ISREG(inode->i_mode) && !S_ISDIR(inode->i_mode) &&
	    (!S_ISLNK(inode->i_mode) || ext2_is_fast_symlink(inode)))
		return 0; /* i_data holds no block numbers */
	mutex_lock(&EXT2_I(inode)->truncate_mutex);
	err = free_from(inode, first);
	mutex_unlock(&EXT2_I(inode)->truncate_mutex);
	if (err && !READ_ONCE(EXT2_SB(sb)->s_aborted))
		ext2_inode_error(inode, "truncation failed (%d), blocks are lost", err);
	return err;
}

int ext2_setsize(struct inode *inode, loff_t size)
{
	bool shrinks;
	int err;

	if (size < 0 || (u64)size > inode->i_sb->s_maxbytes)
		return size < 0 ? -EINVAL : -EFBIG;
	err = block_truncate_page(inode, size, ext2_get_block);
	if (err)
		return err;
	shrinks = size < inode->i_size;
	inode_dio_wait(inode);
	inode->i_size = size;
	if (shrinks) {
		truncate_inode_pages(&inode->i_data, size);
		err = ext2_truncate_blocks(inode, size);
	}
	inode->i_mtime = inode->i_ctime = current_time();
	mark_inode_dirty(inode);
	return err;
}

void ext2_write_failed(struct inode *inode)
{
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
	if (!ext2_data_block_valid(sb, block))
		return ext2_inode_error(inode, "has attributes in block %u", block);
	bh = sb_bread(sb, block);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	header = (void *)bh->b_data;
	refs = le32_to_cpu(header->h_refcount);
	err = ext2_get_write_access(sb, bh);
	if (le32_to_cpu(header->h_magic) != EXT2_XATTR_MAGIC || refs == 0)
		err = ext2_inode_error(inode, "has attributes in block %u", block);
	if (!err && refs > 1) {
		header->h_refcount = cpu_to_le32(refs - 1);
		ext2_dirty_metadata(NULL, bh);
	} else if (!err) {
		err = ext2_free_block(inode, block);
		ext2_forget(sb, block, 1);
	}
	brelse(bh);
	if (!err)
		EXT2_I(inode)->i_file_acl = 0;
	return err;
}
