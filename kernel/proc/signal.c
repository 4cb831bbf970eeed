/*
 * Sending signals, also a child's to its parent, and the bookkeeping of masks and actions.
 *
 * Invariants: kernel/proc/signal.h. Locks: proc_lock.
 * Also there: processes
 */
#include "kernel/proc/signal.h"

#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/wait.h"

#define UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

void signal_recalc_locked(struct process *p)
{
	const struct sighand *sh = &p->sig;

	if (p->thread)
		__atomic_store_n(&p->thread->sigpending,
				 (sh->pending & (~sh->blocked | sh->awaited)) != 0,
				 __ATOMIC_RELEASE);
}

static bool drops(u64 handler, int sig)
{
	return handler == SIG_IGN || (handler == SIG_DFL && SIG_IGNORED_BY_DEFAULT & SIGBIT(sig));
}

void notify_parent_locked(struct process *p, int code, int status)
{
	struct process *parent = p->parent;
	struct sig_cause cause = {.code = code, .pid = p->pid, .status = status};
	bool ended = code == CLD_EXITED || code == CLD_KILLED;

	if (!parent)
		return;
	cause.uid = process_cred(p)->uid;
	if (ended || !(parent->sig.action[SIGCHLD - 1].flags & SA_NOCLDSTOP))
		signal_send_locked(parent, SIGCHLD, &cause);
	wake_up_all(&parent->child_wait);
}

/* SIGCONT and SIGKILL end a stop at once, whatever is blocked; stops and SIGCONT cancel each
 * other while pending. */
static void cancel_opposites(struct process *p, int sig)
{
	if (SIGBIT(sig) & SIG_STOPS)
		p->sig.pending &= ~SIGBIT(SIGCONT);
	if (sig != SIGCONT && sig != SIGKILL)
		return;
	p->sig.pending &= ~SIG_STOPS;
	if (p->state != PROC_STOPPED)
		return;
	p->state = PROC_ALIVE;
	p->stop_unreported = false;
	if (sig == SIGCONT) {
		p->cont_unreported = true;
		notify_parent_locked(p, CLD_CONTINUED, SIGCONT);
	}
	wake_up_signal(p->thread, true);
}

void signal_send_locked(struct process *p, int sig, const struct sig_cause *cause)
{
	static const struct sig_cause by_kernel = {.code = SI_KERNEL};
	struct sighand *sh = &p->sig;

	if (p->state == PROC_ZOMBIE || process_is_kernel(p))
		return;
	cancel_opposites(p, sig);
	/* What is blocked or waited for is kept even if it will be ignored. */
	if (sh->pending & SIGBIT(sig) || (drops(sh->action[sig - 1].handler, sig) &&
					  !((sh->blocked | sh->awaited) & SIGBIT(sig))))
		return;
	sh->cause[sig - 1] = cause ? *cause : by_kernel;
	sh->pending |= SIGBIT(sig);
	signal_recalc_locked(p);
	if (p->thread && p->thread->sigpending)
		wake_up_signal(p->thread, sig == SIGKILL);
}

void signal_send(struct process *p, int sig, const struct sig_cause *cause)
{
	PROC_GUARD();
	signal_send_locked(p, sig, cause);
}

void signal_pgrp_locked(pid_t pgrp, int sig)
{
	struct process *p;

	list_for_each_entry(p, &processes, all)
		if (p->pgid == pgrp)
			signal_send_locked(p, sig, NULL);
}

/* kill(2): same real or effective user, or root; SIGCONT within the session. */
static bool may_signal(const struct process *to, int sig)
{
	const struct cred *me = current_cred(), *it = process_cred(to);

	if (!it) /* being made: a copy of its parent; a kernel thread is root's */
		return me->euid == 0 || !process_is_kernel(to);
	return me->euid == 0 || me->euid == it->suid || me->euid == it->uid ||
	       me->uid == it->suid || me->uid == it->uid ||
	       (sig == SIGCONT && to->sid == current_process()->sid);
}

static bool kill_selects(const struct process *p, pid_t pid)
{
	if (pid > 0)
		return p->pid == pid;
	if (pid == -1)
		return p->pid > 1 && p != current_process();
	return p->pgid == (pid == 0 ? current_process()->pgid : -pid);
}

int signal_kill(pid_t pid, int sig, s32 code)
{
	struct sig_cause cause = {.code = code, .pid = current_process()->pid};
	struct process *p;
	int ret = -ESRCH;

	if (pid == S32_MIN)
		return -ESRCH;
	cause.uid = current_cred()->uid;
	PROC_GUARD();
	list_for_each_entry(p, &processes, all) {
		if (!kill_selects(p, pid))
			continue;
		if (sig < 0 || sig > NSIG) /* as in Linux, whoever is not there comes first */
			return -EINVAL;
		if (!may_signal(p, sig)) {
			/* As in Linux, to all means to all those that it may. */
			ret = ret && pid != -1 ? -EPERM : 0;
			continue;
		}
		ret = 0;
		if (sig)
			signal_send_locked(p, sig, &cause);
	}
	return ret;
}

bool signal_is_ignored(int sig)
{
	struct sighand *sh = &current_process()->sig;

	PROC_GUARD();
	return sh->blocked & SIGBIT(sig) || sh->action[sig - 1].handler == SIG_IGN;
}

int signal_action(int sig, const struct sigaction_k *act, struct sigaction_k *old)
{
	struct process *p = current_process();

	if (sig < 1 || sig > NSIG || (act && UNBLOCKABLE & SIGBIT(sig)))
		return -EINVAL;
	PROC_GUARD();
	*old = p->sig.action[sig - 1];
	if (act) {
		p->sig.action[sig - 1] = *act;
		p->sig.action[sig - 1].mask &= ~UNBLOCKABLE;
		if (drops(act->handler, sig))
			p->sig.pending &= ~SIGBIT(sig);
		signal_recalc_locked(p);
	}
	return 0;
}

sigset_k signal_swap_mask(sigset_k mask)
{
	struct process *p = current_process();
	sigset_k old;

	PROC_GUARD();
	old = p->sig.blocked;
	p->sig.blocked = mask;
	signal_recalc_locked(p);
	return old;
}

int signal_procmask(int how, const sigset_k *set, sigset_k *old)
{
	*old = current_process()->sig.blocked;
	if (!set)
		return 0;
	if (how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
		return -EINVAL;
	(void)signal_swap_mask((how == SIG_BLOCK   ? *old | *set :
				how == SIG_UNBLOCK ? *old & ~*set :
						     *set) &
			       ~UNBLOCKABLE);
	return 0;
}

void signal_set_temporary_mask(sigset_k mask)
{
	struct sighand *sh = &current_process()->sig;

	sh->saved_mask = signal_swap_mask(mask & ~UNBLOCKABLE);
	sh->restore_mask = true;
}

void signal_restore_mask(void)
{
	struct sighand *sh = &current_process()->sig;

	if (sh->restore_mask)
		(void)signal_swap_mask(sh->saved_mask);
	sh->restore_mask = false;
}

void signal_fill_info(struct siginfo_k *info, int sig, const struct sig_cause *cause)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = cause->code;
	info->from.pid = cause->pid;
	info->from.uid = cause->uid;
	info->from.status = cause->status;
	if (cause->addr)
		info->addr = cause->addr;
}

/* Change what is awaited; then take one of `set`. Returns: its number, or 0. */
static int await(sigset_k awaited, sigset_k set, struct siginfo_k *info)
{
	struct process *p = current_process();
	sigset_k ready;
	int sig = 0;

	PROC_GUARD();
	ready = p->sig.pending & set;
	if (ready) {
		sig = __builtin_ctzll(ready) + 1;
		p->sig.pending &= ~SIGBIT(sig);
		signal_fill_info(info, sig, &p->sig.cause[sig - 1]);
	}
	p->sig.awaited = sig ? 0 : awaited;
	signal_recalc_locked(p);
	return sig;
}

int signal_timedwait(sigset_k set, struct siginfo_k *info, u64 timeout_ns)
{
	int sig;

	set &= ~UNBLOCKABLE;
	sig = await(set, set, info);
	if (sig)
		return sig;
	timeout_ns = thread_sleep_ns(timeout_ns, true);
	sig = await(0, set, info);
	return sig ? sig : timeout_ns ? -EINTR : -EAGAIN;
}

void signal_exec(void)
{
	struct process *p = current_process();

	PROC_GUARD();
	for (int i = 0; i < NSIG; i++) {
		struct sigaction_k *act = &p->sig.action[i];

		*act = (struct sigaction_k){.handler = act->handler == SIG_IGN ? SIG_IGN : SIG_DFL};
	}
	p->sig.altstack = (struct stack_k){.ss_flags = SS_DISABLE};
}
