/*
 * Threads begin and end: those that fork makes, and those of the kernel itself.
 * Also there: threads begin and end
 */
#pragma once

#include "kernel/sched/thread.h"

/* Create a thread that will run entry(arg); it does not run yet. Returns: NULL if no memory.
 * Owns: the caller, until thread_start. Context: may sleep. */
struct thread *must_check thread_create(const char *name, void (*entry)(void *), void *arg);
void thread_start(struct thread *t);
/* Create and start a kernel thread. Returns: ERR_PTR(-ENOMEM) on failure. */
struct thread *must_check kthread_run(const char *name, void (*entry)(void *), void *arg);
/* Be told of each kernel thread now and when one is born or ends. Once, at boot. Context of the
 * function: thread, may sleep. */
void kthread_watch(void (*seen)(struct thread *t, bool born));
/* End the current thread; its memory is freed once another runs. */
void thread_exit(void) __attribute__((__noreturn__));
