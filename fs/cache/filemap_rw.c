/*
 * Reading and writing files through the page cache (hops 4 and 5).
 *
 * The copy into a locked page never faults: a fault on the user's page could need that very lock.
 * The source is brought in first, and the copy is tried again if the source has gone meanwhile. The
 * copy out to the user holds no page lock.
 * Path: hop 4 (filemap_read), 5 (generic_perform_write)
 */
#include "fs/cache/direct_io.h"
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/rlimit.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

#define COPY_TRIES   16	 /* copies without progress before -EFAULT */
#define FAULT_AROUND 16u /* pages read with a missing one by read_mapping_page */

/* --- reading ------------------------------------------------------------------------------ */

/* Bring an absent or failed page in. Page referenced. Returns: 0 (look again whether it is up to
 * date: it may have been truncated or invalidated) or -errno. */
static int read_page_now(struct address_space *m, struct page *page)
{
	int err;

	lock_page(page);
	if (!page->mapping || PageUptodate(page)) {
		unlock_page(page);
		return 0;
	}
	clear_bit(PG_ERROR, &page->flags);
	err = m->a_ops->readpage(m->host, page);
	if (err < 0)
		return err;
	wait_on_page_locked(page);
	return !PageUptodate(page) && test_bit(PG_ERROR, &page->flags) && page->mapping ? -EIO : 0;
}

/* The up-to-date page at index, referenced. If file is given, it reads ahead; the caller wants
 * `want` pages. Without one it reads the pages around. */
static struct page *get_read_page(struct address_space *m, struct file *file, pgoff_t index,
				  u32 want, bool nowait)
{
	struct page *page = find_get_page(m, index);
	int err;

	for (;; page = find_get_page(m, index)) {
		if (!page) {
			if (nowait)
				return ERR_PTR(-EAGAIN);
			page_cache_sync_readahead(m, file, index, want);
			page = find_or_create_page(m, index, GFP_NOFS);
			if (!page)
				return ERR_PTR(-ENOMEM);
			unlock_page(page);
		} else if (file && test_bit(PG_READAHEAD, &page->flags)) {
			page_cache_async_readahead(file, page);
		}
		if (PageUptodate(page))
			return page;
		err = nowait ? -EAGAIN : read_page_now(m, page);
		if (err == 0 && PageUptodate(page))
			return page;
		put_page(page);
		if (err < 0)
			return ERR_PTR(err);
	}
}

ssize_t filemap_read(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_mapping->host;
	ssize_t done = 0;

	while (iov_iter_count(iter) > 0) {
		u64 pos = (u64)iocb->ki_pos, offset = pos & ~PAGE_MASK;
		u64 left = iov_iter_count(iter) + offset;
		loff_t size = READ_ONCE(inode->i_size);
		struct page *page;
		size_t n, copied;

		if (iocb->ki_pos >= size)
			break;
		left = min(left, (u64)size - (pos - offset));
		page = get_read_page(file->f_mapping, file, pos >> PAGE_SHIFT,
				     (u32)min(DIV_ROUND_UP(left, PAGE_SIZE), 1024ul),
				     (iocb->ki_flags & IOCB_NOWAIT) != 0);
		if (IS_ERR(page))
			return done > 0 ? done : PTR_ERR(page);
		file->f_ra_prev = page->index;
		size = READ_ONCE(inode->i_size); /* it may have shrunk while we read */
		n = min(PAGE_SIZE - offset, iov_iter_count(iter));
		n = iocb->ki_pos < size ? min(n, (u64)size - pos) : 0;
		copied = copy_to_iter((char *)page_address(page) + offset, n, iter);
		mark_page_accessed(page);
		put_page(page);
		iocb->ki_pos += (loff_t)copied;
		done += (ssize_t)copied;
		if (copied < n)
			return done > 0 ? done : -EFAULT;
		if (n == 0)
			break;
	}
	return done;
}

/* --- writing ------------------------------------------------------------------------------ */

/* Copy one piece into one page. Returns: bytes taken, 0 when the source went away, or -errno. */
static ssize_t write_one_page(struct kiocb *iocb, struct iov_iter *iter)
{
	struct address_space *m = iocb->ki_filp->f_mapping;
	u32 offset = (u32)((u64)iocb->ki_pos & ~PAGE_MASK);
	u32 bytes = (u32)min(PAGE_SIZE - offset, iov_iter_count(iter));
	ssize_t readable = iov_iter_fault_in(iter, bytes, false);
	struct page *page;
	size_t copied;
	int taken;

	if (readable < 0)
		return readable;
	bytes = (u32)readable; /* what ends in a hole is written up to there */
	taken = m->a_ops->write_begin(m->host, iocb->ki_pos, bytes, &page);
	if (taken < 0)
		return taken;
	copied = copy_from_iter_inatomic((char *)page_address(page) + offset, bytes, iter);
	mark_page_accessed(page);
	taken = m->a_ops->write_end(m->host, iocb->ki_pos, bytes, (u32)copied, page);
	if (taken < (int)copied)
		iov_iter_revert(iter, copied - (size_t)max(taken, 0));
	return taken;
}

ssize_t generic_perform_write(struct kiocb *iocb, struct iov_iter *iter)
{
	ssize_t done = 0, n = 0;
	int idle = 0;

	while (iov_iter_count(iter) > 0) {
		n = write_one_page(iocb, iter);
		if (n == 0 && ++idle == COPY_TRIES)
			n = -EFAULT;
		if (n < 0)
			break;
		if (n > 0)
			idle = 0;
		iocb->ki_pos += n;
		done += n;
		balance_dirty_pages();
	}
	return done > 0 ? done : n;
}

/* --- also: pages of mapped files, and O_SYNC ---------------------------------------------- */

struct page *read_mapping_page(struct address_space *m, pgoff_t index)
{
	struct page *page = get_read_page(m, NULL, index, FAULT_AROUND, false);

	if (!IS_ERR(page))
		mark_page_accessed(page);
	return page;
}

ssize_t generic_write_sync(struct kiocb *iocb, ssize_t done)
{
	struct file *file = iocb->ki_filp;
	int err;

	if (done <= 0 || !(iocb->ki_flags & (IOCB_DSYNC | IOCB_SYNC)) || !file->f_op->fsync)
		return done;
	err = file->f_op->fsync(file, iocb->ki_pos - done, iocb->ki_pos - 1,
				!(iocb->ki_flags & IOCB_SYNC));
	return err < 0 ? err : done;
}
