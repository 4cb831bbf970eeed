/*
 * The table of processes, their groups and sessions.
 *
 * Invariants and lock order: kernel/proc/process.h.
 */
#include "kernel/proc/process.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

struct spinlock proc_lock = SPINLOCK_INIT("proc", LOCK_PROC);
static LIST_HEAD(processes); /* [proc_lock] ascending pid */
static pid_t last_pid; /* [proc_lock] */
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

u32 process_count(void) { return READ_ONCE(nr_processes); }

/* Is the number a pid, group or session of somebody? A leader's group may outlive it. */
static bool pid_in_use(pid_t pid)
{
	struct process *p;

	list_for_each_entry(p, &processes, all)
		if (p->pid == pid || p->pgid == pid || p->sid == pid)
			return true;
	return false;
}

/* Take a free pid and a place in the table. */
static int must_check enter_table(struct process *p)
{
	struct process *next;
	u64 flags = spin_lock_irqsave(&proc_lock);
	int tries = PID_MAX;

	do {
		last_pid = last_pid + 1 >= PID_MAX ? 2 : last_pid + 1;
	} while (pid_in_use(last_pid) && --tries > 0);
	if (tries == 0) {
		spin_unlock_irqrestore(&proc_lock, flags);
		return -EAGAIN;
	}
	p->pid = last_pid;
	next = process_next(p->pid);
	list_add_tail(&p->all, next ? &next->all : &processes);
	nr_processes++;
	spin_unlock_irqrestore(&proc_lock, flags);
	return 0;
}

static void alarm_fire(struct timer *t)
{
	struct process *p = container_of(t, struct process, alarm);
	u64 flags = spin_lock_irqsave(&proc_lock);

	if (p->state != PROC_ZOMBIE) {
		signal_send_locked(p, SIGALRM, NULL);
		if (p->alarm_interval_ns)
			timer_mod(t, ktime_get_ns() + p->alarm_interval_ns);
	}
	spin_unlock_irqrestore(&proc_lock, flags);
}

struct process *process_alloc(struct process *parent)
{
	struct process *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	INIT_LIST_HEAD(&p->children);
	INIT_LIST_HEAD(&p->sibling);
	INIT_LIST_HEAD(&p->all);
	init_waitqueue_head(&p->child_wait);
	timer_init(&p->alarm, alarm_fire);
	p->start_ns = ktime_get_ns();
	p->sig.altstack.ss_flags = (s32)SS_DISABLE;
	p->state = PROC_ALIVE;
	if (parent) {
		u64 flags = spin_lock_irqsave(&proc_lock);

		p->pgid = parent->pgid;
		p->sid = parent->sid;
		p->ctty = parent->ctty;
		p->sig = parent->sig;
		p->sig.pending = 0;
		memcpy(p->comm, parent->comm, sizeof(p->comm));
		spin_unlock_irqrestore(&proc_lock, flags);
	}
	if (enter_table(p)) {
		kfree(p);
		return NULL;
	}
	if (!parent)
		p->pgid = p->sid = p->pid;
	p->parent = parent;
	return p;
}

/* From here on wait4, kill and /proc find it. */
void process_publish(struct process *p)
{
	u64 flags = spin_lock_irqsave(&proc_lock);

	if (p->parent)
		list_add_tail(&p->sibling, &p->parent->children);
	spin_unlock_irqrestore(&proc_lock, flags);
}

void process_free(struct process *p)
{
	u64 flags;

	(void)timer_del(&p->alarm);
	flags = spin_lock_irqsave(&proc_lock);
	list_del(&p->sibling);
	list_del(&p->all);
	nr_processes--;
	spin_unlock_irqrestore(&proc_lock, flags);
	kfree(p);
}

/* The caller for 0, else the process of that number. Locks: proc_lock. */
static struct process *find_or_self(pid_t pid)
{
	return pid == 0 ? current_process() : process_find(pid);
}

static int must_check setpgid_locked(pid_t pid, pid_t pgid)
{
	struct process *self = current_process(), *p = find_or_self(pid), *other;

	if (!p || (p != self && p->parent != self))
		return -ESRCH;
	if (pgid == 0)
		pgid = p->pid;
	if (p != self && p->did_exec)
		return -EACCES;
	if (p->sid == p->pid || p->sid != self->sid)
		return -EPERM;
	if (pgid == p->pid) {
		p->pgid = pgid;
		return 0;
	}
	list_for_each_entry(other, &processes, all)
		if (other->pgid == pgid && other->sid == self->sid) {
			p->pgid = pgid;
			return 0;
		}
	return -EPERM;
}

int process_setpgid(pid_t pid, pid_t pgid)
{
	u64 flags;
	int err;

	if (pid < 0 || pgid < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&proc_lock);
	err = setpgid_locked(pid, pgid);
	spin_unlock_irqrestore(&proc_lock, flags);
	return err;
}

pid_t process_getpgid(pid_t pid)
{
	u64 flags = spin_lock_irqsave(&proc_lock);
	struct process *p = find_or_self(pid);
	pid_t ret = p ? p->pgid : -ESRCH;

	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}

pid_t process_getsid(pid_t pid)
{
	u64 flags = spin_lock_irqsave(&proc_lock);
	struct process *p = find_or_self(pid);
	pid_t ret = p ? p->sid : -ESRCH;

	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}

pid_t process_setsid(void)
{
	struct process *self = current_process(), *p;
	u64 flags = spin_lock_irqsave(&proc_lock);
	pid_t ret = self->pid;

	list_for_each_entry(p, &processes, all)
		if (p->pgid == self->pid)
			ret = -EPERM;
	if (ret > 0) {
		self->sid = self->pgid = self->pid;
		self->ctty = NULL;
	}
	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}

bool pgrp_is_orphaned_locked(pid_t pgrp)
{
	struct process *p;

	list_for_each_entry(p, &processes, all) {
		if (p->pgid != pgrp || p->state == PROC_ZOMBIE || !p->parent)
			continue;
		if (p->parent->pgid != pgrp && p->parent->sid == p->sid)
			return false;
	}
	return true;
}

void process_set_alarm(u64 value_ns, u64 interval_ns, u64 *old_value_ns, u64 *old_interval_ns)
{
	struct process *p = current_process();
	ktime_t now = ktime_get_ns();
	u64 flags = spin_lock_irqsave(&proc_lock);

	*old_interval_ns = p->alarm_interval_ns;
	*old_value_ns = 0;
	if (timer_armed(&p->alarm))
		*old_value_ns = p->alarm.expires > now ? p->alarm.expires - now : 1;
	p->alarm_interval_ns = value_ns ? interval_ns : 0;
	spin_unlock_irqrestore(&proc_lock, flags);
	if (value_ns)
		timer_mod(&p->alarm, now + value_ns);
	else
		(void)timer_del(&p->alarm);
}
