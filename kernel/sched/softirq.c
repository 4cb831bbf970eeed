/*
 * Softirqs: mark them pending, and run what is pending.
 *
 * Invariants:
 * 1. They run with interrupts on and softirq_depth > 0, so that none starts inside another.
 * 2. One run ends after MAX_ROUNDS; what is raised again by then waits for ksoftirqd
 *    (ksoftirqd.c), which shares the processor with the other threads.
 * Path: hop 14
 */
#include "kernel/sched/softirq.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/irq.h"
#include "kernel/sched/sched.h"

#define MAX_ROUNDS 8

static void (*handlers[SOFTIRQS])(void); /* [const after boot] */
static struct thread *ksoftirqd;	 /* [const after boot] */

void softirq_register(enum softirq nr, void (*handler)(void))
{
	handlers[nr] = handler;
}

void softirq_run_pending(struct cpu *cpu)
{
	cpu->softirq_depth++;
	for (int round = 0; cpu->softirq_pending != 0 && round < MAX_ROUNDS; round++) {
		u32 pending = cpu->softirq_pending;

		cpu->softirq_pending = 0;
		irq_enable();
		for (unsigned int nr = 0; nr < SOFTIRQS; nr++)
			if ((pending & (1u << nr)) && handlers[nr])
				handlers[nr]();
		irq_disable();
	}
	cpu->softirq_depth--;
	if (cpu->softirq_pending != 0)
		(void)wake_up_thread(ksoftirqd);
}

static void irq_exit(void)
{
	struct cpu *cpu = this_cpu();

	if (cpu->softirq_pending != 0 && cpu->softirq_depth == 0)
		softirq_run_pending(cpu);
}

/* Interrupts are off; `flags` tells what they were. */
static void run_or_leave(u64 flags)
{
	struct cpu *cpu = this_cpu();

	if (in_interrupt() || cpu->softirq_pending == 0)
		return;
	if ((flags & X86_FLAGS_IF) && cpu->spin_depth == 0)
		softirq_run_pending(cpu);
	else /* a handler may want the lock that the caller holds */
		(void)wake_up_thread(ksoftirqd);
}

void softirq_run(void)
{
	u64 flags = irq_save();

	run_or_leave(flags);
	irq_restore(flags);
}

void softirq_raise(enum softirq nr)
{
	u64 flags = irq_save();

	this_cpu()->softirq_pending |= 1u << nr;
	run_or_leave(flags);
	irq_restore(flags);
}

void softirq_init(struct thread *thread)
{
	ksoftirqd = thread;
	irq_exit_hook = irq_exit;
}
