/*
 * The lock of a page, and waiting for it, for write-back, or for a bit of a buffer.
 *
 * Pages and buffers have no wait queue of their own: their address picks one of a few. So a sleeper
 * may be woken for another's sake, and looks at its bit again.
 * Path: hop 4 (lock_page), 14
 */
#include "fs/cache/pagemap.h"

#include "kernel/lib/assert.h"
#include "kernel/sched/wait.h"

#define WAIT_BUCKETS 64u

static struct wait_queue_head bit_waits[WAIT_BUCKETS];

void pagecache_init(void)
{
	for (u32 i = 0; i < WAIT_BUCKETS; i++)
		init_waitqueue_head(&bit_waits[i]);
}

struct wait_queue_head *bit_waitqueue(const void *object)
{
	u64 hash = (u64)(uintptr_t)object * 0x9e3779b97f4a7c15ull;

	return &bit_waits[hash >> 58];
}

void wake_up_bit_waiters(const void *object)
{
	struct wait_queue_head *wq = bit_waitqueue(object);

	if (waitqueue_active(wq))
		wake_up_all(wq);
}

bool trylock_page(struct page *page)
{
	return !test_and_set_bit(PG_LOCKED, &page->flags);
}

void lock_page(struct page *page)
{
	if (!trylock_page(page))
		wait_event(bit_waitqueue(page), trylock_page(page));
}

void unlock_page(struct page *page)
{
	ASSERT(PageLocked(page));
	clear_bit(PG_LOCKED, &page->flags);
	wake_up_bit_waiters(page);
}

void wait_on_page_locked(struct page *page)
{
	if (PageLocked(page))
		wait_event(bit_waitqueue(page), !PageLocked(page));
}

void wait_on_page_writeback(struct page *page)
{
	if (PageWriteback(page))
		wait_event(bit_waitqueue(page), !PageWriteback(page));
}

void end_page_read(struct page *page, int error)
{
	if (error < 0)
		set_bit(PG_ERROR, &page->flags);
	else
		set_bit(PG_UPTODATE, &page->flags);
	unlock_page(page);
}
