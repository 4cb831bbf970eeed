/*
 * Wait queues and completions.
 *
 * Why no wake-up is lost: the waiter queues itself and sets its state under the queue's lock. It
 * then tests the condition. Then it calls schedule(), which sleeps only if the state is still the
 * one that was set. The waker makes the condition true, then takes the queue's lock. Either the
 * waiter's test comes after that and sees the condition, or the waker finds it queued with its
 * state set and makes it RUNNING again.
 *
 * Lock order: the queue's lock, then the run queue's.
 * Path: hop 14
 */
#include "kernel/sched/wait.h"

#include "kernel/arch/clock.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"

void init_waitqueue_head(struct wait_queue_head *wq)
{
	spin_lock_init(&wq->lock, "waitqueue", LOCK_WAIT);
	INIT_LIST_HEAD(&wq->waiters);
}

void init_wait_entry(struct wait_queue_entry *wait)
{
	*wait = (struct wait_queue_entry){.thread = current};
	INIT_LIST_HEAD(&wait->list);
}

/* The others before the exclusive ones, and these in the order in which they came. */
static void queue_entry(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	if (wait->exclusive)
		list_add_tail(&wait->list, &wq->waiters);
	else
		list_add(&wait->list, &wq->waiters);
}

void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	u64 flags = spin_lock_irqsave(&wq->lock);

	queue_entry(wq, wait);
	spin_unlock_irqrestore(&wq->lock, flags);
}

void remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	u64 flags = spin_lock_irqsave(&wq->lock);

	list_del_init(&wait->list);
	spin_unlock_irqrestore(&wq->lock, flags);
}

void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait,
		     enum thread_state state)
{
	u64 flags = spin_lock_irqsave(&wq->lock);

	if (list_empty(&wait->list))
		queue_entry(wq, wait);
	set_current_state(state);
	spin_unlock_irqrestore(&wq->lock, flags);
}

void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	set_current_state(THREAD_RUNNING);
	/* Always by the lock: afterwards the waker is done with the queue, which may be freed. */
	remove_wait_queue(wq, wait);
}

static void wake_locked(struct wait_queue_head *wq, bool all)
{
	struct wait_queue_entry *wait, *tmp;

	list_for_each_entry_safe(wait, tmp, &wq->waiters, list) {
		bool woken = wait->func ? wait->func(wait) : wake_up_thread(wait->thread);

		if (woken && wait->exclusive && !all)
			break;
	}
}

static void wake_queue(struct wait_queue_head *wq, bool all)
{
	u64 flags = spin_lock_irqsave(&wq->lock);

	wake_locked(wq, all);
	spin_unlock_irqrestore(&wq->lock, flags);
}

void wake_up(struct wait_queue_head *wq)
{
	wake_queue(wq, false);
}

void wake_up_all(struct wait_queue_head *wq)
{
	wake_queue(wq, true);
}

void wake_up_locked(struct wait_queue_head *wq)
{
	wake_locked(wq, false);
}

bool waitqueue_active(struct wait_queue_head *wq)
{
	u64 flags = spin_lock_irqsave(&wq->lock);
	bool active = !list_empty(&wq->waiters);

	spin_unlock_irqrestore(&wq->lock, flags);
	return active;
}

void init_completion(struct completion *c)
{
	c->done = false;
	init_waitqueue_head(&c->wq);
}

void complete(struct completion *c)
{
	u64 flags = spin_lock_irqsave(&c->wq.lock);

	c->done = true;
	wake_locked(&c->wq, true);
	spin_unlock_irqrestore(&c->wq.lock, flags);
}

static bool completion_done(struct completion *c)
{
	u64 flags = spin_lock_irqsave(&c->wq.lock); /* so that complete() is through with it */
	bool done = c->done;

	spin_unlock_irqrestore(&c->wq.lock, flags);
	return done;
}

void wait_for_completion(struct completion *c)
{
	if (!completion_done(c))
		wait_event(&c->wq, completion_done(c));
}

/* --- also: sleep for a time ------------------------------------------------------------- */

struct sleeper {
	struct timer timer;
	struct thread *thread; /* [const] */
};

static void sleeper_expired(struct timer *t)
{
	(void)wake_up_thread(container_of(t, struct sleeper, timer)->thread);
}

u64 schedule_timeout(u64 ns)
{
	ktime_t now = ktime_get_ns(), end = now + ns < now ? ~0ull : now + ns;
	struct sleeper s = {.thread = current};

	if (ns == WAIT_FOREVER) {
		schedule();
		return ns;
	}
	timer_init(&s.timer, sleeper_expired);
	timer_mod(&s.timer, end);
	schedule();
	(void)timer_del(&s.timer);
	now = ktime_get_ns();
	return now < end ? end - now : 0;
}

u64 thread_sleep_ns(u64 ns, bool interruptible)
{
	while (ns > 0) {
		set_current_state(interruptible ? THREAD_INTERRUPTIBLE : THREAD_UNINTERRUPTIBLE);
		if (interruptible && signal_pending())
			break;
		ns = schedule_timeout(ns);
	}
	set_current_state(THREAD_RUNNING);
	return ns;
}
