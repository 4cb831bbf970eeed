/*
 * The files of /sys/block, with Linux's names, units and formats.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/sysfs_internal.h"

#include "block/blk-stat.h"
#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/cache/bdev_cache.h"
#include "fs/pseudo/pseudo.h"
#include "fs/stat.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define STORE_MAX 64u /* bytes; no setting is longer */

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
SHOW(read_ahead_kb, bdev_ra_pages(bdev) * (PAGE_SIZE / 1024))
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
	return bdev_set_ra_pages(bdev, value / (PAGE_SIZE / 1024));
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

/* --- the tables --- */

struct sysfs_attr {
	struct pseudo_entry entry;
	/* Both return 0 or -errno. Locks: the disk's open_mutex held, the disk not dead. */
	int (*show)(struct block_device *bdev, struct seq_file *m);
	int (*store)(struct block_device *bdev, const char *text);
};

/* Run an attribute's op; the disk cannot go meanwhile. `text` NULL: show. */
static int attr_call(const struct pseudo_node *of, struct seq_file *m, const char *text)
{
	const struct sysfs_attr *a = container_of(of->entry, struct sysfs_attr, entry);
	struct block_device *bdev = bdget(of->id);
	int err = -ENODEV;

	if (!bdev)
		return -ENODEV;
	mutex_lock(&bdev->bd_disk->open_mutex);
	if (!bdev->bd_disk->dead)
		err = text ? a->store(bdev, text) : a->show(bdev, m);
	mutex_unlock(&bdev->bd_disk->open_mutex);
	bdput(bdev);
	return err;
}

static int attr_show(struct seq_file *m)
{
	return attr_call(m->private, m, NULL);
}

/* What is written ends at its newline, if it has one. */
static int attr_write(const struct pseudo_node *of, char *text, size_t len)
{
	char *end = strchr(text, '\n');

	if (!container_of(of->entry, struct sysfs_attr, entry)->store)
		return -EIO;
	if (len >= STORE_MAX)
		return -EINVAL;
	if (end)
		*end = '\0';
	return attr_call(of, NULL, text);
}

#define ATTR(name, mode, show_fn, store_fn)                                                \
	{                                                                                  \
		.entry = {name, S_IFREG | (mode), .show = attr_show, .write = attr_write}, \
		.show = show_fn, .store = store_fn                                         \
	}

static struct sysfs_attr of_disk[] = {
	ATTR("dev", 0444, show_dev, NULL),
	ATTR("size", 0444, show_size, NULL),
	ATTR("ro", 0444, show_ro, NULL),
	ATTR("stat", 0444, show_stat, NULL),
	ATTR("uevent", 0444, show_uevent, NULL),
	ATTR("alignment_offset", 0444, show_alignment_offset, NULL),
	ATTR("removable", 0444, show_zero, NULL),
	ATTR("serial", 0444, show_serial, NULL),
	ATTR("cache_type", 0644, show_write_cache, store_write_cache),
};
static struct sysfs_attr of_part[] = {
	ATTR("dev", 0444, show_dev, NULL),	 ATTR("size", 0444, show_size, NULL),
	ATTR("ro", 0444, show_ro, NULL),	 ATTR("stat", 0444, show_stat, NULL),
	ATTR("uevent", 0444, show_uevent, NULL), ATTR("partition", 0444, show_partition, NULL),
	ATTR("start", 0444, show_start, NULL),
};
static struct sysfs_attr of_queue[] = {
	ATTR("scheduler", 0644, show_scheduler, store_scheduler),
	ATTR("nomerges", 0644, show_nomerges, store_nomerges),
	ATTR("write_cache", 0644, show_write_cache, store_write_cache),
	ATTR("nr_requests", 0444, show_nr_requests, NULL),
	ATTR("logical_block_size", 0444, show_logical, NULL),
	ATTR("physical_block_size", 0444, show_physical, NULL),
	ATTR("hw_sector_size", 0444, show_logical, NULL),
	ATTR("minimum_io_size", 0444, show_io_min, NULL),
	ATTR("optimal_io_size", 0444, show_io_opt, NULL),
	ATTR("max_sectors_kb", 0444, show_max_kb, NULL),
	ATTR("max_hw_sectors_kb", 0444, show_max_kb, NULL),
	ATTR("max_segments", 0444, show_max_segments, NULL),
	ATTR("max_segment_size", 0444, show_max_segment_size, NULL),
	ATTR("max_discard_segments", 0444, show_max_discard_segments, NULL),
	ATTR("discard_granularity", 0444, show_discard_granularity, NULL),
	ATTR("discard_max_bytes", 0444, show_discard_max, NULL),
	ATTR("discard_max_hw_bytes", 0444, show_discard_max, NULL),
	ATTR("write_zeroes_max_bytes", 0444, show_zeroes_max, NULL),
	ATTR("read_ahead_kb", 0644, show_read_ahead_kb, store_read_ahead_kb),
	ATTR("rotational", 0444, show_rotational, NULL),
	ATTR("io_poll", 0444, show_polled, NULL),
};

static void add(struct pseudo_entry *dir, struct sysfs_attr *attrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pseudo_add(dir, &attrs[i].entry, 1);
}

void sysfs_attrs_init(struct pseudo_entry *disk, struct pseudo_entry *part,
		      struct pseudo_entry *queue)
{
	add(disk, of_disk, ARRAY_SIZE(of_disk));
	add(part, of_part, ARRAY_SIZE(of_part));
	add(queue, of_queue, ARRAY_SIZE(of_queue));
}
