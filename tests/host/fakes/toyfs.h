/* A filesystem of one file over fakes/disk.c: blocks are given out in an order of the test's. */
#pragma once

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"

#define TOYFS_BLOCKS 16384u /* of the file, at most */

struct toyfs {
	struct super_block sb;
	struct inode inode;
	struct file file;
	u32 map[TOYFS_BLOCKS];			 /* disk block + 1; 0: a hole */
	u32 next;				 /* disk block to give out */
	u32 limit;				 /* -ENOSPC from there on */
	bool scatter;				 /* give out every third block only */
	void (*before_direct)(struct toyfs *fs); /* once, when a transfer is about to start */
};

void toyfs_init(struct toyfs *fs, u32 blksize, sector_t sectors);
ssize_t toyfs_write(struct toyfs *fs, u64 pos, const void *data, size_t len, u32 iocb_flags);
ssize_t toyfs_read(struct toyfs *fs, u64 pos, void *data, size_t len);
int toyfs_truncate(struct toyfs *fs, u64 size);
