/*
 * The page cache: the pages of a file or block device, by index, in an address_space.
 *
 * To read a page:                                 To change one:
 *	page = read_mapping_page(mapping, index);	page = find_lock_page(mapping, index);
 *	if (IS_ERR(page))				if (!page)
 *		return PTR_ERR(page);				return 0;	it is not cached
 *	use page_address(page);				change page_address(page);
 *	put_page(page);					set_page_dirty_nobuffers(page);
 *							unlock_page(page); put_page(page);
 * A reference keeps the page's memory, not its place in the file: after lock_page(), page->mapping
 * tells whether it still has that. Each find is undone by one put_page().
 *
 * Invariants:
 * 1. A page in the tree holds one reference for the tree; page->mapping and ->index name its slot.
 * 2. PG_UPTODATE is set only when all bytes are those of the file (zero past its end).
 * 3. A dirty or writeback page carries the tag of that name in the tree and is never reclaimed.
 * 4. A page leaves the tree only locked, clean and without PG_WRITEBACK (truncation waits).
 *
 * Lock order: i_mutex, page lock (several: ascending index), tree_lock.
 * Path: hop 4
 */
#pragma once

#include "fs/address_space.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/types.h"
#include "kernel/mm/page.h"
#include "kernel/sched/spinlock.h"

struct file;
struct inode;
struct iov_iter;
struct kiocb;
struct page;

void address_space_init(struct address_space *mapping, struct inode *host);
void pagecache_init(void);

/* Find a page. Returns: it with a reference, or NULL. Context: any. */
struct page *find_get_page(struct address_space *mapping, pgoff_t index);
/* Find and lock; NULL if absent. Context: sleeps. */
struct page *find_lock_page(struct address_space *mapping, pgoff_t index);
/* Find or add a new, locked, not up-to-date page. Returns: NULL if no memory. */
struct page *must_check find_or_create_page(struct address_space *mapping, pgoff_t index,
					    gfp_t gfp);
int must_check add_to_page_cache(struct page *page, struct address_space *mapping, pgoff_t index);
/* Read through the cache: up-to-date page with a reference, unlocked. Returns: ERR_PTR(-EIO,
 * -ENOMEM, or readpage's). Context: sleeps. */
struct page *must_check read_mapping_page(struct address_space *mapping, pgoff_t index);

/* Up to `max` pages with *index <= index <= last in order, referenced; only those with the tag
 * unless it is RADIX_TAGS. *index moves behind the last one. Returns: how many. */
u32 find_get_pages(struct address_space *mapping, pgoff_t *index, pgoff_t last, enum radix_tag tag,
		   struct page **pages, u32 max);
#define PAGEVEC_SIZE 16u

/* Waiting (fs/cache/page_wait.c). The wait queue of a page or buffer is shared with others: wait
 * in a loop on its bits. */
struct wait_queue_head *bit_waitqueue(const void *object);
void wake_up_bit_waiters(const void *object);

void lock_page(struct page *page);
bool trylock_page(struct page *page);
void unlock_page(struct page *page);
void wait_on_page_locked(struct page *page);
void wait_on_page_writeback(struct page *page);
static inline bool PageUptodate(const struct page *p)
{
	return test_bit(PG_UPTODATE, &p->flags);
}
static inline bool PageDirty(const struct page *p)
{
	return test_bit(PG_DIRTY, &p->flags);
}
static inline bool PageWriteback(const struct page *p)
{
	return test_bit(PG_WRITEBACK, &p->flags);
}
static inline bool PageLocked(const struct page *p)
{
	return test_bit(PG_LOCKED, &p->flags);
}
/* Mark a page dirty, not its buffers, in flags and tree, and the inode with it. Context: page
 * locked or otherwise pinned. */
void set_page_dirty_nobuffers(struct page *page);
/* Clear dirty before writing; returns whether it was. The tree's tag stays until
 * set_page_writeback, so that a concurrent fsync does not miss the page. Page locked. */
bool clear_page_dirty_for_io(struct page *page);
void set_page_writeback(struct page *page);
/* The write ended. An error is recorded in the mapping. Context: softirq or thread. */
void end_page_writeback(struct page *page, int error);
/* The read ended: mark the page up-to-date or failed, and unlock it. Context: any. */
void end_page_read(struct page *page, int error);
void mark_page_accessed(struct page *page);

/* Read from the cache what is not direct / the copying half of a write, with i_mutex held and
 * limits checked. Both move ki_pos. Returns: bytes or -errno. Context: sleeps. */
ssize_t must_check filemap_read(struct kiocb *iocb, struct iov_iter *iter);
ssize_t must_check generic_perform_write(struct kiocb *iocb, struct iov_iter *iter);
/* After a write of `done` bytes with O_SYNC or O_DSYNC: fsync them. Returns: done, or -errno. */
ssize_t must_check generic_write_sync(struct kiocb *iocb, ssize_t done);

/* Readahead (fs/cache/readahead.c). sync: the reader wants `want` pages from index, and found none
 * there; file NULL: the pages around index are read. async: it found a page that carries
 * PG_READAHEAD. */
void page_cache_sync_readahead(struct address_space *m, struct file *file, pgoff_t index, u32 want);
void page_cache_async_readahead(struct file *file, struct page *page);

/* Start write-back of the dirty pages in a range / wait for it. sync: first wait for a page that is
 * under write-back, and dirty again. Errors are recorded in the mapping. Context: sleeps. */
int must_check filemap_fdatawrite_range(struct address_space *m, loff_t start, loff_t end,
					bool sync);
void filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end);
/* Write and wait. An error stays recorded for those who fsync later. Returns: 0, or the error that
 * came up during this call. Context: sleeps. */
int must_check filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end);
/* Record an error for later fsyncs, and for syncfs. Context: any. */
void mapping_set_error(struct address_space *m, int error);

/* How much may be dirty (fs/cache/throttle.c). */
void dirty_limits_init(void);
void balance_dirty_pages(void); /* throttle a writer; may sleep */
/* Is so much dirty, or memory so short, that all of it should be written now? */
bool over_background_limit(void);
void wakeup_flusher(void);
/* For the flusher: sleep until it is woken, at most `ns`. */
void flusher_sleep(u64 ns);
/* Sleep until some write-back ends, at most `ns`. */
void writeback_wait(u64 ns);
void writeback_ended(void); /* a page's write-back has ended. Context: any */
struct pagecache_counts {
	atomic_t cached, dirty, writeback; /* [atomic] pages of all mappings */
};
extern struct pagecache_counts pagecache_counts;
struct pagecache_stats {
	u64 cached, dirty, writeback; /* pages */
};
void pagecache_get_stats(struct pagecache_stats *stats);

/* --- also: pages leave the cache ---------------------------------------------------------- */

/* One page, locked. cancel: clear dirty before dropping it. remove: drop the tree's reference. */
void cancel_dirty_page(struct page *page);
void remove_from_page_cache(struct page *page);
/* The same if the page is clean and only the tree and the caller hold it. Returns: whether it
 * was. */
bool remove_idle_page(struct page *page);
/* Drop all pages from byte `start` on, also from programs that map them. The rest of a partial page
 * is zeroed. i_size is lowered already. Context: sleeps. Locks: i_mutex. */
void truncate_inode_pages(struct address_space *m, loff_t start);
/* Drop clean, unlocked pages in [start, end] that nobody has. Returns: how many. */
u64 invalidate_mapping_pages(struct address_space *m, pgoff_t start, pgoff_t end);
/* The disk has newer bytes than the pages in [start, end]: from now on nobody sees the old ones.
 * A dirty page stays. Context: sleeps. */
void invalidate_inode_pages2_range(struct address_space *m, pgoff_t start, pgoff_t end);

/* Every cached page is on one list (fs/cache/lru.c). take: the oldest one, with a reference, which
 * is moved to the front; NULL if there is none. */
void lru_add_page(struct page *page);
void lru_del_page(struct page *page);
struct page *lru_take_oldest(void);
size_t lru_nr_pages(void);

/* Reclaim (fs/cache/vmscan.c). */
/* Drop about nr clean pages. Returns: how many. Context: sleeps not; page locks are only tried. */
size_t shrink_page_cache(size_t nr, size_t *dirty);
/* Take a locked page out of its tree if it is clean and idle. Returns: whether it was. */
bool drop_clean_page(struct page *page);
void vmscan_init(void);
