/* Regular files: the generic operations over the page cache, with our map of blocks below. */
#include "fs/ext2/ext2.h"

#include "fs/file.h"

static int ext2_readpage(struct inode *inode, struct page *page)
{
	return block_read_full_page(inode, page, ext2_get_block);
}

static int ext2_writepage(struct page *page, struct writeback_control *wbc)
{
	return block_write_full_page(page, ext2_get_block, wbc);
}

static int ext2_write_begin(struct inode *inode, loff_t pos, u32 len, struct page **pagep)
{
	int err = pos + len > INT32_MAX ? ext2_need_large_file(inode->i_sb) : 0;

	if (err)
		return err;
	err = block_write_begin(inode, pos, len, pagep, ext2_get_block);
	if (err)
		ext2_write_failed(inode, pos + len);
	return err;
}

static int ext2_write_end(struct inode *inode, loff_t pos, u32 len, u32 copied, struct page *page)
{
	int ret = generic_write_end(inode, pos, len, copied, page);

	if (ret < 0 || (u32)ret < len)
		ext2_write_failed(inode, pos + len);
	return ret;
}

static blkno_t ext2_bmap(struct inode *inode, blkno_t block)
{
	return generic_block_bmap(inode, block, ext2_get_block);
}

const struct address_space_operations ext2_aops = {
	.readpage = ext2_readpage,
	.writepage = ext2_writepage,
	.write_begin = ext2_write_begin,
	.write_end = ext2_write_end,
	.bmap = ext2_bmap,
};

const struct inode_operations ext2_file_inode_operations = {
	.setattr = ext2_setattr,
};

const struct inode_operations ext2_special_inode_operations = {
	.setattr = ext2_setattr,
};

const struct file_operations ext2_file_operations = {
	.llseek = generic_file_llseek,
	.read_iter = generic_file_read_iter,
	.write_iter = generic_file_write_iter,
	.fsync = generic_file_fsync,
};
