/*
 * Buffer heads: making, finding, dirtying and freeing them, and the I/O of single buffers (hop 7).
 *
 * Invariants:
 * 1. The ring of a page holds one reference to the page.
 * 2. A ring is taken off its page under buffer_lock, only when no buffer of it is referenced,
 *    dirty or locked.
 * 3. A page that was truncated while a buffer was referenced loses its ring at the last brelse.
 *
 * Lock order: page lock, BH_LOCKED (a sleeping lock), buffer_lock (interrupts off). Under that only
 * wait queues are touched.
 * Path: hop 7
 */
#include "fs/cache/buffer_head.h"

#include "block/genhd.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/wait.h"

#define BH_BUSY ((1ull << BH_DIRTY) | (1ull << BH_LOCKED))

/* Rings of all pages, and the private lists of mappings. */
static struct spinlock buffer_lock = SPINLOCK_INIT("buffer_lock", LOCK_ANY);

/* --- rings -------------------------------------------------------------------------------- */

struct buffer_head *create_empty_buffers(struct page *page, u32 size)
{
	u32 nr = (u32)PAGE_SIZE / size;
	struct buffer_head *bhs;

	ASSERT(PageLocked(page));
	if (test_bit(PG_PRIVATE, &page->flags))
		return page->private;
	bhs = kcalloc(nr, sizeof(*bhs), GFP_NOFS);
	if (!bhs && try_to_free_pages(PAGEVEC_SIZE, GFP_NOFS) > 0)
		bhs = kcalloc(nr, sizeof(*bhs), GFP_NOFS);
	if (!bhs)
		return NULL;
	for (u32 i = 0; i < nr; i++) {
		bhs[i].b_this_page = &bhs[(i + 1) % nr];
		bhs[i].b_page = page;
		bhs[i].b_size = size;
		bhs[i].b_data = (char *)page_address(page) + i * size;
		INIT_LIST_HEAD(&bhs[i].b_assoc);
		if (PageUptodate(page))
			set_buffer_uptodate(&bhs[i]);
	}
	get_page(page);
	page->private = bhs;
	set_bit(PG_PRIVATE, &page->flags);
	return bhs;
}

/* --- finding ------------------------------------------------------------------------------ */

/* The buffer of a device's block in its page, with a reference, or NULL. */
static struct buffer_head *find_buffer(struct page *page, blkno_t block)
{
	u64 flags = spin_lock_irqsave(&buffer_lock);
	struct buffer_head *bh;

	for_each_buffer(bh, page->private) {
		if (buffer_mapped(bh) && bh->b_blocknr == block) {
			get_bh(bh);
			break;
		}
	}
	spin_unlock_irqrestore(&buffer_lock, flags);
	return bh;
}

/* Give a locked page of a device's cache its buffers; block numbers are those of the device.
 * Returns: as find_buffer. */
static struct buffer_head *map_device_page(struct block_device *bdev, struct page *page, u32 size,
					   blkno_t wanted)
{
	blkno_t block = page->index * (PAGE_SIZE / size);
	struct buffer_head *head = create_empty_buffers(page, size), *bh;

	for_each_buffer(bh, head) {
		if (!buffer_mapped(bh)) {
			bh->b_bdev = bdev;
			bh->b_blocknr = block;
			set_buffer_mapped(bh);
		}
		block++;
	}
	return find_buffer(page, wanted);
}

struct buffer_head *sb_getblk(struct super_block *sb, blkno_t block)
{
	struct block_device *bdev = sb->s_bdev;
	struct inode *cache = bdev->bd_inode;
	u32 size = sb->s_blocksize;
	pgoff_t index = block / (PAGE_SIZE / size);
	struct buffer_head *bh = NULL;
	struct address_space *m;
	struct page *page;

	if (!cache || size != bdev->bd_block_size)
		return ERR_PTR(-EINVAL);
	if (block >= bdev_nr_sectors(bdev) / (size >> SECTOR_SHIFT))
		return ERR_PTR(-EUCLEAN);
	m = &cache->i_data;
	page = find_get_page(m, index);
	if (page)
		bh = find_buffer(page, block);
	if (!bh) {
		if (page)
			put_page(page);
		page = find_or_create_page(m, index, GFP_NOFS);
		if (!page)
			return ERR_PTR(-ENOMEM);
		bh = map_device_page(bdev, page, size, block);
		unlock_page(page);
	}
	mark_page_accessed(page);
	put_page(page);
	return bh ? bh : ERR_PTR(-ENOMEM);
}

static void end_buffer_read_sync(struct buffer_head *bh, bool uptodate)
{
	if (uptodate)
		set_buffer_uptodate(bh);
	else
		clear_buffer_uptodate(bh);
	unlock_buffer(bh);
	brelse(bh);
}

int bh_read(struct buffer_head *bh)
{
	if (buffer_uptodate(bh))
		return 0;
	lock_buffer(bh);
	if (buffer_uptodate(bh)) {
		unlock_buffer(bh);
		return 0;
	}
	get_bh(bh);
	bh->b_end_io = end_buffer_read_sync;
	submit_bh(REQ_OP_READ | REQ_SYNC, bh);
	wait_on_buffer(bh);
	return buffer_uptodate(bh) ? 0 : -EIO;
}

struct buffer_head *sb_bread(struct super_block *sb, blkno_t block)
{
	struct buffer_head *bh = sb_getblk(sb, block);

	if (!IS_ERR(bh) && bh_read(bh) < 0) {
		brelse(bh);
		return ERR_PTR(-EIO);
	}
	return bh;
}

/* --- locking and dirtying ----------------------------------------------------------------- */

static bool trylock_buffer(struct buffer_head *bh)
{
	return !test_and_set_bit(BH_LOCKED, &bh->b_state);
}

void lock_buffer(struct buffer_head *bh)
{
	if (!trylock_buffer(bh))
		wait_event(bit_waitqueue(bh), trylock_buffer(bh));
}

void unlock_buffer(struct buffer_head *bh)
{
	clear_buffer_locked(bh);
	wake_up_bit_waiters(bh);
}

void wait_on_buffer(struct buffer_head *bh)
{
	if (buffer_locked(bh))
		wait_event(bit_waitqueue(bh), !buffer_locked(bh));
}

void mark_buffer_dirty(struct buffer_head *bh)
{
	ASSERT(buffer_uptodate(bh));
	if (!test_and_set_bit(BH_DIRTY, &bh->b_state))
		set_page_dirty_nobuffers(bh->b_page);
}

/* --- I/O of one buffer -------------------------------------------------------------------- */

static void end_bio_bh_io(struct bio *bio)
{
	struct buffer_head *bh = bio->bi_private;

	bh->b_end_io(bh, bio->bi_status == 0);
	bio_put(bio);
}

struct bio *page_bio(struct block_device *bdev, blk_opf_t opf, sector_t sector, struct page *page,
		     u32 len, u32 offset)
{
	struct bio *bio = bio_alloc(bdev, 1, opf, GFP_NOFS);
	u32 added;

	ASSERT(bio != NULL);
	bio->bi_iter.bi_sector = sector;
	added = bio_add_page(bio, page, len, offset);
	ASSERT(added == len);
	return bio;
}

void submit_bh(blk_opf_t opf, struct buffer_head *bh)
{
	sector_t sector = bh->b_blocknr * (bh->b_size >> SECTOR_SHIFT);
	struct bio *bio = page_bio(bh->b_bdev, opf, sector, bh->b_page, bh->b_size, bh_offset(bh));

	ASSERT(buffer_locked(bh) && buffer_mapped(bh) && bh->b_end_io);
	bio->bi_end_io = end_bio_bh_io;
	bio->bi_private = bh;
	submit_bio(bio);
}

/* A write ended: note the result where an fsync finds it. */
static void note_write_result(struct buffer_head *bh, bool uptodate)
{
	struct address_space *m;
	u64 flags;

	if (uptodate) {
		clear_buffer_write_io_error(bh);
		return;
	}
	set_buffer_write_io_error(bh);
	flags = spin_lock_irqsave(&buffer_lock);
	m = bh->b_assoc_map;
	if (m)
		mapping_set_error(m, -EIO);
	spin_unlock_irqrestore(&buffer_lock, flags);
	if (bh->b_page->mapping)
		mapping_set_error(bh->b_page->mapping, -EIO);
}

static void end_buffer_write_sync(struct buffer_head *bh, bool uptodate)
{
	note_write_result(bh, uptodate);
	unlock_buffer(bh);
	brelse(bh);
}

int sync_dirty_buffer(struct buffer_head *bh)
{
	lock_buffer(bh);
	if (test_and_clear_bit(BH_DIRTY, &bh->b_state)) {
		get_bh(bh);
		bh->b_end_io = end_buffer_write_sync;
		submit_bh(REQ_OP_WRITE | REQ_SYNC, bh);
		wait_on_buffer(bh);
	} else {
		unlock_buffer(bh);
	}
	return buffer_write_io_error(bh) ? -EIO : 0;
}

/* Page-wide state of the asynchronous ends: clear `bit` of bh. Returns: whether it was the last
 * one. */
static bool buffer_end_async(struct buffer_head *bh, enum bh_state bit, bool *all_uptodate)
{
	u64 flags = spin_lock_irqsave(&buffer_lock);
	struct buffer_head *other;
	bool last = true;

	clear_bit(bit, &bh->b_state);
	*all_uptodate = true;
	for_each_buffer(other, bh) {
		last = last && !test_bit(bit, &other->b_state);
		*all_uptodate = *all_uptodate && buffer_uptodate(other);
	}
	unlock_buffer(bh);
	spin_unlock_irqrestore(&buffer_lock, flags);
	return last;
}

void end_buffer_async_read(struct buffer_head *bh, bool uptodate)
{
	struct page *page = bh->b_page;
	bool all_uptodate;

	if (uptodate)
		set_buffer_uptodate(bh);
	if (buffer_end_async(bh, BH_ASYNC_READ, &all_uptodate))
		end_page_read(page, all_uptodate ? 0 : -EIO);
}

void end_buffer_async_write(struct buffer_head *bh, bool uptodate)
{
	struct page *page = bh->b_page;
	bool all_uptodate;

	note_write_result(bh, uptodate);
	if (!uptodate)
		set_bit(PG_ERROR, &page->flags);
	if (buffer_end_async(bh, BH_ASYNC_WRITE, &all_uptodate))
		end_page_writeback(page, 0);
}

/* --- also: the metadata of a file, which its fsync writes too ----------------------------- */

static void drop_assoc_locked(struct buffer_head *bh)
{
	list_del_init(&bh->b_assoc);
	bh->b_assoc_map = NULL;
}

void mark_buffer_dirty_inode(struct buffer_head *bh, struct inode *inode)
{
	u64 flags;

	mark_buffer_dirty(bh);
	flags = spin_lock_irqsave(&buffer_lock);
	if (bh->b_assoc_map != &inode->i_data) {
		bh->b_assoc_map = &inode->i_data;
		list_move_tail(&bh->b_assoc, &inode->i_data.private_list);
	}
	spin_unlock_irqrestore(&buffer_lock, flags);
}

/* Take the first buffer off a mapping's list, with a reference; NULL when it is empty. */
static struct buffer_head *take_assoc(struct address_space *m)
{
	u64 flags = spin_lock_irqsave(&buffer_lock);
	struct buffer_head *bh = NULL;

	if (!list_empty(&m->private_list)) {
		bh = list_first_entry(&m->private_list, struct buffer_head, b_assoc);
		get_bh(bh);
		drop_assoc_locked(bh);
	}
	spin_unlock_irqrestore(&buffer_lock, flags);
	return bh;
}

int sync_mapping_buffers(struct address_space *m)
{
	struct buffer_head *bh;
	int err = 0;

	while ((bh = take_assoc(m)) != NULL) {
		int e = sync_dirty_buffer(bh);

		err = err < 0 ? err : e;
		brelse(bh);
	}
	return err;
}

void forget_mapping_buffers(struct address_space *m)
{
	struct buffer_head *bh;

	while ((bh = take_assoc(m)) != NULL)
		brelse(bh);
}

/* --- also: buffers leave ------------------------------------------------------------------ */

bool try_to_free_buffers(struct page *page)
{
	u64 flags = spin_lock_irqsave(&buffer_lock);
	struct buffer_head *head = page->private, *bh;
	bool idle = head != NULL;

	for_each_buffer(bh, head)
		if (atomic_read(&bh->b_count) > 0 || (READ_ONCE(bh->b_state) & BH_BUSY) != 0)
			idle = false;
	if (!idle) {
		spin_unlock_irqrestore(&buffer_lock, flags);
		return !head;
	}
	for_each_buffer(bh, head)
		drop_assoc_locked(bh);
	page->private = NULL;
	clear_bit(PG_PRIVATE, &page->flags);
	spin_unlock_irqrestore(&buffer_lock, flags);
	kfree(head);
	put_page(page);
	return true;
}

void brelse(struct buffer_head *bh)
{
	struct page *page;

	if (!bh)
		return;
	page = bh->b_page;
	get_page(page); /* the ring may go with our reference */
	ASSERT(atomic_read(&bh->b_count) > 0);
	if (atomic_dec_and_test(&bh->b_count) && !READ_ONCE(page->mapping))
		(void)try_to_free_buffers(page);
	put_page(page);
}

void block_expire_page(struct page *page)
{
	u64 flags = spin_lock_irqsave(&buffer_lock);
	struct buffer_head *bh;

	for_each_buffer(bh, page->private)
		if (atomic_read(&bh->b_count) == 0 && (READ_ONCE(bh->b_state) & BH_BUSY) == 0)
			clear_buffer_uptodate(bh);
	clear_bit(PG_UPTODATE, &page->flags);
	spin_unlock_irqrestore(&buffer_lock, flags);
}

void sb_forget(struct super_block *sb, blkno_t block, u32 count)
{
	struct address_space *m = &sb->s_bdev->bd_inode->i_data;

	for (; count > 0; block++, count--) {
		struct page *page = find_get_page(m, block / (PAGE_SIZE / sb->s_blocksize));
		struct buffer_head *bh = page ? find_buffer(page, block) : NULL;
		u64 flags;

		if (page)
			put_page(page);
		if (!bh)
			continue;
		lock_buffer(bh); /* a write under way must not land after that of a new owner */
		clear_buffer_dirty(bh);
		clear_buffer_write_io_error(bh);
		flags = spin_lock_irqsave(&buffer_lock);
		drop_assoc_locked(bh);
		spin_unlock_irqrestore(&buffer_lock, flags);
		unlock_buffer(bh);
		brelse(bh);
	}
}
