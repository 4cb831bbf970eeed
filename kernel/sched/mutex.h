/*
 * Sleeping locks. Context: thread only. The owner unlocks; not recursive.
 * Also there: locks that sleep
 */
#pragma once

#include "kernel/sched/wait.h"

struct mutex {
	struct thread *owner; /* [wq.lock] NULL: free */
	struct wait_queue_head wq;
};

#define MUTEX_INIT(name)                         \
	{                                        \
		NULL, WAIT_QUEUE_INIT((name).wq) \
	}

void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
bool mutex_trylock(struct mutex *m);
/* 0, or -ERESTARTSYS on a signal. */
int must_check mutex_lock_interruptible(struct mutex *m);
void mutex_unlock(struct mutex *m);
