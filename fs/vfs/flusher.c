/*
 * The flusher (hop 6). It wakes every 5 s and writes what has been dirty for 30 s. It writes
 * everything once a tenth of memory is dirty, or memory is short.
 * Path: hop 6
 */
#include "fs/vfs/flusher.h"

#include "fs/cache/bdev_cache.h"
#include "fs/cache/pagemap.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/kthread.h"

#define FLUSH_INTERVAL_NS (5 * NSEC_PER_SEC)
#define DIRTY_EXPIRE_NS	  (30 * NSEC_PER_SEC)

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

		flusher_sleep(FLUSH_INTERVAL_NS);
		now = ktime_get_ns();
		all = over_background_limit() || mm_is_low();
		if (all)
			writeback_older_than(now);
		else if (now > DIRTY_EXPIRE_NS)
			writeback_older_than(now - DIRTY_EXPIRE_NS);
	}
}

void flusher_init(void)
{
	dirty_limits_init();
	if (IS_ERR(kthread_run("flusher", flusher_thread, NULL)))
		panic("no memory for the flusher thread");
}
