/*
 * Job control: groups and sessions of processes, and what a terminal asks of them
 * (drivers/char/tty.h's tty_job_ops).
 * Also there: processes
 */
#include "drivers/char/tty.h"
#include "kernel/lib/errno.h"
#include "kernel/proc/process.h"

static bool pgrp_in_session_locked(pid_t pgrp, pid_t session)
{
	const struct process *p;

	list_for_each_entry(p, &processes, all)
		if (p->pgid == pgrp && p->sid == session)
			return true;
	return false;
}

int process_setpgid(pid_t pid, pid_t pgid)
{
	struct process *self = current_process(), *p;

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
	if (pgid && pgid != p->pid && !pgrp_in_session_locked(pgid, self->sid))
		return -EPERM;
	p->pgid = pgid ? pgid : p->pid;
	return 0;
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

static void job_signal_pgrp(pid_t pgrp, int sig)
{
	PROC_GUARD();
	if (pgrp)
		signal_pgrp_locked(pgrp, sig);
}

static pid_t job_current_pgrp(void)
{
	return current_process() ? current_process()->pgid : 0;
}

static pid_t job_current_session(void)
{
	return current_process() ? current_process()->sid : 0;
}

static bool job_is_session_leader(void)
{
	return current_process() && current_process()->sid == current_process()->pid;
}

static struct tty *job_get_ctty(void)
{
	return current_process() ? current_process()->ctty : NULL;
}

static void job_set_ctty(struct tty *tty)
{
	struct process *p;

	PROC_GUARD();
	list_for_each_entry(p, &processes, all)
		if (p->sid == current_process()->sid)
			p->ctty = tty;
}

static bool job_pgrp_in_session(pid_t pgrp, pid_t session)
{
	PROC_GUARD();
	return pgrp_in_session_locked(pgrp, session);
}

static bool job_pgrp_orphaned(pid_t pgrp)
{
	PROC_GUARD();
	return pgrp_is_orphaned_locked(pgrp);
}

void proc_job_init(void)
{
	static const struct tty_job_ops ops = {
		.signal_pgrp = job_signal_pgrp,
		.current_pgrp = job_current_pgrp,
		.current_session = job_current_session,
		.is_session_leader = job_is_session_leader,
		.get_ctty = job_get_ctty,
		.set_ctty = job_set_ctty,
		.pgrp_in_session = job_pgrp_in_session,
		.signal_ignored = signal_is_ignored,
		.pgrp_orphaned = job_pgrp_orphaned,
	};

	tty_set_job_ops(&ops);
}
