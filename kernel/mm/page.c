/*
 * Allocation of page frames: the buddy lists under a lock, watermarks, reclaim.
 *
 * Invariants:
 * 1. Below the low watermark caches are asked to shrink (mm_is_low); the last `reserve` frames
 *    are for those who cannot wait: GFP_ATOMIC, and reclaim itself.
 * 2. Out of memory is NULL for the caller, never a panic.
 * Also there: free pages
 */
#include "kernel/mm/page.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/buddy.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

/* Rounds of reclaim: at most this many, and fewer when nothing is freed any more. */
#define RECLAIM_ROUNDS	    64
#define RECLAIM_IDLE_ROUNDS 4
#define RECLAIM_BATCH	    32u
#define GFP_SLEEPS	    (GFP_KERNEL | GFP_NOFS)

static struct spinlock buddy_lock = SPINLOCK_INIT("buddy", LOCK_MM);
static struct buddy buddy;	 /* [buddy_lock] */
static u64 total_pages, reserve; /* [const after boot] */
static u32 fail_countdown;	 /* [atomic] 0: off */
static LIST_HEAD(shrinkers);	 /* [const after boot] */
struct page *page_map;
u64 vm_stat[NR_VM_STAT_ITEMS];

void page_alloc_init(struct page *map, u8 *chunks, u64 nr_frames)
{
	page_map = map;
	buddy_init(&buddy, map, chunks, nr_frames);
}

void page_alloc_add(u64 start_pfn, u64 end_pfn)
{
	buddy_add_range(&buddy, start_pfn, end_pfn);
	total_pages = buddy.nr_free;
	reserve = max((u64)32, min(total_pages / 128, (u64)1024));
}

void mm_fail_after(u32 n)
{
	__atomic_store_n(&fail_countdown, n, __ATOMIC_RELAXED);
}

bool should_fail_alloc(void)
{
	u32 left = __atomic_load_n(&fail_countdown, __ATOMIC_RELAXED);

	if (likely(left == 0))
		return false;
	return __atomic_sub_fetch(&fail_countdown, 1, __ATOMIC_RELAXED) == 0;
}

/* --- reclaim --- */

void shrinker_register(struct shrinker *s)
{
	list_add_tail(&s->list, &shrinkers);
}

/* The boot context must not sleep: it is what runs when all others do. */
static bool can_sleep(void)
{
	return current && current != this_cpu()->idle;
}

/* Is this thread a shrinker's already? It gets the reserve instead of recursing. */
static bool reclaim_active(void)
{
	return current && current->reclaiming;
}

size_t try_to_free_pages(size_t nr_pages, gfp_t gfp)
{
	struct shrinker *s;
	size_t freed = 0;

	if (!can_sleep() || reclaim_active())
		return 0;
	current->reclaiming = true;
	list_for_each_entry(s, &shrinkers, list) {
		if (freed >= nr_pages)
			break;
		freed += s->shrink(nr_pages - freed, gfp);
	}
	current->reclaiming = false;
	return freed;
}

/* Sleep a moment while writes in flight may free memory. */
static void reclaim_wait(void)
{
	if (can_sleep() && !list_empty(&shrinkers))
		(void)thread_sleep_ns(TICK_NS, false);
}

/* --- allocation --- */

/* How many frames must stay free after an allocation of this kind. */
static u64 floor_for(gfp_t gfp)
{
	if (reclaim_active())
		return reserve / 8;
	if (gfp & GFP_KERNEL)
		return reserve;
	return gfp & GFP_NOFS ? reserve / 4 : 0;
}

static struct page *take(unsigned int order, u64 least)
{
	u64 flags = spin_lock_irqsave(&buddy_lock);
	struct page *page = NULL;

	if (buddy.nr_free >= least + (1ull << order))
		page = buddy_alloc(&buddy, order);
	spin_unlock_irqrestore(&buddy_lock, flags);
	return page;
}

static struct page *take_with_reclaim(gfp_t gfp, unsigned int order, u64 least)
{
	struct page *page = NULL;
	unsigned int idle = 0;

	for (unsigned int round = 0; !page && round < RECLAIM_ROUNDS; round++) {
		if (try_to_free_pages(max(RECLAIM_BATCH, 1u << order), gfp) == 0) {
			if (++idle > RECLAIM_IDLE_ROUNDS)
				break;
			reclaim_wait();
		}
		page = take(order, least);
	}
	return page;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	struct page *page;
	u64 least;

	if (order > MAX_ORDER || should_fail_alloc())
		return NULL;
	least = floor_for(gfp);
	page = take(order, least);
	if (unlikely(!page) && (gfp & GFP_SLEEPS) && !reclaim_active())
		page = take_with_reclaim(gfp, order, least);
	if (!page)
		return NULL;
	page->mapping = NULL;
	page->index = 0;
	page->private = NULL;
	INIT_LIST_HEAD(&page->lru);
	atomic_set(&page->refcount, 1);
	if (gfp & GFP_ZERO)
		memset(page_address(page), 0, PAGE_SIZE << order);
	return page;
}

static void release(struct page *page, unsigned int order)
{
	const u64 in_use = 1ull << PG_LOCKED | 1ull << PG_WRITEBACK | 1ull << PG_LRU |
			   1ull << PG_RESERVED | 1ull << PG_BUDDY;
	u64 flags;

	ASSERT((page->flags & in_use) == 0 && page->order == order);
	flags = spin_lock_irqsave(&buddy_lock);
	buddy_free(&buddy, page, order);
	spin_unlock_irqrestore(&buddy_lock, flags);
}

void free_pages(struct page *page, unsigned int order)
{
	ASSERT(page_count(page) == 1);
	atomic_set(&page->refcount, 0);
	release(page, order);
}

void __put_page(struct page *page)
{
	ASSERT(page_count(page) == 0);
	release(page, 0);
}

struct page *phys_to_page(paddr_t pa)
{
	u64 pfn = pa.v >> PAGE_SHIFT;

	if (pfn >= buddy.nr_frames || buddy.chunks[pfn / CHUNK_FRAMES] != CHUNK_READY)
		return NULL;
	return buddy.map + pfn;
}

struct page *virt_to_page(const void *va)
{
	return phys_to_page(virt_to_phys(va));
}

void mm_get_stats(struct mm_stats *stats)
{
	*stats = (struct mm_stats){
		.total_pages = total_pages,
		.free_pages = READ_ONCE(buddy.nr_free),
		.slab_pages = READ_ONCE(vm_stat[NR_SLAB]),
		.pagetable_pages = READ_ONCE(vm_stat[NR_PAGETABLE]),
	};
}

bool mm_is_low(void)
{
	return READ_ONCE(buddy.nr_free) < 3 * reserve;
}
