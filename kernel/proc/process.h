/*
 * Processes: programs in execution. One thread each.
 *
 * ALIVE <-> STOPPED (process_stop, SIGCONT); ALIVE -> ZOMBIE (process_exit) -> freed
 * (process_wait, or at once when the parent ignores SIGCHLD).
 *
 * Invariants:
 * 1. Every process but init has a parent that is alive; orphans become init's children.
 * 2. A zombie has no thread, no memory, no files; it waits for its parent's wait4.
 * 3. Who reads another process's mm, files or fs takes a reference under proc_lock; the owner
 *    detaches them under proc_lock before it drops its own.
 *
 * Lock order: locks of filesystems and terminals, proc_lock, the scheduler's. proc_lock guards the
 * table, the tree, groups, sessions, signals and wait states, and is taken with interrupts off.
 * Also there: processes
 */
#pragma once

#include "fs/rlimit.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/vm/mm.h"

/* Numbers are taken in turn up to pid_max, and again from PIDS_RESERVED on. */
#define PIDS_RESERVED 300
#define PID_MAX_LIMIT (1 << 22)
extern int pid_max; /* [atomic] */

enum process_state { PROC_ALIVE, PROC_STOPPED, PROC_ZOMBIE };

struct rusage_times {
	u64 utime_ns, stime_ns;
};

struct process {
	pid_t pid;		  /* [const] */
	pid_t pgid, sid;	  /* [proc_lock] */
	enum process_state state; /* [proc_lock] */
	int status;		  /* [proc_lock] as wait4 reports it: of the exit or the stop */
	bool stop_unreported, cont_unreported; /* [proc_lock] for wait4 */
	bool did_exec;			       /* [proc_lock] setpgid by the parent is too late */
	struct process *parent;		       /* [proc_lock] */
	struct list_head children, sibling;    /* [proc_lock] */
	struct list_head all;		       /* [proc_lock] in `processes` */
	struct process *vfork_child;	       /* [proc_lock] whom this one lent its memory */
	struct thread *thread;		       /* [proc_lock] NULL while being made and once dead */
	struct cred *cred;		   /* [proc_lock] of a zombie; before, its thread has it */
	struct mm *mm;			   /* [proc_lock to change or for others] */
	struct sighand sig;		   /* [proc_lock] */
	struct wait_queue_head child_wait; /* of this process, for its children */
	struct tty *ctty;		   /* [proc_lock] controlling terminal */
	char comm[THREAD_NAME_LEN];	   /* [proc_lock] */
	ktime_t start_ns;		   /* [const] */
	struct rusage_times times, child_times; /* [proc_lock] final ones, and of reaped children */
	struct rlimit rlim[RLIM_NLIMITS];	/* [proc_lock to change] */
	bool oom_victim;			/* [proc_lock] killed to get memory */
	struct timer alarm;			/* setitimer(ITIMER_REAL) */
	ktime_t itimer_interval_ns[3];		/* [proc_lock] by which */
	int pdeath_signal;   /* [owner, proc_lock to write] when its parent ends */
	bool no_new_privs;   /* [owner] set-id bits mean nothing to it */
	u32 personality;     /* [owner] */
	ktime_t deadline_ns; /* [owner] of the timed call under way */
	bool restarted;	     /* [owner] that call was interrupted and goes on */
	u64 child_tid_ptr;   /* [owner] CLONE_CHILD_SETTID */
};

extern struct spinlock proc_lock;
extern struct list_head processes; /* [proc_lock] ascending pid */

static inline void proc_guard_end(const u64 *flags)
{
	spin_unlock_irqrestore(&proc_lock, *flags);
}
/* Hold proc_lock to the end of the block, as Linux's guard(). */
#define PROC_GUARD()                  \
	u64 proc_flags __maybe_unused \
		__attribute__((cleanup(proc_guard_end))) = spin_lock_irqsave(&proc_lock)

static inline struct process *current_process(void)
{
	return current->process;
}

/* Once at boot: hooks for traps, terminals and /proc. */
void proc_init(void);
/* Start init as process 1. Panics with one line if it cannot run. */
void proc_start_init(const char *path);

/* Find by number. Locks: proc_lock. */
struct process *process_find(pid_t pid);
/* The same, or the caller for 0. */
struct process *process_find_or_self(pid_t pid);
/* Smallest pid greater than `after`, or NULL. Locks: proc_lock. */
struct process *process_next(pid_t after);
/* A process with a fresh pid as a child of parent (NULL: init), in the table but without a thread.
 * Returns: NULL if no memory or no pid. */
struct process *must_check process_alloc(struct process *parent);
void process_free(struct process *p);
u32 process_count(void);

/* clone(2) flags that are supported. */
#define CLONE_VM	     0x00000100ull
#define CLONE_FS	     0x00000200ull
#define CLONE_FILES	     0x00000400ull
#define CLONE_VFORK	     0x00004000ull
#define CLONE_SETTLS	     0x00080000ull
#define CLONE_PARENT_SETTID  0x00100000ull
#define CLONE_CHILD_CLEARTID 0x00200000ull
#define CLONE_CHILD_SETTID   0x01000000ull
struct clone_args_k {
	u64 flags;
	u64 stack; /* 0: the parent's */
	u64 parent_tid, child_tid, tls;
};
/* Returns: the child's pid, or -EAGAIN, -ENOMEM, -EFAULT, -EINVAL (flags we lack). */
pid_t must_check process_clone(const struct trapframe *tf, const struct clone_args_k *args);
/* The child has a program of its own or is gone: its vfork parent goes on. */
void vfork_release(struct process *child);

/* execve(2). argv and envp are lists ended by NULL, in user memory or, if `kernel`, in ours.
 * Returns: 0 with the new program's registers in tf, or -errno with the old program intact. */
int must_check process_exec(struct trapframe *tf, const char *path, u64 argv, u64 envp,
			    bool kernel);

/* End the current process; status as wait4 reports it. */
void process_exit(int status) __noreturn;
/* Before power-off: end all other processes, also init, and release files and memory of the caller,
 * who never goes back to its program. One that cannot end is named, and left behind after 10 s. */
void process_end_all(void);
extern bool system_ending; /* [atomic] that has begun */
/* waitid(2), with the status as wait4 tells it. Returns: pid, 0 (WNOHANG), -ECHILD,
 * -ERESTARTSYS. */
#define WNOHANG	    1
#define WUNTRACED   2 /* also WSTOPPED */
#define WEXITED	    4
#define WCONTINUED  8
#define WNOWAIT	    0x01000000
#define W_CLONES    ((int)0xe0000000) /* __WNOTHREAD, __WALL, __WCLONE */
#define W_CONTINUED 0xffff	      /* status */
enum { P_ALL, P_PID, P_PGID, P_PIDFD };
struct wait_result {
	int status;
	uid_t uid;
	struct rusage_times times;
};
pid_t must_check process_wait(int idtype, pid_t id, int options, struct wait_result *result);
/* Does it stand for a thread of the kernel? It has no memory, and signals do nothing to it. */
static inline bool process_is_kernel(const struct process *p)
{
	return p->thread && p->thread->is_kernel;
}
/* The name that ps shows. Context: the current process. */
void process_set_comm(const char *name, size_t len);
/* Whose it is: NULL while it is being made, and of kernel threads. Locks: proc_lock. */
static inline const struct cred *process_cred(const struct process *p)
{
	return p->thread ? p->thread->cred : p->cred;
}
/* Stop the current process by a job-control signal until SIGCONT. */
void process_stop(int sig);
/* Tell p's parent what happened to p: a CLD_* code. Locks: proc_lock. */
void notify_parent_locked(struct process *p, int code, int status);

/* Groups and sessions: setpgid(2), getpgid(2) or getsid(2), setsid(2); pid 0: the caller. */
int must_check process_setpgid(pid_t pid, pid_t pgid);
pid_t must_check process_getpgid(pid_t pid, bool session);
pid_t must_check process_setsid(void);
/* Is no member of the group the child of a member of another group in the session? proc_lock. */
bool pgrp_is_orphaned_locked(pid_t pgrp);

/* prlimit(2): tell the old limit (NULL: don't) and set a new one (NULL: don't). pid 0: the caller.
 * Returns: 0, -ESRCH, -EPERM, -EINVAL. */
int must_check process_prlimit(pid_t pid, u32 which, const struct rlimit *new, struct rlimit *old);

/* No memory for a page of the current program: end the largest program, and wait until it is gone.
 * Returns: whether another try makes sense (not when it is the current one that ends). Context:
 * sleeps. */
bool out_of_memory(void);

/* futex(2)'s waiting and waking. ns ~0: for ever; bits: whom a wake-up is for. Returns: 0 or how
 * many were woken; -EAGAIN (another value), -ETIMEDOUT, -ERESTARTSYS, -EFAULT, -EINVAL, -ENOMEM. */
int must_check futex_wait(u64 addr, bool private, u32 value, u32 bits, u64 ns);
int must_check futex_wake(u64 addr, bool private, u32 count, u32 bits);

/* setitimer(2), or getitimer(2) without a new one; tells what was left. */
enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
struct itimer_ns {
	u64 interval, value;
};
void process_itimer(u32 which, const struct itimer_ns *new, struct itimer_ns *old);
/* Nanoseconds from now that a timed call may sleep: all of ns, or what is left of it when the call
 * goes on after an interruption. ~0: for ever. */
u64 process_timeout(u64 ns);

/* Wiring of the other files of this folder. */
void proc_job_init(void);      /* terminals: tty_job_ops */
void proc_itimer_init(void);   /* timers of processor time */
void proc_procfs_init(void);   /* /proc/PID */
void proc_kthreads_init(void); /* numbers for kernel threads, once init has its own */
