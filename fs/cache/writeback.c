/*
 * Write-back of ranges (hop 6): dirty pages on their way to the disk. fsync, the flusher, and those
 * who empty a cache call it.
 *
 * A write error is recorded in the mapping and in its filesystem (mapping_set_error). Each open
 * file has a cursor into the mapping's errors, so that its fsync reports each one once. syncfs
 * reports the filesystem's.
 * Path: hop 6
 */
#include "fs/cache/pagemap.h"

#include "block/blkdev.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"

/* One page, referenced. Returns: 0 (also when there was nothing to do) or writepage's error. */
static int write_one_cached_page(struct address_space *m, struct page *page, bool sync)
{
	lock_page(page);
	if (page->mapping == m && PageWriteback(page) && sync)
		wait_on_page_writeback(page);
	if (page->mapping != m || PageWriteback(page) || !clear_page_dirty_for_io(page)) {
		unlock_page(page);
		return 0;
	}
	return m->a_ops->writepage(page);
}

/* The dirty pages of [index, last], in order. Returns: 0 or the first error of writepage. */
static noinline int write_cache_pages(struct address_space *m, pgoff_t index, pgoff_t last,
				      bool sync)
{
	struct page *pages[PAGEVEC_SIZE];
	int err = 0;
	u32 n;

	while (index <= last &&
	       (n = find_get_pages(m, &index, last, RADIX_TAG_DIRTY, pages, PAGEVEC_SIZE)) > 0) {
		for (u32 i = 0; i < n; i++) {
			int e = write_one_cached_page(m, pages[i], sync);

			err = err < 0 ? err : e;
			put_page(pages[i]);
		}
	}
	return err;
}

int filemap_fdatawrite_range(struct address_space *m, loff_t start, loff_t end, bool sync)
{
	pgoff_t last = (u64)end >> PAGE_SHIFT;
	struct blk_plug plug;
	int err;

	if (!m->a_ops || !m->a_ops->writepage)
		return 0;
	/* Not after a writer that appends faster than we write. */
	if (S_ISREG(m->host->i_mode))
		last = min(last, (u64)READ_ONCE(m->host->i_size) >> PAGE_SHIFT);
	blk_start_plug(&plug);
	err = write_cache_pages(m, (u64)start >> PAGE_SHIFT, last, sync);
	blk_finish_plug(&plug);
	return err;
}

void filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end)
{
	pgoff_t index = (u64)start >> PAGE_SHIFT, last = (u64)end >> PAGE_SHIFT;
	struct page *pages[PAGEVEC_SIZE];
	u32 n;

	while (index <= last && (n = find_get_pages(m, &index, last, RADIX_TAG_WRITEBACK, pages,
						    PAGEVEC_SIZE)) > 0) {
		for (u32 i = 0; i < n; i++) {
			wait_on_page_writeback(pages[i]);
			put_page(pages[i]);
		}
	}
}

int filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end)
{
	u32 since = errseq_now(&m->wb_err);
	int err = filemap_fdatawrite_range(m, start, end, true), wait_err;

	filemap_fdatawait_range(m, start, end);
	wait_err = errseq_check(&m->wb_err, since);
	return wait_err ? wait_err : err;
}
