/*
 * /proc: its directories. kernel/proc adds those of the processes.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/procfs.h"

#include "fs/pseudo/procfs_internal.h"

#define PROC_MAGIC 0x9fa0u

struct pseudo_fs proc_fs = {
	.type = {.name = "proc", .single = true, .fill_super = pseudo_fill_super},
	.magic = PROC_MAGIC,
	.absent_is_error = true,
	.root = {.mode = S_IFDIR | 0555, .numbered = true},
};
struct pseudo_entry proc_sys_kernel = {"kernel", .mode = S_IFDIR | 0555};

void procfs_init(void)
{
	static struct pseudo_entry ringlet = {"ringlet", .mode = S_IFDIR | 0555};
	static struct pseudo_entry sys = {"sys", .mode = S_IFDIR | 0555};
	static struct pseudo_entry fs = {"fs", .mode = S_IFDIR | 0555};
	static struct pseudo_entry vm = {"vm", .mode = S_IFDIR | 0555};

	register_filesystem(&proc_fs.type);
	proc_files_init(&proc_fs.root, &ringlet);
	proc_sysctl_init(&proc_sys_kernel, &vm);
	proc_counts_init(&fs);
	pseudo_add(&proc_fs.root, &ringlet, 1);
	pseudo_add(&proc_fs.root, &sys, 1);
	pseudo_add(&sys, &proc_sys_kernel, 1);
	pseudo_add(&sys, &vm, 1);
	pseudo_add(&sys, &fs, 1);
}
