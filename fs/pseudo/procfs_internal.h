/*
 * Between procfs.c (the tree), proc_text.c (open files) and proc_files.c (the files of the system).
 * Also there: /dev, /proc and /sys
 */
#pragma once

#include "fs/pseudo/procfs.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

/* Inode numbers name the process in their high bits. */
#define PID_INO(pid) ((ino_t)(pid) << 24)
#define PID_OF(ino)  ((pid_t)((ino) >> 24))

struct proc_entry {
	struct list_head list; /* in the parent's children */
	struct list_head children;
	ino_t ino;
	char name[32];
	mode_t mode;
	int (*show)(struct seq_file *m);
	int (*write)(const char *text, size_t len);
};

struct file_operations;
extern const struct file_operations proc_fops;
void proc_files_init(void);
void proc_counts_init(void); /* /proc/sys/fs */
void proc_sysctl_init(void);
int proc_show_cpuinfo(struct seq_file *m);
