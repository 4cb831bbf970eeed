/* System calls on processes. */
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

s64 sys_sched_yield(const u64 *a)
{
	(void)a;
	yield();
	return 0;
}

s64 sys_fork(const u64 *a)
{
	struct clone_args_k args = { .flags = SIGCHLD };

	(void)a;
	return process_clone(syscall_frame(), &args);
}

s64 sys_vfork(const u64 *a)
{
	struct clone_args_k args = { .flags = CLONE_VM | CLONE_VFORK | SIGCHLD };

	(void)a;
	return process_clone(syscall_frame(), &args);
}

s64 sys_clone(const u64 *a)
{
	struct clone_args_k args = { a[0], a[1], a[2], a[3], a[4] };

	return process_clone(syscall_frame(), &args);
}

s64 sys_execve(const u64 *a)
{
	struct trapframe *tf = syscall_frame();
	int err = process_exec(tf, USERPTR(a[0]), USERPTR(a[1]), USERPTR(a[2]));

	return err ? err : (s64)tf->rax;
}

s64 sys_exit(const u64 *a) { process_exit((int)(a[0] & 0xff) << 8); }
s64 sys_exit_group(const u64 *a) { process_exit((int)(a[0] & 0xff) << 8); }

/* struct rusage: two timevals and fourteen counters, of which we keep none. */
struct rusage_k {
	s64 utime[2], stime[2], counters[14];
};

static s64 put_rusage(const struct rusage_times *t, u64 ptr)
{
	struct rusage_k ru = {
		.utime = { (s64)(t->utime_ns / NSEC_PER_SEC),
			   (s64)(t->utime_ns % NSEC_PER_SEC / NSEC_PER_USEC) },
		.stime = { (s64)(t->stime_ns / NSEC_PER_SEC),
			   (s64)(t->stime_ns % NSEC_PER_SEC / NSEC_PER_USEC) },
	};

	return put_user_obj(USERPTR(ptr), &ru);
}

s64 sys_wait4(const u64 *a)
{
	struct wait_result r;
	pid_t pid = process_wait((pid_t)a[0], (int)a[2], &r);

	if (pid <= 0)
		return pid;
	if (a[1] && put_user_obj(USERPTR(a[1]), &r.status))
		return -EFAULT;
	if (a[3] && put_rusage(&r.times, a[3]))
		return -EFAULT;
	return pid;
}

s64 sys_getrusage(const u64 *a)
{
	struct process *p = current_process();
	struct rusage_times self = { current->utime_ns, current->stime_ns };

	switch ((s32)a[0]) {
	case 0: /* RUSAGE_SELF */
	case 1: /* RUSAGE_THREAD */
		return put_rusage(&self, a[1]);
	case -1: /* RUSAGE_CHILDREN */
		return put_rusage(&p->child_times, a[1]);
	default:
		return -EINVAL;
	}
}

s64 sys_getpid(const u64 *a)
{
	(void)a;
	return current_process()->pid;
}
s64 sys_gettid(const u64 *a) { return sys_getpid(a); }
s64 sys_getppid(const u64 *a)
{
	u64 flags = spin_lock_irqsave(&proc_lock);
	struct process *parent = current_process()->parent;
	pid_t ret = parent ? parent->pid : 0;

	(void)a;
	spin_unlock_irqrestore(&proc_lock, flags);
	return ret;
}
s64 sys_setpgid(const u64 *a) { return process_setpgid((pid_t)a[0], (pid_t)a[1]); }
s64 sys_getpgid(const u64 *a) { return process_getpgid((pid_t)a[0]); }
s64 sys_getpgrp(const u64 *a)
{
	(void)a;
	return process_getpgid(0);
}
s64 sys_getsid(const u64 *a) { return process_getsid((pid_t)a[0]); }
s64 sys_setsid(const u64 *a)
{
	(void)a;
	return process_setsid();
}

#define PR_SET_NAME 15
#define PR_GET_NAME 16

s64 sys_prctl(const u64 *a)
{
	struct process *p = current_process();
	char name[THREAD_NAME_LEN] = "";
	u64 flags;

	switch ((s32)a[0]) {
	case PR_SET_NAME:
		if (strncpy_from_user(name, USERPTR(a[1]), sizeof(name)) == -EFAULT)
			return -EFAULT;
		name[sizeof(name) - 1] = '\0';
		flags = spin_lock_irqsave(&proc_lock);
		memcpy(p->comm, name, sizeof(name));
		memcpy(current->name, name, sizeof(name));
		spin_unlock_irqrestore(&proc_lock, flags);
		return 0;
	case PR_GET_NAME:
		return copy_to_user(USERPTR(a[1]), p->comm, sizeof(p->comm));
	default:
		return -EINVAL;
	}
}

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

s64 sys_arch_prctl(const u64 *a)
{
	struct arch_thread *at = &current->arch;

	switch ((u32)a[0]) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (a[1] >= USER_MAX)
			return -EPERM;
		if (a[0] == ARCH_SET_FS)
			arch_set_fs_base(at, a[1]);
		else
			arch_set_gs_base(at, a[1]);
		return 0;
	case ARCH_GET_FS:
		return put_user_obj(USERPTR(a[1]), &at->fs_base);
	case ARCH_GET_GS:
		return put_user_obj(USERPTR(a[1]), &at->gs_base);
	default:
		return -EINVAL;
	}
}

/* Limits are fixed: what they are is told, lower ones are accepted and not enforced. */
#define RLIMIT_STACK 3
#define RLIMIT_CORE 4
#define RLIMIT_NOFILE 7
#define RLIM_NLIMITS 16
#define RLIM_INFINITY (~0ull)

struct rlimit_k {
	u64 cur, max;
};

static struct rlimit_k limit_of(u32 which)
{
	switch (which) {
	case RLIMIT_STACK:
		return (struct rlimit_k){ STACK_SIZE, STACK_SIZE };
	case RLIMIT_CORE:
		return (struct rlimit_k){ 0, 0 };
	case RLIMIT_NOFILE:
		return (struct rlimit_k){ NR_OPEN_DEFAULT, NR_OPEN_DEFAULT };
	default:
		return (struct rlimit_k){ RLIM_INFINITY, RLIM_INFINITY };
	}
}

static s64 do_setrlimit(u32 which, u64 ptr)
{
	struct rlimit_k new, have = limit_of(which);

	if (get_user_obj(&new, USERPTR(ptr)))
		return -EFAULT;
	if (new.cur > new.max)
		return -EINVAL;
	return new.max > have.max ? -EPERM : 0;
}

s64 sys_prlimit64(const u64 *a)
{
	struct rlimit_k have;

	if (a[1] >= RLIM_NLIMITS)
		return -EINVAL;
	if (a[0] != 0 && (pid_t)a[0] != current_process()->pid)
		return -EPERM;
	have = limit_of((u32)a[1]);
	if (a[2]) {
		s64 err = do_setrlimit((u32)a[1], a[2]);

		if (err)
			return err;
	}
	return a[3] ? put_user_obj(USERPTR(a[3]), &have) : 0;
}
s64 sys_getrlimit(const u64 *a) { return sys_prlimit64((u64[]){ 0, a[0], 0, a[1] }); }
s64 sys_setrlimit(const u64 *a) { return sys_prlimit64((u64[]){ 0, a[0], a[1], 0 }); }

s64 sys_set_tid_address(const u64 *a)
{
	current_process()->clear_child_tid = a[0];
	return current_process()->pid;
}

/* With one thread a process there is nobody whose death could leave a lock held. */
s64 sys_set_robust_list(const u64 *a) { return a[1] == 24 ? 0 : -EINVAL; }

/* A process has one thread, so a wait whose value still holds could only be ended by a signal, and
 * a wake finds nobody; the C library's fast paths need no more. */
#define FUTEX_WAIT 0u
#define FUTEX_WAKE 1u
#define FUTEX_CMD_MASK 0x7fu

s64 sys_futex(const u64 *a)
{
	struct wait_queue_head never;
	u32 value;

	if (get_user_obj(&value, USERPTR(a[0])))
		return -EFAULT;
	switch ((u32)a[1] & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
		return 0;
	case FUTEX_WAIT:
		if (value != (u32)a[2])
			return -EAGAIN;
		if (a[3]) {
			u64 ns;
			int err = user_timespec_ns(a[3], &ns);

			if (err)
				return err;
			return thread_sleep_ns(ns, true) ? -EINTR : -ETIMEDOUT;
		}
		init_waitqueue_head(&never);
		return wait_event_interruptible(&never, false);
	default:
		return -ENOSYS;
	}
}
