/*
 * What a terminal asks of processes: drivers/char/tty.h's tty_job_ops.
 * Also there: processes
 */
#include "drivers/char/tty.h"
#include "kernel/proc/process.h"

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
	const struct process *p;

	PROC_GUARD();
	list_for_each_entry(p, &processes, all)
		if (p->pgid == pgrp && p->sid == session)
			return true;
	return false;
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
