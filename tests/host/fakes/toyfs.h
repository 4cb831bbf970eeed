/*
 * A filesystem of one file, over the real block layer and a fake disk that completes requests in
 * any order. Blocks are given out in an order of the test's.
 */
#pragma once

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "tests/host/fakes/fake_driver.h"

#define TOYFS_BLOCKS  16384u /* of the file, at most */
#define TOYFS_SECTORS ((72u << 20) / SECTOR_SIZE)

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

extern struct fake_disk toyfs_disk;

/* An empty filesystem on a disk of up to TOYFS_SECTORS, which keeps its bytes. */
void toyfs_init(struct toyfs *fs, u32 blksize, sector_t sectors);
/* Close and remove the disk. The file's pages have gone before. */
void toyfs_exit(struct toyfs *fs);
/* Complete a request that the disk has. Returns: whether there was one. For fake_schedule_hook. */
bool toyfs_complete_one(void);
/* Complete all there is, and what the queue holds back. */
void toyfs_settle(void);
/* What is in use beside the disk. */
size_t toyfs_pages_live(void);
size_t toyfs_kmalloc_live(void);

ssize_t toyfs_write(struct toyfs *fs, u64 pos, const void *data, size_t len, u32 iocb_flags);
ssize_t toyfs_read(struct toyfs *fs, u64 pos, void *data, size_t len);
int toyfs_truncate(struct toyfs *fs, u64 size);
