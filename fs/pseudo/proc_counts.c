/*
 * /proc/sys/fs: how many inodes, dentries and open files there are, in Linux's formats (proc(5)).
 *
 * A test compares them before and after, and finds what was leaked. The first number less the
 * second is in use.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/procfs_internal.h"

#include "fs/dcache.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pseudo/pseudo.h"

static int show_inode_nr(struct seq_file *m)
{
	struct cache_stats s;

	icache_get_stats(&s);
	seq_printf(m, "%u\t%u\n", s.nr, s.unused);
	return 0;
}

static int show_inode_state(struct seq_file *m)
{
	struct cache_stats s;

	icache_get_stats(&s);
	seq_printf(m, "%u\t%u\t0\t0\t0\t0\t0\n", s.nr, s.unused);
	return 0;
}

/* The third is the age in seconds that Linux, too, does not use any more. */
static int show_dentry_state(struct seq_file *m)
{
	struct cache_stats s;

	dcache_get_stats(&s);
	seq_printf(m, "%u\t%u\t45\t0\t%u\t0\n", s.nr, s.unused, s.negative);
	return 0;
}

static int show_file_nr(struct seq_file *m)
{
	seq_printf(m, "%u\t0\t%d\n", files_nr_open(), FILES_MAX);
	return 0;
}

static int show_file_max(struct seq_file *m)
{
	seq_printf(m, "%d\n", FILES_MAX);
	return 0;
}

void proc_counts_init(struct pseudo_entry *fs)
{
	static struct pseudo_entry files[] = {
		{"dentry-state", S_IFREG | 0444, .show = show_dentry_state},
		{"file-max", S_IFREG | 0444, .show = show_file_max},
		{"file-nr", S_IFREG | 0444, .show = show_file_nr},
		{"inode-nr", S_IFREG | 0444, .show = show_inode_nr},
		{"inode-state", S_IFREG | 0444, .show = show_inode_state},
	};

	pseudo_add(fs, files, ARRAY_SIZE(files));
}
