/* Creating and ending threads. */
#include "kernel/sched/thread.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/sched/sched.h"

static void thread_main(void *arg)
{
	struct thread *t = arg;

	sched_finish_switch();
	t->entry(t->arg);
	thread_exit();
}

struct thread *thread_create(const char *name, void (*entry)(void *), void *arg)
{
	struct thread *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->stack = vmap_alloc_stack(KERNEL_STACK_SIZE);
	if (!t->stack) {
		kfree(t);
		return NULL;
	}
	arch_thread_init(&t->arch, (char *)t->stack + KERNEL_STACK_SIZE, thread_main, t);
	INIT_LIST_HEAD(&t->run);
	(void)strscpy(t->name, name, sizeof(t->name));
	t->entry = entry;
	t->arg = arg;
	t->is_kernel = true;
	t->state = THREAD_UNINTERRUPTIBLE; /* thread_start wakes it for the first time */
	return t;
}

void thread_start(struct thread *t)
{
	bool woken = wake_up_thread(t);

	ASSERT(woken);
}

void thread_discard(struct thread *t)
{
	ASSERT(!t->on_rq && !t->on_cpu);
	vmap_free_stack(t->stack, KERNEL_STACK_SIZE);
	kfree(t);
}

struct thread *kthread_run(const char *name, void (*entry)(void *), void *arg)
{
	struct thread *t = thread_create(name, entry, arg);

	if (!t)
		return ERR_PTR(-ENOMEM);
	thread_start(t);
	return t;
}

void thread_exit(void)
{
	set_current_state(THREAD_DEAD);
	schedule();
	panic("a dead thread runs");
}
