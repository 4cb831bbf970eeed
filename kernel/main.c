/* Boot: a flat list, one line and one reason a step. Each step may use what the lines above it
 * brought up, and panics with one line if it cannot be done. */
#include "kernel/arch/bootinfo.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/earlycon.h"
#include "kernel/arch/irq.h"
#include "kernel/arch/power.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/page.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/workqueue.h"
#include "tests/kernel/ktest.h"
#include "version.h"

/* Called by boot/boot.asm on the boot stack, interrupts off. */
void kernel_main(u32 magic, u32 info_pa) __noreturn;

static void tick(bool from_user)
{
	timers_tick();
	sched_tick(from_user);
}

/* The rest of boot, in a thread: from here on a step may sleep. */
static void boot_thread(void *arg)
{
	(void)arg;
	printk("boot: %llu us\n", ktime_get_ns() / NSEC_PER_USEC);
	if (cmdline_get("ktest"))
		ktest_run();
	power_off();
}

void kernel_main(u32 magic, u32 info_pa)
{
	earlycon_init();		/* whatever goes wrong below can say so */
	arch_boot_init(magic, info_pa); /* while the loader's data is still there */
	cmdline_init(bootinfo.cmdline); /* switches for everything below */
	trap_init();			/* a fault now prints registers; this_cpu() works */
	printk("Ringlet %s\n", RINGLET_VERSION);
	mm_init();	   /* our own page tables; memory can be allocated */
	sched_init();	   /* this context becomes the idle thread */
	irq_init();	   /* interrupt lines; interrupts are on from here */
	clock_init(tick);  /* time, and the tick that ends slices */
	workqueues_init(); /* the shared kworker */
	if (IS_ERR(kthread_run("boot", boot_thread, NULL)))
		panic("no memory for the boot thread");
	cpu_idle(); /* runs when nobody else wants to */
}
