/* See cache_kit.h. */
#include "cache_kit.h"

#include "fs/vfs/generic_file.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/sched/thread.h"
#include "tests/host/fakes/toyfs.h"

#undef sync_inode_metadata

struct cache_kit kit;

static struct toyfs toy;

int toyfs_sync_inode_metadata(struct inode *inode, bool datasync);
int sync_inode_metadata(struct inode *inode, bool datasync);
int sync_inode_metadata(struct inode *inode, bool datasync)
{
	int err = toyfs_sync_inode_metadata(inode, datasync);

	return kit.inode_error ? kit.inode_error : err;
}

static void *node_alloc(size_t size)
{
	CHECK(fake_cpu.spin_depth > 0, "the tree is changed without tree_lock");
	if (kit.fail_nodes) {
		kit.fail_nodes--;
		return NULL;
	}
	kit.nodes++;
	return calloc(1, size);
}

static void node_free(const void *node)
{
	CHECK(fake_cpu.spin_depth > 0, "the tree is changed without tree_lock");
	kit.nodes--;
	free((void *)(uintptr_t)node);
}

static size_t on_shrink(size_t nr, gfp_t gfp)
{
	(void)nr;
	(void)gfp;
	if (kit.on_shrink)
		kit.on_shrink();
	return 0;
}

static bool on_sleep(void)
{
	void (*hook)(void) = kit.on_sleep;

	kit.on_sleep = NULL;
	if (!hook)
		return kit_end_one();
	hook();
	return true;
}

void kit_fill(struct page *page, u8 value)
{
	memset(page_address(page), value, PAGE_SIZE);
}

static int readpage(struct inode *inode, struct page *page)
{
	(void)inode;
	kit.reads++;
	CHECK(PageLocked(page), "readpage was called for a page that is not locked");
	kit_fill(page, kit.disk[page->index]);
	end_page_read(page, kit.read_error);
	return 0;
}

static void end_write(struct page *page)
{
	bool bad = page->index == kit.bad_page;

	if (!bad)
		kit.disk[page->index] = *(u8 *)page_address(page);
	fake_bh_disable();
	end_page_writeback(page, bad ? kit.bad_error : 0);
	fake_bh_enable();
}

static int writepage(struct page *page)
{
	CHECK(PageLocked(page), "writepage was called for page %lu, which is not locked",
	      page->index);
	CHECK(!PageDirty(page),
	      "writepage was called for page %lu, which is still dirty: a change during the write "
	      "would be lost",
	      page->index);
	CHECK(!PageWriteback(page), "page %lu is written while it is under write-back",
	      page->index);
	CHECK(kit.writes < KIT_PAGES, "writepage is called again and again");
	kit.unplugged += !current->plug;
	kit.written[kit.writes++] = page->index;
	if (page->index == kit.refused_page) {
		unlock_page(page);
		return kit.bad_error;
	}
	if (kit.before_writeback)
		kit.before_writeback(page);
	set_page_writeback(page);
	if (kit.after_writeback)
		kit.after_writeback(page);
	unlock_page(page);
	if (kit.hold)
		kit.held[kit.nr_held++] = page;
	else
		end_write(page);
	return 0;
}

bool kit_end_one(void)
{
	struct page *page;

	if (kit.nr_held == 0)
		return false;
	page = kit.held[kit.newest_first ? kit.nr_held - 1 : 0];
	kit.nr_held--;
	if (!kit.newest_first)
		memmove(kit.held, kit.held + 1, kit.nr_held * sizeof(kit.held[0]));
	end_write(page);
	return true;
}

static const struct address_space_operations kit_aops = {.readpage = readpage,
							 .writepage = writepage};

void kit_make(u32 pages)
{
	static struct shrinker shrinker = {.shrink = on_shrink};
	static bool once;

	if (!once)
		toyfs_init(&toy, 4096, TOYFS_SECTORS);
	if (!once)
		shrinker_register(&shrinker);
	once = true;
	radix_tree_set_allocator(node_alloc, node_free);
	fake_schedule_hook = on_sleep;
	memset(&kit, 0, sizeof(kit));
	kit.bad_page = kit.refused_page = ~0ull;
	kit.bad_error = -EIO;
	kit.inode.i_mode = S_IFREG;
	kit.inode.i_sb = &kit.sb;
	kit.inode.i_size = (loff_t)pages << PAGE_SHIFT;
	kit.inode.i_mapping = kit.m = &kit.inode.i_data;
	mutex_init(&kit.inode.i_mutex);
	address_space_init(kit.m, &kit.inode);
	kit.m->a_ops = &kit_aops;
	for (u32 i = 0; i < KIT_PAGES; i++)
		kit.disk[i] = (u8)lab_random(256);
	kit.pages_before = fake_pages_live();
}

struct page *kit_page(pgoff_t index)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int err = add_to_page_cache(page, kit.m, index);

	CHECK(err == 0, "add_to_page_cache() of page %lu gave %d", index, err);
	kit_fill(page, kit.disk[index]);
	end_page_read(page, 0);
	put_page(page);
	return page;
}

void kit_make_dirty(struct page *page)
{
	lock_page(page);
	set_page_dirty_nobuffers(page);
	unlock_page(page);
}

struct page *kit_dirty(pgoff_t index, u8 value)
{
	struct page *page = kit_page(index);

	kit_fill(page, value);
	kit_make_dirty(page);
	return page;
}

struct file kit_open(void)
{
	return (struct file){.f_inode = &kit.inode,
			     .f_mapping = kit.m,
			     .f_wb_err = errseq_sample(&kit.m->wb_err)};
}

int kit_fsync(struct file *file)
{
	return generic_file_fsync(file, 0, INT64_MAX, false);
}

void kit_refs(struct page *page, u32 want)
{
	CHECK((u32)page_count(page) == want, "page %lu has %u references, not %u", page->index,
	      (u32)page_count(page), want);
}

void kit_written(const pgoff_t *want, u32 count)
{
	for (u32 i = 0; i < count && i < kit.writes; i++)
		CHECK(kit.written[i] == want[i], "write %u was of page %lu, and page %lu was due",
		      i + 1, kit.written[i], want[i]);
	CHECK(kit.writes == count, "%u pages were written, not %u", kit.writes, count);
	kit.writes = 0;
}

bool kit_tagged(pgoff_t index, enum radix_tag tag)
{
	void *found;

	return radix_tree_gang_lookup_tag(&kit.m->pages, index, &found, NULL, 1, tag) == 1 &&
	       ((struct page *)found)->index == index;
}

void kit_idle(struct page *page)
{
	CHECK(!PageLocked(page), "page %lu stays locked", page->index);
	CHECK(!PageDirty(page) && !kit_tagged(page->index, RADIX_TAG_DIRTY),
	      "page %lu is still dirty, by its flag or by its tag", page->index);
	CHECK(!PageWriteback(page) && !kit_tagged(page->index, RADIX_TAG_WRITEBACK),
	      "page %lu is still under write-back, by its flag or by its tag", page->index);
	kit_refs(page, 1);
}

void kit_end(void)
{
	struct pagecache_stats stats;
	void *found;

	while (radix_tree_gang_lookup(&kit.m->pages, 0, &found, NULL, 1) == 1) {
		struct page *page = found;

		kit_idle(page);
		lock_page(page);
		get_page(page);
		remove_from_page_cache(page);
		unlock_page(page);
		put_page(page);
	}
	pagecache_get_stats(&stats);
	CHECK(kit.m->nrpages == 0, "nrpages is %lu, and the file has no page in the cache",
	      (u64)kit.m->nrpages);
	CHECK(stats.cached == 0, "%lu pages count as cached, and there is none", stats.cached);
	CHECK(stats.dirty == 0, "%lu pages count as dirty, and there is none", stats.dirty);
	CHECK(stats.writeback == 0, "%lu pages count as under write-back, and there is none",
	      stats.writeback);
	CHECK(lru_nr_pages() == 0, "%zu pages are on the list of cached pages, and there is none",
	      lru_nr_pages());
	CHECK(fake_pages_live() == kit.pages_before, "%zd page frames are lost",
	      (ssize_t)(fake_pages_live() - kit.pages_before));
	CHECK(kit.nodes == 0, "%u nodes of the tree are lost", kit.nodes);
}
