/*
 * Between sysfs.c (the tree) and sysfs_attrs.c (the files in it).
 * Also there: /dev, /proc and /sys
 */
#pragma once

#include "fs/vfs/seq_file.h"
#include "kernel/lib/types.h"

struct block_device;

/* Where an attribute appears. */
#define SYSFS_DISK  1u
#define SYSFS_PART  2u
#define SYSFS_QUEUE 4u

struct sysfs_attr {
	const char *name;
	u32 where;
	mode_t mode;
	/* Both return 0 or -errno. Locks: the disk's open_mutex held, the disk not dead. */
	int (*show)(struct block_device *bdev, struct seq_file *m);
	int (*store)(struct block_device *bdev, const char *text);
};
/* The n-th of all attributes, or NULL after the last. */
const struct sysfs_attr *sysfs_attr_nth(u32 n);
/* Linux's 17 fields and the end of the line, as /sys (wide) or /proc has them. */
void seq_disk_stats(struct seq_file *m, struct block_device *bdev, bool wide);
