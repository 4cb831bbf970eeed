/*
 * Work queues.
 *
 * Invariants:
 * 1. A work is taken off the list before its function runs, so that it may be queued again or
 *    freed by it; after that, wq->running is only compared, never dereferenced.
 * Also there: work that may sleep
 */
#include "kernel/sched/workqueue.h"

#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/wait.h"

struct workqueue {
	struct spinlock lock;
	struct list_head works;	     /* [lock] */
	const struct work *running;  /* [lock] */
	struct wait_queue_head more; /* for the worker */
	struct wait_queue_head done; /* for flush_work */
};

static struct workqueue *system_wq; /* [const after boot] */

void work_init(struct work *w, void (*fn)(struct work *w))
{
	INIT_LIST_HEAD(&w->list);
	w->wq = NULL;
	w->fn = fn;
}

/* End the last work and take the next. Returns: NULL if there is none. */
static struct work *next_work(struct workqueue *wq)
{
	u64 flags = spin_lock_irqsave(&wq->lock);
	struct work *w = NULL;

	if (!list_empty(&wq->works)) {
		w = list_first_entry(&wq->works, struct work, list);
		list_del_init(&w->list);
	}
	wq->running = w;
	spin_unlock_irqrestore(&wq->lock, flags);
	return w;
}

static void worker_main(void *arg)
{
	struct workqueue *wq = arg;

	for (;;) {
		struct work *w;

		(void)wait_event_interruptible(&wq->more, (w = next_work(wq)) != NULL);
		while (w) {
			w->fn(w);
			w = next_work(wq);
			wake_up_all(&wq->done);
		}
	}
}

struct workqueue *workqueue_create(const char *name)
{
	struct workqueue *wq = kzalloc(sizeof(*wq), GFP_KERNEL);

	if (!wq)
		return NULL;
	spin_lock_init(&wq->lock, "workqueue", LOCK_ANY);
	INIT_LIST_HEAD(&wq->works);
	init_waitqueue_head(&wq->more);
	init_waitqueue_head(&wq->done);
	if (IS_ERR(kthread_run(name, worker_main, wq))) {
		kfree(wq);
		return NULL;
	}
	return wq;
}

bool queue_work(struct workqueue *wq, struct work *w)
{
	u64 flags = spin_lock_irqsave(&wq->lock);
	bool queued = list_empty(&w->list);

	if (queued) {
		w->wq = wq;
		list_add_tail(&w->list, &wq->works);
	}
	spin_unlock_irqrestore(&wq->lock, flags);
	if (queued)
		wake_up(&wq->more);
	return queued;
}

bool schedule_work(struct work *w)
{
	return queue_work(system_wq, w);
}

static bool work_busy(struct workqueue *wq, const struct work *w)
{
	u64 flags = spin_lock_irqsave(&wq->lock);
	bool busy = !list_empty(&w->list) || wq->running == w;

	spin_unlock_irqrestore(&wq->lock, flags);
	return busy;
}

void flush_work(struct work *w)
{
	struct workqueue *wq = READ_ONCE(w->wq);

	if (wq)
		wait_event(&wq->done, !work_busy(wq, w));
}

void workqueues_init(void)
{
	system_wq = workqueue_create("kworker");
	if (!system_wq)
		panic("no memory for the work queue");
}
