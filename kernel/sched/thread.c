/*
 * The memory of a thread.
 * Also there: threads
 */
#include "kernel/sched/thread.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"

struct thread *thread_alloc(const char *name)
{
	struct thread *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->stack = vmap_alloc_stack(KERNEL_STACK_SIZE);
	if (!t->stack) {
		kfree(t);
		return NULL;
	}
	INIT_LIST_HEAD(&t->run);
	INIT_LIST_HEAD(&t->kthread);
	(void)strscpy(t->name, name, sizeof(t->name));
	t->is_kernel = true;
	t->state = THREAD_UNINTERRUPTIBLE; /* thread_start wakes it for the first time */
	return t;
}

void thread_discard(struct thread *t)
{
	ASSERT(!t->on_rq && !t->on_cpu);
	vmap_free_stack(t->stack, KERNEL_STACK_SIZE);
	kfree(t);
}
