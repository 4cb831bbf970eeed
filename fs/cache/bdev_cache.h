/*
 * The page cache of a block device.
 * Path: hop 4
 */
#pragma once

#include "block/genhd.h"
#include "fs/inode.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define VM_READAHEAD_PAGES 128u	 /* 512 KiB: 64 MiB in 128 requests */
#define MAX_RA_PAGES	   8192u /* 32 MiB */

/* What bd_inode points into. */
struct bdev_inode {
	struct inode inode; /* its i_blkbits and i_size: [bdev_lock to change] */
	u32 ra_pages;	    /* [atomic] of a whole disk: for it, and for all that lies on it */
};

static inline u64 bdev_bytes(const struct block_device *bdev)
{
	return bdev_nr_sectors(bdev) << SECTOR_SHIFT;
}
/* The device's own page cache; made at first use. Returns: ERR_PTR(-ENOMEM). */
struct address_space *must_check bdev_mapping(struct block_device *bdev);
/* Change the block size of the cache (bytes, logical size..4096): flushes and drops all pages.
 * Returns: 0, -EINVAL, -ENOMEM, or the error of a write. */
int must_check set_blocksize(struct block_device *bdev, u32 bytes);
int must_check sync_blockdev(struct block_device *bdev); /* write, wait, flush the device */
/* Write back the caches of all devices that became dirty at or before `before` (~0: of all). wait:
 * also wait, and flush the devices. sync(2) calls this after the filesystems' own sync. */
void sync_bdevs(bool wait, ktime_t before);
/* As blkdev_put, but the last user first writes the cache and empties it. */
void bdev_close(struct block_device *bdev, bool write, void *holder);
/* How many pages a sequential reader of the disk below is ahead at most; 0: none
 * (fs/cache/readahead.c) / set it, MAX_RA_PAGES at most. Returns: 0 or -ENOMEM. */
u32 bdev_ra_pages(const struct block_device *bdev);
int must_check bdev_set_ra_pages(struct block_device *bdev, u64 pages);
extern u32 default_ra_pages; /* [const after boot] of a disk for which nobody has set it */
void bdev_cache_init(void);
