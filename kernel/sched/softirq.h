/*
 * Softirqs: short work that is put off until interrupts are on. What a thread raises runs at once,
 * in that thread (the usual case here). What an interrupt raises runs at the end of the outermost
 * one. They never nest on one CPU, and must not sleep.
 * Path: hop 14
 */
#pragma once

#include "kernel/arch/cpu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/sched/spinlock.h"

enum softirq {
	SOFTIRQ_TIMER,
	SOFTIRQ_BLOCK,
	SOFTIRQ_TEST, /* of the in-kernel tests */
	SOFTIRQS,
};

void softirq_register(enum softirq nr, void (*handler)(void));
/* Mark it to run on this CPU soon: at interrupt exit, at once from thread context, or, where the
 * caller holds a spinlock or has interrupts off, by the ksoftirqd thread.
 * Context: any. */
void softirq_raise(enum softirq nr);
/* Run what is pending, at once or as softirq_raise says. Context: any. */
void softirq_run(void);
/* Hold softirqs off on this CPU, nestable; enabling runs those pending. What softirqs but no
 * interrupt handlers take can so be locked cheaper than with interrupts off. */
static inline void local_bh_disable(void)
{
	this_cpu()->softirq_depth++;
	barrier();
}
static inline void local_bh_enable(void)
{
	struct cpu *cpu = this_cpu();

	barrier();
	if (--cpu->softirq_depth == 0 && unlikely(READ_ONCE(cpu->softirq_pending) != 0))
		softirq_run();
}
/* For locks that softirqs and threads take, but no interrupt handlers. */
static inline void spin_lock_bh(struct spinlock *l)
{
	local_bh_disable();
	spin_lock(l);
}
static inline void spin_unlock_bh(struct spinlock *l)
{
	spin_unlock(l);
	local_bh_enable();
}

/* For ksoftirqd.c. From now on interrupts end with the pending softirqs; `thread` is woken for what
 * they leave over. */
void softirq_init(struct thread *thread);
/* Run what is pending. Context: interrupts off, and off again on return. */
void softirq_run_pending(struct cpu *cpu);
