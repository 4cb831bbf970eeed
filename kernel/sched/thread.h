/*
 * Kernel threads: a stack, a saved context, a state. The unit that the scheduler runs.
 *
 * Invariants:
 * 1. A RUNNING thread is current or on the run queue; no other is on it.
 * 2. A thread changes its own state only; others make it RUNNING by wake_up_thread().
 * Also there: threads
 */
#pragma once

#include "kernel/arch/context.h"
#include "kernel/arch/cpu.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct process;	     /* kernel/proc */
struct fs_struct;    /* fs: cwd, root, umask */
struct files_struct; /* fs: open files */
struct cred;	     /* fs: user and groups */
struct rlimit;	     /* fs: limits */
struct blk_plug;     /* block */
struct bio_list;     /* block */

enum thread_state {
	THREAD_RUNNING,		/* running or ready */
	THREAD_INTERRUPTIBLE,	/* sleeps; a signal wakes it */
	THREAD_UNINTERRUPTIBLE, /* sleeps; only its event wakes it */
	THREAD_STOPPED,		/* by a job-control signal */
	THREAD_DEAD,		/* exited; freed by the next thread that runs */
};

#define THREAD_NAME_LEN	  16
#define KERNEL_STACK_SIZE 16384

struct thread {
	struct arch_thread arch; /* first: aligned */
	enum thread_state state; /* [rq.lock] */
	bool on_cpu;	 /* [atomic] its registers are on a CPU: nobody else may run it yet */
	bool on_rq;	 /* [rq.lock] current or on the run queue */
	bool sigpending; /* [atomic] set by kernel/proc: interruptible sleeps end */
	bool is_kernel;	 /* [const] no user half */
	bool reclaiming; /* [owner] inside a shrinker: allocates from the reserve */
	char name[THREAD_NAME_LEN]; /* [owner] */
	struct list_head run;	    /* [rq.lock] */
	struct list_head kthread;   /* [kthread_mutex] among kernel threads */
	void *stack;		    /* [const] */
	void (*entry)(void *);	    /* [const] */
	void *arg;		    /* [const] */
	u32 slice;		    /* [owner CPU] ticks left */
	s8 nice;		    /* [atomic] -20 to 19, the longest slices to the shortest */
	u8 sched_policy;	    /* [atomic] Linux's SCHED_OTHER, SCHED_BATCH or SCHED_IDLE */
	u64 utime_ns, stime_ns;	    /* [owner CPU] by ticks */
	u64 cpu_timer_ns[2];	    /* [owner CPU] when sched_cpu_timer_hook is called; 0: never */
	struct process *process;    /* [const after creation] NULL for kernel threads */
	struct fs_struct *fs;	    /* [owner] */
	struct files_struct *files; /* [owner] */
	struct cred *cred;	    /* [owner] */
	const struct rlimit *rlim;  /* [owner] the process's array; NULL: no limits */
	struct blk_plug *plug;	    /* [owner] */
	struct bio_list *bio_list;  /* [owner] set while submit_bio is at work */
};

static inline struct thread *current_thread(void)
{
	return cpu_current();
}
#define current current_thread()

static inline bool signal_pending(void)
{
	return __atomic_load_n(&current_thread()->sigpending, __ATOMIC_ACQUIRE);
}

/* Processor time by which the owner's cpu_timer_ns count: its own, or with the kernel's for it. */
enum { CPU_TIMER_VIRTUAL, CPU_TIMER_PROF };
static inline u64 cpu_timer_clock(const struct thread *t, u32 which)
{
	return t->utime_ns + (which == CPU_TIMER_PROF ? t->stime_ns : 0);
}

/* A thread with a stack of which nothing runs yet. Returns: NULL if no memory. Owns: the caller,
 * until thread_discard. Context: may sleep. */
struct thread *must_check thread_alloc(const char *name);
/* Free a thread that was created but never started, or that no CPU runs any more. Context: any. */
void thread_discard(struct thread *t);
