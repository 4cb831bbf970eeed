/*
 * Character devices: from a device number to file operations.
 * Also there: character devices
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct file_operations;

/* Announce a device. name: as it appears in /dev; mode: permission bits there. Owns: name and fops
 * stay the caller's. Returns: 0, -EBUSY, -ENOMEM. */
int must_check register_chrdev(dev_t dev, const char *name, mode_t mode,
			       const struct file_operations *fops);
/* open of a char node: replaces file->f_op by the driver's and calls its open. -ENXIO if none. */
extern const struct file_operations def_chr_fops;
/* Walk all for devfs; stops at non-zero. */
int chrdev_for_each(int (*fn)(const char *name, dev_t dev, mode_t mode, void *arg), void *arg);
