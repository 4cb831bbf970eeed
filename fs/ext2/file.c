/*
 * Regular files: the generic operations over the page cache, with ext2's map of blocks below them.
 * Path: hop 3
 */
#include "fs/ext2/ext2.h"

#include "fs/cache/direct_io.h"
#include "fs/file.h"
#include "fs/vfs/generic_file.h"

static int ext2_readpage(struct inode *inode, struct page *page)
{
	return block_read_full_page(inode, page, ext2_get_block);
}

static int ext2_writepage(struct page *page)
{
	return block_write_full_page(page, ext2_get_block);
}

static int ext2_write_begin(struct inode *inode, loff_t pos, u32 len, struct page **pagep)
{
	int err = block_write_begin(inode, pos, len, pagep, ext2_get_block);

	if (err)
		ext2_write_failed(inode);
	return err;
}

static int ext2_write_end(struct inode *inode, loff_t pos, u32 len, u32 copied, struct page *page)
{
	int ret = generic_write_end(inode, pos, len, copied, page);

	if (ret < 0 || (u32)ret < len)
		ext2_write_failed(inode);
	return ret;
}

static ssize_t ext2_direct_IO(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	return blockdev_direct_IO(iocb, iter, write, ext2_get_block);
}

/* --- also: seeking data and holes ------------------------------------------------------- */

/* A write allocates its blocks at once, so the map tells data from holes. */
static loff_t ext2_llseek(struct file *file, loff_t off, int whence)
{
	struct inode *inode = file->f_inode;
	u64 block = (u64)off >> inode->i_blkbits, blocks;
	loff_t ret;

	if (whence != SEEK_DATA_ && whence != SEEK_HOLE_)
		return generic_file_llseek(file, off, whence);
	mutex_lock(&inode->i_mutex);
	blocks = DIV_ROUND_UP((u64)inode->i_size, 1ull << inode->i_blkbits);
	ret = off < 0 || off >= inode->i_size ?
		      -ENXIO :
		      ext2_seek_block(inode, &block, blocks, whence == SEEK_DATA_);
	if (!ret && block >= blocks && whence == SEEK_DATA_)
		ret = -ENXIO;
	if (!ret)
		ret = file->f_pos =
			min(max(off, (loff_t)(block << inode->i_blkbits)), inode->i_size);
	mutex_unlock(&inode->i_mutex);
	return ret;
}

/* --- the tables ------------------------------------------------------------------------- */

const struct address_space_operations ext2_aops = {
	.readpage = ext2_readpage,
	.writepage = ext2_writepage,
	.write_begin = ext2_write_begin,
	.write_end = ext2_write_end,
	.direct_IO = ext2_direct_IO,
};

/* For device nodes, FIFOs and sockets too. */
const struct inode_operations ext2_file_inode_operations = {
	.getattr = ext2_getattr,
	.setattr = ext2_setattr,
};

const struct file_operations ext2_file_operations = {
	.llseek = ext2_llseek,
	.read_iter = generic_file_read_iter,
	.write_iter = generic_file_write_iter,
	.fsync = generic_file_fsync,
};
