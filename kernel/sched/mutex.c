/*
 * Sleeping locks: a thread that finds one taken waits; an unlock wakes the one that waits longest.
 * Also there: locks that sleep
 */
#include "kernel/sched/mutex.h"

#include "kernel/lib/assert.h"
#include "kernel/sched/sched.h"

void mutex_init(struct mutex *m)
{
	m->owner = NULL;
	init_waitqueue_head(&m->wq);
}

bool mutex_trylock(struct mutex *m)
{
	u64 flags = spin_lock_irqsave(&m->wq.lock);
	bool taken = !m->owner;

	if (taken)
		m->owner = current;
	spin_unlock_irqrestore(&m->wq.lock, flags);
	return taken;
}

static int lock_slow(struct mutex *m, enum thread_state state)
{
	struct wait_queue_entry wait;
	int err = 0;

	ASSERT(m->owner != current);
	init_wait_entry(&wait);
	wait.exclusive = true;
	for (;;) {
		prepare_to_wait(&m->wq, &wait, state);
		if (mutex_trylock(m))
			break;
		if (state == THREAD_INTERRUPTIBLE && signal_pending()) {
			err = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	finish_wait(&m->wq, &wait);
	/* An unlock may have chosen this thread just as the signal came: pass it on. */
	if (err < 0 && !READ_ONCE(m->owner))
		wake_up(&m->wq);
	return err;
}

void mutex_lock(struct mutex *m)
{
	might_sleep();
	if (!mutex_trylock(m))
		(void)lock_slow(m, THREAD_UNINTERRUPTIBLE);
}

int mutex_lock_interruptible(struct mutex *m)
{
	might_sleep();
	return mutex_trylock(m) ? 0 : lock_slow(m, THREAD_INTERRUPTIBLE);
}

void mutex_unlock(struct mutex *m)
{
	u64 flags = spin_lock_irqsave(&m->wq.lock);

	ASSERT(m->owner == current);
	m->owner = NULL;
	wake_up_locked(&m->wq);
	spin_unlock_irqrestore(&m->wq.lock, flags);
}
