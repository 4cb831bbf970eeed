/*
 * Special files: which operations a device node or a FIFO has, by its mode.
 * Path: hop 3
 */
#include "fs/nodes/special.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/nodes/block_dev.h"
#include "fs/nodes/char_dev.h"
#include "fs/nodes/pipe.h"

void init_special_inode(struct inode *inode, mode_t mode, dev_t rdev)
{
	inode->i_mode = mode;
	inode->i_rdev = 0;
	if (S_ISCHR(mode)) {
		inode->i_fop = &def_chr_fops;
		inode->i_rdev = rdev;
	} else if (S_ISBLK(mode)) {
		inode->i_fop = &def_blk_fops;
		inode->i_rdev = rdev;
	} else if (S_ISFIFO(mode)) {
		inode->i_fop = &fifo_fops;
	}
}
