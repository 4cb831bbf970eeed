/*
 * Counting what a device does, for /proc/diskstats. Locks of all: the queue's, or bio_stats_lock of
 * blk-stat.c for a device without one.
 * Also there: what a device does is counted
 */
#pragma once

#include "block/blkdev.h"

/* Who counts what bdev does, too: a partition's disk, or NULL. */
static inline struct block_device *bdev_whole_of(const struct block_device *bdev)
{
	return bdev->bd_partno ? bdev->bd_disk->part[0] : NULL;
}

static inline void stats_round(struct disk_stats *s, ktime_t now)
{
	if (now <= s->stamp_ns) /* requests of a plug bear its time */
		return;
	if (s->in_flight) {
		s->queue_time_ns += s->in_flight * (now - s->stamp_ns);
		s->io_time_ns += now - s->stamp_ns;
	}
	s->stamp_ns = now;
}

static inline void account_start(struct block_device *bdev, ktime_t now)
{
	for (; bdev; bdev = bdev_whole_of(bdev)) {
		stats_round(&bdev->bd_stats, now);
		bdev->bd_stats.in_flight++;
	}
}

/* `bios` went as one I/O; 0: it was a flush, which is counted elsewhere. */
static inline void account_done(struct block_device *bdev, blk_opf_t opf, u32 bios,
				sector_t sectors, ktime_t start, ktime_t now)
{
	u32 kind = (opf & REQ_OP_MASK) == REQ_OP_DISCARD ? 2 : op_is_write(opf);

	for (; bdev; bdev = bdev_whole_of(bdev)) {
		struct disk_stats *s = &bdev->bd_stats;

		stats_round(s, now);
		s->in_flight--;
		if (!bios)
			continue;
		s->ios[kind]++;
		s->merges[kind] += bios - 1;
		s->sectors[kind] += sectors;
		s->time_ns[kind] += now - start;
	}
}

static inline void blk_account_start(struct request *rq)
{
	account_start(rq->part, rq->start_ns);
}

static inline void blk_account_done(struct request *rq, ktime_t now)
{
	account_done(rq->part, rq->cmd_flags, rq->stat_bytes ? rq->nr_merged + 1u : 0,
		     rq->stat_bytes >> SECTOR_SHIFT, rq->start_ns, now);
}

/* How a device without a queue counts an I/O: when it takes it, and when all of it has ended,
 * wherever it was sent. Context: softirq or thread. */
void bdev_start_io_acct(struct block_device *bdev, ktime_t start);
void bdev_end_io_acct(struct block_device *bdev, blk_opf_t opf, sector_t sectors, ktime_t start);
/* A consistent copy of the counters, up to now. Context: any. */
void bdev_get_stats(struct block_device *bdev, struct disk_stats *stats);
