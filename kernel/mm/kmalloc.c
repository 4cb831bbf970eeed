/*
 * The kernel heap. A slab is one page of objects of one size. Its state lies in its struct page.
 *
 * Invariants:
 * 1. A slab is on its cache's `partial` list exactly while it has both used and free objects, or
 *    is the one empty slab that a cache keeps.
 * 2. In a slab's struct page: private is the first free object (each points to the next), index
 *    the number of objects in use, order the number of its size class.
 *
 * Locks: one per size class; pages are allocated and freed outside of it.
 * Also there: the heap
 */
#include "kernel/mm/kmalloc.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/buddy.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/sched/spinlock.h"

#define KMALLOC_MAX (1ul << 20)

struct kmem_cache {
	struct spinlock lock;
	u32 size;		  /* [const] */
	u32 nr_empty;		  /* [lock] slabs on the list without a used object */
	struct list_head partial; /* [lock] */
};

#define CACHE(n, bytes)                                                                          \
	{                                                                                        \
		SPINLOCK_INIT("kmalloc", LOCK_MM), (bytes), 0, LIST_HEAD_INIT(caches[n].partial) \
	}

static struct kmem_cache caches[] = {
	CACHE(0, 16),  CACHE(1, 32),  CACHE(2, 64),  CACHE(3, 96),   CACHE(4, 128),
	CACHE(5, 192), CACHE(6, 256), CACHE(7, 512), CACHE(8, 1024), CACHE(9, 2048),
};

static struct page *slab_create(const struct kmem_cache *cache, gfp_t gfp)
{
	struct page *page = alloc_pages(gfp & ~GFP_ZERO, 0);
	void *free = NULL;

	if (!page)
		return NULL;
	for (size_t n = PAGE_SIZE / cache->size; n > 0; n--) {
		void **object = (void *)((char *)page_address(page) + (n - 1) * cache->size);

		*object = free;
		free = (void *)object;
	}
	page->private = free;
	page->index = 0;
	page->order = (u32)(cache - caches);
	set_bit(PG_SLAB, &page->flags);
	mod_vm_stat(NR_SLAB, 1);
	return page;
}

static void slab_destroy(struct page *page)
{
	page->order = 0;
	page->private = NULL;
	clear_bit(PG_SLAB, &page->flags);
	mod_vm_stat(NR_SLAB, -1);
	free_pages(page, 0);
}

/* Take an object from a slab on the list. */
static void *slab_take(struct kmem_cache *cache, struct page *page)
{
	void **object = page->private;

	page->private = *object;
	if (page->index++ == 0)
		cache->nr_empty--;
	if (!page->private)
		list_del(&page->lru);
	return (void *)object;
}

static void *cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	u64 flags = spin_lock_irqsave(&cache->lock);
	struct page *page;
	void *object;

	if (list_empty(&cache->partial)) {
		spin_unlock_irqrestore(&cache->lock, flags);
		page = slab_create(cache, gfp); /* may sleep */
		if (!page)
			return NULL;
		flags = spin_lock_irqsave(&cache->lock);
		list_add(&page->lru, &cache->partial);
		cache->nr_empty++;
	}
	page = list_first_entry(&cache->partial, struct page, lru);
	object = slab_take(cache, page);
	spin_unlock_irqrestore(&cache->lock, flags);
	return object;
}

static void cache_free(struct page *page, void *p)
{
	struct kmem_cache *cache = &caches[page->order];
	u64 flags = spin_lock_irqsave(&cache->lock);
	void **object = p;
	bool destroy = false;

	ASSERT(page->index > 0 && ((u64)p % PAGE_SIZE) % cache->size == 0);
	if (!page->private)
		list_add(&page->lru, &cache->partial);
	*object = page->private;
	page->private = (void *)object;
	if (--page->index == 0) {
		destroy = cache->nr_empty > 0;
		if (destroy)
			list_del(&page->lru);
		else
			cache->nr_empty++;
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	if (destroy)
		slab_destroy(page);
}

static void *large_alloc(size_t size, gfp_t gfp)
{
	unsigned int order = 0;
	struct page *page;

	while ((PAGE_SIZE << order) < size)
		order++;
	page = alloc_pages(gfp & ~GFP_ZERO, order);
	return page ? page_address(page) : NULL;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	struct kmem_cache *cache = caches;
	void *p;

	if (size > KMALLOC_MAX || should_fail_alloc())
		return NULL;
	while (cache < caches + ARRAY_SIZE(caches) && cache->size < size)
		cache++;
	p = cache < caches + ARRAY_SIZE(caches) ? cache_alloc(cache, gfp) : large_alloc(size, gfp);
	if (p && (gfp & GFP_ZERO))
		memset(p, 0, size);
	return p;
}

void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kzalloc(bytes, gfp);
}

char *kstrdup(const char *s, gfp_t gfp)
{
	size_t size = strlen(s) + 1;
	char *copy = kmalloc(size, gfp);

	if (copy)
		memcpy(copy, s, size);
	return copy;
}

void kfree(const void *p)
{
	struct page *page;

	if (!p)
		return;
	page = virt_to_page(p);
	ASSERT(page != NULL && page_count(page) > 0);
	if (test_bit(PG_SLAB, &page->flags))
		cache_free(page, (void *)(u64)p);
	else
		free_pages(page, page->order);
}
