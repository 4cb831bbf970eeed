/* The public cases: one of each kind. The hidden ones go to the edges. */
#include "cache_kit.h"

CASE(find_one)
{
	struct page *page = alloc_page(GFP_KERNEL), *found;
	pgoff_t index = 3 + lab_random(500);
	struct pagecache_stats stats;
	int err;

	kit_make(KIT_PAGES);
	kit.pages_before--;
	/* What an earlier owner left in it. */
	page->flags = 1ull << PG_UPTODATE | 1ull << PG_ERROR;
	page->private = &stats;
	err = add_to_page_cache(page, kit.m, index);
	CHECK(err == 0, "add_to_page_cache() to an empty file gave %d", err);
	CHECK(page->mapping == kit.m && page->index == index,
	      "the page does not know its file or its index");
	CHECK((page->flags & ~(1ull << PG_LRU)) == 1ull << PG_LOCKED && !page->private,
	      "a new page must be locked, with no other flag than PG_LRU, and no private data");
	pagecache_get_stats(&stats);
	CHECK(stats.cached == 1, "%lu pages count as cached, not 1", stats.cached);
	CHECK(kit.m->nrpages == 1, "nrpages is %lu with one page", (u64)kit.m->nrpages);
	kit_refs(page, 2);
	found = find_get_page(kit.m, index);
	CHECK(found == page, "find_get_page() does not give the page that was added");
	kit_refs(page, 3);
	CHECK(!find_get_page(kit.m, index + 1), "find_get_page() gives a page that is not there");
	CHECK(!find_get_page(kit.m, index - 1), "find_get_page() gives a page that is not there");
	put_page(found);
	put_page(page);
	unlock_page(page);
	kit_end();
}

CASE(find_create)
{
	pgoff_t index = lab_random(500);
	struct page *page, *again;

	kit_make(KIT_PAGES);
	page = find_or_create_page(kit.m, index, GFP_KERNEL);
	CHECK(page != NULL, "find_or_create_page() gave NULL, and there is memory");
	CHECK(PageLocked(page) && !PageUptodate(page),
	      "a new page must be locked, and not up to date");
	kit_refs(page, 2);
	unlock_page(page);
	again = find_or_create_page(kit.m, index, GFP_KERNEL);
	CHECK(again == page, "the second find_or_create_page() gives another page");
	CHECK(PageLocked(page), "the page that was found is not locked");
	kit_refs(page, 3);
	CHECK(kit.reads == 0, "a look-up reads from the disk");
	unlock_page(page);
	put_page(again);
	put_page(page);
	kit_end();
}

CASE(dirty_one)
{
	struct pagecache_stats counts;
	struct page *page;

	kit_make(KIT_PAGES);
	page = kit_dirty(lab_random(500), 1);
	set_page_dirty_nobuffers(page);
	pagecache_get_stats(&counts);
	CHECK(PageDirty(page), "the page is not dirty");
	CHECK(kit_tagged(page->index, RADIX_TAG_DIRTY), "the tree has no tag for the dirty page");
	CHECK(counts.dirty == 1, "%lu pages count as dirty, not 1", counts.dirty);
	CHECK(test_bit(I_DIRTY, &kit.inode.i_state), "nobody told the inode that it is dirty");
	lock_page(page);
	CHECK(clear_page_dirty_for_io(page), "clear_page_dirty_for_io() says that it was clean");
	CHECK(!clear_page_dirty_for_io(page), "clear_page_dirty_for_io() says twice it was dirty");
	CHECK(!PageDirty(page), "the page is still dirty");
	set_page_writeback(page);
	unlock_page(page);
	CHECK(PageWriteback(page), "the page is not under write-back");
	end_page_writeback(page, 0);
	kit_idle(page);
	kit_end();
}

CASE(write_some)
{
	pgoff_t want[3] = {2 + lab_random(5), 20 + lab_random(5), 30};
	struct page *page[3];
	u8 value[3];
	int err;

	kit_make(KIT_PAGES);
	for (u32 i = 0; i < 3; i++) {
		value[i] = (u8)~kit.disk[want[i]];
		page[i] = kit_dirty(want[i], value[i]);
	}
	kit_page(10);
	err = filemap_write_and_wait_range(kit.m, 0, INT64_MAX);
	CHECK(err == 0, "filemap_write_and_wait_range() gave %d", err);
	kit_written(want, 3);
	for (u32 i = 0; i < 3; i++) {
		CHECK(kit.disk[want[i]] == value[i], "the disk has not the bytes of page %lu",
		      want[i]);
		kit_idle(page[i]);
	}
	kit_end();
}

CASE(evict_clean)
{
	u32 nr = 8 + lab_random(8), want = 3 + lab_random(4);
	size_t freed, dirty = 99;

	kit_make(KIT_PAGES);
	for (u32 i = 0; i < nr; i++)
		kit_page(i);
	freed = shrink_page_cache(want, &dirty);
	CHECK(freed == want, "shrink_page_cache(%u) freed %zu of %u clean pages", want, freed, nr);
	CHECK(dirty == 0, "shrink_page_cache() saw %zu dirty pages, and there is none", dirty);
	for (u32 i = 0; i < nr; i++) {
		struct page *page = find_get_page(kit.m, i);

		CHECK(!page == (i < want), "page %u %s, and the oldest %u should have gone", i,
		      page ? "is still there" : "has gone", want);
		if (page)
			put_page(page);
	}
	kit_end();
}

CASE(error_once)
{
	struct file opened;
	int err;

	kit_make(KIT_PAGES);
	opened = kit_open();
	kit.bad_page = lab_random(500);
	kit_dirty(kit.bad_page, 7);
	err = kit_fsync(&opened);
	CHECK(err == -EIO, "a write failed, and fsync gave %d, not -EIO", err);
	err = kit_fsync(&opened);
	CHECK(err == 0, "fsync reports the error a second time: %d", err);
	kit_end();
}
