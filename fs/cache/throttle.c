/*
 * How much is dirty, and how much may be (hop 5). Once a tenth of memory is dirty, the flusher is
 * woken to write everything. Once a fifth is dirty, a writer sleeps until less is.
 *
 * The flusher itself is above, in fs/vfs/flusher.c. What it sleeps on is here, so that its wakers
 * need not know it.
 * Path: hop 5
 */
#include "fs/cache/pagemap.h"

#include "kernel/arch/clock.h"
#include "kernel/sched/wait.h"

#define THROTTLE_WAIT_NS (100 * NSEC_PER_MSEC)

static struct wait_queue_head flusher_wait = WAIT_QUEUE_INIT(flusher_wait);
static struct wait_queue_head throttle_wait = WAIT_QUEUE_INIT(throttle_wait);
static bool flusher_kicked;				  /* [atomic] */
static u64 dirty_limit = ~0ull, background_limit = ~0ull; /* [const after boot] pages */
static u32 writeback_seq;				  /* [atomic] counts ended pages */

struct pagecache_counts pagecache_counts;

void pagecache_get_stats(struct pagecache_stats *stats)
{
	stats->cached = (u64)max(atomic_read(&pagecache_counts.cached), 0);
	stats->dirty = (u64)max(atomic_read(&pagecache_counts.dirty), 0);
	stats->writeback = (u64)max(atomic_read(&pagecache_counts.writeback), 0);
}

void wakeup_flusher(void)
{
	WRITE_ONCE(flusher_kicked, true);
	wake_up_all(&flusher_wait);
}

void writeback_ended(void)
{
	__atomic_fetch_add(&writeback_seq, 1, __ATOMIC_SEQ_CST);
	if (waitqueue_active(&throttle_wait))
		wake_up_all(&throttle_wait);
}

void writeback_wait(u64 ns)
{
	u32 seq = READ_ONCE(writeback_seq);

	(void)wait_event_timeout(&throttle_wait, READ_ONCE(writeback_seq) != seq, ns);
}

/* Pages under write-back do not count: the flusher has sent them, and would else be woken for each
 * page of a writer. */
bool over_background_limit(void)
{
	struct pagecache_stats stats;

	pagecache_get_stats(&stats);
	return stats.dirty > background_limit;
}

static bool over_dirty_limit(void)
{
	struct pagecache_stats stats;

	pagecache_get_stats(&stats);
	return stats.dirty + stats.writeback > dirty_limit;
}

void balance_dirty_pages(void)
{
	if (over_background_limit())
		wakeup_flusher();
	while (over_dirty_limit()) {
		wakeup_flusher();
		writeback_wait(THROTTLE_WAIT_NS);
	}
}

/* --- also: the limits, and the flusher's sleep -------------------------------------------- */

void flusher_sleep(u64 ns)
{
	(void)wait_event_timeout(&flusher_wait, READ_ONCE(flusher_kicked), ns);
	WRITE_ONCE(flusher_kicked, false);
}

void dirty_limits_init(void)
{
	struct mm_stats stats;

	mm_get_stats(&stats);
	dirty_limit = stats.total_pages / 5;
	background_limit = stats.total_pages / 10;
}
