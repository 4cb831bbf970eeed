/*
 * The table of processes, their groups and sessions.
 *
 * Invariants and lock order: kernel/proc/process.h.
 * Also there: processes
 */
#include "kernel/proc/process.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
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

struct process *process_alloc(struct process *parent)
{
	struct process *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	INIT_LIST_HEAD(&p->children);
	INIT_LIST_HEAD(&p->sibling);
	init_waitqueue_head(&p->child_wait);
	timer_init(&p->alarm, process_alarm_fire);
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

int process_setpgid(pid_t pid, pid_t pgid)
{
	struct process *self = current_process(), *p, *other;

	if (pgid < 0)
		return -EINVAL;
	PROC_GUARD();
	p = process_find_or_self(pid);
	if (!p || (p != self && p->parent != self))
		return -ESRCH;
	if (p->sid == p->pid || p->sid != self->sid)
		return -EPERM;
	if (p != self && p->did_exec)
		return -EACCES;
	if (pgid == 0 || pgid == p->pid) {
		p->pgid = p->pid;
		return 0;
	}
	list_for_each_entry(other, &processes, all)
		if (other->pgid == pgid && other->sid == self->sid) {
			p->pgid = pgid;
			return 0;
		}
	return -EPERM;
}

pid_t process_getpgid(pid_t pid, bool session)
{
	struct process *p;

	PROC_GUARD();
	p = process_find_or_self(pid);
	return !p ? -ESRCH : session ? p->sid : p->pgid;
}

pid_t process_setsid(void)
{
	struct process *self = current_process(), *p;

	PROC_GUARD();
	list_for_each_entry(p, &processes, all)
		if (p->pgid == self->pid)
			return -EPERM;
	self->ctty = NULL;
	return self->sid = self->pgid = self->pid;
}

bool pgrp_is_orphaned_locked(pid_t pgrp)
{
	struct process *p;

	list_for_each_entry(p, &processes, all)
		if (p->pgid == pgrp && p->state != PROC_ZOMBIE && p->parent &&
		    p->parent->pgid != pgrp && p->parent->sid == p->sid)
			return false;
	return true;
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
