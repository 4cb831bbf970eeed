/*
 * Interval timers of a process: of the clock, and of the processor time that it uses.
 *
 * A fork begins without any, an exec keeps them: the thread, which carries the latter two, stays.
 * Also there: processes
 */
#include "kernel/arch/clock.h"
#include "kernel/proc/process.h"
#include "kernel/sched/tick.h"

static void alarm_fire(struct timer *t)
{
	struct process *p = container_of(t, struct process, alarm);
	u64 interval = p->itimer_interval_ns[ITIMER_REAL];

	PROC_GUARD();
	signal_send_locked(p, SIGALRM, NULL);
	if (interval && p->state != PROC_ZOMBIE)
		timer_mod(t, t->expires + interval);
}

static void set_alarm(struct process *p, const struct itimer_ns *new, struct itimer_ns *old)
{
	ktime_t now = ktime_get_ns();

	if (timer_armed(&p->alarm))
		old->value = p->alarm.expires > now ? p->alarm.expires - now : NSEC_PER_USEC;
	if (!new)
		return;
	(void)timer_del(&p->alarm); /* from here on nobody else looks at it */
	timer_init(&p->alarm, alarm_fire);
	p->itimer_interval_ns[ITIMER_REAL] = new->interval;
	if (new->value)
		timer_mod(&p->alarm, now + new->value);
}

void process_itimer(u32 which, const struct itimer_ns *new, struct itimer_ns *old)
{
	struct process *p = current_process();
	u64 *at, now;

	*old = (struct itimer_ns){p->itimer_interval_ns[which], 0};
	if (which == ITIMER_REAL) {
		set_alarm(p, new, old);
		return;
	}
	PROC_GUARD(); /* the tick stays out */
	at = &current->cpu_timer_ns[which - ITIMER_VIRTUAL];
	now = cpu_timer_clock(current, which - ITIMER_VIRTUAL);
	if (*at)
		old->value = *at > now ? *at - now : TICK_NS;
	if (new) {
		p->itimer_interval_ns[which] = new->interval;
		*at = new->value ? now + new->value : 0;
	}
}

static void cpu_timer_expire(struct thread *t)
{
	static const u8 signals[] = {[CPU_TIMER_VIRTUAL] = SIGVTALRM, [CPU_TIMER_PROF] = SIGPROF};
	struct process *p;

	PROC_GUARD();
	p = t->process;
	for (u32 i = 0; i < ARRAY_SIZE(t->cpu_timer_ns); i++) {
		u64 *at = &t->cpu_timer_ns[i], now = cpu_timer_clock(t, i), interval;

		if (!*at || now < *at)
			continue;
		interval = p ? p->itimer_interval_ns[ITIMER_VIRTUAL + i] : 0;
		/* What came between two ticks is one. */
		*at = interval ? now + interval - (now - *at) % interval : 0;
		if (p)
			signal_send_locked(p, signals[i], NULL);
	}
}

void proc_itimer_init(void)
{
	sched_cpu_timer_hook = cpu_timer_expire;
}
