/*
 * Wait queues: sleep until a condition holds. Waiting is always a loop around the condition.
 *
 *	wait_event(&wq, condition)                 sleeps uninterruptibly
 *	wait_event_interruptible(&wq, condition)   0, or -ERESTARTSYS on a signal
 *	wait_event_timeout(&wq, condition, ns)     true if the condition held in time
 *
 * Lost wakeups cannot happen: the waiter is queued and its state set before the condition is
 * tested; the waker makes the condition true before it calls wake_up().
 * Path: hop 14
 */
#pragma once

#include "kernel/lib/errno.h"
#include "kernel/lib/list.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/spinlock.h"

struct wait_queue_head {
	struct spinlock lock;
	struct list_head waiters; /* [lock] */
};

struct wait_queue_entry {
	struct list_head list; /* [wq->lock] */
	struct thread *thread; /* [const] */
	bool exclusive;	       /* [const] wake_up() wakes one of these, all of the others */
	/* Called instead of waking the thread when not NULL (poll). Context: any, head's lock held.
	 * Returns: whether an exclusive waiter was woken. */
	bool (*func)(struct wait_queue_entry *wait);
};

#define WAIT_QUEUE_INIT(name)                                                   \
	{                                                                       \
		SPINLOCK_INIT(#name, LOCK_WAIT), LIST_HEAD_INIT((name).waiters) \
	}

void init_waitqueue_head(struct wait_queue_head *wq);
void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *wait);
void remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *wait);
/* Queue and set the state, as Linux's. */
void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait,
		     enum thread_state state);
void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait);
void init_wait_entry(struct wait_queue_entry *wait);
/* Wake all non-exclusive waiters and one exclusive one / all. Context: any. */
void wake_up(struct wait_queue_head *wq);
void wake_up_all(struct wait_queue_head *wq);
/* As wake_up, by a caller that holds wq->lock. */
void wake_up_locked(struct wait_queue_head *wq);
bool waitqueue_active(struct wait_queue_head *wq);
/* Sleep at most `ns`, or without an end. Returns: nanoseconds left (0: timed out). State must have
 * been set. */
u64 schedule_timeout(u64 ns);
#define WAIT_FOREVER (~0ull)
/* Sleep for ns. Returns: 0, or nanoseconds left when `interruptible` and a signal came. */
u64 thread_sleep_ns(u64 ns, bool interruptible);

/* Returns: 0: the condition holds; -ETIME: ns are over; -ERESTARTSYS: a signal came. */
#define wait_event_state(wq, condition, state, ns)               \
	({                                                       \
		struct wait_queue_entry wait_e;                  \
		u64 wait_left = (ns);                            \
		int wait_ret = 0;                                \
		might_sleep();                                   \
		init_wait_entry(&wait_e);                        \
		for (;;) {                                       \
			prepare_to_wait((wq), &wait_e, (state)); \
			if (condition)                           \
				break;                           \
			wait_ret = wait_end((state), wait_left); \
			if (wait_ret < 0)                        \
				break;                           \
			wait_left = schedule_timeout(wait_left); \
		}                                                \
		finish_wait((wq), &wait_e);                      \
		wait_ret;                                        \
	})

/* Of a wait whose condition does not hold. Returns: 0 to go on. */
static inline int wait_end(enum thread_state state, u64 left)
{
	if (state == THREAD_INTERRUPTIBLE && signal_pending())
		return -ERESTARTSYS;
	return left ? 0 : -ETIME;
}

#define wait_event(wq, condition) \
	((void)wait_event_state(wq, condition, THREAD_UNINTERRUPTIBLE, WAIT_FOREVER))
#define wait_event_interruptible(wq, condition) \
	wait_event_state(wq, condition, THREAD_INTERRUPTIBLE, WAIT_FOREVER)
#define wait_event_timeout(wq, condition, ns) \
	(wait_event_state(wq, condition, THREAD_UNINTERRUPTIBLE, ns) == 0)

/* One event that happens once: I/O done, thread ended. */
struct completion {
	bool done; /* [wq.lock] */
	struct wait_queue_head wq;
};
void init_completion(struct completion *c);
/* Context: any. The completion may be on the waiter's stack: complete() does not touch it after
 * the waiter can return. */
void complete(struct completion *c);
void wait_for_completion(struct completion *c);
