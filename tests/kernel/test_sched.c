/* Threads, sleeping, locks, timers, softirqs and work, on the real processor. */
#include "tests/kernel/ktest.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/err.h"
#include "kernel/mm/page.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/softirq.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/workqueue.h"

#define WORKERS 20
#define ROUNDS	50

static struct {
	struct mutex lock;
	struct completion done;
	atomic_t running;
	int inside, most_inside, total; /* [lock] */
} shared;

/* Sleeps while it holds the mutex: if that did not exclude, two would be inside. */
static void worker(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		mutex_lock(&shared.lock);
		shared.inside++;
		shared.most_inside = max(shared.most_inside, shared.inside);
		yield();
		shared.total++;
		shared.inside--;
		mutex_unlock(&shared.lock);
	}
	if (atomic_dec_and_test(&shared.running))
		complete(&shared.done);
	thread_exit();
}

KTEST(sched, a_mutex_excludes_and_every_thread_gets_on)
{
	mutex_init(&shared.lock);
	init_completion(&shared.done);
	atomic_set(&shared.running, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		KEXPECT(!IS_ERR(kthread_run("ktest", worker, NULL)));
	wait_for_completion(&shared.done);
	KEXPECT(shared.most_inside == 1);
	KEXPECT(shared.total == WORKERS * ROUNDS);
}

static struct {
	struct wait_queue_head wq;
	int turn; /* whose turn: 0 or 1 */
	struct completion done;
} pingpong;

static void ponger(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		wait_event(&pingpong.wq, READ_ONCE(pingpong.turn) == 1);
		WRITE_ONCE(pingpong.turn, 0);
		wake_up_all(&pingpong.wq);
	}
	complete(&pingpong.done);
	thread_exit();
}

KTEST(sched, no_wakeup_is_lost)
{
	init_waitqueue_head(&pingpong.wq);
	init_completion(&pingpong.done);
	KEXPECT(!IS_ERR(kthread_run("ktest", ponger, NULL)));
	for (int i = 0; i < 1000; i++) {
		wait_event(&pingpong.wq, READ_ONCE(pingpong.turn) == 0);
		WRITE_ONCE(pingpong.turn, 1);
		wake_up_all(&pingpong.wq);
	}
	wait_for_completion(&pingpong.done);
}

KTEST(sched, a_sleep_lasts_as_long_as_asked)
{
	ktime_t start = ktime_get_ns();
	u64 slept;

	KEXPECT(thread_sleep_ns(20 * NSEC_PER_MSEC, false) == 0);
	slept = ktime_get_ns() - start;
	KEXPECT(slept >= 20 * NSEC_PER_MSEC);
	KEXPECT(slept < 5 * NSEC_PER_SEC);
}

KTEST(sched, a_wait_times_out)
{
	struct wait_queue_head wq;
	ktime_t start = ktime_get_ns();
	bool never = false;

	init_waitqueue_head(&wq);
	KEXPECT(!wait_event_timeout(&wq, READ_ONCE(never), 10 * NSEC_PER_MSEC));
	KEXPECT(ktime_get_ns() - start >= 10 * NSEC_PER_MSEC);
}

static struct {
	struct timer timer;
	struct completion done;
	bool in_softirq;
} fired;

static void timer_fires(struct timer *t)
{
	(void)t;
	fired.in_softirq = this_cpu()->softirq_depth > 0;
	complete(&fired.done);
}

KTEST(sched, a_timer_fires_in_a_softirq_and_can_be_stopped)
{
	init_completion(&fired.done);
	timer_init(&fired.timer, timer_fires);
	timer_mod(&fired.timer, ktime_get_ns() + 3600 * NSEC_PER_SEC);
	KEXPECT(timer_armed(&fired.timer));
	KEXPECT(timer_del(&fired.timer));
	KEXPECT(!timer_del(&fired.timer));
	timer_mod(&fired.timer, ktime_get_ns() + NSEC_PER_MSEC);
	wait_for_completion(&fired.done);
	KEXPECT(fired.in_softirq);
	KEXPECT(!timer_armed(&fired.timer));
}

static int works_run;

static void count_work(struct work *w)
{
	(void)w;
	yield();
	works_run++;
}

KTEST(sched, work_runs_in_a_thread_and_can_be_waited_for)
{
	struct work w;

	work_init(&w, count_work);
	works_run = 0;
	for (int i = 0; i < 10; i++) {
		KEXPECT(schedule_work(&w));
		if (i % 2)
			yield(); /* to flush one that has begun */
		flush_work(&w);
		KEXPECT(works_run == i + 1);
	}
}

KTEST(sched, the_clock_never_goes_back)
{
	ktime_t last = ktime_get_ns();

	for (int i = 0; i < 20000; i++) {
		ktime_t now = ktime_get_ns();

		KEXPECT(now >= last);
		last = now;
	}
}

static atomic_t softirqs_run;

static void count_softirq(void)
{
	if (atomic_add_return(&softirqs_run, 1) < 100000 && this_cpu()->softirq_depth == 1)
		softirq_raise(SOFTIRQ_TEST);
}

KTEST(sched, a_softirq_that_raises_itself_starves_nobody)
{
	ktime_t end = ktime_get_ns() + 5 * NSEC_PER_SEC;

	atomic_set(&softirqs_run, 0);
	softirq_register(SOFTIRQ_TEST, count_softirq);
	softirq_raise(SOFTIRQ_TEST);
	KEXPECT(atomic_read(&softirqs_run) > 0);
	KEXPECT(atomic_read(&softirqs_run) < 100000); /* this thread goes on in between */
	while (atomic_read(&softirqs_run) < 100000 && ktime_get_ns() < end)
		yield();
	KEXPECT(atomic_read(&softirqs_run) >= 100000);
}

KTEST(sched, a_softirq_waits_for_the_end_of_a_spinlock)
{
	static struct spinlock lock = SPINLOCK_INIT("ktest", LOCK_ANY);
	ktime_t end = ktime_get_ns() + 5 * NSEC_PER_SEC;
	int under_lock;
	u64 flags;

	atomic_set(&softirqs_run, 100000);
	softirq_register(SOFTIRQ_TEST, count_softirq);
	flags = spin_lock_irqsave(&lock);
	softirq_raise(SOFTIRQ_TEST);
	under_lock = atomic_read(&softirqs_run);
	spin_unlock_irqrestore(&lock, flags);
	KEXPECT(under_lock == 100000);
	while (atomic_read(&softirqs_run) == 100000 && ktime_get_ns() < end)
		yield();
	KEXPECT(atomic_read(&softirqs_run) == 100001);
	softirq_raise(SOFTIRQ_TEST);
	KEXPECT(atomic_read(&softirqs_run) == 100002);
}

static struct {
	struct mutex lock;
	struct completion done;
	int err;
} interrupted;

static void wants_mutex(void *arg)
{
	(void)arg;
	interrupted.err = mutex_lock_interruptible(&interrupted.lock);
	complete(&interrupted.done);
}

KTEST(sched, a_signal_ends_an_interruptible_wait)
{
	struct thread *t;

	mutex_init(&interrupted.lock);
	init_completion(&interrupted.done);
	mutex_lock(&interrupted.lock);
	t = kthread_run("ktest", wants_mutex, NULL);
	KEXPECT(!IS_ERR(t));
	(void)thread_sleep_ns(10 * NSEC_PER_MSEC, false);
	__atomic_store_n(&t->sigpending, true, __ATOMIC_RELEASE);
	KEXPECT(wake_up_signal(t, false));
	wait_for_completion(&interrupted.done);
	mutex_unlock(&interrupted.lock);
	KEXPECT(interrupted.err == -ERESTARTSYS);
	KEXPECT(mutex_trylock(&interrupted.lock));
	mutex_unlock(&interrupted.lock);
}

static bool spinning;

static void hog(void *arg)
{
	u64 *switches = arg;

	while (READ_ONCE(spinning)) {
		(*switches)++;
		yield();
	}
	complete(&interrupted.done);
}

KTEST(sched, a_sleeper_runs_beside_a_busy_thread)
{
	ktime_t start = ktime_get_ns();
	u64 switches = 0;

	spinning = true;
	init_completion(&interrupted.done);
	KEXPECT(!IS_ERR(kthread_run("ktest", hog, &switches)));
	for (int i = 0; i < 5; i++)
		(void)thread_sleep_ns(2 * NSEC_PER_MSEC, false);
	WRITE_ONCE(spinning, false);
	wait_for_completion(&interrupted.done);
	KEXPECT(switches > 0);
	KEXPECT(ktime_get_ns() - start < 2 * NSEC_PER_SEC);
}

KTEST(sched, many_threads_come_and_go)
{
	struct mm_stats before, after;

	mm_get_stats(&before);
	for (int i = 0; i < 300; i++) {
		init_completion(&interrupted.done);
		mutex_init(&interrupted.lock);
		KEXPECT(!IS_ERR(kthread_run("ktest", wants_mutex, NULL)));
		wait_for_completion(&interrupted.done);
		yield(); /* it ends behind its completion */
	}
	mm_get_stats(&after);
	KEXPECT(after.free_pages + 16 >= before.free_pages);
}
