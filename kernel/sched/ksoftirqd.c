/*
 * The thread that runs softirqs where they could not run at once.
 * Also there: softirqs do not starve threads
 */
#include "kernel/sched/ksoftirqd.h"

#include "kernel/arch/cpu.h"
#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/softirq.h"

static void ksoftirqd_main(void *arg)
{
	struct cpu *cpu = this_cpu();

	(void)arg;
	for (;;) {
		set_current_state(THREAD_INTERRUPTIBLE);
		if (READ_ONCE(cpu->softirq_pending) == 0)
			schedule();
		set_current_state(THREAD_RUNNING);
		irq_disable();
		softirq_run_pending(cpu);
		irq_enable();
		yield();
	}
}

void ksoftirqd_init(void)
{
	struct thread *t = kthread_run("ksoftirqd", ksoftirqd_main, NULL);

	if (IS_ERR(t))
		panic("no memory for ksoftirqd");
	softirq_init(t);
}
