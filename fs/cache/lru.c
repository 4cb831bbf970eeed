/*
 * The list of all cached pages, from which reclaim takes the oldest.
 *
 * Invariants:
 * 1. A page on the list is referenced by its tree. Who removes it drops that reference only after
 *    taking it off the list.
 *
 * Lock order: lru_lock is taken alone.
 * Also there: the order in which pages are given back
 */
#include "fs/cache/pagemap.h"

static struct spinlock lru_lock = SPINLOCK_INIT("lru_lock", LOCK_LRU);
static LIST_HEAD(lru);	/* [lru_lock] newest first */
static size_t lru_size; /* [lru_lock] pages */

void lru_add_page(struct page *page)
{
	spin_lock(&lru_lock);
	list_add(&page->lru, &lru);
	set_bit(PG_LRU, &page->flags);
	lru_size++;
	spin_unlock(&lru_lock);
}

void lru_del_page(struct page *page)
{
	spin_lock(&lru_lock);
	if (test_and_clear_bit(PG_LRU, &page->flags)) {
		list_del(&page->lru);
		lru_size--;
	}
	spin_unlock(&lru_lock);
}

struct page *lru_take_oldest(void)
{
	struct page *page = NULL;

	spin_lock(&lru_lock);
	if (!list_empty(&lru)) {
		page = list_last_entry(&lru, struct page, lru);
		list_move(&page->lru, &lru);
		get_page(page);
	}
	spin_unlock(&lru_lock);
	return page;
}

size_t lru_nr_pages(void)
{
	return READ_ONCE(lru_size);
}
