/*
 * The address_space operations of a filesystem that maps its blocks by get_block (hop 7).
 *
 * A page whose blocks lie side by side on the disk is read by one bio, without buffers. A page that
 * is written has buffers, because each block may be new, a hole, or not read yet. Bios of
 * neighbouring blocks become one request under the caller's plug.
 *
 * Invariants:
 * 1. A block that get_block says is new is zeroed where the caller does not write.
 * 2. Bytes past the end of the file are zero on their way to the disk.
 * Path: hop 5, 7
 */
#include "fs/cache/buffer_head.h"

#include "block/genhd.h"
#include "fs/inode.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define MAX_BUF_PER_PAGE (PAGE_SIZE / 512)

static u32 blocks_per_page(const struct inode *inode)
{
	return (u32)(PAGE_SIZE >> inode->i_blkbits);
}

/* The first block that lies wholly past the end of the file. */
static blkno_t end_block(const struct inode *inode)
{
	u64 size = (u64)READ_ONCE(inode->i_size);

	return (size + (1u << inode->i_blkbits) - 1) >> inode->i_blkbits;
}

static char *page_bytes(const struct page *page, u64 offset)
{
	return (char *)page_address(page) + offset;
}

/* --- reading ------------------------------------------------------------------------------ */

static void end_bio_page_read(struct bio *bio)
{
	struct page *page = bio->bi_private;
	int error = bio->bi_status;

	bio_put(bio);
	end_page_read(page, error);
}

/* Do the page's first blocks lie side by side on the disk, and are the others holes? Returns: how
 * many lie there, -EAGAIN if it is not so, or get_block's error. */
static int map_contiguous(struct inode *inode, struct page *page, get_block_t *get_block,
			  struct buffer_head *first)
{
	u32 nr = blocks_per_page(inode);
	blkno_t iblock = page->index * nr, end = end_block(inode);
	int mapped = 0;

	for (u32 i = 0; i < nr && iblock + i < end; i++) {
		struct buffer_head bh = {.b_size = 1u << inode->i_blkbits};
		int err = get_block(inode, iblock + i, &bh, false);

		if (err < 0)
			return err;
		if (!buffer_mapped(&bh))
			continue;
		if (mapped != (int)i || (i > 0 && bh.b_blocknr != first->b_blocknr + i))
			return -EAGAIN;
		if (i == 0)
			*first = bh;
		mapped++;
	}
	return mapped;
}

/* Read a page without buffers by one bio. Returns: 0 (started or done), -EAGAIN, other -errno. */
static int read_contiguous(struct inode *inode, struct page *page, get_block_t *get_block)
{
	struct buffer_head first;
	int n = map_contiguous(inode, page, get_block, &first);
	u32 bytes = n > 0 ? (u32)n << inode->i_blkbits : 0;
	struct bio *bio;

	if (n < 0)
		return n;
	memset(page_bytes(page, bytes), 0, PAGE_SIZE - bytes);
	if (n == 0) {
		end_page_read(page, 0);
		return 0;
	}
	bio = page_bio(first.b_bdev, REQ_OP_READ,
		       first.b_blocknr << (inode->i_blkbits - SECTOR_SHIFT), page, bytes, 0);
	bio->bi_end_io = end_bio_page_read;
	bio->bi_private = page;
	submit_bio(bio);
	return 0;
}

/* Map the buffers that must be read into bhs[]; holes become zeros. Returns: how many, -errno. */
static int collect_reads(struct inode *inode, struct page *page, get_block_t *get_block,
			 struct buffer_head *head, struct buffer_head **bhs)
{
	u32 nr = blocks_per_page(inode);
	blkno_t iblock = page->index * nr, end = end_block(inode);
	struct buffer_head *bh = head;
	int n = 0;

	for (u32 i = 0; i < nr; i++, bh = bh->b_this_page) {
		if (buffer_uptodate(bh))
			continue;
		if (!buffer_mapped(bh) && iblock + i < end) {
			int err = get_block(inode, iblock + i, bh, false);

			if (err < 0)
				return err;
		}
		if (buffer_mapped(bh)) {
			bhs[n++] = bh;
		} else {
			memset(bh->b_data, 0, bh->b_size);
			set_buffer_uptodate(bh);
		}
	}
	return n;
}

int block_read_full_page(struct inode *inode, struct page *page, get_block_t *get_block)
{
	struct buffer_head *bhs[MAX_BUF_PER_PAGE], *head;
	int n = -EAGAIN;

	if (!test_bit(PG_PRIVATE, &page->flags))
		n = read_contiguous(inode, page, get_block);
	if (n == 0)
		return 0;
	if (n == -EAGAIN) {
		head = create_empty_buffers(page, 1u << inode->i_blkbits);
		n = head ? collect_reads(inode, page, get_block, head, bhs) : -ENOMEM;
	}
	if (n < 0) {
		set_bit(PG_ERROR, &page->flags);
		unlock_page(page);
		return n;
	}
	if (n == 0)
		end_page_read(page, 0);
	for (int i = 0; i < n; i++) {
		lock_buffer(bhs[i]);
		bhs[i]->b_end_io = end_buffer_async_read;
		set_bit(BH_ASYNC_READ, &bhs[i]->b_state);
	}
	for (int i = 0; i < n; i++) {
		/* Somebody may have read it alone meanwhile, and changed it since. */
		if (buffer_uptodate(bhs[i]))
			end_buffer_async_read(bhs[i], true);
		else
			submit_bh(REQ_OP_READ, bhs[i]);
	}
	return 0;
}

/* --- writing back ------------------------------------------------------------------------- */

/* Map dirty buffers that have no block yet. What lies past the end need not be written. */
static int map_dirty(struct inode *inode, struct page *page, get_block_t *get_block,
		     struct buffer_head *head)
{
	u32 nr = blocks_per_page(inode);
	blkno_t iblock = page->index * nr, end = end_block(inode);
	struct buffer_head *bh = head;
	int err = 0;

	for (u32 i = 0; i < nr; i++, bh = bh->b_this_page) {
		if (iblock + i >= end) {
			clear_buffer_dirty(bh);
			continue;
		}
		if (!buffer_dirty(bh) || buffer_mapped(bh))
			continue;
		if (err == 0)
			err = get_block(inode, iblock + i, bh, true);
		if (err < 0)
			clear_buffer_dirty(bh);
		clear_buffer_new(bh); /* all of it is in the page */
	}
	return err;
}

/* Lock the dirty buffers for their write. Returns: how many of bhs[]. */
static int collect_writes(struct buffer_head *head, struct buffer_head **bhs)
{
	struct buffer_head *bh;
	int n = 0;

	for_each_buffer(bh, head) {
		if (!buffer_mapped(bh) || !buffer_dirty(bh))
			continue;
		lock_buffer(bh);
		if (test_and_clear_bit(BH_DIRTY, &bh->b_state)) {
			bh->b_end_io = end_buffer_async_write;
			set_bit(BH_ASYNC_WRITE, &bh->b_state);
			bhs[n++] = bh;
		} else {
			unlock_buffer(bh);
		}
	}
	return n;
}

/* A dirty page without buffers: all of it is dirty. */
static struct buffer_head *dirty_page_buffers(struct page *page, u32 size)
{
	struct buffer_head *head = page->private, *bh;

	if (head)
		return head;
	head = create_empty_buffers(page, size);
	for_each_buffer(bh, head)
		set_buffer_dirty(bh);
	return head;
}

int block_write_full_page(struct page *page, get_block_t *get_block)
{
	struct inode *inode = page->mapping->host;
	u64 size = (u64)READ_ONCE(inode->i_size), start = page->index << PAGE_SHIFT;
	struct buffer_head *bhs[MAX_BUF_PER_PAGE], *head;
	int n, err;

	head = dirty_page_buffers(page, 1u << inode->i_blkbits);
	if (!head) {
		set_page_dirty_nobuffers(page); /* later, when there is memory */
		unlock_page(page);
		return -ENOMEM;
	}
	if (size < start + PAGE_SIZE) {
		u64 keep = size > start ? size - start : 0;

		memset(page_bytes(page, keep), 0, PAGE_SIZE - keep);
	}
	err = map_dirty(inode, page, get_block, head);
	n = collect_writes(head, bhs);
	if (err < 0)
		mapping_set_error(page->mapping, err);
	set_page_writeback(page);
	unlock_page(page);
	if (n == 0)
		end_page_writeback(page, 0);
	for (int i = 0; i < n; i++)
		submit_bh(REQ_OP_WRITE, bhs[i]);
	return err;
}

/* --- buffered writes ---------------------------------------------------------------------- */

/* Give up on [from, to): a block that was allocated for it, and not written, reads as zeros. */
static void zero_new_buffers(struct page *page, u32 from, u32 to)
{
	struct buffer_head *bh;

	for_each_buffer(bh, page->private) {
		u32 start = bh_offset(bh), zero_from = max(from, start);
		u32 zero_to = min(to, start + bh->b_size);

		if (!test_and_clear_bit(BH_NEW, &bh->b_state) || zero_from >= zero_to)
			continue;
		if (!PageUptodate(page))
			memset(page_bytes(page, zero_from), 0, zero_to - zero_from);
		set_buffer_uptodate(bh);
		mark_buffer_dirty(bh);
	}
}

/* One block for a write of [from, to) of the page; it starts at `start`. */
static int prepare_block(struct inode *inode, blkno_t iblock, struct buffer_head *bh, u32 start,
			 u32 from, u32 to, get_block_t *get_block)
{
	struct page *page = bh->b_page;
	u32 end = start + bh->b_size;

	if (PageUptodate(page))
		set_buffer_uptodate(bh);
	if (!buffer_mapped(bh)) {
		int err = get_block(inode, iblock, bh, true);

		if (err < 0)
			return err;
		ASSERT(buffer_mapped(bh));
		if (buffer_new(bh) && !buffer_uptodate(bh)) {
			if (from > start)
				memset(page_bytes(page, start), 0, from - start);
			if (to < end)
				memset(page_bytes(page, to), 0, end - to);
			return 0;
		}
	}
	if (!buffer_uptodate(bh) && (from > start || to < end))
		return bh_read(bh);
	return 0;
}

int block_write_begin(struct inode *inode, loff_t pos, u32 len, struct page **pagep,
		      get_block_t *get_block)
{
	u32 from = (u32)((u64)pos & ~PAGE_MASK), to = from + len, size = 1u << inode->i_blkbits;
	pgoff_t index = (u64)pos >> PAGE_SHIFT;
	struct page *page = find_or_create_page(inode->i_mapping, index, GFP_NOFS);
	blkno_t iblock = index * blocks_per_page(inode);
	struct buffer_head *bh;
	int err = -ENOMEM;

	if (!page)
		return -ENOMEM;
	wait_on_page_writeback(page); /* the disk gets the old bytes or the new, not a mixture */
	bh = create_empty_buffers(page, size);
	if (!bh)
		goto err_unlock;
	for (u32 start = 0; start < to; start += size, iblock++, bh = bh->b_this_page) {
		if (start + size <= from)
			continue;
		err = prepare_block(inode, iblock, bh, start, from, to, get_block);
		if (err < 0)
			goto err_zero;
	}
	*pagep = page;
	return 0;
err_zero:
	zero_new_buffers(page, from, to);
err_unlock:
	unlock_page(page);
	put_page(page);
	return err;
}

int generic_write_end(struct inode *inode, loff_t pos, u32 len, u32 copied, struct page *page)
{
	u32 from = (u32)((u64)pos & ~PAGE_MASK), to;
	struct buffer_head *bh;
	bool all_uptodate = true;

	if (copied < len && !PageUptodate(page)) {
		/* A block that was neither read nor filled would show what was in memory. */
		copied = 0;
		zero_new_buffers(page, from, from + len);
	}
	to = from + copied;
	for_each_buffer(bh, page->private) {
		if (bh_offset(bh) < to && bh_offset(bh) + bh->b_size > from) {
			set_buffer_uptodate(bh);
			mark_buffer_dirty(bh);
		}
		clear_buffer_new(bh);
		all_uptodate = all_uptodate && buffer_uptodate(bh);
	}
	if (all_uptodate)
		set_bit(PG_UPTODATE, &page->flags);
	if (pos + copied > inode->i_size) {
		WRITE_ONCE(inode->i_size, pos + copied);
		mark_inode_dirty(inode);
	}
	unlock_page(page);
	put_page(page);
	return (int)copied;
}

/* --- also: truncation and the rest ------------------------------------------------------ */

int block_truncate_page(struct inode *inode, loff_t from, get_block_t *get_block)
{
	u32 size = 1u << inode->i_blkbits, offset = (u32)((u64)from & ~PAGE_MASK);
	struct buffer_head *bh;
	struct page *page;
	int err = 0;

	if (((u64)from & (size - 1)) == 0)
		return 0;
	page = find_or_create_page(inode->i_mapping, (u64)from >> PAGE_SHIFT, GFP_NOFS);
	if (!page)
		return -ENOMEM;
	wait_on_page_writeback(page);
	bh = create_empty_buffers(page, size);
	if (!bh) {
		err = -ENOMEM;
		goto out;
	}
	bh += offset >> inode->i_blkbits;
	if (!buffer_mapped(bh))
		err = get_block(inode, (u64)from >> inode->i_blkbits, bh, false);
	if (err == 0 && buffer_mapped(bh))
		err = bh_read(bh);
	if (err == 0 && buffer_mapped(bh)) {
		memset(page_bytes(page, offset), 0, size - (offset & (size - 1)));
		mark_buffer_dirty(bh);
	}
out:
	unlock_page(page);
	put_page(page);
	return err;
}

void block_invalidate_page(struct page *page, u32 offset)
{
	struct buffer_head *bh;

	for_each_buffer(bh, page->private) {
		if (bh_offset(bh) < offset)
			continue;
		lock_buffer(bh);
		clear_buffer_dirty(bh);
		clear_buffer_mapped(bh);
		clear_buffer_new(bh);
		unlock_buffer(bh);
	}
	if (offset == 0)
		(void)try_to_free_buffers(page);
}
