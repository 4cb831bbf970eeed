/*
 * Creating and ending threads.
 * Also there: threads begin and end
 */
#include "kernel/sched/kthread.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"

static struct mutex kthread_mutex = MUTEX_INIT(kthread_mutex);
static LIST_HEAD(kthreads);				  /* [kthread_mutex] */
static void (*kthread_seen)(struct thread *t, bool born); /* [kthread_mutex] */

static void thread_main(void *arg)
{
	struct thread *t = arg;

	sched_finish_switch();
	t->entry(t->arg);
	thread_exit();
}

struct thread *thread_create(const char *name, void (*entry)(void *), void *arg)
{
	struct thread *t = thread_alloc(name);

	if (!t)
		return NULL;
	arch_thread_init(&t->arch, (char *)t->stack + KERNEL_STACK_SIZE, thread_main, t);
	t->entry = entry;
	t->arg = arg;
	return t;
}

void thread_start(struct thread *t)
{
	bool woken = wake_up_thread(t);

	ASSERT(woken);
}

struct thread *kthread_run(const char *name, void (*entry)(void *), void *arg)
{
	struct thread *t = thread_create(name, entry, arg);

	if (!t)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&kthread_mutex);
	list_add_tail(&t->kthread, &kthreads);
	if (kthread_seen)
		kthread_seen(t, true);
	mutex_unlock(&kthread_mutex);
	thread_start(t);
	return t;
}

void kthread_watch(void (*seen)(struct thread *t, bool born))
{
	struct thread *t;

	mutex_lock(&kthread_mutex);
	kthread_seen = seen;
	list_for_each_entry(t, &kthreads, kthread)
		seen(t, true);
	mutex_unlock(&kthread_mutex);
}

void thread_exit(void)
{
	struct thread *self = current;

	if (!list_empty(&self->kthread)) {
		mutex_lock(&kthread_mutex);
		list_del_init(&self->kthread);
		if (kthread_seen)
			kthread_seen(self, false);
		mutex_unlock(&kthread_mutex);
	}
	set_current_state(THREAD_DEAD);
	schedule();
	panic("a dead thread runs");
}
