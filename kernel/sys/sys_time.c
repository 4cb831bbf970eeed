/* System calls on time. */
#include "fs/fs_struct.h"
#include "fs/stat.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define TIMER_ABSTIME 1
#define USER_HZ 100u

static s64 put_timespec(u64 ptr, u64 ns)
{
	struct timespec64 ts = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };

	return put_user_obj(USERPTR(ptr), &ts);
}

static s64 put_timeval(u64 ptr, u64 ns)
{
	s64 tv[2] = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC) };

	return put_user_obj(USERPTR(ptr), &tv);
}

static int must_check clock_now(u64 id, u64 *ns)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = ktime_get_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = current->utime_ns + current->stime_ns;
		return 0;
	default:
		return -EINVAL;
	}
}

s64 sys_clock_gettime(const u64 *a)
{
	u64 ns;
	int err = clock_now(a[0], &ns);

	return err ? err : put_timespec(a[1], ns);
}

s64 sys_clock_getres(const u64 *a)
{
	u64 ns;
	int err = clock_now(a[0], &ns);

	return err || !a[1] ? err : put_timespec(a[1], 1);
}

s64 sys_clock_settime(const u64 *a)
{
	u64 ns;
	int err = user_timespec_ns(a[1], &ns);

	if (err || a[0] != CLOCK_REALTIME)
		return err ? err : -EINVAL;
	if (current_cred()->euid != 0)
		return -EPERM;
	clock_set_realtime_ns(ns);
	return 0;
}

s64 sys_gettimeofday(const u64 *a)
{
	u64 zone = 0;

	if (a[0] && put_timeval(a[0], clock_realtime_ns()))
		return -EFAULT;
	return a[1] ? put_user_obj(USERPTR(a[1]), &zone) : 0;
}

s64 sys_settimeofday(const u64 *a)
{
	u64 ns;
	int err;

	if (current_cred()->euid != 0)
		return -EPERM;
	if (!a[0])
		return 0;
	err = user_timeval_ns(a[0], &ns);
	if (!err)
		clock_set_realtime_ns(ns);
	return err;
}

s64 sys_time(const u64 *a)
{
	s64 now = (s64)(clock_realtime_ns() / NSEC_PER_SEC);

	return a[0] && put_user_obj(USERPTR(a[0]), &now) ? -EFAULT : now;
}

static s64 sleep_ns(u64 ns, u64 rem_ptr)
{
	u64 left = thread_sleep_ns(ns, true);

	if (left == 0)
		return 0;
	return rem_ptr && put_timespec(rem_ptr, left) ? -EFAULT : -EINTR;
}

s64 sys_nanosleep(const u64 *a)
{
	u64 ns;
	int err = user_timespec_ns(a[0], &ns);

	return err ? err : sleep_ns(ns, a[1]);
}

s64 sys_clock_nanosleep(const u64 *a)
{
	u64 ns, now;
	int err = user_timespec_ns(a[2], &ns);

	if (!err)
		err = clock_now(a[0], &now);
	if (err)
		return err;
	if (!(a[1] & TIMER_ABSTIME))
		return sleep_ns(ns, a[3]);
	return ns > now ? sleep_ns(ns - now, 0) : 0;
}

s64 sys_times(const u64 *a)
{
	struct process *p = current_process();
	u64 per = NSEC_PER_SEC / USER_HZ;
	s64 tms[4] = { (s64)(current->utime_ns / per), (s64)(current->stime_ns / per),
		       (s64)(p->child_times.utime_ns / per), (s64)(p->child_times.stime_ns / per) };

	if (a[0] && put_user_obj(USERPTR(a[0]), &tms))
		return -EFAULT;
	return (s64)(ktime_get_ns() / per);
}

/* Only ITIMER_REAL: the others would need a timer of processor time. */
static s64 put_itimer(u64 ptr, u64 value_ns, u64 interval_ns)
{
	s64 err = put_timeval(ptr, interval_ns);

	return err ? err : put_timeval(ptr + 16, value_ns);
}

s64 sys_setitimer(const u64 *a)
{
	u64 interval = 0, value = 0, old_value, old_interval;
	int err = 0;

	if (a[0] != 0)
		return -EINVAL;
	if (a[1]) {
		err = user_timeval_ns(a[1], &interval);
		if (!err)
			err = user_timeval_ns(a[1] + 16, &value);
	}
	if (err)
		return err;
	process_set_alarm(value, interval, &old_value, &old_interval);
	return a[2] ? put_itimer(a[2], old_value, old_interval) : 0;
}

s64 sys_getitimer(const u64 *a)
{
	struct process *p = current_process();
	ktime_t now = ktime_get_ns();
	u64 left = 0;

	if (a[0] != 0)
		return -EINVAL;
	if (timer_armed(&p->alarm))
		left = p->alarm.expires > now ? p->alarm.expires - now : 1;
	return put_itimer(a[1], left, p->alarm_interval_ns);
}

s64 sys_alarm(const u64 *a)
{
	u64 old_value, old_interval;

	process_set_alarm((u32)a[0] * NSEC_PER_SEC, 0, &old_value, &old_interval);
	return (s64)((old_value + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
}
