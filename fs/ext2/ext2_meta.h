/*
 * The only ways to change metadata: announce it, change the bytes, mark them dirty.
 * Also there: how metadata is changed
 */
#pragma once

#include "fs/cache/buffer_head.h"
#include "fs/ext2/ext2.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Before bh's bytes change. Returns: -EROFS once the filesystem was found corrupt. */
static inline int must_check ext2_get_write_access(struct super_block *sb, struct buffer_head *bh)
{
	(void)bh;
	return READ_ONCE(EXT2_SB(sb)->s_aborted) ? -EROFS : 0;
}

/* A block just allocated becomes metadata: zeroed, nothing is read. Returns: ERR_PTR. */
static inline struct buffer_head *must_check ext2_get_new_metadata(struct super_block *sb,
								   u32 block)
{
	struct buffer_head *bh = sb_getblk(sb, block);

	if (IS_ERR(bh))
		return bh;
	lock_buffer(bh);
	memset(bh->b_data, 0, bh->b_size);
	set_buffer_uptodate(bh);
	unlock_buffer(bh);
	return bh;
}

/* bh's bytes have changed. inode: whose fsync must write them, or NULL; a deleted one has none. */
static inline void ext2_dirty_metadata(struct inode *inode, struct buffer_head *bh)
{
	if (inode && inode->i_nlink)
		mark_buffer_dirty_inode(bh, inode);
	else
		mark_buffer_dirty(bh);
}

/* The metadata in these blocks is freed and must not be written any more. */
static inline void ext2_forget(struct super_block *sb, u32 block, u32 count)
{
	sb_forget(sb, block, count);
}
