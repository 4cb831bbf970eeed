/*
 * Readahead: a sequential reader finds its pages already read, or under way.
 *
 * Each open file has a window [f_ra_start, + f_ra_size). One page in it carries PG_READAHEAD. The
 * reader that touches that page starts the next window. That one is twice as large, up to what is
 * set for the disk below the file (bdev_ra_pages).
 * The pages of a window are submitted under one plug: they become one or a few large requests.
 * Path: hop 4
 */
#include "block/blkdev.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"

#define INIT_PAGES 4u /* 16 KiB */

u32 default_ra_pages = VM_READAHEAD_PAGES;

u32 bdev_ra_pages(const struct block_device *bdev)
{
	struct inode *cache = READ_ONCE(bdev->bd_disk->part[0]->bd_inode);

	/* Nobody has used the disk as a whole: so nobody has set anything. */
	if (!cache)
		return default_ra_pages;
	return READ_ONCE(container_of(cache, struct bdev_inode, inode)->ra_pages);
}

static u32 ra_pages(const struct address_space *m)
{
	const struct block_device *bdev = inode_bdev(m->host);

	return bdev ? bdev_ra_pages(bdev) : 0;
}

/* One new page of the cache, on its way from the disk. Returns: false when memory is short. */
static bool start_read(struct address_space *m, pgoff_t index, bool mark)
{
	struct page *page = find_get_page(m, index);
	int err = 0;

	if (!page) {
		page = alloc_page(GFP_NOFS);
		if (!page)
			return false;
		err = add_to_page_cache(page, m, index);
		if (err == 0) {
			if (mark)
				set_bit(PG_READAHEAD, &page->flags);
			/* A failure is the reader's to see, when it comes and reads again. */
			(void)m->a_ops->readpage(m->host, page);
		}
	}
	put_page(page);
	return err != -ENOMEM;
}

/* Start reading the pages of [start, start + nr) that are absent; `mark` gets PG_READAHEAD. */
static void do_page_cache_readahead(struct address_space *m, pgoff_t start, u32 nr, pgoff_t mark)
{
	u64 size = (u64)READ_ONCE(m->host->i_size);
	pgoff_t end = min(start + nr, DIV_ROUND_UP(size, PAGE_SIZE));
	struct blk_plug plug;

	if (mm_is_low())
		return;
	blk_start_plug(&plug);
	for (pgoff_t i = start; i < end; i++)
		if (!start_read(m, i, i == mark))
			break;
	blk_finish_plug(&plug);
}

/* Read the file's window. The page that is `async` pages before its end gets the mark: who touches
 * it starts the next window. That is the middle at the latest, `want` pages from the start if the
 * reader wants less, and the first page of a window that a mark started. */
static void submit_window(struct file *file, pgoff_t start, u32 size, u32 async)
{
	file->f_ra_start = start;
	file->f_ra_size = size;
	do_page_cache_readahead(file->f_mapping, start, size, start + size - async);
}

void page_cache_sync_readahead(struct address_space *m, struct file *file, pgoff_t index, u32 want)
{
	u32 size = INIT_PAGES, most = ra_pages(m);

	want = min(max(want, 1u), most);
	if (!want)
		return;
	if (!file)
		index -= index % want;
	if (!file || (index != 0 && index != file->f_ra_prev && index != file->f_ra_prev + 1)) {
		do_page_cache_readahead(m, index, want, ~0ull); /* random */
		return;
	}
	if (file->f_ra_size > 0 && index == file->f_ra_start + file->f_ra_size)
		size = file->f_ra_size * 2;
	while (size < want * 2)
		size *= 2;
	size = min(size, most);
	submit_window(file, index, size, size - min(want, size / 2));
}

void page_cache_async_readahead(struct file *file, struct page *page)
{
	pgoff_t next = file->f_ra_start + file->f_ra_size;
	u32 size = min(max(file->f_ra_size, INIT_PAGES) * 2, ra_pages(file->f_mapping));

	clear_bit(PG_READAHEAD, &page->flags);
	/* Another reader's mark: go on behind it. */
	if (page->index < file->f_ra_start || page->index >= next)
		next = page->index + 1;
	submit_window(file, next, size, size);
}
