/*
 * /proc: files whose text is made when they are opened. Layers below and above register theirs.
 * Also there: /dev, /proc and /sys
 */
#pragma once

#include "fs/vfs/seq_file.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/mm/iov_iter.h"

struct path;

/* A file directly in /proc ("meminfo") or below ("sys/kernel/hostname": directories are made).
 * show fills the text. write (may be NULL) takes what a program wrote. Returns: 0 or -ENOMEM. */
int must_check proc_create(const char *name, mode_t mode, int (*show)(struct seq_file *m),
			   int (*write)(const char *text, size_t len));

/* Decimal numbers with white space between, for write. Returns: how many, or -EINVAL. */
int must_check proc_parse_ints(const char *text, int *values, int max_values);

/* The per-process directories, filled by kernel/proc. A pid is named by number; "self" by the op.
 * Numbers are used again: with the time of birth they tell processes apart. */
struct proc_pid_entry {
	const char *name; /* "stat" */
	mode_t mode;	  /* with S_IFREG, S_IFLNK or S_IFDIR (fd) */
	int what;	  /* for the functions */
	int (*show)(pid_t pid, int what, struct seq_file *m);	 /* files. -ESRCH: gone */
	int (*get_link)(pid_t pid, int what, struct path *path); /* magic links; references held */
	int (*write)(pid_t pid, const char *text, size_t len);	 /* NULL: nobody may */
};
struct proc_pid_ops {
	const struct proc_pid_entry *entries;		 /* ended by name NULL */
	pid_t (*next_pid)(pid_t after);			 /* smallest pid > after, or 0 */
	u64 (*birth)(pid_t pid, uid_t *uid, gid_t *gid); /* 0: there is no such process */
	pid_t (*self)(void);
	/* /proc/PID/fd: */
	/* The next open one, and its link's mode, which tells how it is open; or -1. */
	int (*fd_next)(pid_t pid, int from, mode_t *mode);
	int (*fd_link)(pid_t pid, int fd, struct path *path);
};
/* Set once at boot, before /proc is mounted. */
extern const struct proc_pid_ops *proc_pid_ops;
void procfs_init(void);
