/*
 * Softirqs: work that an interrupt handler leaves for the moment after it, with interrupts on.
 *
 * They run at the end of the outermost interrupt, never nested on one CPU, and must not sleep.
 */
#pragma once

#include "kernel/lib/types.h"

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
bool in_interrupt(void); /* in an interrupt handler or softirq */
/* Part of sched_init. */
void softirq_init(void);
