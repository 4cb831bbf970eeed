// sources: kernel/mm/buddy.c kernel/lib/vsnprintf.c tests/host/fakes/printk.c
/* The buddy allocator against a plain array of who owns each frame. */
#include "tests/host/host.h"

#include "kernel/mm/buddy.h"

#define CHUNKS	 8u
#define FRAMES	 (CHUNKS * CHUNK_FRAMES)
#define STEPS	 300000
#define MAX_HELD 4000u

static struct page map[FRAMES];
static u8 chunks[CHUNKS];
static struct buddy buddy;
static u8 owned[FRAMES]; /* 0: free, 1: allocated, 2: no memory */
static struct {
	struct page *page;
	unsigned int order;
} held[MAX_HELD];
static unsigned int nr_held;

static void add(u64 start, u64 end)
{
	memset(&owned[start], 0, end - start);
	buddy_add_range(&buddy, start, end);
}

/* Two whole chunks, parts of two others, and holes; the struct pages start as garbage. */
static u64 set_up(void)
{
	memset(map, 0xa5, sizeof(map));
	memset(owned, 2, sizeof(owned));
	nr_held = 0;
	buddy_init(&buddy, map, chunks, FRAMES);
	add(300, CHUNK_FRAMES);
	add(2 * CHUNK_FRAMES, 4 * CHUNK_FRAMES + 5);
	add(4 * CHUNK_FRAMES + 6, 5 * CHUNK_FRAMES + 700);
	add(6 * CHUNK_FRAMES, 6 * CHUNK_FRAMES + 1);
	return buddy.nr_free;
}

static void take(unsigned int order)
{
	struct page *page = buddy_alloc(&buddy, order);
	u64 first;

	if (!page)
		return;
	first = (u64)(page - map);
	assert_int_equal(first % (1u << order), 0);
	assert_int_equal(page->order, order);
	for (u64 i = first; i < first + (1u << order); i++) {
		assert_int_equal(owned[i], 0);
		assert_int_equal(map[i].flags, 0);
		owned[i] = 1;
	}
	held[nr_held].page = page;
	held[nr_held++].order = order;
}

static void give_back(unsigned int n)
{
	u64 first = (u64)(held[n].page - map);

	memset(&owned[first], 0, 1u << held[n].order);
	buddy_free(&buddy, held[n].page, held[n].order);
	held[n] = held[--nr_held];
}

static u64 count_free(void)
{
	u64 n = 0;

	for (u64 i = 0; i < FRAMES; i++)
		n += owned[i] == 0;
	return n;
}

static void blocks_never_overlap_and_all_come_back(void **state)
{
	u64 total = set_up();

	(void)state;
	assert_int_equal(total, count_free());
	srandom(host_seed(1));
	for (int i = 0; i < STEPS; i++) {
		bool grow = random() % 1000 < 500 + 300 * ((i / 3000) % 2) - 150;

		if (grow && nr_held < MAX_HELD)
			take((unsigned int)random() % 4 ? 0 :
							  (unsigned int)random() % (MAX_ORDER + 1));
		else if (nr_held > 0)
			give_back((unsigned int)random() % nr_held);
		if (i % 1000 == 0)
			assert_int_equal(buddy.nr_free, count_free());
	}
	while (nr_held > 0)
		give_back(nr_held - 1);
	assert_int_equal(buddy.nr_free, total);
	/* All merged again: the two whole chunks are there to be had. */
	take(MAX_ORDER);
	take(MAX_ORDER);
	assert_int_equal(nr_held, 2);
	take(MAX_ORDER);
	assert_int_equal(nr_held, 2);
}

static void every_frame_can_be_taken(void **state)
{
	u64 total = set_up(), count = 0;

	(void)state;
	for (struct page *page = buddy_alloc(&buddy, 0); page; page = buddy_alloc(&buddy, 0)) {
		assert_int_equal(owned[page - map], 0);
		owned[page - map] = 1;
		count++;
	}
	assert_int_equal(count, total);
	assert_int_equal(buddy.nr_free, 0);
}

static void untouched_chunks_stay_unwritten(void **state)
{
	(void)state;
	(void)set_up();
	assert_int_equal(chunks[1], CHUNK_NONE);
	assert_int_equal(chunks[2], CHUNK_LAZY);
	assert_int_equal(chunks[3], CHUNK_LAZY);
	assert_int_equal(map[2 * CHUNK_FRAMES].flags, 0xa5a5a5a5a5a5a5a5ull);
	take(MAX_ORDER);
	assert_int_equal(chunks[2], CHUNK_READY);
	assert_int_equal(chunks[3], CHUNK_LAZY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_never_overlap_and_all_come_back),
		cmocka_unit_test(every_frame_can_be_taken),
		cmocka_unit_test(untouched_chunks_stay_unwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
