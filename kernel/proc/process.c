/*
 * The table of processes: their numbers, names and first limits.
 *
 * Invariants and lock order: kernel/proc/process.h.
 * Also there: processes
 */
#include "kernel/proc/process.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/kthread.h"

struct spinlock proc_lock = SPINLOCK_INIT("proc", LOCK_PROC);
LIST_HEAD(processes);
static pid_t last_pid; /* [proc_lock] */
int pid_max = 32768;
static u32 nr_processes; /* [proc_lock] */

struct process *process_next(pid_t after)
{
	struct process *p;

	list_for_each_entry(p, &processes, all)
		if (p->pid > after)
			return p;
	return NULL;
}

struct process *process_find(pid_t pid)
{
	struct process *p = process_next(pid - 1);

	return p && p->pid == pid ? p : NULL;
}

u32 process_count(void)
{
	return READ_ONCE(nr_processes);
}

/* Is the number a pid, group or session of somebody? A leader's group may outlive it. */
static bool pid_in_use(pid_t pid)
{
	struct process *p;

	list_for_each_entry(p, &processes, all)
		if (p->pid == pid || p->pgid == pid || p->sid == pid)
			return true;
	return false;
}

/* Take a free pid and a place in the table. Returns: whether there was one. */
static bool enter_table(struct process *p)
{
	struct process *next;
	int tries = READ_ONCE(pid_max), limit = tries;

	do {
		last_pid = last_pid + 1 >= limit ? PIDS_RESERVED : last_pid + 1;
	} while (pid_in_use(last_pid) && --tries > 0);
	if (tries == 0)
		return false;
	p->pid = last_pid;
	next = process_next(p->pid);
	list_add_tail(&p->all, next ? &next->all : &processes);
	nr_processes++;
	return true;
}

#define BOTH(limit)              \
	{                        \
		(limit), (limit) \
	}

/* Linux's, but for the numbers of files and processes. */
static const struct rlimit init_rlimits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = BOTH(RLIM_INFINITY),
	[RLIMIT_FSIZE] = BOTH(RLIM_INFINITY),
	[RLIMIT_DATA] = BOTH(RLIM_INFINITY),
	[RLIMIT_STACK] = {8ull << 20, RLIM_INFINITY},
	[RLIMIT_CORE] = {0, RLIM_INFINITY},
	[RLIMIT_RSS] = BOTH(RLIM_INFINITY),
	[RLIMIT_NPROC] = BOTH(RLIM_INFINITY),
	[RLIMIT_NOFILE] = BOTH(NR_OPEN_DEFAULT),
	[RLIMIT_MEMLOCK] = BOTH(8ull << 20),
	[RLIMIT_AS] = BOTH(RLIM_INFINITY),
	[RLIMIT_LOCKS] = BOTH(RLIM_INFINITY),
	[RLIMIT_SIGPENDING] = BOTH(RLIM_INFINITY),
	[RLIMIT_MSGQUEUE] = BOTH(819200),
	[RLIMIT_NICE] = BOTH(0),
	[RLIMIT_RTPRIO] = BOTH(0),
	[RLIMIT_RTTIME] = BOTH(RLIM_INFINITY),
};

/* May the caller have one process more, by RLIMIT_NPROC? */
static bool process_allowed_locked(void)
{
	u64 limit = rlimit(RLIMIT_NPROC), count = 0;
	const struct cred *me = current_cred();
	const struct process *p;

	if (limit == RLIM_INFINITY || me->uid == 0 || me->euid == 0)
		return true;
	list_for_each_entry(p, &processes, all)
		count += p->thread && p->thread->cred && p->thread->cred->uid == me->uid;
	return count < limit;
}

struct process *process_alloc(struct process *parent)
{
	struct process *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	INIT_LIST_HEAD(&p->children);
	INIT_LIST_HEAD(&p->sibling);
	init_waitqueue_head(&p->child_wait);
	timer_init(&p->alarm, NULL); /* setitimer says what it does */
	p->start_ns = ktime_get_ns();
	p->sig.altstack.ss_flags = SS_DISABLE;
	PROC_GUARD();
	if ((parent && !process_allowed_locked()) || !enter_table(p)) {
		kfree(p);
		return NULL;
	}
	p->pgid = p->sid = p->pid;
	memcpy(p->rlim, parent ? parent->rlim : init_rlimits, sizeof(p->rlim));
	if (parent) {
		p->pgid = parent->pgid;
		p->sid = parent->sid;
		p->ctty = parent->ctty;
		p->sig = parent->sig;
		p->sig.pending = 0;
		memcpy(p->comm, parent->comm, sizeof(p->comm));
		p->no_new_privs = parent->no_new_privs;
		p->personality = parent->personality;
		p->parent = parent;
		list_add_tail(&p->sibling, &parent->children);
	}
	return p;
}

/* Kernel threads have numbers and names, too: ps shows them, and nobody can signal them. */
static void kthread_seen(struct thread *t, bool born)
{
	struct process *p, *found = born ? process_alloc(NULL) : NULL;

	{
		PROC_GUARD();
		list_for_each_entry(p, &processes, all)
			if (!born && p->thread == t)
				found = p;
		if (born && found) {
			found->pgid = found->sid = 0;
			memcpy(found->comm, t->name, sizeof(found->comm));
			found->thread = t;
		}
	}
	if (!born && found)
		process_free(found);
}

void proc_kthreads_init(void)
{
	kthread_watch(kthread_seen);
}

void process_set_comm(const char *name, size_t len)
{
	struct process *p = current_process();
	char comm[THREAD_NAME_LEN] = "";

	memcpy(comm, name, min(len, sizeof(comm) - 1));
	PROC_GUARD();
	memcpy(p->comm, comm, sizeof(comm));
	memcpy(current->name, comm, sizeof(comm));
}

void process_free(struct process *p)
{
	(void)timer_del(&p->alarm);
	PROC_GUARD();
	list_del(&p->sibling);
	list_del(&p->all);
	nr_processes--;
	kfree(p->cred);
	kfree(p);
}

struct process *process_find_or_self(pid_t pid)
{
	return pid == 0 ? current_process() : process_find(pid);
}

u64 process_timeout(u64 ns)
{
	struct process *p = current_process();
	ktime_t now = ktime_get_ns();

	if (ns == ~0ull)
		return ns;
	if (!p->restarted)
		p->deadline_ns = now + ns;
	return p->deadline_ns > now ? p->deadline_ns - now : 0;
}
