/*
 * The counters of devices: those that have no queue, and what others read.
 * Also there: what a device does is counted
 */
#include "block/blk-stat.h"

#include "block/blk.h"
#include "kernel/arch/clock.h"

/* For the devices without a queue, whose lock it would be. */
static struct spinlock bio_stats_lock = SPINLOCK_INIT("bio statistics", LOCK_ANY);

void bdev_start_io_acct(struct block_device *bdev, ktime_t start)
{
	spin_lock_bh(&bio_stats_lock);
	account_start(bdev, start);
	spin_unlock_bh(&bio_stats_lock);
}

void bdev_end_io_acct(struct block_device *bdev, blk_opf_t opf, sector_t sectors, ktime_t start)
{
	spin_lock_bh(&bio_stats_lock);
	account_done(bdev, opf, 1, sectors, start, ktime_get_ns());
	spin_unlock_bh(&bio_stats_lock);
}

void bdev_get_stats(struct block_device *bdev, struct disk_stats *stats)
{
	struct gendisk *disk = bdev->bd_disk;
	struct spinlock *lock = disk->queue && !READ_ONCE(disk->dead) ? &disk->queue->lock :
									&bio_stats_lock;

	spin_lock_bh(lock);
	stats_round(&bdev->bd_stats, ktime_get_ns());
	*stats = bdev->bd_stats;
	spin_unlock_bh(lock);
}
