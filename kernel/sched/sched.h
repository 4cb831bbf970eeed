/*
 * The scheduler: give up the processor, and make a thread run again.
 * Also there: who runs next
 */
#pragma once

#include "kernel/sched/thread.h"

/* Turn the boot context into the first (idle) thread and start the run queue. */
void sched_init(void);
/* Give up the processor. With state RUNNING: to the back of the queue. Context: thread, no
 * spinlock held. */
void schedule(void);
void yield(void);
/* schedule() calls it first when the current thread is about to sleep (state not RUNNING), so that
 * requests which the thread still holds back are sent. Set once by block_init; may be NULL.
 * Context of the hook: thread, does not sleep. */
extern void (*sched_sleep_hook)(void);
/* The idle thread calls it before it halts the processor. Set once by block_init; may be NULL.
 * Context of the hook: thread, interrupts on, does not sleep; returns soon when need_resched. */
extern void (*sched_idle_hook)(void);
/* Make it run again if it sleeps, interruptibly or not (STOPPED is no sleep). Returns: whether it
 * slept. Context: any. */
bool wake_up_thread(struct thread *t);
/* Wake it for a signal: from INTERRUPTIBLE (and from STOPPED if `stopped`). Context: any. */
bool wake_up_signal(struct thread *t, bool stopped);
/* Set own state before testing the condition; see wait.h. */
void set_current_state(enum thread_state state);

/* What the boot context does from the end of boot on, as the idle thread. */
void cpu_idle(void) __attribute__((noreturn));
/* Panics (debug build) if the caller must not sleep here. */
#if defined(DEBUG_LOCKS) || defined(HOST_TEST)
void might_sleep(void);
#else
static inline void might_sleep(void)
{
}
#endif
/* Threads that run or are ready. */
u32 sched_nr_running(void);
/* How long t may run before another one gets its turn. */
u32 sched_slice_ticks(const struct thread *t);
u64 sched_total_switches(void);
/* The first thing that a thread does after another one switched to it. Context: interrupts off. */
void sched_finish_switch(void);
