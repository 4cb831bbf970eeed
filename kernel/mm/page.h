/*
 * Page frames: struct page for every frame of memory, and the buddy allocator.
 *
 * Invariants:
 * 1. A free frame is in exactly one free list and has refcount 0.
 * 2. page->mapping and page->index are set while the page is in a page cache, under its lock.
 * Also there: pages
 */
#pragma once

#include "kernel/arch/pte.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct address_space;

enum page_flag {
	PG_LOCKED,     /* owner may change the contents and the other flags; sleepers wait on it */
	PG_UPTODATE,   /* contents are those of the disk or newer */
	PG_DIRTY,      /* must be written back */
	PG_WRITEBACK,  /* is being written */
	PG_ERROR,      /* the last read or write failed */
	PG_REFERENCED, /* used since the last look of the reclaimer */
	PG_LRU,	       /* on the reclaimer's list */
	PG_PRIVATE,    /* page->private is set (buffer heads) */
	PG_READAHEAD,  /* touching this page starts the next window */
	PG_RESERVED,   /* not memory, the kernel image, or page tables of boot */
	PG_BUDDY,      /* head of a free block */
	PG_SLAB,       /* belongs to kmalloc */
};

struct page {
	u64 flags;		       /* [atomic bit operations] bits of enum page_flag */
	atomic_t refcount;	       /* [atomic] 0: free */
	u32 order;		       /* [buddy_lock while free; owner while not] */
	struct address_space *mapping; /* [PG_LOCKED; tree_lock] */
	pgoff_t index;		       /* [PG_LOCKED] page offset within mapping */
	void *private;		       /* [PG_LOCKED] buffer heads; kmalloc's slab */
	struct list_head lru;	       /* [buddy_lock; lru_lock; cache->lock] */
};

typedef u32 gfp_t;
#define GFP_KERNEL 0x1u /* may sleep and reclaim */
#define GFP_ATOMIC 0x0u /* from interrupts or under a spinlock; never reclaims */
#define GFP_NOFS   0x2u /* the same, and digs deeper; its reclaim waits for no write-back */
#define GFP_ZERO   0x4u /* zero-filled */

/* Build struct pages and free lists from the boot memory map; map all memory. Panics without
 * enough memory. */
void mm_init(void);

/* 2^order pages, naturally aligned, refcount 1. Returns: NULL when out of memory.
 * Context: GFP_KERNEL may sleep. */
struct page *must_check alloc_pages(gfp_t gfp, unsigned int order);
static inline struct page *must_check alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}
/* Give back a block of which the caller holds the only reference. Context: any. */
void free_pages(struct page *page, unsigned int order);
/* References; the last put frees an order-0 page. Context: any. */
static inline void get_page(struct page *page)
{
	atomic_inc(&page->refcount);
}
void __put_page(struct page *page); /* the last reference is gone */
static inline void put_page(struct page *page)
{
	if (unlikely(atomic_add_return(&page->refcount, -1) <= 0))
		__put_page(page);
}
static inline int page_count(const struct page *page)
{
	return atomic_read(&page->refcount);
}

struct page *phys_to_page(paddr_t pa); /* NULL if not memory */
#ifdef HOST_TEST
paddr_t page_to_phys(const struct page *page);
#else
extern struct page *page_map; /* [const after boot] */
static inline paddr_t page_to_phys(const struct page *page)
{
	return PADDR((u64)(page - page_map) << PAGE_SHIFT);
}
/* Of a frame that is known to be memory. */
static inline struct page *pfn_to_page(u64 pfn)
{
	return page_map + pfn;
}
#endif
static inline void *page_address(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}
struct page *virt_to_page(const void *va); /* direct-map addresses only */

struct mm_stats {
	u64 total_pages, free_pages, slab_pages, pagetable_pages;
};
void mm_get_stats(struct mm_stats *stats);

/* Reclaim. A shrinker frees about nr_pages and returns how many it freed. The page cache registers
 * one. Context of shrink: may sleep; gfp tells whether it may start write-back. */
struct shrinker {
	struct list_head list;
	size_t (*shrink)(size_t nr_pages, gfp_t gfp);
};
void shrinker_register(struct shrinker *s);
/* Call the shrinkers: for those whose allocation failed all the same. Returns: pages freed, or 0
 * within a shrinker. Context: sleeps. */
size_t try_to_free_pages(size_t nr_pages, gfp_t gfp);
/* Is memory so short that caches should be written back and dropped now? Context: any. */
bool mm_is_low(void);
/* Tests: make the n-th allocation from now fail, of pages or by kmalloc (which may need pages on
 * top); 0 switches it off. */
void mm_fail_after(u32 n);
