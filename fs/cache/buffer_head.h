/*
 * Buffer heads: the blocks within a cached page, each with its state and its place on the disk.
 *
 * Metadata is read and written through them: sb_bread finds a block in the cache of its device. A
 * page of file data gets them when it is written, or when its blocks lie apart on the disk.
 *
 * Invariants:
 * 1. The buffers of a page are one array, linked to a ring; page->private names the first.
 * 2. BH_MAPPED: b_blocknr is valid. BH_DIRTY implies BH_UPTODATE, and the page is dirty too.
 * 3. A buffer with b_count > 0 keeps its page.
 * Path: hop 7
 */
#pragma once

#include "block/bio.h"
#include "fs/cache/pagemap.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct block_device;
struct inode;
struct super_block;

enum bh_state {
	BH_UPTODATE,
	BH_DIRTY,
	BH_LOCKED,
	BH_MAPPED,
	BH_NEW,		/* just allocated by get_block: zero what is not written */
	BH_ASYNC_READ,	/* under end_buffer_async_read */
	BH_ASYNC_WRITE, /* under end_buffer_async_write */
	BH_WRITE_EIO,	/* the last write failed */
};

struct buffer_head {
	u64 b_state;			 /* [atomic bits] enum bh_state */
	struct buffer_head *b_this_page; /* [PG_LOCKED] ring */
	struct page *b_page;		 /* [const while attached] */
	blkno_t b_blocknr;		 /* [PG_LOCKED] in units of b_size */
	u32 b_size;			 /* [const] bytes */
	char *b_data;			 /* [const] in the page */
	struct block_device *b_bdev;	 /* [PG_LOCKED] */
	void (*b_end_io)(struct buffer_head *bh, bool uptodate); /* [BH_LOCKED] */
	atomic_t b_count;					 /* [atomic] */
	struct list_head b_assoc;	   /* [buffer_lock] in b_assoc_map's private_list */
	struct address_space *b_assoc_map; /* [buffer_lock] whose fsync writes it, or NULL */
};

/* Map block `iblock` of the inode: set b_bdev, b_blocknr, BH_MAPPED; allocate when create (then
 * BH_NEW); leave unmapped for a hole. Returns: 0 or -errno. Context: sleeps. */
typedef int get_block_t(struct inode *inode, blkno_t iblock, struct buffer_head *bh, bool create);

#define BH_FNS(bit, name)                                              \
	static inline bool buffer_##name(const struct buffer_head *bh) \
	{                                                              \
		return test_bit(bit, &bh->b_state);                    \
	}                                                              \
	static inline void set_buffer_##name(struct buffer_head *bh)   \
	{                                                              \
		set_bit(bit, &bh->b_state);                            \
	}                                                              \
	static inline void clear_buffer_##name(struct buffer_head *bh) \
	{                                                              \
		clear_bit(bit, &bh->b_state);                          \
	}
BH_FNS(BH_UPTODATE, uptodate)
BH_FNS(BH_DIRTY, dirty)
BH_FNS(BH_LOCKED, locked)
BH_FNS(BH_MAPPED, mapped)
BH_FNS(BH_NEW, new)
BH_FNS(BH_WRITE_EIO, write_io_error)

/* All buffers of a ring, from `head` (may be NULL) on; bh is NULL at the end. */
#define for_each_buffer(bh, head) \
	for (bh = (head); bh; bh = bh->b_this_page == (head) ? NULL : bh->b_this_page)

/* Where the buffer starts in its page. */
static inline u32 bh_offset(const struct buffer_head *bh)
{
	return (u32)((u64)(uintptr_t)bh->b_data & ~PAGE_MASK);
}

/* Metadata in the cache of the filesystem's device, once sb_set_blocksize has made that. bread:
 * up-to-date with a reference. Returns: ERR_PTR(-EIO, -ENOMEM, -EUCLEAN for a block past the
 * device, -EINVAL when its cache has another block size). Context: sleeps. */
struct buffer_head *must_check sb_bread(struct super_block *sb, blkno_t block);
/* Not read: for a block that will be overwritten whole. Returns: ERR_PTR(-ENOMEM, ...). */
struct buffer_head *must_check sb_getblk(struct super_block *sb, blkno_t block);
static inline void get_bh(struct buffer_head *bh)
{
	atomic_inc(&bh->b_count);
}
void brelse(struct buffer_head *bh); /* NULL is allowed */
void lock_buffer(struct buffer_head *bh);
void unlock_buffer(struct buffer_head *bh);
void wait_on_buffer(struct buffer_head *bh);
void mark_buffer_dirty(struct buffer_head *bh);
/* Give a locked page its ring of clean, unmapped buffers, up-to-date if the page is.
 * Returns: the first, also when there was a ring already; NULL if no memory. Context: sleeps. */
struct buffer_head *must_check create_empty_buffers(struct page *page, u32 size);
/* Bring a mapped buffer up to date / write it now, and wait. Returns: 0 or -EIO. */
int must_check bh_read(struct buffer_head *bh);
int must_check sync_dirty_buffer(struct buffer_head *bh);
/* A bio of one piece of one page; never fails. Context: sleeps. */
struct bio *page_bio(struct block_device *bdev, blk_opf_t opf, sector_t sector, struct page *page,
		     u32 len, u32 offset);
/* Send one buffer. The caller has locked it and set b_end_io. Context: sleeps. */
void submit_bh(blk_opf_t opf, struct buffer_head *bh);
void end_buffer_async_read(struct buffer_head *bh, bool uptodate);
void end_buffer_async_write(struct buffer_head *bh, bool uptodate);

/* The address_space operations of a filesystem with get_block. */
int must_check block_read_full_page(struct inode *inode, struct page *page, get_block_t *get_block);
int must_check block_write_full_page(struct page *page, get_block_t *get_block);
int must_check block_write_begin(struct inode *inode, loff_t pos, u32 len, struct page **pagep,
				 get_block_t *get_block);
int must_check generic_write_end(struct inode *inode, loff_t pos, u32 len, u32 copied,
				 struct page *page);

/* --- also: the metadata of a file, truncation, and buffers leave -------------------------- */

/* Metadata that belongs to a file (indirect blocks): fsync of the inode writes it too. */
void mark_buffer_dirty_inode(struct buffer_head *bh, struct inode *inode);
/* Write the metadata buffers of mark_buffer_dirty_inode and wait. Returns: 0 or -EIO. */
int must_check sync_mapping_buffers(struct address_space *m);
/* The file ends: its metadata buffers are no longer its own. */
void forget_mapping_buffers(struct address_space *m);
/* These metadata blocks are freed: what is dirty of them is never written. Context: sleeps. */
void sb_forget(struct super_block *sb, blkno_t block, u32 count);
/* Zero from byte `from` to the end of its block, on truncation. */
int must_check block_truncate_page(struct inode *inode, loff_t from, get_block_t *get_block);
/* Take the buffers off a page, so that it can be reclaimed. Returns: false while one is dirty or
 * used. */
bool try_to_free_buffers(struct page *page);
/* The disk has newer bytes: all blocks of the page but those that are dirty or in use must be read
 * again. Locks: the page's, no write-back under way. */
void block_expire_page(struct page *page);
/* The page is truncated: forget its buffers from byte `offset` on. */
void block_invalidate_page(struct page *page, u32 offset);
