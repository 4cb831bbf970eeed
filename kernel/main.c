/*
 * Boot: a flat list, one line and one reason a step. Each step may use what the lines above it
 * brought up, and panics with one line if it cannot be done.
 * Also there: boot, step by step
 */
#include "block/blkdev.h"
#include "block/dm/dm.h"
#include "drivers/block/virtio_blk.h"
#include "drivers/char/char_init.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio_mmio.h"
#include "drivers/virtio/virtio_pci.h"
#include "fs/aio/aio.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/buffer_head.h"
#include "fs/cache/direct_io.h"
#include "fs/cache/pagemap.h"
#include "fs/dcache.h"
#include "fs/ext2/ext2.h"
#include "fs/inode.h"
#include "fs/nodes/eventfd.h"
#include "fs/nodes/pipe.h"
#include "fs/pseudo/devfs.h"
#include "fs/pseudo/procfs.h"
#include "fs/pseudo/sysfs.h"
#include "fs/super.h"
#include "fs/vfs/flusher.h"
#include "kernel/arch/bootinfo.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/earlycon.h"
#include "kernel/arch/irq.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/page.h"
#include "kernel/proc/process.h"
#include "kernel/sched/ksoftirqd.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/tick.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/workqueue.h"
#include "kernel/sys/syscall.h"
#include "tests/kernel/ktest.h"
#include "version.h"

/* Called by boot/boot.asm on the boot stack, interrupts off. */
void kernel_main(u32 magic, u32 info_pa) __noreturn;

/* Mount the root filesystem and /dev, or stop with one line that says what is missing. */
static void mount_filesystems(void)
{
	const char *root = cmdline_get("root");
	u32 flags = cmdline_get("ro") && !cmdline_get("rw") ? MS_RDONLY : 0;

	if (!root || !*root)
		panic("no root filesystem: wanted root=/dev/... on the command line");
	if (mount_root(root, cmdline_get("rootfstype"), flags, cmdline_get("rootflags")))
		panic("cannot mount the root filesystem from %s", root);
	if (do_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		panic("cannot mount /dev: wanted a directory of this name on %s", root);
}

/* The rest of boot, in a thread: from here on a step may sleep. */
static void boot_thread(void *arg)
{
	const char *init = cmdline_get("init");

	(void)arg;
	dcache_init();	    /* names */
	inode_init();	    /* files in memory */
	pagecache_init();   /* their pages */
	vmscan_init();	    /* pages can be taken back when memory is short */
	eventfd_init();	    /* one inode for all counters */
	pipe_init();	    /* FIFOs, for nodes on any filesystem */
	bdev_cache_init();  /* devices have inodes and pages too */
	devfs_init();	    /* /dev, filled as devices appear */
	procfs_init();	    /* /proc, filled by the layers that register there */
	sysfs_init();	    /* /sys, the same of disks */
	flusher_init();	    /* the flusher thread */
	direct_io_init();   /* the worker that ends direct writes */
	aio_init();	    /* the worker that ends asynchronous fsyncs */
	block_init();	    /* queues and their softirq, before the first disk */
	char_init();	    /* consoles, terminals, /dev/null and its kin */
	pci_init();	    /* find devices and bridges */
	virtio_blk_init();  /* the driver waits for its devices */
	virtio_pci_init();  /* disks on PCI appear */
	virtio_mmio_init(); /* disks that the command line announces */
	dm_init();	    /* virtual disks made of those */
	if (cmdline_get("ktest"))
		ktest_run();
	ext2_init();	     /* the only filesystem with a disk */
	mount_filesystems(); /* "/" and "/dev" */
	proc_init();	     /* faults, terminals and /proc know about programs */
	syscall_init();	     /* programs can call */
	proc_start_init(init && *init ? init : "/sbin/init");
}

void kernel_main(u32 magic, u32 info_pa)
{
	earlycon_init();		/* whatever goes wrong below can say so */
	arch_boot_init(magic, info_pa); /* while the loader's data is still there */
	cmdline_init(bootinfo.cmdline); /* switches for everything below */
	trap_init();			/* a fault now prints registers; this_cpu() works */
	printk("Ringlet %s\n", RINGLET_VERSION);
	mm_init();			/* our own page tables; memory can be allocated */
	sched_init();			/* this context becomes the idle thread */
	ksoftirqd_init();		/* softirqs at the end of interrupts */
	timers_init();			/* and the one that runs timers */
	irq_init();			/* interrupt lines; interrupts are on from here */
	clock_init(sched_tick);		/* time, and the tick that ends slices */
	printk_set_clock(ktime_get_ns); /* lines now carry it */
	workqueues_init();		/* the shared kworker */
	if (IS_ERR(kthread_run("boot", boot_thread, NULL)))
		panic("no memory for the boot thread");
	cpu_idle(); /* runs when nobody else wants to */
}
