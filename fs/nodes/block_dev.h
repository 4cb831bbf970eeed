/*
 * Block nodes: a block device as a file.
 * Path: hop 2
 */
#pragma once

#include "kernel/lib/types.h"

struct file;
struct file_operations;

extern const struct file_operations def_blk_fops; /* read, write, fsync, ioctl (BLK*) */
long blkdev_ioctl(struct file *file, u32 cmd, u64 arg);
