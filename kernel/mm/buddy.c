/*
 * The buddy allocator: split the smallest block that is large enough, merge free neighbours.
 * Also there: free pages
 */
#include "kernel/mm/buddy.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"

void buddy_init(struct buddy *b, struct page *map, u8 *chunks, u64 nr_frames)
{
	ASSERT(nr_frames % CHUNK_FRAMES == 0);
	*b = (struct buddy){.map = map, .chunks = chunks, .nr_frames = nr_frames};
	memset(chunks, CHUNK_NONE, nr_frames / CHUNK_FRAMES);
	for (unsigned int order = 0; order <= MAX_ORDER; order++)
		INIT_LIST_HEAD(&b->free[order]);
}

static void add_block(struct buddy *b, struct page *page, unsigned int order)
{
	page->flags = 1ull << PG_BUDDY;
	page->order = order;
	list_add(&page->lru, &b->free[order]);
	b->nr_free += 1ull << order;
}

static void remove_block(struct buddy *b, struct page *page)
{
	list_del(&page->lru);
	page->flags = 0;
	b->nr_free -= 1ull << page->order;
}

/* Bring the next lazy chunk into the lists. Returns: false if there is none left. */
static bool add_lazy_chunk(struct buddy *b)
{
	for (; b->next_lazy < b->nr_frames / CHUNK_FRAMES; b->next_lazy++) {
		struct page *page = b->map + b->next_lazy * CHUNK_FRAMES;

		if (b->chunks[b->next_lazy] != CHUNK_LAZY)
			continue;
		memset(page, 0, CHUNK_FRAMES * sizeof(*page));
		b->chunks[b->next_lazy] = CHUNK_READY;
		b->nr_free -= CHUNK_FRAMES;
		add_block(b, page, MAX_ORDER);
		return true;
	}
	return false;
}

struct page *buddy_alloc(struct buddy *b, unsigned int order)
{
	struct page *page;
	unsigned int from = order;

	while (from <= MAX_ORDER && list_empty(&b->free[from]))
		from++;
	if (from > MAX_ORDER) {
		if (!add_lazy_chunk(b))
			return NULL;
		from = MAX_ORDER;
	}
	page = list_first_entry(&b->free[from], struct page, lru);
	remove_block(b, page);
	while (from > order) {
		from--;
		add_block(b, page + (1ull << from), from);
	}
	page->order = order;
	return page;
}

void buddy_free(struct buddy *b, struct page *page, unsigned int order)
{
	u64 pfn = (u64)(page - b->map);

	ASSERT(pfn < b->nr_frames && pfn % (1ull << order) == 0);
	for (; order < MAX_ORDER; order++) {
		struct page *buddy = b->map + (pfn ^ (1ull << order));

		if (!test_bit(PG_BUDDY, &buddy->flags) || buddy->order != order)
			break;
		remove_block(b, buddy);
		pfn &= ~(1ull << order);
	}
	add_block(b, b->map + pfn, order);
}

/* Write the struct pages of a chunk of which some frames are not free: reserved until freed. */
static void make_ready(struct buddy *b, u64 chunk)
{
	struct page *page = b->map + chunk * CHUNK_FRAMES;

	if (b->chunks[chunk] != CHUNK_NONE)
		return;
	memset(page, 0, CHUNK_FRAMES * sizeof(*page));
	for (u64 i = 0; i < CHUNK_FRAMES; i++) {
		page[i].flags = 1ull << PG_RESERVED;
		atomic_set(&page[i].refcount, 1);
	}
	b->chunks[chunk] = CHUNK_READY;
}

void buddy_add_range(struct buddy *b, u64 start, u64 end)
{
	while (start < end) {
		u64 chunk = start / CHUNK_FRAMES;
		struct page *page = b->map + start;

		if (start % CHUNK_FRAMES == 0 && end - start >= CHUNK_FRAMES) {
			b->chunks[chunk] = CHUNK_LAZY;
			b->nr_free += CHUNK_FRAMES;
			start += CHUNK_FRAMES;
			continue;
		}
		make_ready(b, chunk);
		page->flags = 0;
		atomic_set(&page->refcount, 0);
		buddy_free(b, page, 0);
		start++;
	}
}
