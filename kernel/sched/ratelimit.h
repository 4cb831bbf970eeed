/*
 * A limit for messages that a device, a disk or a program can cause again and again.
 * Also there: messages are not repeated without end
 */
#pragma once

#include "kernel/arch/clock.h"
#include "kernel/sched/softirq.h"
#include "kernel/sched/spinlock.h"

#define RATELIMIT_BURST	      10u
#define RATELIMIT_INTERVAL_NS (5 * NSEC_PER_SEC)

struct ratelimit_state {
	struct spinlock lock;
	ktime_t end; /* [lock] of this interval */
	u32 asked;   /* [lock] lines of it, printed or not */
};

#define RATELIMIT_STATE_INIT(name)                                    \
	{                                                             \
		SPINLOCK_INIT(name, LOCK_QUEUE), .end = 0, .asked = 0 \
	}

/* May one more line be printed? Sets *missed to how many were not in the interval that ended, once,
 * else to 0. Context: any but an interrupt handler. */
static inline bool ratelimit(struct ratelimit_state *rs, u32 *missed)
{
	ktime_t now = ktime_get_ns();
	bool allowed;

	*missed = 0;
	spin_lock_bh(&rs->lock);
	if (now >= rs->end) {
		*missed = rs->asked > RATELIMIT_BURST ? rs->asked - RATELIMIT_BURST : 0;
		rs->end = now + RATELIMIT_INTERVAL_NS;
		rs->asked = 0;
	}
	allowed = ++rs->asked <= RATELIMIT_BURST;
	spin_unlock_bh(&rs->lock);
	return allowed;
}
