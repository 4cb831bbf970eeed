/*
 * The files of /sys/block, with Linux's names, units and formats.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/sysfs_internal.h"

#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/cache/pagemap.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

static struct request_queue *queue_of(const struct block_device *bdev)
{
	return bdev->bd_disk->queue;
}

static int put(struct seq_file *m, u64 value)
{
	seq_printf(m, "%llu\n", (unsigned long long)value);
	return 0;
}

/* A file that is one number. */
#define SHOW(name, expr)                                                              \
	static int show_##name(struct block_device *bdev, struct seq_file *m)         \
	{                                                                             \
		const struct queue_limits lim __maybe_unused = bdev->bd_disk->limits; \
                                                                                      \
		return put(m, (expr));                                                \
	}

SHOW(size, bdev_nr_sectors(bdev))
SHOW(ro, bdev_read_only(bdev))
SHOW(start, bdev->bd_start_sect)
SHOW(partition, bdev->bd_partno)
SHOW(zero, 0)
SHOW(alignment_offset, lim.alignment_offset_bytes)
SHOW(logical, lim.logical_block_size)
SHOW(physical, lim.physical_block_size)
SHOW(io_min, lim.io_min_bytes)
SHOW(io_opt, lim.io_opt_bytes)
SHOW(max_kb, lim.max_sectors / 2)
SHOW(max_segments, lim.max_segments)
SHOW(max_segment_size, lim.max_segment_size_bytes)
SHOW(max_discard_segments, lim.max_discard_segments)
SHOW(discard_granularity, lim.discard_granularity_bytes)
SHOW(discard_max, (u64)lim.max_discard_sectors << SECTOR_SHIFT)
SHOW(zeroes_max, (u64)lim.max_write_zeroes_sectors << SECTOR_SHIFT)
SHOW(nr_requests, queue_of(bdev) ? blk_queue_nr_requests(queue_of(bdev)) : 0)
SHOW(read_ahead_kb, READ_ONCE(bdev->bd_disk->ra_pages) * (PAGE_SIZE / 1024))
SHOW(rotational, queue_of(bdev) != NULL)
SHOW(polled, queue_of(bdev) && blk_queue_polled(queue_of(bdev)))
/* 2: none at all, as in Linux. */
SHOW(nomerges, queue_of(bdev) && blk_queue_nomerges(queue_of(bdev)) ? 2 : 0)

static int show_dev(struct block_device *bdev, struct seq_file *m)
{
	seq_printf(m, "%u:%u\n", MAJOR(bdev->bd_dev), MINOR(bdev->bd_dev));
	return 0;
}

/* Linux prints no newline here. */
static int show_serial(struct block_device *bdev, struct seq_file *m)
{
	seq_printf(m, "%s", bdev->bd_disk->serial);
	return 0;
}

static int show_uevent(struct block_device *bdev, struct seq_file *m)
{
	char name[DISK_NAME_LEN + 8];

	bdev_name(bdev, name, sizeof(name));
	seq_printf(m, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\n", MAJOR(bdev->bd_dev),
		   MINOR(bdev->bd_dev), name, bdev->bd_partno ? "partition" : "disk");
	if (bdev->bd_partno)
		seq_printf(m, "PARTN=%u\n", bdev->bd_partno);
	return 0;
}

#define FOUR(f) f " " f " " f " " f " "
#define STAT(f) FOUR(f) FOUR(f) f " " f " " f " " FOUR(f) f " " f "\n"

void seq_disk_stats(struct seq_file *m, struct block_device *bdev, bool wide)
{
	struct disk_stats s;

	bdev_get_stats(bdev, &s);
	for (u32 kind = 0; kind < ARRAY_SIZE(s.time_ns); kind++)
		s.time_ns[kind] /= NSEC_PER_MSEC;
	s.io_time_ns /= NSEC_PER_MSEC;
	s.queue_time_ns /= NSEC_PER_MSEC;
	seq_printf(m, wide ? STAT("%8lu") : STAT("%lu"), s.ios[0], s.merges[0], s.sectors[0],
		   s.time_ns[0], s.ios[1], s.merges[1], s.sectors[1], s.time_ns[1], s.in_flight,
		   s.io_time_ns, s.queue_time_ns, s.ios[2], s.merges[2], s.sectors[2], s.time_ns[2],
		   s.ios[3], s.time_ns[3]);
}

static int show_stat(struct block_device *bdev, struct seq_file *m)
{
	seq_disk_stats(m, bdev, true);
	return 0;
}

/* All elevators that there are, the one at work in brackets. */
static int show_scheduler(struct block_device *bdev, struct seq_file *m)
{
	const char *now, *name;

	if (!queue_of(bdev)) {
		seq_printf(m, "none\n");
		return 0;
	}
	now = elevator_name(queue_of(bdev));
	for (u32 i = 0; (name = elevator_nth(i)) != NULL; i++)
		seq_printf(m, strcmp(name, now) == 0 ? "%s[%s]" : "%s%s", i ? " " : "", name);
	seq_printf(m, "\n");
	return 0;
}

static int store_scheduler(struct block_device *bdev, const char *text)
{
	return queue_of(bdev) ? elevator_switch(queue_of(bdev), text) : -EINVAL;
}

static int store_nomerges(struct block_device *bdev, const char *text)
{
	u64 value;

	if (!queue_of(bdev) || kstrtou64(text, 10, &value, NULL))
		return -EINVAL;
	blk_queue_set_nomerges(queue_of(bdev), value != 0);
	return 0;
}

static int store_read_ahead_kb(struct block_device *bdev, const char *text)
{
	u64 value;

	if (kstrtou64(text, 10, &value, NULL))
		return -EINVAL;
	value = min(value / (PAGE_SIZE / 1024), (u64)MAX_RA_PAGES);
	WRITE_ONCE(bdev->bd_disk->ra_pages, (u32)value);
	return 0;
}

static int show_write_cache(struct block_device *bdev, struct seq_file *m)
{
	bool on = queue_of(bdev) ? blk_queue_has_write_cache(queue_of(bdev)) :
				   bdev->bd_disk->write_cache;

	seq_printf(m, "write %s\n", on ? "back" : "through");
	return 0;
}

/* The device itself is switched where it can be. */
static int store_write_cache(struct block_device *bdev, const char *text)
{
	struct gendisk *disk = bdev->bd_disk;
	bool on = strcmp(text, "write back") == 0;

	if (!on && strcmp(text, "write through") != 0)
		return -EINVAL;
	if (!disk->fops || !disk->fops->set_write_cache)
		return -EOPNOTSUPP;
	return disk->fops->set_write_cache(disk, on);
}

static const struct sysfs_attr attrs[] = {
	{"dev", SYSFS_DISK | SYSFS_PART, 0444, show_dev, NULL},
	{"size", SYSFS_DISK | SYSFS_PART, 0444, show_size, NULL},
	{"ro", SYSFS_DISK | SYSFS_PART, 0444, show_ro, NULL},
	{"stat", SYSFS_DISK | SYSFS_PART, 0444, show_stat, NULL},
	{"uevent", SYSFS_DISK | SYSFS_PART, 0444, show_uevent, NULL},
	{"alignment_offset", SYSFS_DISK, 0444, show_alignment_offset, NULL},
	{"removable", SYSFS_DISK, 0444, show_zero, NULL},
	{"serial", SYSFS_DISK, 0444, show_serial, NULL},
	{"cache_type", SYSFS_DISK, 0644, show_write_cache, store_write_cache},
	{"partition", SYSFS_PART, 0444, show_partition, NULL},
	{"start", SYSFS_PART, 0444, show_start, NULL},
	{"scheduler", SYSFS_QUEUE, 0644, show_scheduler, store_scheduler},
	{"nomerges", SYSFS_QUEUE, 0644, show_nomerges, store_nomerges},
	{"write_cache", SYSFS_QUEUE, 0644, show_write_cache, store_write_cache},
	{"nr_requests", SYSFS_QUEUE, 0444, show_nr_requests, NULL},
	{"logical_block_size", SYSFS_QUEUE, 0444, show_logical, NULL},
	{"physical_block_size", SYSFS_QUEUE, 0444, show_physical, NULL},
	{"hw_sector_size", SYSFS_QUEUE, 0444, show_logical, NULL},
	{"minimum_io_size", SYSFS_QUEUE, 0444, show_io_min, NULL},
	{"optimal_io_size", SYSFS_QUEUE, 0444, show_io_opt, NULL},
	{"max_sectors_kb", SYSFS_QUEUE, 0444, show_max_kb, NULL},
	{"max_hw_sectors_kb", SYSFS_QUEUE, 0444, show_max_kb, NULL},
	{"max_segments", SYSFS_QUEUE, 0444, show_max_segments, NULL},
	{"max_segment_size", SYSFS_QUEUE, 0444, show_max_segment_size, NULL},
	{"max_discard_segments", SYSFS_QUEUE, 0444, show_max_discard_segments, NULL},
	{"discard_granularity", SYSFS_QUEUE, 0444, show_discard_granularity, NULL},
	{"discard_max_bytes", SYSFS_QUEUE, 0444, show_discard_max, NULL},
	{"discard_max_hw_bytes", SYSFS_QUEUE, 0444, show_discard_max, NULL},
	{"write_zeroes_max_bytes", SYSFS_QUEUE, 0444, show_zeroes_max, NULL},
	{"read_ahead_kb", SYSFS_QUEUE, 0644, show_read_ahead_kb, store_read_ahead_kb},
	{"rotational", SYSFS_QUEUE, 0444, show_rotational, NULL},
	{"io_poll", SYSFS_QUEUE, 0444, show_polled, NULL},
};

const struct sysfs_attr *sysfs_attr_nth(u32 n)
{
	return n < ARRAY_SIZE(attrs) ? &attrs[n] : NULL;
}
