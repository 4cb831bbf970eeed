/*
 * Taking pages out of the cache: truncation (whatever their state) and invalidation (clean ones).
 *
 * After a write past the cache, a page that is in use or partly dirty cannot leave. Its other
 * blocks are read again in place, so that its users see what was written.
 *
 * Truncation waits for write-back of each page, and for the page lock. So no read or write of a
 * dropped page is under way when it returns. The caller has lowered i_size first: readers do not
 * bring such pages back.
 * Also there: pages leave the cache
 */
#include "fs/cache/buffer_head.h"
#include "fs/cache/pagemap.h"
#include "kernel/lib/string.h"

/* One locked page leaves the cache, whatever its state. */
static void truncate_complete_page(struct page *page)
{
	bool buffers = test_bit(PG_PRIVATE, &page->flags);

	if (buffers)
		block_invalidate_page(page, 0);
	cancel_dirty_page(page);
	remove_from_page_cache(page);
	/* Once more: a buffer that was in use then is freed by its last brelse from now on. */
	if (buffers)
		(void)try_to_free_buffers(page);
}

static void truncate_partial_page(struct address_space *m, loff_t start)
{
	u32 offset = (u32)((u64)start & ~PAGE_MASK);
	struct page *page = find_lock_page(m, (u64)start >> PAGE_SHIFT);

	if (!page)
		return;
	wait_on_page_writeback(page);
	if (PageUptodate(page) || test_bit(PG_PRIVATE, &page->flags))
		memset((char *)page_address(page) + offset, 0, PAGE_SIZE - offset);
	if (test_bit(PG_PRIVATE, &page->flags))
		block_invalidate_page(page, offset);
	unlock_page(page);
	put_page(page);
}

void truncate_inode_pages(struct address_space *m, loff_t start)
{
	struct page *pages[PAGEVEC_SIZE];
	pgoff_t index = ((u64)start + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u32 n;

	unmap_mapping_range(m, index, ~0ull, true);
	if (start == 0)
		forget_mapping_buffers(m);
	if ((u64)start & ~PAGE_MASK)
		truncate_partial_page(m, start);
	while ((n = find_get_pages(m, &index, ~0ull, RADIX_TAGS, pages, PAGEVEC_SIZE)) > 0) {
		for (u32 i = 0; i < n; i++) {
			lock_page(pages[i]);
			if (pages[i]->mapping == m) {
				wait_on_page_writeback(pages[i]);
				truncate_complete_page(pages[i]);
			}
			unlock_page(pages[i]);
			put_page(pages[i]);
		}
	}
}

u64 invalidate_mapping_pages(struct address_space *m, pgoff_t start, pgoff_t end)
{
	struct page *pages[PAGEVEC_SIZE];
	u64 dropped = 0;
	u32 n;

	while ((n = find_get_pages(m, &start, end, RADIX_TAGS, pages, PAGEVEC_SIZE)) > 0) {
		for (u32 i = 0; i < n; i++) {
			if (trylock_page(pages[i])) {
				if (drop_clean_page(pages[i]))
					dropped++;
				unlock_page(pages[i]);
			}
			put_page(pages[i]);
		}
	}
	return dropped;
}

/* One page, referenced: out of the cache, or read again. */
static void invalidate_page(struct address_space *m, struct page *page)
{
	int err;

	lock_page(page);
	if (page->mapping == m)
		wait_on_page_writeback(page);
	if (page->mapping != m || drop_clean_page(page) ||
	    (PageDirty(page) && !test_bit(PG_PRIVATE, &page->flags))) {
		unlock_page(page);
		return;
	}
	block_expire_page(page);
	clear_bit(PG_ERROR, &page->flags);
	err = m->a_ops->readpage(m->host, page);
	if (err == 0)
		wait_on_page_locked(page);
	/* Else it is not up to date: the next reader tries again, and is told. */
}

void invalidate_inode_pages2_range(struct address_space *m, pgoff_t start, pgoff_t end)
{
	struct page *pages[PAGEVEC_SIZE];
	u32 n;

	unmap_mapping_range(m, start, end, false);
	while ((n = find_get_pages(m, &start, end, RADIX_TAGS, pages, PAGEVEC_SIZE)) > 0) {
		for (u32 i = 0; i < n; i++) {
			invalidate_page(m, pages[i]);
			put_page(pages[i]);
		}
	}
}
