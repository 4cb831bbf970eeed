/*
 * System calls on time.
 * Also there: calls on time
 */
#include "fs/fs_struct.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/wait.h"
#include "kernel/sys/syscall.h"

/* clock_gettime(2) */
enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME, CLOCK_THREAD_CPUTIME, CLOCK_RAW };
enum { CLOCK_REALTIME_COARSE = 5, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI = 11 };
#define TIMER_ABSTIME 1

static int must_check clock_now(u64 id, u64 *ns)
{
	if (id > CLOCK_BOOTTIME && id != CLOCK_TAI)
		return -EINVAL;
	/* Nobody told of leap seconds, so TAI is the same, as in Linux. */
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI)
		*ns = clock_realtime_ns();
	else if (id == CLOCK_PROCESS_CPUTIME || id == CLOCK_THREAD_CPUTIME)
		*ns = current->utime_ns + current->stime_ns;
	else
		*ns = ktime_get_ns();
	return 0;
}

s64 sys_clock_gettime(const u64 *a)
{
	u64 ns;
	int err = clock_now(a[0], &ns);

	return err ? err : put_user_time(a[1], 1, ns);
}

s64 sys_clock_getres(const u64 *a)
{
	u64 ns;
	int err = clock_now(a[0], &ns);

	return err || !a[1] ? err : put_user_time(a[1], 1, 1);
}

static s64 set_clock(u64 ptr, u64 unit)
{
	u64 ns;
	int err = get_user_time(ptr, unit, &ns);

	if (err)
		return err;
	if (current_cred()->euid != 0)
		return -EPERM;
	clock_set_realtime_ns(ns);
	return 0;
}

SYSCALL(clock_settime, a[0] == CLOCK_REALTIME ? set_clock(a[1], 1) : -EINVAL)
SYSCALL(settimeofday, a[0] ? set_clock(a[0], NSEC_PER_USEC) : current_cred()->euid ? -EPERM : 0)

s64 sys_gettimeofday(const u64 *a)
{
	u64 zone = 0;

	if (a[0] && put_user_time(a[0], NSEC_PER_USEC, clock_realtime_ns()))
		return -EFAULT;
	return a[1] ? put_user_obj(USERPTR(a[1]), &zone) : 0;
}

s64 sys_time(const u64 *a)
{
	s64 now = (s64)(clock_realtime_ns() / NSEC_PER_SEC);

	return a[0] && put_user_obj(USERPTR(a[0]), &now) ? -EFAULT : now;
}

s64 sys_clock_nanosleep(const u64 *a)
{
	bool absolute = a[1] & TIMER_ABSTIME;
	u64 ns, now;
	int err = clock_now(a[0], &now);

	if (!err && (a[0] == CLOCK_THREAD_CPUTIME || a[0] == CLOCK_RAW ||
		     a[0] == CLOCK_REALTIME_COARSE || a[0] == CLOCK_MONOTONIC_COARSE))
		err = -EOPNOTSUPP;
	if (!err)
		err = get_user_time(a[2], 1, &ns);
	if (err)
		return err;
	ns = !absolute ? process_timeout(ns) : ns > now ? ns - now : 0;
	ns = thread_sleep_ns(ns, true);
	if (ns && !absolute && a[3] && put_user_time(a[3], 1, ns))
		return -EFAULT;
	return ns ? -ERESTARTNOHAND : 0;
}

static s64 swap_itimer(u64 which, const struct itimer_ns *new, u64 old_ptr)
{
	struct itimer_ns old;

	if ((u32)which > ITIMER_PROF)
		return -EINVAL;
	process_itimer((u32)which, new, &old);
	return !new || old_ptr ? put_user_timevals(old_ptr, old.interval, old.value) : 0;
}

s64 sys_setitimer(const u64 *a)
{
	struct itimer_ns new = {0, 0};
	int err = 0;

	if (a[1])
		err = get_user_time(a[1], NSEC_PER_USEC, &new.interval);
	if (!err && a[1])
		err = get_user_time(a[1] + 16, NSEC_PER_USEC, &new.value);
	return err ? err : swap_itimer(a[0], &new, a[2]);
}

SYSCALL(getitimer, swap_itimer(a[0], NULL, a[1]))

/* What is left is rounded, but not to nothing. */
s64 sys_alarm(const u64 *a)
{
	const struct itimer_ns new = {0, (u32)a[0] * NSEC_PER_SEC};
	struct itimer_ns old;

	process_itimer(ITIMER_REAL, &new, &old);
	return old.value ? (s64)max((old.value + NSEC_PER_SEC / 2) / NSEC_PER_SEC, 1ull) : 0;
}
