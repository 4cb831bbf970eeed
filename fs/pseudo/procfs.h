/*
 * /proc: texts about the system, and directories for the processes. Layers below and above put
 * theirs into it.
 * Also there: /dev, /proc and /sys
 */
#pragma once

#include "fs/pseudo/pseudo.h"
#include "kernel/lib/compiler.h"

/* The directory /proc itself is proc_fs.root. Its numbered children and proc_fs.birth are the
 * processes', set once at boot, before it is mounted. */
extern struct pseudo_fs proc_fs;
extern struct pseudo_entry proc_sys_kernel; /* /proc/sys/kernel */

/* Decimal numbers with white space between, for write. Returns: how many, or -EINVAL. */
int must_check proc_parse_ints(const char *text, int *values, int max_values);
void procfs_init(void);
