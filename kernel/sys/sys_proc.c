/*
 * System calls on processes: life, groups, address space, credentials, limits.
 * Also there: calls on processes
 */
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/rlimit.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/syscall.h"

SYSCALL(sched_yield, (yield(), 0))

s64 sys_clone(const u64 *a)
{
	const struct clone_args_k args = {a[0], a[1], a[2], a[3], a[4]};

	pid_t pid;

	do {
		pid = process_clone(syscall_frame(), &args);
	} while (pid == -ENOMEM && out_of_memory());
	return pid;
}

s64 sys_execve(const u64 *a)
{
	int err;

	do {
		err = process_exec(syscall_frame(), arg_path(a[0]), a[1], a[2], false);
	} while (err == -ENOMEM && out_of_memory());
	return err;
}

s64 sys_exit(const u64 *a)
{
	process_exit((int)(a[0] & 0xff) << 8);
}

/* struct rusage: two timevals and fourteen counters, of which we keep none. */
static s64 put_rusage(const struct rusage_times *t, u64 ptr)
{
	return put_user_timevals(ptr, t->utime_ns, t->stime_ns) ?:
		       clear_user(USERPTR(ptr + 32), 14 * sizeof(s64));
}

s64 sys_wait4(const u64 *a)
{
	const pid_t who = (pid_t)a[0];
	struct wait_result r;
	pid_t pid;

	if ((int)a[2] & ~(WNOHANG | WUNTRACED | WCONTINUED | W_CLONES))
		return -EINVAL;
	if (who == S32_MIN)
		return -ESRCH;
	pid = process_wait(who == -1 ? P_ALL :
			   who > 0   ? P_PID :
				       P_PGID,
			   who > 0 ? who : -who, (int)a[2] | WEXITED, &r);
	if (pid > 0 && ((a[1] && put_user_obj(USERPTR(a[1]), &r.status)) ||
			(a[3] && put_rusage(&r.times, a[3]))))
		return -EFAULT;
	return pid;
}

/* What waitid tells: SIGCHLD, a CLD_* code, and what it was. */
static struct siginfo_k wait_info(pid_t pid, const struct wait_result *r)
{
	struct siginfo_k info;
	struct sig_cause cause = {CLD_EXITED, pid, r->uid, r->status >> 8 & 0xff, 0};

	if (r->status == W_CONTINUED)
		cause.code = CLD_CONTINUED, cause.status = SIGCONT;
	else if ((r->status & 0xff) == 0x7f)
		cause.code = CLD_STOPPED;
	else if (r->status & 0x7f)
		cause.code = CLD_KILLED, cause.status = r->status & 0x7f;
	signal_fill_info(&info, SIGCHLD, &cause);
	return info;
}

s64 sys_waitid(const u64 *a)
{
	const int events = WUNTRACED | WEXITED | WCONTINUED, options = (int)a[3];
	const size_t told = __builtin_offsetof(struct siginfo_k, from.status) + sizeof(s32);
	const pid_t id = (pid_t)a[1];
	struct siginfo_k info = {0};
	struct wait_result r;
	pid_t pid = -EBADF; /* there are no descriptors of processes */

	if (options & ~(events | WNOHANG | WNOWAIT | W_CLONES) || !(options & events) ||
	    a[0] > P_PIDFD || (a[0] != P_ALL && id < (a[0] == P_PID)))
		pid = -EINVAL;
	else if (a[0] != P_PIDFD)
		pid = process_wait((int)a[0], id, options, &r);
	if (pid > 0)
		info = wait_info(pid, &r);
	/* Linux tells of no child, and of an error, too: zeroes. */
	if ((pid > 0 && a[4] && put_rusage(&r.times, a[4])) ||
	    (a[2] && copy_to_user(USERPTR(a[2]), &info, told)))
		return -EFAULT;
	return min(pid, 0);
}

static struct rusage_times own_times(void)
{
	return (struct rusage_times){current->utime_ns, current->stime_ns};
}

s64 sys_getrusage(const u64 *a)
{
	struct rusage_times times = own_times();

	if ((s32)a[0] == -1) /* RUSAGE_CHILDREN */
		times = current_process()->child_times;
	else if (a[0] > 1) /* RUSAGE_SELF, RUSAGE_THREAD */
		return -EINVAL;
	return put_rusage(&times, a[1]);
}

#define TICK (NSEC_PER_SEC / 100) /* USER_HZ */

s64 sys_times(const u64 *a)
{
	const struct rusage_times self = own_times(), child = current_process()->child_times;
	const u64 tms[4] = {self.utime_ns / TICK, self.stime_ns / TICK, child.utime_ns / TICK,
			    child.stime_ns / TICK};

	if (a[0] && put_user_obj(USERPTR(a[0]), &tms))
		return -EFAULT;
	return (s64)(ktime_get_ns() / TICK);
}

SYSCALL(getpid, current_process()->pid)

s64 sys_getppid(const u64 *a)
{
	(void)a;
	PROC_GUARD();
	return current_process()->parent ? current_process()->parent->pid : 0;
}

SYSCALL(setpgid, process_setpgid((pid_t)a[0], (pid_t)a[1]))
SYSCALL(getpgid, process_getpgid((pid_t)a[0], a[1]))
SYSCALL(setsid, process_setsid())

enum { PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG, PR_SET_NAME = 15, PR_GET_NAME };
enum { PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS };

static s64 name_process(u64 ptr)
{
	char name[THREAD_NAME_LEN] = "";

	if (strncpy_from_user(name, USERPTR(ptr), sizeof(name)) == -EFAULT)
		return -EFAULT;
	process_set_comm(name, strnlen(name, sizeof(name)));
	return 0;
}

s64 sys_prctl(const u64 *a)
{
	struct process *p = current_process();

	switch ((int)a[0]) {
	case PR_SET_PDEATHSIG:
		if (a[1] > NSIG)
			return -EINVAL;
		p->pdeath_signal = (int)a[1];
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user_obj(USERPTR(a[1]), &p->pdeath_signal);
	case PR_SET_NAME:
		return name_process(a[1]);
	case PR_GET_NAME:
		return put_user_obj(USERPTR(a[1]), &p->comm);
	case PR_SET_NO_NEW_PRIVS:
		if (a[1] != 1 || a[2] || a[3] || a[4])
			return -EINVAL;
		p->no_new_privs = true; /* for good */
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a[1] || a[2] || a[3] || a[4] ? -EINVAL : p->no_new_privs;
	default:
		return -EINVAL;
	}
}

#define ADDR_NO_RANDOMIZE 0x0040000u /* which we do anyway */

s64 sys_personality(const u64 *a)
{
	struct process *p = current_process();
	u32 old = p->personality, new = (u32)a[0];

	if (new == ~0u)
		return old;
	if (new & ~ADDR_NO_RANDOMIZE)
		return -EINVAL;
	p->personality = new;
	return old;
}

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

s64 sys_arch_prctl(const u64 *a)
{
	struct arch_thread *at = &current->arch;

	switch (a[0]) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (a[1] >= USER_MAX)
			return -EPERM;
		(a[0] == ARCH_SET_FS ? arch_set_fs_base : arch_set_gs_base)(at, a[1]);
		return 0;
	case ARCH_GET_FS:
		return put_user_obj(USERPTR(a[1]), &at->fs_base);
	case ARCH_GET_GS:
		return put_user_obj(USERPTR(a[1]), &at->gs_base);
	default:
		return -EINVAL;
	}
}

s64 sys_prlimit64(const u64 *a)
{
	struct rlimit new, old;
	int err;

	if (a[2] && get_user_obj(&new, USERPTR(a[2])))
		return -EFAULT;
	err = process_prlimit((pid_t)a[0], (u32)a[1], a[2] ? &new : NULL, &old);
	return !err && a[3] ? put_user_obj(USERPTR(a[3]), &old) : err;
}

enum {
	FUTEX_WAIT,
	FUTEX_WAKE,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET,
	FUTEX_PRIVATE = 0x80,
	FUTEX_REALTIME = 0x100
};

/* The timeout of WAIT is a length, that of WAIT_BITSET a time. */
static int must_check futex_timeout(u64 op, u64 ptr, u64 *ns)
{
	bool at = (op & ~(u64)(FUTEX_PRIVATE | FUTEX_REALTIME)) == FUTEX_WAIT_BITSET;
	u64 now = op & FUTEX_REALTIME ? clock_realtime_ns() : ktime_get_ns();
	int err = get_user_timeout(ptr, 1, ns);

	if (!err && ptr)
		*ns = !at ? process_timeout(*ns) : *ns > now ? *ns - now : 0;
	return err;
}

s64 sys_futex(const u64 *a)
{
	u64 cmd = a[1] & ~(u64)(FUTEX_PRIVATE | FUTEX_REALTIME), ns;
	bool private = a[1] & FUTEX_PRIVATE;
	u32 bits = cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAKE_BITSET ? (u32)a[5] : ~0u;
	int err;

	if (cmd == FUTEX_WAKE || (cmd == FUTEX_WAKE_BITSET && !(a[1] & FUTEX_REALTIME)))
		return futex_wake(a[0], private, (u32)a[2], bits);
	if (cmd != FUTEX_WAIT && cmd != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	err = futex_timeout(a[1], a[3], &ns);
	if (!err)
		err = futex_wait(a[0], private, (u32)a[2], bits, ns);
	return err == -ERESTARTSYS && a[3] && cmd == FUTEX_WAIT ? -ERESTARTNOHAND : err;
}

/* --- address space --- */

/* The flags that there were before MAP_SHARED_VALIDATE, which refuses all others. */
#define MAP_OLD_FLAGS 0x7c07f9f3u

s64 sys_mmap(const u64 *a)
{
	struct file *file = NULL;
	u32 flags = (u32)a[3];
	s64 ret = 0;

	if (!(a[3] & MAP_ANONYMOUS)) {
		file = fget((int)a[4]);
		if (!file)
			return -EBADF;
	}
	if (file && (flags & MAP_TYPE) == MAP_VALIDATE) {
		ret = flags & ~MAP_OLD_FLAGS ? -EOPNOTSUPP : 0;
		flags ^= MAP_VALIDATE ^ MAP_SHARED;
	}
	if (!ret)
		ret = mm_map(current_process()->mm, a[0], a[1], (u32)a[2] & 7, flags, file,
			     file ? a[5] : 0);
	if (file)
		fput(file);
	return ret;
}

SYSCALL(munmap, mm_unmap(current_process()->mm, a[0], a[1]))
SYSCALL(mprotect, a[2] & ~7ull ? -EINVAL : mm_protect(current_process()->mm, a[0], a[1], (u32)a[2]))
SYSCALL(brk, (s64)mm_brk(current_process()->mm, a[0]))
SYSCALL(mremap, mm_remap(current_process()->mm, a[0], a[1], a[2], (u32)a[3], a[4]))
SYSCALL(madvise, mm_advise(current_process()->mm, a[0], a[1], (u32)a[2]))

/* --- credentials: setuid(2), setreuid(2), setresuid(2), setgroups(2), credentials(7). The last
 * argument of a call says whether it is about groups --- */

#define UNCHANGED (~0u)

struct id_set {
	u32 *real, *effective, *saved, *fs;
};

static struct id_set ids_of(u64 group)
{
	struct cred *c = current->cred;

	return group ? (struct id_set){&c->gid, &c->egid, &c->sgid, &c->fsgid} :
		       (struct id_set){&c->uid, &c->euid, &c->suid, &c->fsuid};
}

s64 sys_getid(const u64 *a)
{
	const struct id_set ids = ids_of(a[0] / 2);

	return a[0] % 2 ? *ids.effective : *ids.real;
}

s64 sys_setresid(const u64 *a)
{
	const struct id_set ids = ids_of(a[3]);
	u32 *const slots[3] = {ids.real, ids.effective, ids.saved};

	for (int i = 0; i < 3 && current_cred()->euid != 0; i++) {
		u32 id = (u32)a[i];

		if (id != UNCHANGED && id != *ids.real && id != *ids.effective && id != *ids.saved)
			return -EPERM;
	}
	for (int i = 0; i < 3; i++)
		if ((u32)a[i] != UNCHANGED)
			*slots[i] = (u32)a[i];
	*ids.fs = *ids.effective;
	return 0;
}

/* Root changes all three, others only the effective one. */
s64 sys_setid(const u64 *a)
{
	u64 all = current_cred()->euid == 0 ? a[0] : UNCHANGED;

	return (u32)a[0] == UNCHANGED ? -EINVAL : sys_setresid((u64[]){all, a[0], all, a[1]});
}

/* The saved number follows when the real one is set, or the effective one differs from it. */
s64 sys_setreid(const u64 *a)
{
	const struct id_set ids = ids_of(a[2]);
	bool set_real = (u32)a[0] != UNCHANGED;
	bool save = set_real || ((u32)a[1] != UNCHANGED && (u32)a[1] != *ids.real);
	s64 err;

	/* Unlike setresid: the saved number may not become the real one. */
	if (set_real && current_cred()->euid != 0 && (u32)a[0] != *ids.real &&
	    (u32)a[0] != *ids.effective)
		return -EPERM;
	err = sys_setresid((u64[]){a[0], a[1], UNCHANGED, a[2]});
	if (!err && save)
		*ids.saved = *ids.effective;
	return err;
}

s64 sys_getresid(const u64 *a)
{
	const struct id_set ids = ids_of(a[3]);

	if (put_user_obj(USERPTR(a[0]), ids.real) || put_user_obj(USERPTR(a[1]), ids.effective) ||
	    put_user_obj(USERPTR(a[2]), ids.saved))
		return -EFAULT;
	return 0;
}

s64 sys_getgroups(const u64 *a)
{
	const struct cred *c = current_cred();

	if ((s32)a[0] < 0 || (a[0] && a[0] < c->ngroups))
		return -EINVAL;
	if (a[0] && copy_to_user(USERPTR(a[1]), c->groups, c->ngroups * sizeof(gid_t)))
		return -EFAULT;
	return c->ngroups;
}

s64 sys_setgroups(const u64 *a)
{
	struct cred *c = current->cred;
	u32 n = (u32)a[0];
	gid_t groups[NGROUPS_MAX_];

	if (c->euid != 0)
		return -EPERM;
	if (n > NGROUPS_MAX_)
		return -EINVAL;
	if (copy_from_user(groups, USERPTR(a[1]), n * sizeof(gid_t)))
		return -EFAULT;
	for (u32 i = 0; i < n; i++)
		if (groups[i] == UNCHANGED)
			return -EINVAL;
	for (u32 i = 0; i < n; i++) { /* in order, as getgroups tells them in Linux */
		u32 at = i;

		for (; at > 0 && c->groups[at - 1] > groups[i]; at--)
			c->groups[at] = c->groups[at - 1];
		c->groups[at] = groups[i];
	}
	c->ngroups = n;
	return 0;
}
