/* The hidden cases of look-up and insertion. */
#include "cache_kit.h"

#include "kernel/sched/wait.h"

static struct page *victim, *newcomer;
static bool early;

/* At the unlocking of the victim, the last reference must still be there. */
static void note_refs(struct wait_queue_entry *wait)
{
	(void)wait;
	early |= page_count(victim) == 0;
}

/* Who holds the lock takes the page out of the file. */
static void victim_leaves(void)
{
	remove_from_page_cache(victim);
	unlock_page(victim);
}

static void victim_is_replaced(void)
{
	pgoff_t index = victim->index;

	victim_leaves();
	newcomer = kit_page(index);
}

CASE(find_hit)
{
	pgoff_t index = lab_random(500);

	kit_make(KIT_PAGES);
	for (u32 i = 0; i < 5; i++) {
		struct page *page = read_mapping_page(kit.m, index);

		CHECK(!IS_ERR(page), "read_mapping_page() gave %ld", PTR_ERR(page));
		CHECK(*(u8 *)page_address(page) == kit.disk[index],
		      "the page has not the bytes of the disk");
		CHECK(kit.reads == 1, "one page was read %u times from the disk", kit.reads);
		kit_refs(page, 2);
		put_page(page);
	}
	kit_end();
}

CASE(find_gone)
{
	struct wait_queue_entry wait;
	struct page *page;

	kit_make(KIT_PAGES);
	CHECK(!find_lock_page(kit.m, 5), "find_lock_page() of a page that is not there");
	victim = kit_page(5);
	get_page(victim);
	lock_page(victim);
	kit.on_sleep = victim_leaves;
	page = find_lock_page(kit.m, 5);
	CHECK(!page, "find_lock_page() gave a page that left the file while we slept");
	CHECK(!PageLocked(victim), "the page that left stays locked");
	kit_refs(victim, 1);
	put_page(victim);
	victim = kit_page(6);
	get_page(victim);
	lock_page(victim);
	kit.on_sleep = victim_is_replaced;
	page = find_lock_page(kit.m, 6);
	CHECK(page != NULL, "find_lock_page() gave NULL, and another page has the place now");
	CHECK(page == newcomer, "find_lock_page() gave the page that left, not the one that came");
	CHECK(PageLocked(page), "find_lock_page() gave a page that is not locked");
	kit_refs(page, 2);
	kit_refs(victim, 1);
	unlock_page(page);
	put_page(page);
	put_page(victim);
	kit_end();
	/* Nobody else has the page when it leaves. */
	kit_make(KIT_PAGES);
	victim = kit_page(5);
	lock_page(victim);
	init_wait_entry(&wait);
	wait.func = note_refs;
	early = false;
	add_wait_queue(bit_waitqueue(victim), &wait);
	kit.on_sleep = victim_leaves;
	CHECK(!find_lock_page(kit.m, 5), "find_lock_page() gave a page that left the file");
	remove_wait_queue(bit_waitqueue(victim), &wait);
	CHECK(!early, "find_lock_page() gave back its reference before it unlocked the page");
	kit_end();
}

/* All pages that find_get_pages() gives for a range must be just these. */
static void must_find(pgoff_t first, pgoff_t last, enum radix_tag tag, const pgoff_t *want, u32 nr,
		      u32 max)
{
	struct page *pages[64];
	pgoff_t index = first, old;
	u32 n, seen = 0;

	while (index <= last) {
		old = index;
		n = find_get_pages(kit.m, &index, last, tag, pages, max);
		CHECK(n <= max && n <= PAGEVEC_SIZE, "%u pages where at most %u were asked for", n,
		      min(max, PAGEVEC_SIZE));
		if (n == 0) {
			CHECK(index == old, "nothing was found, and *index moved");
			break;
		}
		CHECK(n == min(min(max, PAGEVEC_SIZE), nr - seen), "%u pages, and %u are left", n,
		      nr - seen);
		for (u32 i = 0; i < n; i++, seen++) {
			CHECK(pages[i]->index == want[seen], "page %lu came, and %lu is the next",
			      pages[i]->index, want[seen]);
			kit_refs(pages[i], 2);
			put_page(pages[i]);
		}
		CHECK(index == want[seen - 1] + 1, "*index is %lu behind page %lu", index,
		      want[seen - 1]);
	}
	CHECK(seen == nr, "%u of %u pages of the range were found", seen, nr);
}

CASE(find_many)
{
	pgoff_t all[60], dirty[20];
	u32 step = 1 + lab_random(40);

	kit_make(KIT_PAGES);
	for (u32 i = 0; i < 60; i++) {
		all[i] = 7 + i * step;
		kit_page(all[i]);
		if (i % 3)
			continue;
		/* The tag alone: the pages themselves are clean. */
		dirty[i / 3] = all[i];
		radix_tree_tag_set(&kit.m->pages, all[i], RADIX_TAG_DIRTY);
	}
	must_find(0, ~0ull, RADIX_TAGS, all, 60, PAGEVEC_SIZE);
	must_find(0, ~0ull, RADIX_TAGS, all, 60, 5);
	must_find(0, ~0ull, RADIX_TAGS, all, 60, 64);
	must_find(all[10], all[20], RADIX_TAGS, all + 10, 11, PAGEVEC_SIZE);
	must_find(all[10] + 1, all[20] - 1, RADIX_TAGS, all + 11, 9, PAGEVEC_SIZE);
	must_find(0, ~0ull, RADIX_TAG_DIRTY, dirty, 20, PAGEVEC_SIZE);
	must_find(dirty[2], dirty[7], RADIX_TAG_DIRTY, dirty + 2, 6, 4);
	must_find(0, 6, RADIX_TAGS, all, 0, PAGEVEC_SIZE);
	must_find(0, ~0ull, RADIX_TAG_WRITEBACK, all, 0, PAGEVEC_SIZE);
	for (u32 i = 0; i < 20; i++)
		radix_tree_tag_clear(&kit.m->pages, dirty[i], RADIX_TAG_DIRTY);
	kit_end();
}

CASE(add_twice)
{
	struct page *page, *second;
	int err;

	kit_make(KIT_PAGES);
	page = kit_page(9);
	second = alloc_page(GFP_KERNEL);
	err = add_to_page_cache(second, kit.m, 9);
	CHECK(err == -EEXIST, "the place is taken, and add_to_page_cache() gave %d", err);
	CHECK(!second->mapping && !second->flags,
	      "a page that was not added must not stay locked, nor belong to the file");
	kit_refs(second, 1);
	put_page(second);
	CHECK(kit.m->nrpages == 1, "nrpages is %lu with one page", (u64)kit.m->nrpages);
	kit_idle(page);
	kit_end();
}

static void another_adds_it(void)
{
	if (!newcomer)
		newcomer = kit_page(77);
}

/* Memory is short: while we wait for it, another adds the same page. */
CASE(meet_race)
{
	struct page *page;

	kit_make(KIT_PAGES);
	newcomer = NULL;
	kit.on_shrink = another_adds_it;
	mm_fail_after(1);
	page = find_or_create_page(kit.m, 77, GFP_KERNEL);
	CHECK(newcomer != NULL, "memory was short, and nobody tried to free some");
	CHECK(page != NULL, "find_or_create_page() gave NULL, and the page is in the cache");
	CHECK(page == newcomer, "two look-ups of one page did not meet on one page");
	CHECK(PageLocked(page) && PageUptodate(page), "the page that was found must be locked, and "
						      "keep its bytes");
	kit_refs(page, 2);
	unlock_page(page);
	put_page(page);
	kit_end();
}

static u32 shrinks;

static void no_memory_again(void)
{
	shrinks++;
	mm_fail_after(1);
}

static void count_shrink(void)
{
	shrinks++;
}

CASE(no_memory)
{
	struct page *page;

	kit_make(KIT_PAGES);
	kit.on_shrink = no_memory_again;
	mm_fail_after(1);
	CHECK(!find_or_create_page(kit.m, 3, GFP_KERNEL), "a page came, and there is no memory");
	mm_fail_after(1);
	page = read_mapping_page(kit.m, 3);
	CHECK(IS_ERR(page) && PTR_ERR(page) == -ENOMEM, "a read without memory must be -ENOMEM");
	mm_fail_after(0);
	kit.on_shrink = count_shrink;
	kit_end();
	mm_fail_after(1);
	page = find_or_create_page(kit.m, 3, GFP_KERNEL);
	CHECK(page != NULL, "one allocation failed, and nobody tried again");
	unlock_page(page);
	put_page(page);
	kit_end();
}

/* The page is there, and the tree gets no node for it. */
CASE(no_node)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int err;

	kit_make(KIT_PAGES);
	kit.pages_before--;
	kit.on_shrink = count_shrink;
	kit.fail_nodes = 1;
	err = add_to_page_cache(page, kit.m, 3);
	CHECK(err == -ENOMEM, "no node for the tree, and add_to_page_cache() gave %d", err);
	CHECK(!page->mapping && !page->flags,
	      "a page that was not added must not stay locked, nor belong to the file");
	kit_refs(page, 1);
	put_page(page);
	shrinks = 0;
	kit.fail_nodes = 1000000;
	CHECK(!find_or_create_page(kit.m, 3, GFP_KERNEL), "a page came, and there is no memory");
	CHECK(shrinks == 4,
	      "find_or_create_page() tried to free memory for the tree %u times, not "
	      "4 (ALLOC_TRIES)",
	      shrinks);
	kit.fail_nodes = 3;
	page = find_or_create_page(kit.m, 3, GFP_KERNEL);
	CHECK(page != NULL, "three allocations of a node failed, and nobody tried a fourth time");
	unlock_page(page);
	put_page(page);
	kit_end();
}
