/*
 * The files of /proc that tell about the system, in Linux's formats (proc(5)).
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/procfs_internal.h"

#include "block/blk-stat.h"
#include "block/genhd.h"
#include "fs/cache/pagemap.h"
#include "fs/nodes/char_dev.h"
#include "fs/pseudo/pseudo.h"
#include "fs/pseudo/sysfs_internal.h"
#include "fs/super.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/irq.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/tick.h"

#define USER_HZ	   100u
#define NR_VECTORS 256u
#define KIB(pages) ((unsigned long long)(pages) * (PAGE_SIZE / 1024))

static int show_mounts(struct seq_file *m)
{
	return mounts_show(m, false);
}

static int show_cmdline(struct seq_file *m)
{
	seq_printf(m, "%s\n", cmdline_raw());
	return 0;
}

static void show_seconds(struct seq_file *m, u64 ns, char end)
{
	seq_printf(m, "%llu.%02llu%c", (unsigned long long)(ns / NSEC_PER_SEC),
		   (unsigned long long)(ns % NSEC_PER_SEC / (NSEC_PER_SEC / 100)), end);
}

static int show_uptime(struct seq_file *m)
{
	show_seconds(m, ktime_get_ns(), ' ');
	show_seconds(m, sched_idle_ns(), '\n');
	return 0;
}

static int show_meminfo(struct seq_file *m)
{
	struct pagecache_stats pc;
	struct mm_stats mm;

	mm_get_stats(&mm);
	pagecache_get_stats(&pc);
	const struct {
		const char *name;
		u64 pages;
	} rows[] = {
		{"MemTotal:", mm.total_pages},
		{"MemFree:", mm.free_pages},
		{"MemAvailable:", mm.free_pages + pc.cached - pc.dirty - pc.writeback},
		{"Buffers:", 0},
		{"Cached:", pc.cached},
		{"SwapCached:", 0},
		{"SwapTotal:", 0},
		{"SwapFree:", 0},
		{"Dirty:", pc.dirty},
		{"Writeback:", pc.writeback},
		{"Shmem:", 0},
		{"Slab:", mm.slab_pages},
		{"SReclaimable:", 0},
		{"SUnreclaim:", mm.slab_pages},
		{"PageTables:", mm.pagetable_pages},
	};
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		seq_printf(m, "%-15s %8llu kB\n", rows[i].name, KIB(rows[i].pages));
	return 0;
}

static u64 total_interrupts(void)
{
	u64 sum = 0;

	for (u32 v = 0; v < NR_VECTORS; v++)
		sum += irq_count(v);
	return sum;
}

/* The scheduler keeps idle time only, so all the rest is called user time. */
static int show_stat(struct seq_file *m)
{
	const u64 unit = NSEC_PER_SEC / USER_HZ;
	u64 idle_ns = sched_idle_ns(), now = ktime_get_ns();
	/* Rounded after the difference is taken: rounded before, it could go backwards. */
	unsigned long long busy = now > idle_ns ? (now - idle_ns) / unit : 0;

	for (u32 i = 0; i < 2; i++)
		seq_printf(m, "%s %llu 0 0 %llu 0 0 0 0 0 0\n", i ? "cpu0" : "cpu ", busy,
			   (unsigned long long)(idle_ns / unit));
	seq_printf(m, "intr %llu\nctxt %llu\nbtime %llu\nprocs_running %u\nprocs_blocked 0\n",
		   (unsigned long long)total_interrupts(),
		   (unsigned long long)sched_total_switches(),
		   (unsigned long long)((clock_realtime_ns() - ktime_get_ns()) / NSEC_PER_SEC),
		   sched_nr_running());
	return 0;
}

static int show_interrupts(struct seq_file *m)
{
	struct irq_info info;

	seq_printf(m, "            CPU0\n");
	for (u32 v = 0; v < NR_VECTORS; v++)
		if (irq_get_info(v, &info))
			seq_printf(m, "%4s: %10llu   %s\n", info.label,
				   (unsigned long long)irq_count(v), info.text);
	seq_printf(m, " ERR: %10llu\n", (unsigned long long)irq_count_bad());
	return 0;
}

/* Each major once: they come in order. */
struct major_walk {
	struct seq_file *m;
	u32 last;
};

static int show_chr_major(const char *name, dev_t dev, mode_t mode, void *arg)
{
	struct major_walk *w = arg;

	(void)mode;
	if (MAJOR(dev) != w->last)
		seq_printf(w->m, "%3u %s\n", MAJOR(dev), name);
	w->last = MAJOR(dev);
	return 0;
}

static int show_devices(struct seq_file *m)
{
	struct major_walk w = {m, 0};

	seq_printf(m, "Character devices:\n");
	chrdev_for_each(show_chr_major, &w);
	seq_printf(m, "\nBlock devices:\n");
	for (u32 major = 1; major < BLKDEV_MAJORS; major++)
		if (blkdev_names[major])
			seq_printf(m, "%3u %s\n", major, blkdev_names[major]);
	return 0;
}

static int show_partition(struct block_device *bdev, void *arg)
{
	char name[DISK_NAME_LEN + 8];

	if (!bdev_nr_sectors(bdev))
		return 0;
	bdev_name(bdev, name, sizeof(name));
	seq_printf(arg, "%4u  %7u %10llu %s\n", MAJOR(bdev->bd_dev), MINOR(bdev->bd_dev),
		   (unsigned long long)bdev_nr_sectors(bdev) / 2, name);
	return 0;
}

static int show_partitions(struct seq_file *m)
{
	seq_printf(m, "major minor  #blocks  name\n\n");
	return blk_for_each_device(show_partition, m);
}

static int show_diskstat(struct block_device *bdev, void *arg)
{
	char name[DISK_NAME_LEN + 8];

	if (bdev->bd_partno && !bdev_nr_sectors(bdev))
		return 0;
	bdev_name(bdev, name, sizeof(name));
	seq_printf(arg, "%4u %7u %s ", MAJOR(bdev->bd_dev), MINOR(bdev->bd_dev), name);
	seq_disk_stats(arg, bdev, false);
	return 0;
}

static int show_diskstats(struct seq_file *m)
{
	return blk_for_each_device(show_diskstat, m);
}

static int show_signals(struct block_device *bdev, void *arg)
{
	const struct gendisk *disk = bdev->bd_disk;
	u64 notifications = 0, interrupts = 0, bios = 0, requests = 0;
	struct disk_stats s;

	if (bdev->bd_partno || READ_ONCE(disk->dead) || !disk->fops || !disk->fops->get_signals)
		return 0;
	bdev_get_stats(bdev, &s);
	for (u32 i = 0; i < ARRAY_SIZE(s.merges); i++) {
		bios += s.ios[i] + s.merges[i];
		requests += s.ios[i];
	}
	disk->fops->get_signals(disk, &notifications, &interrupts);
	seq_printf(arg, "%s %llu %llu %llu %llu\n", disk->disk_name, (unsigned long long)bios,
		   (unsigned long long)requests, (unsigned long long)notifications,
		   (unsigned long long)interrupts);
	return 0;
}

/* Our own: what `make bench` shows of each disk, counted from boot. */
static int show_disks(struct seq_file *m)
{
	seq_printf(m, "disk bios requests notifications interrupts\n");
	return blk_for_each_device(show_signals, m);
}

void proc_files_init(struct pseudo_entry *root, struct pseudo_entry *ringlet)
{
	static struct pseudo_entry files[] = {
		{"cmdline", S_IFREG | 0444, .show = show_cmdline},
		{"cpuinfo", S_IFREG | 0444, .show = proc_show_cpuinfo},
		{"devices", S_IFREG | 0444, .show = show_devices},
		{"diskstats", S_IFREG | 0444, .show = show_diskstats},
		{"filesystems", S_IFREG | 0444, .show = filesystems_show},
		{"interrupts", S_IFREG | 0444, .show = show_interrupts},
		{"meminfo", S_IFREG | 0444, .show = show_meminfo},
		{"mounts", S_IFREG | 0444, .show = show_mounts},
		{"partitions", S_IFREG | 0444, .show = show_partitions},
		{"stat", S_IFREG | 0444, .show = show_stat},
		{"uptime", S_IFREG | 0444, .show = show_uptime},
	};
	static struct pseudo_entry disks = {"disks", S_IFREG | 0444, .show = show_disks};

	pseudo_add(root, files, ARRAY_SIZE(files));
	pseudo_add(ringlet, &disks, 1);
}
