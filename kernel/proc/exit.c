/*
 * The end of a process, stops, and the parent's wait for both. States: kernel/proc/process.h.
 * Also there: processes
 */
#include "drivers/char/tty.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/proc/process.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/sched.h"

#define W_STOPPED(sig) ((sig) << 8 | 0x7f)
#define END_TRIES      100
#define END_WAIT_NS    (100 * NSEC_PER_MSEC)

bool system_ending; /* [atomic] */
static struct wait_queue_head ended_wait = WAIT_QUEUE_INIT(ended_wait);

/* Nobody will wait for p: it leaves no zombie. */
static bool parent_ignores_locked(const struct process *p)
{
	const struct sigaction_k *act = &p->parent->sig.action[SIGCHLD - 1];

	return act->handler == SIG_IGN || (act->flags & SA_NOCLDWAIT);
}

/* p's parent goes away or p exits. A group that thereby loses its last tie to the session gets
 * SIGHUP and SIGCONT if a member is stopped (POSIX, _exit). */
static void hangup_orphaned_locked(const struct process *p, const struct process *parent)
{
	const struct process *other;

	if (!parent || parent->pgid == p->pgid || parent->sid != p->sid ||
	    !pgrp_is_orphaned_locked(p->pgid))
		return;
	list_for_each_entry(other, &processes, all) {
		if (other->pgid == p->pgid && other->state == PROC_STOPPED) {
			signal_pgrp_locked(p->pgid, SIGHUP);
			signal_pgrp_locked(p->pgid, SIGCONT);
			return;
		}
	}
}

static void reparent_children_locked(struct process *self)
{
	const struct sig_cause cause = {
		.code = SI_USER, .pid = self->pid, .uid = process_cred(self)->uid};
	struct process *init = process_find(1), *child, *tmp;

	list_for_each_entry_safe(child, tmp, &self->children, sibling) {
		if (child->pdeath_signal)
			signal_send_locked(child, child->pdeath_signal, &cause);
		child->parent = init;
		list_move_tail(&child->sibling, &init->children);
		if (child->state == PROC_ZOMBIE)
			notify_parent_locked(child, CLD_EXITED, child->status >> 8);
		hangup_orphaned_locked(child, self);
	}
}

/* Files, memory, terminal: everything whose release may sleep. */
static void release_resources(struct process *self)
{
	struct thread *t = current;
	struct files_struct *files = t->files;
	struct fs_struct *fs = t->fs;
	struct mm *mm = self->mm;

	if (self->sid == self->pid && self->ctty)
		tty_session_exit(self->ctty);
	{
		PROC_GUARD();
		t->files = NULL;
		t->fs = NULL;
		self->mm = NULL;
	}
	files_put(files);
	fs_struct_put(fs);
	arch_set_cr3(&t->arch, pgtable_kernel().v);
	vfork_release(self);
	if (mm)
		mm_put(mm);
}

/* Init ends when the system does: nobody waits for it, and its children stay its own. */
static void __noreturn end_init(struct process *self)
{
	{
		PROC_GUARD();
		self->state = PROC_ZOMBIE;
		self->cred = current->cred;
		self->thread = NULL;
		current->process = NULL;
		current->cred = NULL;
	}
	wake_up_all(&ended_wait);
	thread_exit();
}

void process_exit(int status)
{
	struct process *self = current_process();
	struct thread *t = current;
	bool autoreap;

	if (self->pid == 1 && !READ_ONCE(system_ending))
		panic("init ended with status %#x", (unsigned int)status);
	release_resources(self);
	if (self->pid == 1)
		end_init(self);
	{
		PROC_GUARD();
		self->times = (struct rusage_times){t->utime_ns, t->stime_ns};
		self->status = status;
		reparent_children_locked(self);
		self->state = PROC_ZOMBIE;
		hangup_orphaned_locked(self, self->parent);
		autoreap = parent_ignores_locked(self);
		if (autoreap)
			list_del(&self->sibling);
		notify_parent_locked(self, status & 0x7f ? CLD_KILLED : CLD_EXITED,
				     status & 0x7f ? status & 0x7f : status >> 8);
		self->cred = t->cred;
		self->thread = NULL;
		t->process = NULL;
		t->rlim = NULL;
		t->cred = NULL;
	}
	if (autoreap)
		process_free(self);
	wake_up_all(&ended_wait);
	thread_exit();
}

/* Returns: how many processes have not ended yet. */
static u32 kill_others(void)
{
	struct process *p;
	u32 left = 0;

	PROC_GUARD();
	list_for_each_entry(p, &processes, all) {
		if (p == current_process() || p->state == PROC_ZOMBIE || process_is_kernel(p))
			continue;
		signal_send_locked(p, SIGKILL, NULL);
		left++;
	}
	return left;
}

void process_end_all(void)
{
	u32 left;

	if (__atomic_exchange_n(&system_ending, true, __ATOMIC_SEQ_CST))
		process_exit(SIGKILL); /* another one ends the system already */
	left = kill_others();
	release_resources(current_process());
	/* Again and again, for a fork may have been under way. */
	for (u32 i = 0; left && i < END_TRIES; i++)
		(void)wait_event_timeout(&ended_wait, (left = kill_others()) == 0, END_WAIT_NS);
	if (left)
		printk("reboot: %u processes do not end\n", left);
}

void process_stop(int sig)
{
	struct process *self = current_process();

	{
		PROC_GUARD();
		/* A SIGCONT or SIGKILL that came meanwhile has taken the stop back. */
		if (self->sig.pending & (SIGBIT(SIGCONT) | SIGBIT(SIGKILL)))
			return;
		self->state = PROC_STOPPED;
		self->status = W_STOPPED(sig);
		self->stop_unreported = true;
		self->cont_unreported = false;
		notify_parent_locked(self, CLD_STOPPED, sig);
		set_current_state(THREAD_STOPPED);
	}
	schedule();
}

/* Something to report about a child? */
static bool wait_take_event(struct process *child, int options, struct wait_result *r)
{
	*r = (struct wait_result){child->status, process_cred(child)->uid, child->times};
	if (child->state == PROC_ZOMBIE)
		return true;
	if (options & WUNTRACED && child->state == PROC_STOPPED && child->stop_unreported) {
		child->stop_unreported = options & WNOWAIT;
		return true;
	}
	if (options & WCONTINUED && child->cont_unreported) {
		child->cont_unreported = options & WNOWAIT;
		r->status = W_CONTINUED;
		return true;
	}
	return false;
}

/* Returns: pid, 0 (children, but nothing to report) or -ECHILD. *zombie is to be freed. */
static pid_t wait_look(int idtype, pid_t id, int options, struct wait_result *r,
		       struct process **zombie)
{
	struct process *self = current_process(), *child;
	pid_t ret = -ECHILD;

	PROC_GUARD();
	list_for_each_entry(child, &self->children, sibling) {
		if (idtype != P_ALL && (idtype == P_PID ? child->pid : child->pgid) != id)
			continue;
		if (child->state == PROC_ZOMBIE && !(options & WEXITED))
			continue; /* nothing of what is asked for can come any more */
		ret = 0;
		if (!wait_take_event(child, options, r))
			continue;
		if (child->state == PROC_ZOMBIE && !(options & WNOWAIT)) {
			r->times.utime_ns += child->child_times.utime_ns;
			r->times.stime_ns += child->child_times.stime_ns;
			self->child_times.utime_ns += r->times.utime_ns;
			self->child_times.stime_ns += r->times.stime_ns;
			list_del(&child->sibling);
			*zombie = child;
		}
		return child->pid;
	}
	return ret;
}

pid_t process_wait(int idtype, pid_t id, int options, struct wait_result *result)
{
	struct process *zombie = NULL;
	pid_t ret = 0;
	int err;

	if (idtype == P_PGID && !id)
		id = current_process()->pgid;
	err = wait_event_interruptible(
		&current_process()->child_wait,
		(ret = wait_look(idtype, id, options, result, &zombie)) != 0 || options & WNOHANG);
	if (zombie)
		process_free(zombie);
	return err ? err : ret;
}
