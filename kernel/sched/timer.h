/*
 * One-shot timers of tick resolution; the function runs in softirq context.
 * Also there: timers
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct timer {
	struct list_head list;	     /* [timer_lock] empty: not armed */
	ktime_t expires;	     /* [timer_lock] */
	void (*fn)(struct timer *t); /* [const] */
};

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Arm, or move, to absolute `expires`; one in the past fires at the next tick. Context: any. */
void timer_mod(struct timer *t, ktime_t expires);
/* Disarm; when it returns fn is not running on another CPU either. Returns: whether it was armed.
 * Context: not from fn itself, nor from an interrupt handler. */
bool timer_del(struct timer *t);
bool timer_armed(struct timer *t);
void timers_init(void);
/* Called by the tick. Context: interrupt. */
void timers_tick(void);
