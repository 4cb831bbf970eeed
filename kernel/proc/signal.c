/*
 * Sending signals and the bookkeeping of masks and actions.
 *
 * Invariants: kernel/proc/signal.h. Locks: proc_lock.
 */
#include "kernel/proc/signal.h"

#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"

#define UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define STOP_SIGNALS (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define IGNORED_BY_DEFAULT (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))

void signal_recalc_locked(struct process *p)
{
	if (p->thread)
		__atomic_store_n(&p->thread->sigpending, (p->sig.pending & ~p->sig.blocked) != 0,
				 __ATOMIC_RELEASE);
}

static bool is_ignored(const struct process *p, int sig)
{
	u64 handler = p->sig.action[sig - 1].handler;

	if (p->sig.blocked & SIGBIT(sig))
		return false; /* kept until unblocked or waited for */
	return handler == SIG_IGN || (handler == SIG_DFL && (IGNORED_BY_DEFAULT & SIGBIT(sig)));
}

/* SIGCONT and SIGKILL end a stop at once, whatever is blocked; stops and SIGCONT cancel each
 * other while pending. */
static void cancel_opposites(struct process *p, int sig)
{
	if (SIGBIT(sig) & STOP_SIGNALS)
		p->sig.pending &= ~SIGBIT(SIGCONT);
	if (sig != SIGCONT && sig != SIGKILL)
		return;
	p->sig.pending &= ~STOP_SIGNALS;
	if (p->state != PROC_STOPPED)
		return;
	p->state = PROC_ALIVE;
	p->stop_unreported = false;
	if (sig == SIGCONT) {
		p->cont_unreported = true;
		if (p->parent) {
			struct siginfo_k info = { .si_signo = SIGCHLD, .si_code = CLD_CONTINUED };

			info.child.pid = p->pid;
			info.child.status = SIGCONT;
			if (!(p->parent->sig.action[SIGCHLD - 1].flags & SA_NOCLDSTOP))
				signal_send_locked(p->parent, SIGCHLD, &info);
			wake_up_all(&p->parent->child_wait);
		}
	}
	wake_up_signal(p->thread, true);
}

void signal_send_locked(struct process *p, int sig, const struct siginfo_k *info)
{
	struct siginfo_k *slot = &p->sig.info[sig - 1];

	if (p->state == PROC_ZOMBIE || !p->thread)
		return;
	cancel_opposites(p, sig);
	if (is_ignored(p, sig) || (p->sig.pending & SIGBIT(sig)))
		return;
	/* Init is never killed by a signal that it has no handler for. */
	if (p->pid == 1 && p->sig.action[sig - 1].handler == SIG_DFL &&
	    !(p->sig.blocked & SIGBIT(sig)))
		return;
	memset(slot, 0, sizeof(*slot));
	if (info)
		*slot = *info;
	else
		slot->si_code = SI_KERNEL;
	slot->si_signo = sig;
	p->sig.pending |= SIGBIT(sig);
	signal_recalc_locked(p);
	if (p->thread->sigpending)
		(void)wake_up_signal(p->thread, sig == SIGKILL);
}

void signal_send(struct process *p, int sig, const struct siginfo_k *info)
{
	u64 flags = spin_lock_irqsave(&proc_lock);

	signal_send_locked(p, sig, info);
	spin_unlock_irqrestore(&proc_lock, flags);
}

int signal_pgrp_locked(pid_t pgrp, int sig, const struct siginfo_k *info)
{
	struct process *p;
	int ret = -ESRCH;

	for (p = process_next(0); p; p = process_next(p->pid)) {
		if (p->pgid != pgrp)
			continue;
		ret = 0;
		if (sig)
			signal_send_locked(p, sig, info);
	}
	return ret;
}

int signal_pgrp(pid_t pgrp, int sig, const struct siginfo_k *info)
{
	u64 flags = spin_lock_irqsave(&proc_lock);
	int ret = signal_pgrp_locked(pgrp, sig, info);

	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}

/* kill(2): same real or effective user, or root; SIGCONT within the session. */
static bool may_signal(const struct process *to, int sig)
{
	const struct cred *me = current_cred(), *it = to->thread ? to->thread->cred : NULL;

	if (me->euid == 0 || !it)
		return true;
	return me->euid == it->suid || me->euid == it->uid || me->uid == it->suid ||
	       me->uid == it->uid || (sig == SIGCONT && to->sid == current_process()->sid);
}

static bool kill_selects(const struct process *p, pid_t pid)
{
	if (pid > 0)
		return p->pid == pid;
	if (pid == -1)
		return p->pid > 1 && p != current_process();
	return p->pgid == (pid == 0 ? current_process()->pgid : -pid);
}

int signal_kill(pid_t pid, int sig)
{
	struct siginfo_k info = { .si_code = SI_USER };
	struct process *p;
	int ret = -ESRCH;
	u64 flags;

	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	info.child.pid = current_process()->pid;
	info.child.uid = current_cred()->uid;
	flags = spin_lock_irqsave(&proc_lock);
	for (p = process_next(0); p; p = process_next(p->pid)) {
		if (!kill_selects(p, pid))
			continue;
		if (!may_signal(p, sig)) {
			if (ret == -ESRCH)
				ret = -EPERM;
			continue;
		}
		ret = 0;
		if (sig)
			signal_send_locked(p, sig, &info);
	}
	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}

void signal_force_fault(int sig, int code, u64 addr)
{
	struct process *p = current_process();
	struct siginfo_k info = { .si_code = code };
	struct sigaction_k *act = &p->sig.action[sig - 1];
	u64 flags;

	info.fault.addr = addr;
	flags = spin_lock_irqsave(&proc_lock);
	if (act->handler == SIG_IGN || (p->sig.blocked & SIGBIT(sig)))
		act->handler = SIG_DFL;
	p->sig.blocked &= ~SIGBIT(sig);
	p->sig.info[sig - 1] = info;
	p->sig.info[sig - 1].si_signo = sig;
	p->sig.pending |= SIGBIT(sig);
	signal_recalc_locked(p);
	spin_unlock_irqrestore(&proc_lock, flags);
}

bool signal_is_ignored(int sig)
{
	struct process *p = current_process();
	u64 flags = spin_lock_irqsave(&proc_lock);
	bool ret = (p->sig.blocked & SIGBIT(sig)) || p->sig.action[sig - 1].handler == SIG_IGN;

	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}

int signal_action(int sig, const struct sigaction_k *act, struct sigaction_k *old)
{
	struct process *p = current_process();
	u64 flags;

	if (sig < 1 || sig > NSIG || (act && (UNBLOCKABLE & SIGBIT(sig))))
		return -EINVAL;
	flags = spin_lock_irqsave(&proc_lock);
	if (old)
		*old = p->sig.action[sig - 1];
	if (act) {
		p->sig.action[sig - 1] = *act;
		p->sig.action[sig - 1].mask &= ~UNBLOCKABLE;
		if (act->handler == SIG_IGN ||
		    (act->handler == SIG_DFL && (IGNORED_BY_DEFAULT & SIGBIT(sig))))
			p->sig.pending &= ~SIGBIT(sig);
		signal_recalc_locked(p);
	}
	spin_unlock_irqrestore(&proc_lock, flags);
	return 0;
}

int signal_procmask(int how, const sigset_k *set, sigset_k *old)
{
	struct process *p = current_process();
	u64 flags = spin_lock_irqsave(&proc_lock);
	int err = 0;

	if (old)
		*old = p->sig.blocked;
	if (set) {
		if (how == SIG_BLOCK)
			p->sig.blocked |= *set;
		else if (how == SIG_UNBLOCK)
			p->sig.blocked &= ~*set;
		else if (how == SIG_SETMASK)
			p->sig.blocked = *set;
		else
			err = -EINVAL;
		p->sig.blocked &= ~UNBLOCKABLE;
		signal_recalc_locked(p);
	}
	spin_unlock_irqrestore(&proc_lock, flags);
	return err;
}

int signal_suspend(sigset_k mask)
{
	struct process *p = current_process();
	struct wait_queue_head never;
	sigset_k old;
	int err = signal_procmask(SIG_SETMASK, &mask, &old);

	if (err)
		return err;
	p->sig.saved_mask = old;
	p->sig.restore_mask = true; /* once the handler's frame holds the old mask */
	init_waitqueue_head(&never);
	return wait_event_interruptible(&never, false) ? -EINTR : 0;
}

sigset_k signal_pending_set(void)
{
	struct sighand *sig = &current_process()->sig;

	return READ_ONCE(sig->pending) & READ_ONCE(sig->blocked);
}

static int take_pending(sigset_k set, struct siginfo_k *info)
{
	struct process *p = current_process();
	u64 flags = spin_lock_irqsave(&proc_lock);
	sigset_k ready = p->sig.pending & set;
	int sig = 0;

	if (ready) {
		sig = __builtin_ctzll(ready) + 1;
		p->sig.pending &= ~SIGBIT(sig);
		*info = p->sig.info[sig - 1];
		signal_recalc_locked(p);
	}
	spin_unlock_irqrestore(&proc_lock, flags);
	return sig;
}

int signal_timedwait(sigset_k set, struct siginfo_k *info, u64 timeout_ns)
{
	sigset_k old, unblock = set & ~UNBLOCKABLE;
	int sig = take_pending(unblock, info), err;

	if (sig || timeout_ns == 0)
		return sig ? sig : -EAGAIN;
	/* Unblocked while asleep, so that their arrival wakes us. */
	err = signal_procmask(SIG_UNBLOCK, &unblock, &old);
	if (err)
		return err;
	set_current_state(THREAD_INTERRUPTIBLE);
	if (signal_pending())
		set_current_state(THREAD_RUNNING);
	else
		timeout_ns = schedule_timeout(timeout_ns);
	sig = take_pending(unblock, info);
	err = signal_procmask(SIG_SETMASK, &old, NULL);
	if (sig || err)
		return err ? err : sig;
	return signal_pending() ? -EINTR : -EAGAIN;
}

void signal_exec(struct process *p)
{
	u64 flags = spin_lock_irqsave(&proc_lock);

	for (int i = 0; i < NSIG; i++) {
		struct sigaction_k *act = &p->sig.action[i];

		if (act->handler != SIG_IGN)
			act->handler = SIG_DFL;
		act->flags = 0;
		act->mask = 0;
	}
	p->sig.altstack = (struct stack_k){ .ss_flags = (s32)SS_DISABLE };
	p->sig.restore_mask = false;
	spin_unlock_irqrestore(&proc_lock, flags);
}
