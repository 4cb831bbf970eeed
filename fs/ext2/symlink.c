/*
 * Symbolic links. The target lies in the inode if it fits ("fast"), else in one block.
 * Also there: symbolic links
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"

int ext2_write_symlink(struct inode *inode, const char *target, size_t len)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct buffer_head *bh;

	if (len < sizeof(ei->i_data)) {
		memcpy(ei->i_data, target, len);
	} else {
		bh = ext2_bread(inode, 0, true);
		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		memcpy(bh->b_data, target, len);
		ext2_dirty_metadata(inode, bh);
		brelse(bh);
	}
	inode->i_size = (loff_t)len;
	mark_inode_dirty(inode);
	return 0;
}

static ssize_t ext2_readlink(struct inode *inode, char *buf, size_t size)
{
	const char *target = (const void *)EXT2_I(inode)->i_data;
	struct buffer_head *bh = NULL;
	size_t len = (size_t)inode->i_size;

	if (size == 0)
		return -EINVAL;
	if (!ext2_is_fast_symlink(inode)) {
		bh = ext2_bread(inode, 0, false);
		if (IS_ERR(bh))
			return PTR_ERR(bh);
		target = bh->b_data;
	}
	if (strnlen(target, len) < len) {
		brelse(bh);
		return ext2_inode_error(inode, "is a link with a zero byte in its text");
	}
	len = min(len, size - 1);
	memcpy(buf, target, len);
	buf[len] = '\0';
	brelse(bh);
	return (ssize_t)len;
}

const struct inode_operations ext2_symlink_inode_operations = {
	.readlink = ext2_readlink,
	.getattr = ext2_getattr,
	.setattr = ext2_setattr,
};
