/*
 * The tick: time is accounted to threads, slices end, timers run.
 * Also there: processor time is counted
 */
#include "kernel/sched/tick.h"

#include "kernel/arch/clock.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"

#undef current /* the macro hides the field of struct cpu, which this file reads */

#define LOAD_TICKS (5 * HZ)
#define LOAD_SHIFT 11 /* Linux's FSHIFT */

static u64 idle_ns;    /* [tick] */
static u64 avenrun[3]; /* [tick] */

/* Linux's CALC_LOAD: each average moves towards the number of threads by its factor. */
static void update_loadavg(void)
{
	static const u64 factors[3] = {1884, 2014, 2037};
	static u32 ticks;

	if (++ticks < LOAD_TICKS)
		return;
	ticks = 0;
	for (int i = 0; i < 3; i++)
		avenrun[i] = (avenrun[i] * factors[i] +
			      ((u64)sched_nr_running() << LOAD_SHIFT) * (2048 - factors[i])) >>
			     LOAD_SHIFT;
}

void (*sched_cpu_timer_hook)(struct thread *t);

static void run_cpu_timers(struct thread *t)
{
	for (u32 i = 0; i < ARRAY_SIZE(t->cpu_timer_ns); i++)
		if (t->cpu_timer_ns[i] && cpu_timer_clock(t, i) >= t->cpu_timer_ns[i])
			sched_cpu_timer_hook(t);
}

void sched_tick(bool from_user)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->current;

	if (t == cpu->idle)
		idle_ns += TICK_NS;
	else if (from_user)
		t->utime_ns += TICK_NS;
	else
		t->stime_ns += TICK_NS;
	run_cpu_timers(t);
	if (t->slice > 0 && --t->slice == 0)
		cpu->need_resched = true;
	update_loadavg();
	timers_tick();
}

void sched_loadavg(u64 avg[3])
{
	for (int i = 0; i < 3; i++)
		avg[i] = READ_ONCE(avenrun[i]);
}

u64 sched_idle_ns(void)
{
	return READ_ONCE(idle_ns);
}
