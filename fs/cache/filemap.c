/*
 * The page cache's index: finding, adding and removing pages, and their dirty and write-back
 * states.
 *
 * PG_DIRTY and PG_WRITEBACK change under tree_lock, together with the tree's tags. There is one
 * exception: clear_page_dirty_for_io leaves the dirty tag, and set_page_writeback clears it. So a
 * page on its way to the disk always has one of the two tags.
 *
 * Lock order: fs/cache/pagemap.h. tree_lock is taken with interrupts off: write-back ends in a
 * softirq.
 * Path: hop 4 (find_get_page), 14
 */
#include "fs/cache/pagemap.h"

#include "fs/inode.h"
#include "fs/rlimit.h"
#include "fs/super.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"

#define ALLOC_TRIES  4
#define SHRINK_BATCH 32u

void (*file_too_big_hook)(void);
void (*inode_dirtied_hook)(struct inode *inode, u64 state);
void (*unmap_mapping_hook)(struct address_space *m, pgoff_t start, pgoff_t end, bool even_cows);

void address_space_init(struct address_space *mapping, struct inode *host)
{
	*mapping = (struct address_space){.host = host};
	spin_lock_init(&mapping->tree_lock, "tree_lock", LOCK_MAPPING);
	INIT_LIST_HEAD(&mapping->private_list);
	INIT_LIST_HEAD(&mapping->i_mmap);
}

void mapping_set_error(struct address_space *m, int error)
{
	errseq_set(&m->wb_err, error);
	errseq_set(&m->host->i_sb->s_wb_err, error); /* for syncfs */
}

/* --- the index ---------------------------------------------------------------------------- */

struct page *find_get_page(struct address_space *mapping, pgoff_t index)
{
	u64 flags = spin_lock_irqsave(&mapping->tree_lock);
	struct page *page = radix_tree_lookup(&mapping->pages, index);

	if (page)
		get_page(page);
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	return page;
}

struct page *find_lock_page(struct address_space *mapping, pgoff_t index)
{
	struct page *page;

	while ((page = find_get_page(mapping, index)) != NULL) {
		lock_page(page);
		if (page->mapping == mapping)
			break;
		unlock_page(page); /* truncated while we slept */
		put_page(page);
	}
	return page;
}

u32 find_get_pages(struct address_space *mapping, pgoff_t *index, pgoff_t last, enum radix_tag tag,
		   struct page **pages, u32 max)
{
	void *found[PAGEVEC_SIZE];
	u64 flags = spin_lock_irqsave(&mapping->tree_lock);
	u32 nr, n = 0;

	max = min(max, PAGEVEC_SIZE);
	nr = tag == RADIX_TAGS ?
		     radix_tree_gang_lookup(&mapping->pages, *index, found, NULL, max) :
		     radix_tree_gang_lookup_tag(&mapping->pages, *index, found, NULL, max, tag);
	for (; n < nr && ((struct page *)found[n])->index <= last; n++) {
		pages[n] = found[n];
		get_page(pages[n]);
	}
	if (n > 0)
		*index = pages[n - 1]->index + 1;
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	return n;
}

int add_to_page_cache(struct page *page, struct address_space *mapping, pgoff_t index)
{
	u64 flags;
	int err;

	page->flags = 1ull << PG_LOCKED;
	page->private = NULL;
	page->mapping = mapping;
	page->index = index;
	flags = spin_lock_irqsave(&mapping->tree_lock);
	err = radix_tree_insert(&mapping->pages, index, page);
	if (err == 0) {
		get_page(page);
		mapping->nrpages++;
	}
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	if (err < 0) {
		page->mapping = NULL;
		page->flags = 0;
		return err;
	}
	atomic_inc(&pagecache_counts.cached);
	lru_add_page(page);
	return 0;
}

/* A page for the cache; waits for write-back when memory is short. Returns: NULL if no memory. */
static struct page *page_cache_alloc(gfp_t gfp)
{
	struct page *page = alloc_page(gfp);

	for (int i = 0; !page && i < ALLOC_TRIES; i++) {
		if (try_to_free_pages(SHRINK_BATCH, gfp) == 0) {
			wakeup_flusher();
			writeback_wait(TICK_NS * 5);
		}
		page = alloc_page(gfp);
	}
	return page;
}

struct page *find_or_create_page(struct address_space *mapping, pgoff_t index, gfp_t gfp)
{
	for (int tries = 0; tries < ALLOC_TRIES;) {
		struct page *page = find_lock_page(mapping, index);
		int err;

		if (page)
			return page;
		page = page_cache_alloc(gfp);
		if (!page)
			return NULL;
		err = add_to_page_cache(page, mapping, index);
		if (err == 0)
			return page;
		put_page(page);
		if (err == -ENOMEM) { /* no node for the tree */
			(void)try_to_free_pages(SHRINK_BATCH, gfp);
			tries++;
		}
	}
	return NULL;
}

void mark_page_accessed(struct page *page)
{
	if (!test_bit(PG_REFERENCED, &page->flags))
		set_bit(PG_REFERENCED, &page->flags);
}

/* --- dirty and write-back ----------------------------------------------------------------- */

void set_page_dirty_nobuffers(struct page *page)
{
	struct address_space *mapping = page->mapping;
	bool first;
	u64 flags;

	if (PageDirty(page) || !mapping)
		return;
	flags = spin_lock_irqsave(&mapping->tree_lock);
	first = !radix_tree_tagged(&mapping->pages, RADIX_TAG_DIRTY);
	if (!test_and_set_bit(PG_DIRTY, &page->flags)) {
		radix_tree_tag_set(&mapping->pages, page->index, RADIX_TAG_DIRTY);
		atomic_inc(&pagecache_counts.dirty);
	}
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	/* The caches of devices are found through the devices, not a list of dirty inodes. */
	if (!S_ISBLK(mapping->host->i_mode))
		mark_inode_dirty_pages(mapping->host);
	else if (first)
		mapping->host->i_dirtied_when = ktime_get_ns();
}

bool clear_page_dirty_for_io(struct page *page)
{
	bool was = test_and_clear_bit(PG_DIRTY, &page->flags);

	if (was)
		atomic_dec(&pagecache_counts.dirty);
	return was;
}

void set_page_writeback(struct page *page)
{
	struct address_space *mapping = page->mapping;
	u64 flags = spin_lock_irqsave(&mapping->tree_lock);

	ASSERT(PageLocked(page) && !PageWriteback(page));
	set_bit(PG_WRITEBACK, &page->flags);
	radix_tree_tag_set(&mapping->pages, page->index, RADIX_TAG_WRITEBACK);
	if (!PageDirty(page))
		radix_tree_tag_clear(&mapping->pages, page->index, RADIX_TAG_DIRTY);
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	atomic_inc(&pagecache_counts.writeback);
}

void end_page_writeback(struct page *page, int error)
{
	struct address_space *mapping = page->mapping;
	u64 flags;

	if (error < 0) {
		set_bit(PG_ERROR, &page->flags);
		mapping_set_error(mapping, error);
	}
	flags = spin_lock_irqsave(&mapping->tree_lock);
	radix_tree_tag_clear(&mapping->pages, page->index, RADIX_TAG_WRITEBACK);
	clear_bit(PG_WRITEBACK, &page->flags);
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	/* From here on the page may be gone: only its address is used. */
	atomic_dec(&pagecache_counts.writeback);
	wake_up_bit_waiters(page);
	writeback_ended();
}

/* --- also: pages leave the cache ---------------------------------------------------------- */

/* The page leaves the tree and the list; its reference goes. tree_lock is held, and released. */
static void remove_and_unlock(struct page *page, struct address_space *mapping, u64 flags)
{
	radix_tree_delete(&mapping->pages, page->index);
	mapping->nrpages--;
	page->mapping = NULL;
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	atomic_dec(&pagecache_counts.cached);
	lru_del_page(page);
	put_page(page);
}

void remove_from_page_cache(struct page *page)
{
	struct address_space *mapping = page->mapping;

	ASSERT(PageLocked(page) && !PageDirty(page) && !PageWriteback(page));
	remove_and_unlock(page, mapping, spin_lock_irqsave(&mapping->tree_lock));
}

bool remove_idle_page(struct page *page)
{
	struct address_space *mapping = page->mapping;
	u64 flags = spin_lock_irqsave(&mapping->tree_lock);

	/* References are taken under tree_lock, so with ours and the tree's only nobody has it. */
	if (page_count(page) == 2 && !PageDirty(page) && !PageWriteback(page)) {
		remove_and_unlock(page, mapping, flags);
		return true;
	}
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
	return false;
}

void cancel_dirty_page(struct page *page)
{
	struct address_space *mapping = page->mapping;
	u64 flags = spin_lock_irqsave(&mapping->tree_lock);

	(void)clear_page_dirty_for_io(page);
	radix_tree_tag_clear(&mapping->pages, page->index, RADIX_TAG_DIRTY);
	spin_unlock_irqrestore(&mapping->tree_lock, flags);
}
