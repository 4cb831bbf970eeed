/*
 * The only ways to change metadata: announce the change, change the bytes, mark them dirty.
 * Also there: how metadata is changed
 */
#pragma once

#include "fs/cache/buffer_head.h"
#include "fs/ext2/ext2.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Announce that bh's bytes will change. Returns: 0, or -EROFS once the filesystem was found
 * corrupt. */
static inline int must_check ext2_get_write_access(struct super_block *sb, struct buffer_head *bh)
{
	(void)bh;
	return READ_ONCE(EXT2_SB(sb)->s_aborted) ? -EROFS : 0;
}

/* The buffer of a block that was just allocated for metadata: zeroed, and not read. Returns: it
 * with a reference, or ERR_PTR(-ENOMEM, ...). */
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

/* Mark bh dirty: its bytes have changed. inode: the one whose fsync must write them, or NULL. */
static inline void ext2_dirty_metadata(struct inode *inode, struct buffer_head *bh)
{
	if (inode && inode->i_nlink)
		mark_buffer_dirty_inode(bh, inode);
	else
		mark_buffer_dirty(bh);
}

/* These blocks of metadata are freed: what is dirty of them is never written. */
static inline void ext2_forget(struct super_block *sb, u32 block, u32 count)
{
	sb_forget(sb, block, count);
}
