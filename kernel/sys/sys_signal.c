/*
 * System calls on signals, and those that wait with a signal mask: poll and select.
 * Also there: calls on signals
 */
#include "fs/file.h"
#include "fs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/bitmap.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/wait.h"
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
	return err || !a[2] ? err : put_user_obj(USERPTR(a[2]), &old);
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
	return err || !a[2] ? err : put_user_obj(USERPTR(a[2]), &old);
}

SYSCALL(rt_sigreturn, (s64)signal_return(syscall_frame()))

s64 sys_pause(const u64 *a)
{
	(void)a;
	(void)thread_sleep_ns(~0ull, true);
	return -ERESTARTNOHAND;
}

s64 sys_rt_sigpending(const u64 *a)
{
	const struct sighand *sh = &current_process()->sig;
	sigset_k set = sh->pending & sh->blocked;

	if (a[1] > sizeof(set))
		return -EINVAL;
	return copy_to_user(USERPTR(a[0]), &set, a[1]);
}

s64 sys_rt_sigtimedwait(const u64 *a)
{
	struct siginfo_k info;
	sigset_k set;
	u64 ns;
	int sig;

	if (a[3] != sizeof(sigset_k))
		return -EINVAL;
	if (get_user_obj(&set, USERPTR(a[0])))
		return -EFAULT;
	sig = get_user_timeout(a[2], 1, &ns);
	if (sig)
		return sig;
	sig = signal_timedwait(set, &info, ns);
	return sig > 0 && a[1] && put_user_obj(USERPTR(a[1]), &info) ? -EFAULT : sig;
}

#define MINSIGSTKSZ 2048u

s64 sys_sigaltstack(const u64 *a)
{
	struct stack_k *alt = &current_process()->sig.altstack, new, old = *alt;
	bool on = signal_on_altstack(syscall_frame()->rsp);

	if (on)
		old.ss_flags = SS_ONSTACK;
	if (a[0]) {
		if (get_user_obj(&new, USERPTR(a[0])))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (new.ss_flags > SS_DISABLE || new.ss_flags == (SS_DISABLE | SS_ONSTACK))
			return -EINVAL;
		if (new.ss_flags == SS_DISABLE)
			new = (struct stack_k){.ss_flags = SS_DISABLE};
		else if (new.ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		new.ss_flags &= SS_DISABLE;
		*alt = new;
	}
	return a[1] ? put_user_obj(USERPTR(a[1]), &old) : 0;
}

SYSCALL(kill, signal_kill((pid_t)a[0], (int)a[1], SI_USER))

s64 sys_tgkill(const u64 *a)
{
	if ((pid_t)a[0] <= 0 || (pid_t)a[1] <= 0)
		return -EINVAL;
	return a[0] == a[1] ? signal_kill((pid_t)a[1], (int)a[2], SI_TKILL) : -ESRCH;
}

/* Another signal mask for the time of the call, if there is one. */
static int must_check begin_mask(u64 ptr, u64 size)
{
	sigset_k mask;

	if (!ptr)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (get_user_obj(&mask, USERPTR(ptr)))
		return -EFAULT;
	signal_set_temporary_mask(mask);
	return 0;
}

/* When a handler is to run it runs with that mask still set, and its frame restores ours. */
static s64 end_mask(s64 ret)
{
	if (ret != -ERESTARTNOHAND)
		signal_restore_mask();
	return ret;
}

s64 sys_rt_sigsuspend(const u64 *a)
{
	int err;

	if (!a[0])
		return a[1] == sizeof(sigset_k) ? -EFAULT : -EINVAL;
	err = begin_mask(a[0], a[1]);
	return err ? err : sys_pause(a);
}

/* poll and select are made again after a stop, but not after a handler (signal(7)). */
static s64 wait_for_files(struct pollfd_k *fds, u32 nr, u64 timeout_ns)
{
	s64 ret = do_poll(fds, nr, process_timeout(timeout_ns));

	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

static s64 poll_user(const u64 *a, u64 timeout_ns)
{
	struct pollfd_k *fds;
	s64 ret;

	static_assert(sizeof(*fds) == 8, "struct pollfd");
	if (a[1] > files_limit())
		return -EINVAL;
	fds = kcalloc(a[1] + 1, sizeof(*fds), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	ret = copy_from_user(fds, USERPTR(a[0]), a[1] * sizeof(*fds));
	if (!ret)
		ret = wait_for_files(fds, (u32)a[1], timeout_ns);
	if (ret >= 0 && copy_to_user(USERPTR(a[0]), fds, a[1] * sizeof(*fds)))
		ret = -EFAULT;
	kfree(fds);
	return ret;
}

SYSCALL(poll, poll_user(a, (s32)a[2] < 0 ? ~0ull : (u32)a[2] * 1000000ull))

s64 sys_ppoll(const u64 *a)
{
	u64 ns;
	int err = get_user_timeout(a[2], 1, &ns);

	if (!err)
		err = begin_mask(a[3], a[4]);
	return err ? err : end_mask(poll_user(a, ns));
}

#define FD_SETSIZE 1024u

/* The three sets of select: readable, writable, exceptional. */
static const u16 select_events[3] = {POLLIN, POLLOUT, POLLPRI};
static const u16 select_ready[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};
typedef u64 fd_sets[3][FD_SETSIZE / 64];

/* The poll array for the sets. Returns: its length. */
static u32 sets_to_poll(fd_sets sets, u32 n, struct pollfd_k *fds)
{
	u32 nr = 0;

	for (u32 fd = 0; fd < n; fd++) {
		fds[nr] = (struct pollfd_k){.fd = (int)fd};
		for (int i = 0; i < 3; i++)
			if (bitmap_test(sets[i], fd))
				fds[nr].events |= select_events[i];
		nr += fds[nr].events != 0;
	}
	return nr;
}

/* Leave in the sets what is ready. Returns: how many bits, or -EBADF. */
static s64 poll_to_sets(const struct pollfd_k *fds, u32 nr, fd_sets sets)
{
	s64 count = 0;

	for (u32 k = 0; k < nr; k++) {
		if (fds[k].revents & POLLNVAL)
			return -EBADF;
		for (int i = 0; i < 3; i++) {
			size_t fd = (size_t)fds[k].fd;

			if (!(fds[k].revents & select_ready[i]))
				bitmap_clear(sets[i], fd);
			count += bitmap_test(sets[i], fd);
		}
	}
	return count;
}

static s64 select_user(const u64 *a, u64 timeout_ns)
{
	u32 n = min((u32)a[0], files_table_size()), nr;
	size_t bytes = DIV_ROUND_UP(n, 64u) * 8;
	fd_sets sets = {0};
	struct pollfd_k *fds;
	s64 ret = (s32)a[0] < 0 ? -EINVAL : 0;

	for (int i = 0; i < 3 && !ret; i++)
		ret = a[i + 1] ? copy_from_user(sets[i], USERPTR(a[i + 1]), bytes) : 0;
	if (ret)
		return ret;
	for (int i = 0; i < 3 && n % 64; i++)
		sets[i][n / 64] &= ~(~0ull << n % 64); /* nothing is said of those */
	fds = kcalloc(n + 1, sizeof(*fds), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	nr = sets_to_poll(sets, n, fds);
	ret = wait_for_files(fds, nr, timeout_ns);
	if (ret >= 0)
		ret = poll_to_sets(fds, nr, sets);
	kfree(fds);
	for (int i = 0; i < 3 && ret >= 0; i++)
		if (a[i + 1] && copy_to_user(USERPTR(a[i + 1]), sets[i], bytes))
			ret = -EFAULT;
	return ret;
}

s64 sys_select(const u64 *a)
{
	u64 ns;
	int err = get_user_timeout(a[4], 1000, &ns);

	return err ? err : select_user(a, ns);
}

s64 sys_pselect6(const u64 *a)
{
	u64 ns, mask[2] = {0, 0};
	int err = get_user_timeout(a[4], 1, &ns);

	if (!err && a[5])
		err = get_user_obj(&mask, USERPTR(a[5]));
	if (!err)
		err = begin_mask(mask[0], mask[1]);
	return err ? err : end_mask(select_user(a, ns));
}
