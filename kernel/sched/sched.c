/*
 * The scheduler: one run queue, round robin.
 *
 * A thread that wakes goes to the front with what is left of its slice, and to the back when the
 * slice is used up. So a thread that mostly sleeps answers at once. And two threads that wake each
 * other keep a third one waiting for no longer than their slices.
 *
 * Invariants:
 * 1. on_rq: the thread is RUNNING, and it is current on a CPU or in rq.ready.
 * 2. A thread is put back into rq.ready, or leaves on_rq, only in its own schedule(). A wake-up
 *    before that only changes the state back to RUNNING, and schedule() sees it: none is lost.
 * 3. Until on_cpu is cleared, by the thread that runs next, no other CPU runs it.
 * Also there: who runs next
 */
#include "kernel/sched/sched.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/spinlock.h"

#undef current /* the macro hides the field of struct cpu, which this file sets */

#define SLICE_TICKS (HZ / 40) /* 25 ms */
#define SCHED_IDLE  5	      /* sched(7) */

static struct {
	struct spinlock lock;
	struct list_head ready; /* [lock] */
	u32 nr_running;		/* [lock] on_rq, without the idle threads */
	u64 switches;		/* [lock] */
} rq = {SPINLOCK_INIT("runqueue", LOCK_SCHED), LIST_HEAD_INIT(rq.ready), 0, 0};

static struct thread *switched_from[MAX_CPUS]; /* [this CPU, interrupts off] */
static struct thread idle_thread = {
	.name = "idle", .is_kernel = true, .on_cpu = true, .on_rq = true};

u32 sched_slice_ticks(const struct thread *t)
{
	return t->sched_policy == SCHED_IDLE ?
		       1 :
		       max(SLICE_TICKS * (u32)(20 - READ_ONCE(t->nice)) / 20, 1u);
}

static struct thread *pick_next(struct cpu *cpu, const struct thread *prev)
{
	struct thread *t;

	list_for_each_entry(t, &rq.ready, run) {
		if (t != prev && __atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE))
			continue; /* another CPU is still leaving it */
		list_del(&t->run);
		if (t->slice == 0)
			t->slice = sched_slice_ticks(t);
		return t;
	}
	return cpu->idle;
}

void sched_finish_switch(void)
{
	struct thread *prev = switched_from[this_cpu()->id];
	bool dead = prev->state == THREAD_DEAD;

	__atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
	if (dead)
		thread_discard(prev);
}

void (*sched_sleep_hook)(void);

void schedule(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *prev = cpu->current, *next;
	u64 flags;

	if (prev->state != THREAD_RUNNING && sched_sleep_hook)
		sched_sleep_hook();
	flags = irq_save();
	ASSERT(cpu->spin_depth == 0 && !in_interrupt() && cpu->pagefault_disabled == 0);
	spin_lock(&rq.lock);
	cpu->need_resched = false;
	if (prev->state == THREAD_INTERRUPTIBLE && signal_pending())
		prev->state = THREAD_RUNNING;
	if (prev->state != THREAD_RUNNING) {
		prev->on_rq = false;
		rq.nr_running--;
	} else if (prev != cpu->idle) {
		list_add_tail(&prev->run, &rq.ready);
	}
	next = pick_next(cpu, prev);
	if (next != prev) {
		next->on_cpu = true;
		rq.switches++;
	}
	cpu->current = next;
	spin_unlock(&rq.lock);
	if (next != prev) {
		switched_from[cpu->id] = prev;
		arch_switch(&prev->arch, &next->arch);
		sched_finish_switch();
	}
	irq_restore(flags);
}

void yield(void)
{
	schedule();
}

/* Wake t if its state is one of `states` (bits). */
static bool wake(struct thread *t, u32 states)
{
	u64 flags = spin_lock_irqsave(&rq.lock);
	struct cpu *cpu = this_cpu();
	bool woken = (states >> t->state) & 1;

	if (woken) {
		t->state = THREAD_RUNNING;
		if (!t->on_rq) {
			t->on_rq = true;
			rq.nr_running++;
			if (t->slice > 0)
				list_add(&t->run, &rq.ready);
			else
				list_add_tail(&t->run, &rq.ready);
			if (t->slice > 0 || cpu->current == cpu->idle)
				cpu->need_resched = true;
		}
	}
	spin_unlock_irqrestore(&rq.lock, flags);
	return woken;
}

bool wake_up_thread(struct thread *t)
{
	return wake(t, 1u << THREAD_INTERRUPTIBLE | 1u << THREAD_UNINTERRUPTIBLE);
}

bool wake_up_signal(struct thread *t, bool stopped)
{
	return wake(t, 1u << THREAD_INTERRUPTIBLE | (stopped ? 1u << THREAD_STOPPED : 0));
}

void set_current_state(enum thread_state state)
{
	u64 flags = spin_lock_irqsave(&rq.lock);

	current_thread()->state = state;
	spin_unlock_irqrestore(&rq.lock, flags);
}

#ifdef DEBUG_LOCKS
void might_sleep(void)
{
	const struct cpu *cpu = this_cpu();

	ASSERT(cpu->spin_depth == 0 && !in_interrupt() && cpu->pagefault_disabled == 0);
}
#endif

u32 sched_nr_running(void)
{
	return READ_ONCE(rq.nr_running);
}

u64 sched_total_switches(void)
{
	return READ_ONCE(rq.switches);
}

void (*sched_idle_hook)(void);

void cpu_idle(void)
{
	for (;;) {
		if (sched_idle_hook)
			sched_idle_hook();
		irq_disable();
		if (!this_cpu()->need_resched)
			cpu_idle_wait(); /* a wake-up from here on is an interrupt, and ends it */
		irq_enable();
		schedule();
	}
}

void sched_init(void)
{
	struct cpu *cpu = this_cpu();

	INIT_LIST_HEAD(&idle_thread.run);
	cpu->idle = &idle_thread;
	cpu->current = &idle_thread;
}
