/*
 * Write-back: dirty pages on their way to the disk, by fsync, by the flusher, and by throttled
 * writers (hop 6).
 *
 * The flusher wakes every 5 s and writes what has been dirty for 30 s, or everything once a tenth
 * of memory is dirty. A writer that makes a fifth of memory dirty sleeps until less is.
 *
 * A write error is recorded in the mapping twice: wb_err, taken by the first filemap_fdatawait_range,
 * and wb_err_seq, which each open file compares with the number that it reported last. A failed
 * flush is an error of the device's mapping, which files on it compare, too; when fsync itself asked
 * for the flush, its caller alone is told.
 */
#include "fs/cache/pagemap.h"

#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/nodes/block_dev.h"
#include "fs/cache/buffer_head.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/wait.h"

#define FLUSH_INTERVAL_NS (5 * NSEC_PER_SEC)
#define DIRTY_EXPIRE_NS	  (30 * NSEC_PER_SEC)
#define THROTTLE_WAIT_NS  (100 * NSEC_PER_MSEC)

static struct wait_queue_head flusher_wait = WAIT_QUEUE_INIT(flusher_wait);
static struct wait_queue_head throttle_wait = WAIT_QUEUE_INIT(throttle_wait);
static bool flusher_kicked;				  /* [atomic] */
static u64 dirty_limit = ~0ull, background_limit = ~0ull; /* [const after boot] pages */
static u32 writeback_seq;				  /* [atomic] counts ended pages */

/* --- errors ------------------------------------------------------------------------------- */

void mapping_set_error(struct address_space *m, int error)
{
	u64 flags = spin_lock_irqsave(&m->tree_lock);

	m->wb_err = m->wb_last_err = error;
	m->wb_err_seq++;
	spin_unlock_irqrestore(&m->tree_lock, flags);
	WRITE_ONCE(m->host->i_sb->s_wb_err, error); /* for syncfs */
}

u32 filemap_sample_wb_err(struct address_space *m)
{
	u64 flags = spin_lock_irqsave(&m->tree_lock);
	u32 seq = m->wb_err_seq - (m->wb_err != 0 ? 1 : 0);

	spin_unlock_irqrestore(&m->tree_lock, flags);
	return seq;
}

int file_check_and_advance_wb_err(struct file *file)
{
	struct address_space *m = file->f_mapping;
	u64 flags = spin_lock_irqsave(&m->tree_lock);
	int err = 0;

	if (file->f_wb_err_seq != m->wb_err_seq) {
		file->f_wb_err_seq = m->wb_err_seq;
		err = m->wb_last_err;
		m->wb_err = 0;
	}
	spin_unlock_irqrestore(&m->tree_lock, flags);
	return err;
}

/* --- writing ranges ----------------------------------------------------------------------- */

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

void filemap_fdatawait_keep_errors(struct address_space *m, loff_t start, loff_t end)
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

int filemap_write_keep_errors(struct address_space *m, loff_t start, loff_t end)
{
	u32 errors = READ_ONCE(m->wb_err_seq);
	int err = filemap_fdatawrite_range(m, start, end, true);

	filemap_fdatawait_keep_errors(m, start, end);
	return errors == READ_ONCE(m->wb_err_seq) ? err : READ_ONCE(m->wb_last_err);
}

int filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end)
{
	u64 flags;
	int err;

	filemap_fdatawait_keep_errors(m, start, end);
	flags = spin_lock_irqsave(&m->tree_lock);
	err = m->wb_err;
	m->wb_err = 0;
	spin_unlock_irqrestore(&m->tree_lock, flags);
	return err;
}

int filemap_write_and_wait(struct address_space *m)
{
	int err = filemap_fdatawrite_range(m, 0, INT64_MAX, true);
	int wait_err = filemap_fdatawait_range(m, 0, INT64_MAX);

	return wait_err < 0 ? wait_err : err;
}

/* The device lost metadata of this filesystem, or what it had not flushed: any file may be concerned,
 * and each open one reports it once. */
static int check_bdev_err(struct file *file, struct super_block *sb)
{
	const struct inode *cache = sb->s_bdev->bd_inode;
	u32 seq = cache ? READ_ONCE(cache->i_data.wb_err_seq) : 0;

	if (!cache || file->f_bdev_err_seq == seq)
		return 0;
	file->f_bdev_err_seq = seq;
	WRITE_ONCE(sb->s_bdev_seen_seq, seq);
	return READ_ONCE(cache->i_data.wb_last_err);
}

int generic_file_fsync(struct file *file, loff_t start, loff_t end, bool datasync)
{
	struct address_space *m = file->f_mapping;
	struct inode *inode = m->host;
	int err = filemap_fdatawrite_range(m, start, end, true), e;

	filemap_fdatawait_keep_errors(m, start, end);
	e = sync_mapping_buffers(m);
	err = err < 0 ? err : e;
	e = sync_inode_metadata(inode, datasync);
	err = err < 0 ? err : e;
	if (inode->i_sb->s_bdev) {
		e = blkdev_issue_flush(inode->i_sb->s_bdev);
		err = err < 0 ? err : e;
		e = check_bdev_err(file, inode->i_sb);
		err = err < 0 ? err : e;
	}
	e = file_check_and_advance_wb_err(file);
	return err < 0 ? err : e;
}

/* --- the flusher and throttling ----------------------------------------------------------- */

void wakeup_flusher(void)
{
	WRITE_ONCE(flusher_kicked, true);
	wake_up_all(&flusher_wait);
}

void writeback_ended(void)
{
	__atomic_fetch_add(&writeback_seq, 1, __ATOMIC_SEQ_CST);
	if (waitqueue_active(&throttle_wait))
		wake_up_all(&throttle_wait);
}

void writeback_wait(u64 ns)
{
	u32 seq = READ_ONCE(writeback_seq);

	(void)wait_event_timeout(&throttle_wait, READ_ONCE(writeback_seq) != seq, ns);
}

/* The flusher is not asked again for what it has sent already: else it would run after the writer
 * page by page. */
static bool over_background_limit(void)
{
	struct pagecache_stats stats;

	pagecache_get_stats(&stats);
	return stats.dirty > background_limit;
}

static bool over_dirty_limit(void)
{
	struct pagecache_stats stats;

	pagecache_get_stats(&stats);
	return stats.dirty + stats.writeback > dirty_limit;
}

void balance_dirty_pages(void)
{
	if (over_background_limit())
		wakeup_flusher();
	while (over_dirty_limit()) {
		wakeup_flusher();
		writeback_wait(THROTTLE_WAIT_NS);
	}
}

static int writeback_sb(struct super_block *sb, void *arg)
{
	ktime_t before = *(const ktime_t *)arg;
	struct inode *inode;

	while ((inode = inode_next_dirty(sb, before)) != NULL) {
		/* Errors are in the mapping, or with the filesystem, for those who fsync. */
		int err = filemap_fdatawrite_range(&inode->i_data, 0, INT64_MAX, false);

		err = err < 0 ? err : write_inode_now(inode, false);
		if (err < 0)
			printk("flusher: inode %llu: error %d\n", (unsigned long long)inode->i_ino,
			       err);
		iput(inode);
	}
	return 0;
}

void writeback_older_than(ktime_t before)
{
	(void)super_for_each(writeback_sb, &before);
	sync_bdevs(false, before);
}

static void flusher_thread(void *arg)
{
	(void)arg;
	for (;;) {
		ktime_t now;
		bool all;

		(void)wait_event_timeout(&flusher_wait, READ_ONCE(flusher_kicked),
					 FLUSH_INTERVAL_NS);
		WRITE_ONCE(flusher_kicked, false);
		now = ktime_get_ns();
		all = over_background_limit() || mm_is_low();
		if (all)
			writeback_older_than(now);
		else if (now > DIRTY_EXPIRE_NS)
			writeback_older_than(now - DIRTY_EXPIRE_NS);
	}
}

void writeback_init(void)
{
	struct mm_stats stats;

	mm_get_stats(&stats);
	dirty_limit = stats.total_pages / 5;
	background_limit = stats.total_pages / 10;
	if (IS_ERR(kthread_run("flusher", flusher_thread, NULL)))
		panic("no memory for the flusher thread");
}
