/* The hidden cases of dirty pages and write-back. */
#include "cache_kit.h"

#include "kernel/arch/clock.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

static struct page *victim;

static int write_range(loff_t start, loff_t end, bool sync)
{
	int err = filemap_fdatawrite_range(kit.m, start, end, sync);

	CHECK(err == 0, "filemap_fdatawrite_range() gave %d", err);
	return err;
}

/* With pages 0 to 59 dirty, the bytes [start, end] must be pages first to last. */
static void must_write(loff_t start, loff_t end, pgoff_t first, pgoff_t last)
{
	pgoff_t want[60];
	u32 n = 0;

	kit_make(KIT_PAGES);
	for (pgoff_t i = 60; i > 0; i--)
		kit_dirty(i - 1, (u8)i);
	for (pgoff_t i = first; i <= last; i++)
		want[n++] = i;
	write_range(start, end, true);
	kit_written(want, n);
	CHECK(kit.unplugged == 0, "%u pages were sent without a plug", kit.unplugged);
	CHECK(!current->plug, "the plug was not taken away");
	for (u32 i = 0; i < 60; i++) {
		struct page *page = find_get_page(kit.m, i);

		CHECK(PageDirty(page) == (i < first || i > last), "page %u is %s", i,
		      PageDirty(page) ? "still dirty" : "clean, and was not written");
		put_page(page);
	}
	write_range(0, INT64_MAX, true);
	kit_end();
}

CASE(write_range)
{
	loff_t page = 20 + lab_random(20), size = PAGE_SIZE;

	must_write(page * size, page * size + size - 1, (pgoff_t)page, (pgoff_t)page);
	must_write(page * size - 1, page * size, (pgoff_t)page - 1, (pgoff_t)page);
	must_write(page * size, page * size, (pgoff_t)page, (pgoff_t)page);
	must_write(page * size + 1, page * size + size, (pgoff_t)page, (pgoff_t)page + 1);
	must_write(0, 0, 0, 0);
	must_write(3 * size, page * size, 3, (pgoff_t)page);
	must_write(59 * size, INT64_MAX, 59, 59);
}

CASE(write_end)
{
	static const pgoff_t want[3] = {1, 5, 6};

	kit_make(5);
	kit.inode.i_size += 10;
	for (u32 i = 0; i < 3; i++)
		kit_dirty(want[i], 1);
	write_range(0, INT64_MAX, true);
	kit_written(want, 2);
	write_range(0, INT64_MAX, true);
	kit_written(want, 0);
	/* A device has no end that a writer could move. */
	kit.inode.i_mode = S_IFBLK;
	write_range(0, INT64_MAX, true);
	kit_written(want + 2, 1);
	kit_end();
}

/* A memory file has no disk. */
CASE(write_nowhere)
{
	static const struct address_space_operations none;
	const struct address_space_operations *old;
	struct page *page;

	kit_make(KIT_PAGES);
	old = kit.m->a_ops;
	page = kit_dirty(3, 1);
	kit.m->a_ops = &none;
	write_range(0, INT64_MAX, true);
	kit.m->a_ops = NULL;
	write_range(0, INT64_MAX, true);
	CHECK(PageDirty(page), "a page without a disk became clean");
	kit.m->a_ops = old;
	write_range(0, INT64_MAX, true);
	kit_end();
}

static void has_dirty_tag(struct page *page)
{
	CHECK(kit_tagged(page->index, RADIX_TAG_DIRTY),
	      "between clear_page_dirty_for_io() and set_page_writeback() the page has no tag: an "
	      "fsync that looks now misses it");
}

static void has_writeback_tag(struct page *page)
{
	CHECK(kit_tagged(page->index, RADIX_TAG_WRITEBACK), "the page has no write-back tag");
	CHECK(!kit_tagged(page->index, RADIX_TAG_DIRTY),
	      "the page is clean and under write-back, and still has the dirty tag");
}

CASE(write_tags)
{
	struct pagecache_stats stats;
	struct page *page;

	kit_make(KIT_PAGES);
	kit.before_writeback = has_dirty_tag;
	kit.after_writeback = has_writeback_tag;
	kit.hold = true;
	page = kit_dirty(lab_random(900), 1);
	write_range(0, INT64_MAX, true);
	pagecache_get_stats(&stats);
	CHECK(stats.dirty == 0 && stats.writeback == 1,
	      "%lu pages count as dirty and %lu as under write-back, not 0 and 1", stats.dirty,
	      stats.writeback);
	CHECK(PageWriteback(page) && !PageDirty(page) && !PageLocked(page),
	      "the page must be under write-back, clean and unlocked");
	kit_end_one();
	kit_idle(page);
	kit_end();
}

static void change_again(struct page *page)
{
	kit_fill(page, 99);
	set_page_dirty_nobuffers(page);
	kit.before_writeback = kit.after_writeback = NULL;
}

static void redirty(bool before)
{
	struct page *page;
	pgoff_t index = lab_random(900);

	kit_make(KIT_PAGES);
	page = kit_dirty(index, 1);
	kit.hold = true;
	if (before)
		kit.before_writeback = change_again;
	else
		kit.after_writeback = change_again;
	write_range(0, INT64_MAX, true);
	kit_written(&index, 1);
	kit_end_one();
	CHECK(PageDirty(page) && kit_tagged(index, RADIX_TAG_DIRTY),
	      "a page was changed %s, and is clean when its write ends: the change is lost",
	      before ? "just before its write-back" : "during its write-back");
	CHECK(!PageWriteback(page) && !kit_tagged(index, RADIX_TAG_WRITEBACK),
	      "the page is still under write-back");
	kit.hold = false;
	write_range(0, INT64_MAX, true);
	kit_written(&index, 1);
	CHECK(kit.disk[index] == 99, "the second change did not reach the disk");
	kit_idle(page);
	kit_end();
}

CASE(write_redirty)
{
	redirty(true);
	redirty(false);
}

/* A page that is under write-back, and dirty again. */
CASE(write_busy)
{
	pgoff_t index = lab_random(900);
	struct page *page;

	kit_make(KIT_PAGES);
	page = kit_dirty(index, 1);
	kit.hold = true;
	write_range(0, INT64_MAX, false);
	kit_written(&index, 1);
	kit_fill(page, 55);
	set_page_dirty_nobuffers(page);
	write_range(0, INT64_MAX, false);
	kit_written(NULL, 0);
	CHECK(kit.nr_held == 1, "without `sync`, a page under write-back is skipped, not waited "
				"for");
	CHECK(PageDirty(page) && !PageLocked(page),
	      "the page that was skipped must stay dirty, and "
	      "be unlocked");
	write_range(0, INT64_MAX, true);
	kit_written(&index, 1);
	CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == 0, "an error without a cause");
	CHECK(kit.nr_held == 0, "filemap_write_and_wait_range() did not wait");
	CHECK(kit.disk[index] == 55, "the second change did not reach the disk");
	kit_idle(page);
	kit_end();
}

/* Who waits for a page has a reference to it. */
static void first_is_held(void)
{
	kit_refs(victim, 2);
	kit_end_one();
}

CASE(write_wait)
{
	u32 first = 5 + lab_random(5), last = 25 + lab_random(10);

	for (u32 round = 0; round < 2; round++) {
		kit_make(KIT_PAGES);
		kit.hold = true;
		kit.newest_first = round == 1;
		for (u32 i = 0; i < 50; i++)
			if (kit_dirty(i, 1)->index == first)
				victim = find_get_page(kit.m, i);
		put_page(victim);
		kit.on_sleep = first_is_held;
		write_range(0, INT64_MAX, true);
		CHECK(kit.nr_held == 50, "%u of 50 pages are under write-back", kit.nr_held);
		filemap_fdatawait_range(kit.m, first * PAGE_SIZE + 5, last * PAGE_SIZE);
		if (round == 0)
			CHECK(kit.nr_held == 49 - last,
			      "pages are written in order, the range ends in page %u, and %u of 50 "
			      "writes are not waited for",
			      last, kit.nr_held);
		else
			CHECK(kit.nr_held == first,
			      "pages are written from the last to the first, the range begins in "
			      "page %u, and %u writes are not waited for",
			      first, kit.nr_held);
		filemap_fdatawait_range(kit.m, 0, INT64_MAX);
		CHECK(kit.nr_held == 0, "%u writes are not waited for", kit.nr_held);
		kit_end();
	}
}

static void victim_leaves(void)
{
	cancel_dirty_page(victim);
	remove_from_page_cache(victim);
	unlock_page(victim);
}

CASE(write_gone)
{
	kit_make(KIT_PAGES);
	victim = kit_dirty(3, 1);
	get_page(victim);
	lock_page(victim);
	kit.on_sleep = victim_leaves;
	write_range(0, INT64_MAX, true);
	kit_written(NULL, 0);
	CHECK(!PageLocked(victim), "the page that left the file stays locked");
	kit_refs(victim, 1);
	/* To a page without a file, dirty means nothing. */
	set_page_dirty_nobuffers(victim);
	CHECK(!PageDirty(victim), "a page that belongs to no file became dirty");
	put_page(victim);
	kit_end();
}

static u32 woken;

static void count_wake(struct wait_queue_entry *wait)
{
	struct pagecache_stats stats;

	(void)wait;
	pagecache_get_stats(&stats);
	CHECK(!PageWriteback(victim) && !kit_tagged(victim->index, RADIX_TAG_WRITEBACK) &&
		      stats.writeback == 0 && !spin_is_held(&kit.m->tree_lock),
	      "the sleepers are woken before flag, tag and count say that the write has ended");
	woken++;
}

static void end_held(void)
{
	kit_end_one();
}

CASE(write_wake)
{
	struct wait_queue_entry wait;
	ktime_t before;

	kit_make(KIT_PAGES);
	kit.hold = true;
	victim = kit_dirty(3, 1);
	write_range(0, INT64_MAX, true);
	init_wait_entry(&wait);
	wait.func = count_wake;
	woken = 0;
	add_wait_queue(bit_waitqueue(victim), &wait);
	kit.on_sleep = end_held;
	before = ktime_get_ns();
	writeback_wait(NSEC_PER_SEC);
	CHECK(ktime_get_ns() - before < NSEC_PER_SEC / 2,
	      "who waits until some write-back ends (writeback_wait) was not told");
	remove_wait_queue(bit_waitqueue(victim), &wait);
	CHECK(woken > 0, "who waits for the page's write-back was not woken");
	kit_end();
}

/* The cache of a device notes when its first page became dirty. */
CASE(dirty_device)
{
	ktime_t first;

	kit_make(KIT_PAGES);
	kit.inode.i_mode = S_IFBLK;
	fake_clock_advance(NSEC_PER_SEC);
	first = ktime_get_ns();
	kit_dirty(3, 1);
	CHECK(kit.inode.i_dirtied_when == first, "i_dirtied_when is not the time of the first "
						 "dirty page");
	CHECK(!test_bit(I_DIRTY, &kit.inode.i_state),
	      "a device's inode is on no list of dirty inodes");
	fake_clock_advance(NSEC_PER_SEC);
	kit_dirty(4, 1);
	CHECK(kit.inode.i_dirtied_when == first, "a second dirty page changed i_dirtied_when");
	write_range(0, INT64_MAX, true);
	fake_clock_advance(NSEC_PER_SEC);
	kit_dirty(5, 1);
	CHECK(kit.inode.i_dirtied_when == ktime_get_ns(), "all was written, a page is dirty again, "
							  "and i_dirtied_when is an old time");
	write_range(0, INT64_MAX, true);
	kit_end();
}
