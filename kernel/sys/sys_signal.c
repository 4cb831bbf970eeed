/* System calls on signals. */
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

s64 sys_rt_sigaction(const u64 *a)
{
	struct sigaction_k act, old;
	int err;

	if (a[3] != sizeof(sigset_k))
		return -EINVAL;
	if (a[1] && get_user_obj(&act, USERPTR(a[1])))
		return -EFAULT;
	err = signal_action((int)a[0], a[1] ? &act : NULL, &old);
	if (!err && a[2])
		err = put_user_obj(USERPTR(a[2]), &old);
	return err;
}

s64 sys_rt_sigprocmask(const u64 *a)
{
	sigset_k set, old;
	int err;

	if (a[3] != sizeof(sigset_k))
		return -EINVAL;
	if (a[1] && get_user_obj(&set, USERPTR(a[1])))
		return -EFAULT;
	err = signal_procmask((int)a[0], a[1] ? &set : NULL, &old);
	if (!err && a[2])
		err = put_user_obj(USERPTR(a[2]), &old);
	return err;
}

s64 sys_rt_sigreturn(const u64 *a)
{
	(void)a;
	return (s64)signal_return(syscall_frame());
}

s64 sys_pause(const u64 *a)
{
	sigset_k mask;
	int err = signal_procmask(SIG_BLOCK, NULL, &mask);

	(void)a;
	return err ? err : signal_suspend(mask);
}

s64 sys_rt_sigsuspend(const u64 *a)
{
	sigset_k mask;

	if (a[1] != sizeof(sigset_k))
		return -EINVAL;
	if (get_user_obj(&mask, USERPTR(a[0])))
		return -EFAULT;
	return signal_suspend(mask);
}

s64 sys_rt_sigpending(const u64 *a)
{
	sigset_k set = signal_pending_set();

	return put_user_obj(USERPTR(a[0]), &set);
}

s64 sys_rt_sigtimedwait(const u64 *a)
{
	u64 timeout_ns = ~0ull >> 1;
	struct siginfo_k info;
	sigset_k set;
	int sig, err;

	if (a[3] != sizeof(sigset_k))
		return -EINVAL;
	if (get_user_obj(&set, USERPTR(a[0])))
		return -EFAULT;
	if (a[2]) {
		err = user_timespec_ns(a[2], &timeout_ns);
		if (err)
			return err;
	}
	sig = signal_timedwait(set, &info, timeout_ns);
	if (sig > 0 && a[1] && put_user_obj(USERPTR(a[1]), &info))
		return -EFAULT;
	return sig;
}

#define MINSIGSTKSZ 2048u

s64 sys_sigaltstack(const u64 *a)
{
	struct stack_k *alt = &current_process()->sig.altstack, new, old = *alt;
	u64 sp = syscall_frame()->rsp;
	bool on = !((u32)old.ss_flags & SS_DISABLE) && sp > old.ss_sp &&
		  sp - old.ss_sp <= old.ss_size;

	if (on)
		old.ss_flags = (s32)SS_ONSTACK;
	if (a[0]) {
		if (get_user_obj(&new, USERPTR(a[0])))
			return -EFAULT;
		if (on)
			return -EPERM;
		if ((u32)new.ss_flags & ~SS_DISABLE)
			return -EINVAL;
		if (!((u32)new.ss_flags & SS_DISABLE) && new.ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		*alt = new;
	}
	return a[1] ? put_user_obj(USERPTR(a[1]), &old) : 0;
}

s64 sys_kill(const u64 *a) { return signal_kill((pid_t)a[0], (int)a[1]); }
s64 sys_tkill(const u64 *a)
{
	return (pid_t)a[0] <= 0 ? -EINVAL : signal_kill((pid_t)a[0], (int)a[1]);
}
s64 sys_tgkill(const u64 *a)
{
	if ((pid_t)a[0] <= 0 || (pid_t)a[1] <= 0)
		return -EINVAL;
	return a[0] == a[1] ? signal_kill((pid_t)a[1], (int)a[2]) : -ESRCH;
}
