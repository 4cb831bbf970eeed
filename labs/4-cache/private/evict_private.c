/* The hidden cases of replacement. */
#include "cache_kit.h"

#include "fs/cache/bdev_cache.h"
#include "fs/cache/buffer_head.h"
#include "tests/host/fakes/toyfs.h"

#define MODEL 80u

static bool is_cached(pgoff_t index)
{
	struct page *page = find_get_page(kit.m, index);

	if (page)
		put_page(page);
	return page != NULL;
}

/* One page that cannot go, beside two that can. */
static struct page *beside(void)
{
	struct page *page;

	kit_make(KIT_PAGES);
	page = kit_page(1);
	kit_page(2);
	kit_page(3);
	return page;
}

static void must_stay(struct page *page, const char *why)
{
	size_t dirty, freed;
	u32 refs = (u32)page_count(page);
	bool unwritten = PageDirty(page) || PageWriteback(page);

	freed = shrink_page_cache(3, &dirty);
	CHECK(is_cached(1), "a page that is %s was taken out of the cache", why);
	CHECK(freed == 2, "%zu pages were freed, and two beside one that is %s are free to go",
	      freed, why);
	CHECK((dirty > 0) == unwritten, "shrink_page_cache() saw %zu dirty pages; the page is %s",
	      dirty, why);
	kit_refs(page, refs);
}

CASE(evict_dirty)
{
	struct page *page = beside();

	kit_make_dirty(page);
	must_stay(page, "dirty");
	CHECK(!PageLocked(page), "the dirty page stays locked");
	CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == 0, "write-back failed");
	CHECK(shrink_page_cache(1, NULL) == 1, "the page is clean now, and does not go");
	kit_end();
}

CASE(evict_writeback)
{
	struct page *page = beside();

	kit.hold = true;
	kit_make_dirty(page);
	CHECK(filemap_fdatawrite_range(kit.m, 0, INT64_MAX, true) == 0, "write-back failed");
	must_stay(page, "under write-back");
	CHECK(!PageLocked(page), "the page under write-back stays locked");
	kit_end_one();
	kit_end();
}

CASE(evict_locked)
{
	struct page *page = beside();

	lock_page(page);
	must_stay(page, "locked");
	CHECK(PageLocked(page), "another's lock was opened");
	unlock_page(page);
	kit_end();
}

CASE(evict_pinned)
{
	struct page *page = beside();

	get_page(page);
	must_stay(page, "referenced by another");
	CHECK(!PageLocked(page), "the page stays locked");
	put_page(page);
	kit_end();
}

/* The page's own rules, one by one: locked, with the caller's reference. */
CASE(evict_rules)
{
	struct page *page;

	kit_make(KIT_PAGES);
	page = kit_page(1);
	get_page(page);
	lock_page(page);
	get_page(page);
	CHECK(!remove_idle_page(page) && is_cached(1),
	      "remove_idle_page() took a page that a third "
	      "refers to");
	put_page(page);
	set_page_dirty_nobuffers(page);
	CHECK(!remove_idle_page(page) && is_cached(1), "remove_idle_page() took a dirty page");
	CHECK(!drop_clean_page(page) && is_cached(1), "drop_clean_page() took a dirty page");
	CHECK(clear_page_dirty_for_io(page), "the dirty page was clean");
	set_page_writeback(page);
	CHECK(!remove_idle_page(page) && is_cached(1), "remove_idle_page() took a page under "
						       "write-back");
	CHECK(!drop_clean_page(page) && is_cached(1), "drop_clean_page() took a page under "
						      "write-back");
	end_page_writeback(page, 0);
	CHECK(drop_clean_page(page) && !is_cached(1), "an idle, clean page did not go");
	CHECK(!page->mapping, "the page left, and still names its file");
	CHECK(!drop_clean_page(page), "drop_clean_page() says that it dropped a page of no file");
	kit_refs(page, 1);
	unlock_page(page);
	put_page(page);
	kit_end();
}

/* The list as it must be: model[0] is the oldest. */
static struct {
	pgoff_t index;
	bool used, dirty;
} model[MODEL];
static u32 nr_model;

/* What shrink_page_cache(nr) must do to the model. Returns: how many pages it must free. */
static u32 model_shrink(u32 nr, u32 *dirty)
{
	u32 freed = 0, all = nr_model * 2;

	*dirty = 0;
	for (u32 i = 0; i < all && freed < nr && nr_model > 0; i++) {
		bool used = model[0].used, stays = used || model[0].dirty;

		*dirty += !used && model[0].dirty;
		model[0].used = false;
		if (stays)
			model[nr_model] = model[0];
		else
			freed++;
		memmove(model, model + 1, (nr_model - !stays) * sizeof(model[0]));
		nr_model -= !stays;
	}
	return freed;
}

static void compare_model(u32 round)
{
	CHECK(kit.m->nrpages == nr_model, "round %u: %lu pages are cached, not %u", round,
	      (u64)kit.m->nrpages, nr_model);
	for (u32 i = 0; i < nr_model; i++)
		CHECK(is_cached(model[i].index),
		      "round %u: page %lu has gone, and it was not the oldest without a second "
		      "chance",
		      round, model[i].index);
}

static void random_round(u32 round)
{
	u32 nr = lab_random(12), dirty;
	size_t want, saw, freed;

	while (nr_model < MODEL - 1) {
		model[nr_model].index = round * MODEL + nr_model;
		model[nr_model].used = false;
		model[nr_model].dirty = lab_random(8) == 0;
		if (model[nr_model].dirty)
			kit_dirty(model[nr_model].index, 1);
		else
			kit_page(model[nr_model].index);
		nr_model++;
	}
	for (u32 i = lab_random(60); i > 0; i--) {
		u32 at = lab_random(nr_model);
		struct page *page = find_get_page(kit.m, model[at].index);

		mark_page_accessed(page);
		put_page(page);
		model[at].used = true;
	}
	want = model_shrink(nr, &dirty);
	freed = shrink_page_cache(nr, &saw);
	CHECK(freed == want, "round %u: %zu pages were freed, not %zu", round, freed, want);
	CHECK(saw == dirty, "round %u: %zu dirty pages were seen, not %u", round, saw, dirty);
	compare_model(round);
}

CASE(evict_chance)
{
	u32 dirty;
	size_t freed, want;

	kit_make(KIT_PAGES);
	nr_model = 0;
	for (u32 round = 0; round < 40; round++) {
		random_round(round);
		if (round % 8 == 7) {
			CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == 0,
			      "write-back failed");
			for (u32 i = 0; i < nr_model; i++)
				model[i].dirty = false;
		}
	}
	want = model_shrink(MODEL, &dirty);
	freed = shrink_page_cache(MODEL, NULL);
	CHECK(freed == want, "at last %zu pages were freed, not %zu", freed, want);
	CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == 0, "write-back failed");
	kit_end();
}

/* All pages were just used: one must go all the same. */
CASE(evict_used)
{
	u32 nr = 700 + lab_random(100);
	size_t freed;

	kit_make(KIT_PAGES);
	CHECK(shrink_page_cache(5, NULL) == 0, "pages were freed, and none was cached");
	for (u32 i = 0; i < nr; i++)
		mark_page_accessed(kit_page(i));
	freed = shrink_page_cache(1, NULL);
	CHECK(freed == 1, "all %u pages were just used, and %zu were freed, not 1", nr, freed);
	CHECK(!is_cached(0), "the oldest page should have gone");
	kit_end();
}

/* `dirty` of the oldest 256 pages are dirty, the others pinned; behind them one can go. */
static size_t mostly(u32 dirty, u32 nr, size_t *saw)
{
	size_t freed;

	kit_make(KIT_PAGES);
	for (u32 i = 0; i < 256; i++)
		if (i < dirty)
			kit_dirty(i, 1);
		else
			get_page(kit_page(i));
	kit_page(256);
	freed = shrink_page_cache(nr, saw);
	CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == 0, "write-back failed");
	for (u32 i = dirty; i < 256; i++) {
		struct page *page = find_get_page(kit.m, i);

		put_page(page);
		put_page(page);
	}
	kit_end();
	return freed;
}

CASE(evict_stop)
{
	size_t dirty, freed;

	freed = mostly(127, 1, &dirty);
	CHECK(freed == 1, "of 256 old pages 127 are dirty: the search must go on to a page that is "
			  "clean");
	CHECK(dirty == 127, "%zu dirty pages were seen, not 127", dirty);
	freed = mostly(128, 1, &dirty);
	CHECK(freed == 0 && dirty == 128,
	      "of SCAN_MIN pages half are dirty: the search must stop, as write-back is wanted; %zu "
	      "freed, %zu dirty",
	      freed, dirty);
	freed = mostly(200, 40, &dirty);
	CHECK(freed == 1, "for 40 pages, SCAN_FACTOR times as many are looked at before the search "
			  "gives up");
	kit_make(KIT_PAGES);
	for (u32 i = 0; i < 10; i++)
		kit_dirty(i, 1);
	freed = shrink_page_cache(5, &dirty);
	CHECK(freed == 0 && dirty == 20,
	      "a list of 10 dirty pages is gone through twice: 20 were to be seen, not %zu", dirty);
	CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == 0, "write-back failed");
	kit_end();
	kit_make(KIT_PAGES);
	for (u32 i = 0; i < 900; i++)
		kit_dirty(i, 1);
	freed = shrink_page_cache(64, &dirty);
	CHECK(freed == 0 && dirty == 512, "of 900 dirty pages %zu were looked at for 64, not 512",
	      dirty);
	CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == 0, "write-back failed");
	kit_end();
}

/* Pages with buffers: those go with the page, unless one is in use. */
CASE(evict_buffers)
{
	static struct toyfs fs;
	static u8 buf[8 * 4096];
	struct page *page;
	struct buffer_head *bh;

	kit_make(KIT_PAGES);
	fake_schedule_hook = toyfs_complete_one;
	default_ra_pages = 0;
	toyfs_init(&fs, 1024, TOYFS_SECTORS);
	CHECK(toyfs_write(&fs, 0, buf, sizeof(buf), 0) == sizeof(buf), "a write failed");
	(void)shrink_page_cache(100, NULL);
	CHECK(fs.inode.i_data.nrpages == 8, "%lu of 8 pages with dirty buffers are cached",
	      (u64)fs.inode.i_data.nrpages);
	CHECK(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX) == 0,
	      "write-back failed");
	page = find_get_page(&fs.inode.i_data, 3);
	bh = page->private;
	lock_page(page);
	get_page(page);
	set_page_dirty_nobuffers(page);
	CHECK(!drop_clean_page(page) && test_bit(PG_PRIVATE, &page->flags),
	      "a dirty page lost its buffers, though it stays");
	cancel_dirty_page(page);
	unlock_page(page);
	put_page(page);
	put_page(page);
	get_bh(bh);
	(void)shrink_page_cache(100, NULL);
	CHECK(fs.inode.i_data.nrpages == 1,
	      "%lu pages are cached: all but the one whose buffer is "
	      "in use should have gone",
	      (u64)fs.inode.i_data.nrpages);
	brelse(bh);
	(void)shrink_page_cache(100, NULL);
	CHECK(fs.inode.i_data.nrpages == 0, "the last page, whose buffers are free, did not go");
	CHECK(toyfs_kmalloc_live() == 0, "buffers are lost");
}
