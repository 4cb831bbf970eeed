/*
 * Reclaim of cached pages: the oldest first. A page that was used since the last look gets a second
 * chance.
 *
 * Reclaim drops clean pages only. For dirty ones it wakes the flusher and waits a moment. So it
 * never enters a filesystem, and may run under any sleeping lock.
 *
 * Invariants:
 * 1. A page is dropped only while the tree and the reclaimer hold its only references.
 * Also there: pages are given back when memory is short
 */
#include "fs/cache/buffer_head.h"
#include "fs/cache/pagemap.h"
#include "kernel/arch/clock.h"

#define SCAN_FACTOR 8u
#define SCAN_MIN    256u

bool drop_clean_page(struct page *page)
{
	struct address_space *mapping = page->mapping;

	if (!mapping || PageDirty(page) || PageWriteback(page))
		return false;
	if (test_bit(PG_PRIVATE, &page->flags) && !try_to_free_buffers(page))
		return false;
	return remove_idle_page(page);
}

size_t shrink_page_cache(size_t nr, size_t *dirty)
{
	size_t freed = 0, unwritten = 0;
	size_t enough = max(nr * SCAN_FACTOR, (size_t)SCAN_MIN), all = lru_nr_pages() * 2;

	for (size_t scanned = 0; freed < nr && scanned < all; scanned++) {
		struct page *page;

		/* Give up early only when it is write-back that is wanted: a cache full of pages
		 * that were just used must be gone through twice. */
		if (scanned >= enough && unwritten >= enough / 2)
			break;
		page = lru_take_oldest();
		if (!page)
			break;
		if (test_and_clear_bit(PG_REFERENCED, &page->flags)) {
			put_page(page);
			continue;
		}
		if (PageDirty(page) || PageWriteback(page))
			unwritten++;
		if (trylock_page(page)) {
			if (drop_clean_page(page))
				freed++;
			unlock_page(page);
		}
		put_page(page);
	}
	if (dirty)
		*dirty = unwritten;
	return freed;
}

static size_t pagecache_shrink(size_t nr_pages, gfp_t gfp)
{
	size_t dirty = 0, freed = shrink_page_cache(nr_pages, &dirty);

	if (freed < nr_pages && dirty > 0) {
		wakeup_flusher();
		if (gfp & GFP_KERNEL) {
			writeback_wait(50 * NSEC_PER_MSEC);
			freed += shrink_page_cache(nr_pages - freed, NULL);
		}
	}
	return freed;
}

void vmscan_init(void)
{
	static struct shrinker shrinker = {.shrink = pagecache_shrink};

	shrinker_register(&shrinker);
}
