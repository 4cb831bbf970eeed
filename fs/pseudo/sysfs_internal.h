/*
 * Between sysfs.c (the tree), sysfs_attrs.c (the files in it) and /proc, which shows some of them.
 * Also there: /dev, /proc and /sys
 */
#pragma once

#include "kernel/lib/types.h"

struct block_device;
struct pseudo_entry;
struct seq_file;

/* Put the files of a disk, a partition and a queue into their directories. */
void sysfs_attrs_init(struct pseudo_entry *disk, struct pseudo_entry *part,
		      struct pseudo_entry *queue);
/* Linux's 17 fields and the end of the line, as /sys (wide) or /proc has them. */
void seq_disk_stats(struct seq_file *m, struct block_device *bdev, bool wide);
