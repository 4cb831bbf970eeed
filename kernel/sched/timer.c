/*
 * Timers: one list, ordered by time.
 *
 * Invariants:
 * 1. timers is sorted by `expires`; equal ones are in the order in which they were armed.
 * 2. `running` is the timer whose function runs now, or NULL.
 * Also there: timers
 */
#include "kernel/sched/timer.h"

#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/sched/softirq.h"
#include "kernel/sched/spinlock.h"

static struct spinlock timer_lock = SPINLOCK_INIT("timer", LOCK_TIMER);
static LIST_HEAD(timers);     /* [timer_lock] */
static struct timer *running; /* [timer_lock] */

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	INIT_LIST_HEAD(&t->list);
	t->expires = 0;
	t->fn = fn;
}

void timer_mod(struct timer *t, ktime_t expires)
{
	u64 flags = spin_lock_irqsave(&timer_lock);
	struct timer *after;

	list_del_init(&t->list);
	t->expires = expires;
	list_for_each_entry_reverse(after, &timers, list)
		if (after->expires <= expires)
			break;
	list_add(&t->list, &after->list); /* which is the head itself when none is earlier */
	spin_unlock_irqrestore(&timer_lock, flags);
}

bool timer_del(struct timer *t)
{
	u64 flags = spin_lock_irqsave(&timer_lock);
	bool armed = !list_empty(&t->list);

	list_del_init(&t->list);
	while (running == t) {
		spin_unlock_irqrestore(&timer_lock, flags);
		cpu_relax();
		flags = spin_lock_irqsave(&timer_lock);
		armed |= !list_empty(&t->list); /* it armed itself again */
		list_del_init(&t->list);
	}
	spin_unlock_irqrestore(&timer_lock, flags);
	return armed;
}

bool timer_armed(struct timer *t)
{
	u64 flags = spin_lock_irqsave(&timer_lock);
	bool armed = !list_empty(&t->list);

	spin_unlock_irqrestore(&timer_lock, flags);
	return armed;
}

/* The first timer if its time has come. */
static struct timer *expired_locked(void)
{
	struct timer *t;

	if (list_empty(&timers))
		return NULL;
	t = list_first_entry(&timers, struct timer, list);
	return t->expires <= ktime_get_ns() ? t : NULL;
}

/* The softirq. What a function arms for now runs at the next tick, so that the loop ends. After
 * the function has run its timer may be gone. */
static void run_timers(void)
{
	u64 flags = spin_lock_irqsave(&timer_lock);
	LIST_HEAD(expired);
	struct timer *t;

	while ((t = expired_locked()) != NULL)
		list_move_tail(&t->list, &expired);
	while (!list_empty(&expired)) {
		t = running = list_first_entry(&expired, struct timer, list);
		list_del_init(&t->list);
		spin_unlock_irqrestore(&timer_lock, flags);
		t->fn(t);
		flags = spin_lock_irqsave(&timer_lock);
	}
	running = NULL;
	spin_unlock_irqrestore(&timer_lock, flags);
}

void timers_tick(void)
{
	bool expired;

	spin_lock(&timer_lock);
	expired = expired_locked() != NULL;
	spin_unlock(&timer_lock);
	if (expired)
		softirq_raise(SOFTIRQ_TIMER);
}

void timers_init(void)
{
	softirq_register(SOFTIRQ_TIMER, run_timers);
}
