/*
 * Settings below /proc/sys that belong to no layer above (sysctl(5)).
 * Also there: /dev, /proc and /sys
 */
#include "fs/cache/pagemap.h"
#include "fs/dcache.h"
#include "fs/inode.h"
#include "fs/pseudo/procfs.h"
#include "fs/pseudo/procfs_internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* drop_caches(5): bits of what is written. */
#define DROP_PAGES  1
#define DROP_NAMES  2
#define DROP_SILENT 4 /* we never tell */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

int proc_parse_ints(const char *text, int *values, int max_values)
{
	int n = 0;

	for (;; n++) {
		bool negative;
		u64 value;

		while (is_space(*text))
			text++;
		if (!*text || n == max_values)
			break;
		negative = *text == '-';
		if (kstrtou64(text + negative, 10, &value, &text) || value > S32_MAX ||
		    (*text && !is_space(*text)))
			return -EINVAL;
		values[n] = negative ? -(int)value : (int)value;
	}
	return n > 0 ? n : -EINVAL;
}

static int show_printk(struct seq_file *m)
{
	seq_printf(m, "%d\t%d\t%d\t%d\n", console_printk[0], console_printk[1], console_printk[2],
		   console_printk[3]);
	return 0;
}

static int write_printk(const struct pseudo_node *of, char *text, size_t len)
{
	int values[4], n = proc_parse_ints(text, values, 4);

	(void)of;
	(void)len;
	for (int i = 0; i < n; i++)
		WRITE_ONCE(console_printk[i], values[i]);
	return min(n, 0);
}

/* What is clean and unused goes: it can be read again. */
static int write_drop_caches(const struct pseudo_node *of, char *text, size_t len)
{
	int what, n = proc_parse_ints(text, &what, 1);

	(void)of;
	(void)len;
	if (n < 0 || what < DROP_PAGES || what > DROP_SILENT)
		return -EINVAL;
	if (what & DROP_NAMES) {
		(void)shrink_dcache(~0ul);
		(void)shrink_icache(~0ul);
	}
	if (what & DROP_PAGES)
		(void)shrink_page_cache(~0ul >> 8, NULL);
	return 0;
}

void proc_sysctl_init(struct pseudo_entry *kernel, struct pseudo_entry *vm)
{
	static struct pseudo_entry printk = {"printk", S_IFREG | 0644, .show = show_printk,
					     .write = write_printk};
	static struct pseudo_entry drop_caches = {"drop_caches", S_IFREG | 0200,
						  .write = write_drop_caches};

	pseudo_add(kernel, &printk, 1);
	pseudo_add(vm, &drop_caches, 1);
}
