/*
 * Page frames in an arena of the test's own memory. Frames that are free are poisoned, so that the
 * address sanitizer reports a use after free.
 */
#include "tests/host/fakes/fail.h"
#include "tests/host/host.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include "kernel/lib/assert.h"
#include "kernel/mm/page.h"

#define NR_FRAMES 16384u

static u8 (*arena)[PAGE_SIZE];
static struct page frames[NR_FRAMES];
static bool used[NR_FRAMES];
static size_t live, next_frame;
static bool low;
static struct list_head shrinkers = LIST_HEAD_INIT(shrinkers);

/* Below 4 GiB, so that page numbers fit where old devices keep them in 32 bits. */
__attribute__((constructor)) static void map_arena(void)
{
	arena = mmap(NULL, NR_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED)
		abort();
}

static bool block_free(size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (used[first + i])
			return false;
	return true;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	size_t count = (size_t)1 << order;

	if (fake_should_fail())
		return NULL;
	for (size_t tried = 0; tried < NR_FRAMES; tried += count) {
		size_t first = (next_frame + tried) / count * count % NR_FRAMES;

		if (first + count > NR_FRAMES || !block_free(first, count))
			continue;
		memset(&used[first], true, count);
		memset(&frames[first], 0, count * sizeof(frames[0]));
		__asan_unpoison_memory_region(arena[first], count * PAGE_SIZE);
		memset(arena[first], gfp & GFP_ZERO ? 0 : 0xa5, count * PAGE_SIZE);
		for (size_t i = 0; i < count; i++)
			INIT_LIST_HEAD(&frames[first + i].lru);
		frames[first].order = order;
		atomic_set(&frames[first].refcount, 1);
		live += count;
		next_frame = first + count;
		return &frames[first];
	}
	return NULL;
}

void free_pages(struct page *page, unsigned int order)
{
	size_t first = (size_t)(page - frames), count = (size_t)1 << order;

	ASSERT(first + count <= NR_FRAMES && used[first] && page->order == order);
	ASSERT(page_count(page) <= 1);
	atomic_set(&page->refcount, 0);
	memset(&used[first], false, count);
	__asan_poison_memory_region(arena[first], count * PAGE_SIZE);
	live -= count;
}

void __put_page(struct page *page)
{
	ASSERT(page_count(page) == 0);
	free_pages(page, 0);
}

paddr_t page_to_phys(const struct page *page)
{
	return virt_to_phys(arena[page - frames]);
}

struct page *phys_to_page(paddr_t pa)
{
	return virt_to_page(phys_to_virt(pa));
}

struct page *virt_to_page(const void *va)
{
	size_t offset = (size_t)((uintptr_t)va - (uintptr_t)arena);

	return offset < NR_FRAMES * PAGE_SIZE ? &frames[offset / PAGE_SIZE] : NULL;
}

void mm_get_stats(struct mm_stats *stats)
{
	*stats = (struct mm_stats){.total_pages = NR_FRAMES, .free_pages = NR_FRAMES - live};
}

void shrinker_register(struct shrinker *s)
{
	list_add_tail(&s->list, &shrinkers);
}

bool mm_is_low(void)
{
	return low;
}

void fake_set_mm_low(bool is_low)
{
	low = is_low;
}

size_t try_to_free_pages(size_t nr_pages, gfp_t gfp)
{
	struct shrinker *s;
	size_t freed = 0;

	list_for_each_entry(s, &shrinkers, list)
		freed += s->shrink(nr_pages, gfp);
	return freed;
}

size_t fake_shrink(size_t nr_pages)
{
	return try_to_free_pages(nr_pages, GFP_KERNEL);
}

size_t fake_pages_live(void)
{
	return live;
}
