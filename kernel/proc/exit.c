/*
 * The end of a process, and its parent's wait for it.
 *
 * ALIVE -> ZOMBIE (process_exit) -> freed (process_wait, or at once when the parent ignores
 * SIGCHLD); ALIVE <-> STOPPED (process_stop, SIGCONT).
 */
#include "drivers/char/tty.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"

/* Tell the parent by SIGCHLD and wake its wait4. proc_lock held. */
static void notify_parent_locked(struct process *p, int code, int status)
{
	struct siginfo_k info = { .si_signo = SIGCHLD, .si_code = code };
	const struct sigaction_k *act;

	if (!p->parent)
		return;
	act = &p->parent->sig.action[SIGCHLD - 1];
	info.child.pid = p->pid;
	info.child.status = status;
	if ((code == CLD_EXITED || code == CLD_KILLED) || !(act->flags & SA_NOCLDSTOP))
		signal_send_locked(p->parent, SIGCHLD, &info);
	wake_up_all(&p->parent->child_wait);
}

static bool parent_ignores_locked(const struct process *p)
{
	const struct sigaction_k *act;

	if (!p->parent)
		return true;
	act = &p->parent->sig.action[SIGCHLD - 1];
	return act->handler == SIG_IGN || (act->flags & SA_NOCLDWAIT);
}

/* Groups that lose their last tie to the session get SIGHUP and SIGCONT if a member is stopped
 * (POSIX, _exit). proc_lock held. */
static void hangup_orphaned_locked(pid_t pgrp)
{
	struct process *p;
	bool stopped = false;

	if (!pgrp_is_orphaned_locked(pgrp))
		return;
	for (p = process_next(0); p; p = process_next(p->pid))
		stopped |= p->pgid == pgrp && p->state == PROC_STOPPED;
	if (!stopped)
		return;
	(void)signal_pgrp_locked(pgrp, SIGHUP, NULL);
	(void)signal_pgrp_locked(pgrp, SIGCONT, NULL);
}

static void reparent_children_locked(struct process *self)
{
	struct process *init = process_find(1), *child, *tmp;

	list_for_each_entry_safe(child, tmp, &self->children, sibling) {
		child->parent = init;
		list_move_tail(&child->sibling, &init->children);
		if (child->state == PROC_ZOMBIE)
			notify_parent_locked(child, CLD_EXITED, child->exit_code);
		if (child->pgid != self->pgid)
			hangup_orphaned_locked(child->pgid);
	}
}

/* Memory, files, terminal: everything that may sleep, before the process becomes a zombie. */
static void release_resources(struct process *self)
{
	struct thread *t = current;
	struct mm *mm = self->mm;
	u64 flags;
	u32 zero = 0;

	/* With CLONE_CHILD_CLEARTID (glibc and musl set it for themselves): a best-effort store. */
	if (self->clear_child_tid && atomic_read(&mm->refs) > 1 &&
	    copy_to_user(USERPTR(self->clear_child_tid), &zero, sizeof(zero)))
		self->clear_child_tid = 0;
	files_put(t->files);
	t->files = NULL;
	fs_struct_put(t->fs);
	t->fs = NULL;
	if (self->sid == self->pid && self->ctty)
		tty_session_exit(self->ctty);
	flags = spin_lock_irqsave(&proc_lock);
	self->mm = NULL;
	spin_unlock_irqrestore(&proc_lock, flags);
	arch_set_cr3(&t->arch, pgtable_kernel().v);
	if (self->vfork_done)
		complete(self->vfork_done);
	self->vfork_done = NULL;
	mm_put(mm);
}

void process_exit(int status)
{
	struct process *self = current_process();
	struct thread *t = current;
	bool autoreap;
	u64 flags;

	if (self->pid == 1)
		panic("init ended with status %#x", (unsigned int)status);
	(void)timer_del(&self->alarm);
	release_resources(self);

	flags = spin_lock_irqsave(&proc_lock);
	kfree(t->cred);
	t->cred = NULL;
	self->times.utime_ns = t->utime_ns;
	self->times.stime_ns = t->stime_ns;
	self->exit_code = status;
	reparent_children_locked(self);
	self->state = PROC_ZOMBIE;
	self->thread = NULL;
	hangup_orphaned_locked(self->pgid);
	autoreap = parent_ignores_locked(self);
	if (autoreap) {
		list_del(&self->sibling);
		if (self->parent)
			wake_up_all(&self->parent->child_wait);
	} else {
		notify_parent_locked(self, status & 0x7f ? CLD_KILLED : CLD_EXITED,
				     status & 0x7f ? status & 0x7f : status >> 8);
	}
	t->process = NULL;
	spin_unlock_irqrestore(&proc_lock, flags);
	if (autoreap)
		process_free(self);
	thread_exit();
}

void process_stop(int sig)
{
	struct process *self = current_process();
	u64 flags = spin_lock_irqsave(&proc_lock);

	/* A SIGCONT or SIGKILL that came meanwhile has taken the stop back. */
	if (self->sig.pending & (SIGBIT(SIGCONT) | SIGBIT(SIGKILL))) {
		spin_unlock_irqrestore(&proc_lock, flags);
		return;
	}
	self->state = PROC_STOPPED;
	self->stop_signal = sig;
	self->stop_unreported = true;
	self->cont_unreported = false;
	notify_parent_locked(self, CLD_STOPPED, sig);
	set_current_state(THREAD_STOPPED);
	spin_unlock_irqrestore(&proc_lock, flags);
	schedule();
}

static bool wait_matches(const struct process *child, pid_t pid)
{
	if (pid > 0)
		return child->pid == pid;
	if (pid == 0)
		return child->pgid == current_process()->pgid;
	return pid == -1 || child->pgid == -pid;
}

/* Something to report about a child? proc_lock held. */
static bool wait_take_event(struct process *child, int options, struct wait_result *r)
{
	if (child->state == PROC_ZOMBIE) {
		r->status = child->exit_code;
	} else if ((options & WUNTRACED) && child->state == PROC_STOPPED && child->stop_unreported) {
		child->stop_unreported = false;
		r->status = (child->stop_signal << 8) | 0x7f;
	} else if ((options & WCONTINUED) && child->cont_unreported) {
		child->cont_unreported = false;
		r->status = 0xffff;
	} else {
		return false;
	}
	r->pid = child->pid;
	r->times = child->times;
	return true;
}

/* Returns: pid, 0 (children, but nothing to report) or -ECHILD. *zombie is to be freed. */
static pid_t wait_look(pid_t pid, int options, struct wait_result *r, struct process **zombie)
{
	struct process *self = current_process(), *child;
	u64 flags = spin_lock_irqsave(&proc_lock);
	pid_t ret = -ECHILD;

	list_for_each_entry(child, &self->children, sibling) {
		if (!wait_matches(child, pid))
			continue;
		ret = 0;
		if (!wait_take_event(child, options, r))
			continue;
		ret = child->pid;
		if (child->state == PROC_ZOMBIE) {
			self->child_times.utime_ns +=
				child->times.utime_ns + child->child_times.utime_ns;
			self->child_times.stime_ns +=
				child->times.stime_ns + child->child_times.stime_ns;
			list_del(&child->sibling);
			*zombie = child;
		}
		break;
	}
	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}

pid_t process_wait(pid_t pid, int options, struct wait_result *result)
{
	struct process *zombie = NULL;
	pid_t ret = 0;
	int err;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED))
		return -EINVAL;
	err = wait_event_interruptible(&current_process()->child_wait,
				       (ret = wait_look(pid, options, result, &zombie)) != 0 ||
					       (options & WNOHANG));
	if (zombie)
		process_free(zombie);
	return err ? err : ret;
}
