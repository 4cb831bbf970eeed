/*
 * Locks, wait queues, softirqs, work and timers for one thread. Misuse that would hang a kernel
 * (locking twice, sleeping under a spinlock, waiting for what never comes) ends the test.
 */
#include "tests/host/host.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/softirq.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/workqueue.h"

#undef current /* the macro of thread.h hides the field of the same name */

/* Each has a thread of its own, which runs one work after the other: so a work that sleeps keeps
 * those behind it waiting, itself included, but not those of other queues. */
struct workqueue {
	struct list_head works;
	struct thread worker, *below; /* who was running when the worker began */
	bool running;
};

static struct thread main_thread = {.name = "test"};
struct cpu fake_cpu = {.self = &fake_cpu, .current = &main_thread};
bool fake_irqs_on = true;
bool (*fake_schedule_hook)(void);
void (*fake_mutex_hook)(struct mutex *m);
void (*sched_sleep_hook)(void);
void (*sched_idle_hook)(void);

static ktime_t now_ns = 1000000;
static void (*softirq_handlers[SOFTIRQS])(void);
static struct list_head timers = LIST_HEAD_INIT(timers);
static struct workqueue workqueues[4] = {{.works = LIST_HEAD_INIT(workqueues[0].works)}};
static u32 nr_workqueues = 1; /* the first is schedule_work's */

/* --- time --------------------------------------------------------------------------------- */

ktime_t ktime_get_ns(void)
{
	return now_ns;
}

u64 clock_realtime_coarse_ns(void)
{
	return clock_realtime_ns();
}

u64 clock_realtime_ns(void)
{
	return 1700000000ull * NSEC_PER_SEC + now_ns;
}

void udelay(u64 usec)
{
	now_ns += usec * NSEC_PER_USEC;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	INIT_LIST_HEAD(&t->list);
	t->fn = fn;
}

void timer_mod(struct timer *t, ktime_t expires)
{
	list_del_init(&t->list);
	t->expires = expires;
	list_add_tail(&t->list, &timers);
}

bool timer_del(struct timer *t)
{
	bool armed = timer_armed(t);

	list_del_init(&t->list);
	return armed;
}

bool timer_armed(struct timer *t)
{
	return !list_empty(&t->list);
}

/* The timer that expires first, if by `until`. */
static struct timer *first_timer(ktime_t until)
{
	struct timer *t, *first = NULL;

	list_for_each_entry(t, &timers, list)
		if (t->expires <= until && (!first || t->expires < first->expires))
			first = t;
	return first;
}

void fake_clock_advance(u64 ns)
{
	ktime_t until = now_ns + ns;
	struct timer *t;

	while ((t = first_timer(until)) != NULL) {
		now_ns = max(now_ns, t->expires);
		list_del_init(&t->list);
		fake_cpu.softirq_depth++;
		t->fn(t);
		fake_cpu.softirq_depth--;
	}
	now_ns = max(now_ns, until);
	fake_run_pending();
}

/* --- spinlocks ---------------------------------------------------------------------------- */

void spin_lock_init(struct spinlock *l, const char *name, enum lock_class class)
{
	*l = (struct spinlock)SPINLOCK_INIT(name, class);
}

void spin_lock(struct spinlock *l)
{
	if (l->raw.locked)
		panic("spinlock %s is taken twice", l->name);
	l->raw.locked = 1;
	l->owner = &fake_cpu;
	fake_cpu.spin_depth++;
}

void spin_unlock(struct spinlock *l)
{
	if (!l->raw.locked)
		panic("spinlock %s is not held", l->name);
	l->raw.locked = 0;
	l->owner = NULL;
	fake_cpu.spin_depth--;
}

bool spin_is_held(const struct spinlock *l)
{
	return l->raw.locked != 0;
}

/* --- softirqs and work -------------------------------------------------------------------- */

void softirq_register(enum softirq nr, void (*handler)(void))
{
	softirq_handlers[nr] = handler;
}

static bool run_softirqs(void)
{
	bool ran = false;

	while (fake_cpu.softirq_depth == 0 && fake_cpu.softirq_pending != 0) {
		unsigned int nr = (unsigned int)__builtin_ctz(fake_cpu.softirq_pending);

		fake_cpu.softirq_pending &= ~(1u << nr);
		fake_cpu.softirq_depth++;
		softirq_handlers[nr]();
		fake_cpu.softirq_depth--;
		ran = true;
	}
	return ran;
}

/* Left pending until fake_run_pending() or a sleep, as from an interrupt handler. */
void softirq_raise(enum softirq nr)
{
	fake_cpu.softirq_pending |= 1u << nr;
}

void softirq_run(void)
{
	run_softirqs();
}

void fake_bh_disable(void)
{
	fake_cpu.softirq_depth++;
}

void fake_bh_enable(void)
{
	ASSERT(fake_cpu.softirq_depth > 0);
	fake_cpu.softirq_depth--;
	run_softirqs();
}

void work_init(struct work *w, void (*fn)(struct work *w))
{
	INIT_LIST_HEAD(&w->list);
	w->fn = fn;
}

struct workqueue *workqueue_create(const char *name)
{
	struct workqueue *wq = &workqueues[nr_workqueues];

	(void)name;
	ASSERT(nr_workqueues < ARRAY_SIZE(workqueues));
	nr_workqueues++;
	INIT_LIST_HEAD(&wq->works);
	return wq;
}

bool queue_work(struct workqueue *wq, struct work *w)
{
	if (!list_empty(&w->list))
		return false;
	list_add_tail(&w->list, &wq->works);
	return true;
}

bool schedule_work(struct work *w)
{
	return queue_work(&workqueues[0], w);
}

/* As a thread of its own: whoever sleeps meanwhile has a plug and a list of bios that are not the
 * worker's. */
static bool run_works_of(struct workqueue *wq)
{
	bool ran = false;

	while (!wq->running && !list_empty(&wq->works)) {
		struct work *w = list_first_entry(&wq->works, struct work, list);

		list_del_init(&w->list);
		wq->running = true;
		wq->below = fake_cpu.current;
		fake_cpu.current = &wq->worker;
		w->fn(w);
		fake_cpu.current = wq->below;
		wq->running = false;
		ran = true;
	}
	return ran;
}

static bool run_work(void)
{
	bool ran = false;

	for (u32 i = 0; i < nr_workqueues; i++)
		ran |= run_works_of(&workqueues[i]);
	return ran;
}

void flush_work(struct work *w)
{
	(void)w;
	run_work();
}

bool fake_run_pending(void)
{
	bool ran = run_softirqs();

	return run_work() || ran;
}

/* --- threads and wait queues -------------------------------------------------------------- */

void fake_set_current(struct thread *t)
{
	fake_cpu.current = t ? t : &main_thread;
}

void might_sleep(void)
{
	if (fake_cpu.spin_depth != 0 || in_interrupt() || !fake_irqs_on)
		panic("sleep under a spinlock, with interrupts off or in an interrupt");
}

/* Make something happen: pending work, the test's hook, or at last the next timer. */
static bool make_progress(void)
{
	struct timer *t;

	if (fake_run_pending())
		return true;
	if (fake_schedule_hook && fake_schedule_hook()) {
		fake_run_pending();
		return true;
	}
	t = first_timer(UINT64_MAX);
	if (!t)
		return false;
	fake_clock_advance(t->expires > now_ns ? t->expires - now_ns : 0);
	return true;
}

/* While a worker sleeps, who was running before it goes on, and sleeps in the end as well. */
static void tell_of_sleep(void)
{
	struct thread *asleep = fake_cpu.current;

	sched_sleep_hook();
	for (u32 i = 0; i < nr_workqueues; i++)
		if (workqueues[i].running) {
			fake_cpu.current = workqueues[i].below;
			sched_sleep_hook();
		}
	fake_cpu.current = asleep;
}

void schedule(void)
{
	might_sleep();
	if (sched_sleep_hook && main_thread.state != THREAD_RUNNING)
		tell_of_sleep();
	if (!make_progress() && main_thread.state != THREAD_RUNNING)
		panic("the kernel would sleep for ever");
	main_thread.state = THREAD_RUNNING;
}

void yield(void)
{
	schedule();
}

u64 schedule_timeout(u64 ns)
{
	ktime_t start = now_ns;

	if (ns == ~0ull) {
		schedule();
		return ns;
	}
	might_sleep();
	if (sched_sleep_hook)
		tell_of_sleep();
	if (!fake_run_pending() && !(fake_schedule_hook && fake_schedule_hook()))
		fake_clock_advance(ns);
	fake_run_pending();
	main_thread.state = THREAD_RUNNING;
	return now_ns - start >= ns ? 0 : ns - (now_ns - start);
}

u64 thread_sleep_ns(u64 ns, bool interruptible)
{
	(void)interruptible;
	might_sleep();
	fake_clock_advance(ns);
	return 0;
}

void set_current_state(enum thread_state state)
{
	main_thread.state = state;
}

bool wake_up_thread(struct thread *t)
{
	bool slept = t->state != THREAD_RUNNING;

	t->state = THREAD_RUNNING;
	return slept;
}

/* Threads of the kernel never run here: a test calls what they would do. */
struct thread *kthread_run(const char *name, void (*entry)(void *), void *arg)
{
	static struct thread never_runs;

	(void)name;
	(void)entry;
	(void)arg;
	return &never_runs;
}

void thread_exit(void)
{
	panic("a thread of the kernel ran");
}

void init_waitqueue_head(struct wait_queue_head *wq)
{
	spin_lock_init(&wq->lock, "wait queue", LOCK_WAIT);
	INIT_LIST_HEAD(&wq->waiters);
}

void init_wait_entry(struct wait_queue_entry *wait)
{
	*wait = (struct wait_queue_entry){.thread = &main_thread};
	INIT_LIST_HEAD(&wait->list);
}

void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	list_add_tail(&wait->list, &wq->waiters);
}

void remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	(void)wq;
	list_del_init(&wait->list);
}

void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait,
		     enum thread_state state)
{
	if (list_empty(&wait->list))
		add_wait_queue(wq, wait);
	set_current_state(state);
}

void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	set_current_state(THREAD_RUNNING);
	remove_wait_queue(wq, wait);
}

void wake_up_all(struct wait_queue_head *wq)
{
	struct wait_queue_entry *wait, *next;

	list_for_each_entry_safe(wait, next, &wq->waiters, list) {
		if (wait->func)
			wait->func(wait);
		else
			wake_up_thread(wait->thread);
	}
}

void wake_up(struct wait_queue_head *wq)
{
	wake_up_all(wq);
}

bool waitqueue_active(struct wait_queue_head *wq)
{
	return !list_empty(&wq->waiters);
}

void init_completion(struct completion *c)
{
	c->done = false;
	init_waitqueue_head(&c->wq);
}

void complete(struct completion *c)
{
	c->done = true;
	wake_up_all(&c->wq);
}

void wait_for_completion(struct completion *c)
{
	wait_event(&c->wq, c->done);
}

/* --- mutexes ------------------------------------------------------------------------------ */

void mutex_init(struct mutex *m)
{
	m->owner = NULL;
	init_waitqueue_head(&m->wq);
}

void mutex_lock(struct mutex *m)
{
	might_sleep();
	if (m->owner && fake_mutex_hook)
		fake_mutex_hook(m);
	if (m->owner)
		panic("a mutex is taken twice");
	m->owner = &main_thread;
}

bool mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	m->owner = &main_thread;
	return true;
}

int mutex_lock_interruptible(struct mutex *m)
{
	mutex_lock(m);
	return 0;
}

void mutex_unlock(struct mutex *m)
{
	if (!m->owner)
		panic("a mutex is not held");
	m->owner = NULL;
}
