/*
 * What is counted of a disk or partition: the numbers of /proc/diskstats. block/blk-stat.h counts.
 * Also there: what a device does is counted
 */
#pragma once

#include "kernel/lib/types.h"

struct disk_stats {
	/* Of reads, writes, discards, flushes. [q->lock; bio_stats_lock without a queue] */
	u64 ios[4], merges[4], sectors[4], time_ns[4];
	u64 in_flight;				 /* [q->lock; bio_stats_lock] */
	u64 io_time_ns, queue_time_ns, stamp_ns; /* [q->lock; bio_stats_lock] */
};
