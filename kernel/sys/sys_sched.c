/*
 * System calls on processors and the order in which processes get one: there is one of each.
 * Also there: calls on processors
 */
#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/syscall.h"

#define NICE_MIN (-20)
#define NICE_MAX 19

/* setpriority(2), sched(7) */
enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };
enum { SCHED_FIFO = 1, SCHED_RR, SCHED_BATCH, SCHED_NONE, SCHED_IDLE, SCHED_DEADLINE };
#define SCHED_KEEP (-1)

static int nice_of(const struct process *p)
{
	return p->thread ? p->thread->nice : 0;
}

/* May the caller change how p is scheduled? */
static bool may_schedule(const struct process *p)
{
	const struct cred *me = current_cred(), *it = process_cred(p);

	return me->euid == 0 || (it && (it->uid == me->euid || it->euid == me->euid));
}

/* who 0: the caller, its group, its user. */
static bool prio_selects(const struct process *p, u64 which, u32 who)
{
	const struct process *self = current_process();

	if (which == PRIO_PROCESS)
		return p->pid == (pid_t)(who ? who : (u32)self->pid);
	if (which == PRIO_PGRP)
		return p->pgid == (pid_t)(who ? who : (u32)self->pgid);
	return process_cred(p) && process_cred(p)->uid == (who ? who : current_cred()->uid);
}

/* Linux's way of joining several results: an error stays, and one success is enough for 0. */
static s64 set_nice(struct process *p, int nice, s64 ret)
{
	if (!may_schedule(p))
		return -EPERM;
	if (nice < nice_of(p) && current_cred()->euid != 0)
		return -EACCES;
	if (p->thread)
		p->thread->nice = (s8)nice;
	return ret == -ESRCH ? 0 : ret;
}

/* The C library turns 40..1 into -20..19. */
static s64 get_nice(struct process *p, int unused, s64 ret)
{
	(void)unused;
	return max(ret, (s64)(NICE_MAX + 1 - nice_of(p)));
}

/* All those that a[0] and a[1] select. */
static s64 for_selected(const u64 *a, s64 (*fn)(struct process *p, int nice, s64 ret), int nice)
{
	struct process *p;
	s64 ret = -ESRCH;

	if ((u32)a[0] > PRIO_USER)
		return -EINVAL;
	PROC_GUARD();
	list_for_each_entry(p, &processes, all)
		if (prio_selects(p, (u32)a[0], (u32)a[1]))
			ret = fn(p, nice, ret);
	return ret;
}

SYSCALL(setpriority, for_selected(a, set_nice, max(min((s32)a[2], NICE_MAX), NICE_MIN)))
SYSCALL(getpriority, for_selected(a, get_nice, 0))

static s64 set_scheduler(u64 pid, int policy, u64 param)
{
	struct process *p;
	s32 priority;

	if (!param || (pid_t)pid < 0)
		return -EINVAL;
	if (get_user_obj(&priority, USERPTR(param)))
		return -EFAULT;
	PROC_GUARD();
	p = process_find_or_self((pid_t)pid);
	if (!p || !p->thread)
		return -ESRCH;
	if (policy == SCHED_KEEP)
		policy = p->thread->sched_policy;
	if (policy == SCHED_FIFO || policy == SCHED_RR) /* which nobody may have here */
		return priority >= 1 && priority <= 99 ? -EPERM : -EINVAL;
	if (priority || (policy && policy != SCHED_BATCH && policy != SCHED_IDLE))
		return -EINVAL;
	if (!may_schedule(p) || (p->thread->sched_policy == SCHED_IDLE && policy != SCHED_IDLE &&
				 current_cred()->euid != 0))
		return -EPERM;
	p->thread->sched_policy = (u8)policy;
	return 0;
}

SYSCALL(sched_setscheduler, (int)a[1] < 0 ? -EINVAL : set_scheduler(a[0], (int)a[1], a[2]))
SYSCALL(sched_setparam, set_scheduler(a[0], SCHED_KEEP, a[1]))

/* Returns: the policy, or -EINVAL, -ESRCH; the length of a slice. */
static s64 get_scheduler(u64 pid, u64 *slice_ns)
{
	const struct process *p;

	if ((pid_t)pid < 0)
		return -EINVAL;
	PROC_GUARD();
	p = process_find_or_self((pid_t)pid);
	if (!p || !p->thread)
		return -ESRCH;
	*slice_ns = sched_slice_ticks(p->thread) * TICK_NS;
	return p->thread->sched_policy;
}

s64 sys_sched_getscheduler(const u64 *a)
{
	u64 slice;

	return get_scheduler(a[0], &slice);
}

s64 sys_sched_getparam(const u64 *a)
{
	static const s32 priority;
	u64 slice;
	s64 ret = a[1] ? get_scheduler(a[0], &slice) : -EINVAL;

	return ret < 0 ? ret : put_user_obj(USERPTR(a[1]), &priority);
}

s64 sys_sched_rr_get_interval(const u64 *a)
{
	u64 slice;
	s64 ret = get_scheduler(a[0], &slice);

	return ret < 0 ? ret : put_user_time(a[1], 1, slice);
}

/* a[1]: of the policies in real time. */
s64 sys_sched_get_priority(const u64 *a)
{
	u32 policy = (u32)a[0];

	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return (s64)a[1];
	return policy > SCHED_DEADLINE || policy == SCHED_NONE ? -EINVAL : 0;
}

s64 sys_sched_setaffinity(const u64 *a)
{
	const struct process *p;
	u64 mask = 0;

	if (copy_from_user(&mask, USERPTR(a[2]), min((u64)(u32)a[1], sizeof(mask))))
		return -EFAULT;
	PROC_GUARD();
	p = process_find_or_self((pid_t)a[0]);
	if (!p)
		return -ESRCH;
	if (!may_schedule(p))
		return -EPERM;
	return mask & 1 ? 0 : -EINVAL;
}

s64 sys_sched_getaffinity(const u64 *a)
{
	static const u64 mask = 1;

	if (!(u32)a[1] || (u32)a[1] % sizeof(mask))
		return -EINVAL;
	{
		PROC_GUARD();
		if (!process_find_or_self((pid_t)a[0]))
			return -ESRCH;
	}
	return put_user_obj(USERPTR(a[2]), &mask) ? -EFAULT : (s64)sizeof(mask);
}

s64 sys_getcpu(const u64 *a)
{
	static const u32 zero;

	if ((a[0] && put_user_obj(USERPTR(a[0]), &zero)) ||
	    (a[1] && put_user_obj(USERPTR(a[1]), &zero)))
		return -EFAULT;
	return 0;
}
