/* What the files of kernel/sched tell each other and nobody else. */
#pragma once

#include "kernel/sched/thread.h"

/* thread.c: release a thread that no CPU runs any more. Context: any. */
void thread_free(struct thread *t);
/* sched.c: the first thing that a thread does after another one switched to it. */
void sched_finish_switch(void);
