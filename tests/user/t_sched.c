/* What a program may ask of the scheduler and tell it. */
#include "tests/user/tap.h"

#include <sys/resource.h>

/* Field `n` of /proc/PID/stat, counted from 1. */
static long stat_field(pid_t pid, int n)
{
	char path[64], text[1024] = "", *at;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	at = strrchr(text, ')');
	for (int i = 2; at && i < n; i++)
		at = strchr(at + 1, ' ');
	return at ? atol(at + 1) : -9999;
}

TEST(nice_values)
{
	pid_t pid;

	CHECK(getpriority(PRIO_PROCESS, 0) == 0 && syscall(SYS_getpriority, 0, 0) == 20);
	CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0 && getpriority(PRIO_PROCESS, getpid()) == 5);
	CHECK(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 15);
	CHECK(stat_field(getpid(), 18) == 25 && stat_field(getpid(), 19) == 5);
	CHECK(nice(2) == 7 && getpriority(PRIO_PROCESS, 0) == 7);
	/* Children have it, too, and it can be set from outside; of a group, the lowest is told. */
	CHILD(pid, pause());
	CHECK(getpriority(PRIO_PROCESS, (id_t)pid) == 7);
	CHECK(setpriority(PRIO_PROCESS, (id_t)pid, 1000) == 0);
	CHECK(getpriority(PRIO_PROCESS, (id_t)pid) == 19 && stat_field(pid, 19) == 19);
	CHECK(getpriority(PRIO_PGRP, 0) == 7 && getpriority(PRIO_PGRP, (id_t)getpgrp()) == 7);
	CHECK(setpriority(PRIO_PGRP, 0, 12) == -1 || getuid() == 0); /* 19 to 12: root only */
	CHECK(setpriority(PRIO_PGRP, 0, 19) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
	CHECK(getpriority(PRIO_USER, 0) <= 19);
	kill(pid, SIGKILL);
	CHECK(reap(pid) == SIGKILL);
}

TEST(wrong_nice_values)
{
	FAILS(getpriority(3, 0), EINVAL);
	FAILS(getpriority(-1, 0), EINVAL);
	FAILS(setpriority(3, 0, 0), EINVAL);
	FAILS(getpriority(PRIO_PROCESS, 999999), ESRCH);
	FAILS(setpriority(PRIO_PROCESS, 999999, 0), ESRCH);
	FAILS(getpriority(PRIO_PGRP, 999999), ESRCH);
	FAILS(getpriority(PRIO_USER, 987654), ESRCH);
	CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0);
	CHECK(IN_CHILD(if (getuid() == 0 && setuid(1) < 0)
			       _exit(0); /* in a namespace of one user */
		       FAILS(setpriority(PRIO_PROCESS, 0, 2), EACCES);
		       FAILS(setpriority(PRIO_PROCESS, 1, 5), EPERM);
		       CHECK(setpriority(PRIO_PROCESS, 0, 4) == 0)) == 0);
}

/* Two that never sleep share the processor by their slices. */
TEST(a_nice_program_gets_less)
{
	struct rusage nice_one, other;
	pid_t pids[2];
	cpu_set_t one;

	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++) {
		CPU_SET(i, &one);
		if (syscall(SYS_sched_setaffinity, 0, sizeof(one), &one))
			CPU_CLR(i, &one);
	}
	for (int i = 0; i < 2; i++)
		CHILD(pids[i], setpriority(PRIO_PROCESS, 0, i ? 0 : 19); for (;;) now());
	sleep_ms(2000);
	for (int i = 0; i < 2; i++)
		kill(pids[i], SIGKILL);
	CHECK(wait4(pids[0], NULL, 0, &nice_one) == pids[0]);
	CHECK(wait4(pids[1], NULL, 0, &other) == pids[1]);
	CHECK((other.ru_utime.tv_sec + other.ru_stime.tv_sec) * 1000000 + other.ru_utime.tv_usec +
		      other.ru_stime.tv_usec >
	      2 * ((nice_one.ru_utime.tv_sec + nice_one.ru_stime.tv_sec) * 1000000 +
		   nice_one.ru_utime.tv_usec + nice_one.ru_stime.tv_usec));
}

TEST(processors)
{
	unsigned long mask[16] = {0}, none[16] = {0};
	unsigned cpu = 99, node = 99;
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);

	CHECK(n > 0 && n % 8 == 0 && (mask[0] | mask[1]) != 0);
	CHECK(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) == 0);
	CHECK(syscall(SYS_sched_setaffinity, getpid(), (int)n, mask) == 0);
	CHECK(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && node < 64 && cpu < 1024);
	CHECK(mask[cpu / 64] >> cpu % 64 & 1);
	CHECK(syscall(SYS_getcpu, NULL, NULL, NULL) == 0);
	FAILS(syscall(SYS_getcpu, 8, NULL, NULL), EFAULT);
	FAILS(syscall(SYS_getcpu, NULL, 8, NULL), EFAULT);
	FAILS(syscall(SYS_sched_getaffinity, 0, 0, mask), EINVAL);
	FAILS(syscall(SYS_sched_getaffinity, 0, 9, mask), EINVAL);
	FAILS(syscall(SYS_sched_getaffinity, 0, 128, 8), EFAULT);
	FAILS(syscall(SYS_sched_getaffinity, 999999, 128, mask), ESRCH);
	FAILS(syscall(SYS_sched_getaffinity, -1, 128, mask), ESRCH);
	FAILS(syscall(SYS_sched_setaffinity, 0, 128, none), EINVAL);
	FAILS(syscall(SYS_sched_setaffinity, 0, 0, none), EINVAL);
	FAILS(syscall(SYS_sched_setaffinity, 0, 128, 8), EFAULT);
	FAILS(syscall(SYS_sched_setaffinity, 999999, 128, none), ESRCH);
}

TEST(policies)
{
	struct timespec slice = {-1, -1};
	int param = 7, one = 1, zero = 0;

	CHECK(syscall(SYS_sched_getscheduler, 0) == 0);
	CHECK(syscall(SYS_sched_getparam, 0, &param) == 0 && param == 0);
	CHECK(syscall(SYS_sched_rr_get_interval, 0, &slice) == 0);
	CHECK(slice.tv_sec == 0 && slice.tv_nsec >= 0 && slice.tv_nsec < 1000000000);
	for (int policy = 0; policy < 7; policy++) {
		int real_time = policy == 1 || policy == 2;

		if (policy == 4)
			continue;
		CHECK(syscall(SYS_sched_get_priority_max, policy) == (real_time ? 99 : 0));
		CHECK(syscall(SYS_sched_get_priority_min, policy) == (real_time ? 1 : 0));
	}
	FAILS(syscall(SYS_sched_get_priority_max, 9), EINVAL);
	FAILS(syscall(SYS_sched_get_priority_min, -1), EINVAL);
	FAILS(syscall(SYS_sched_getscheduler, -1), EINVAL);
	FAILS(syscall(SYS_sched_getscheduler, 999999), ESRCH);
	FAILS(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	FAILS(syscall(SYS_sched_getparam, 0, 8), EFAULT);
	FAILS(syscall(SYS_sched_getparam, 999999, &param), ESRCH);
	FAILS(syscall(SYS_sched_rr_get_interval, 0, 8), EFAULT);
	FAILS(syscall(SYS_sched_rr_get_interval, -1, &slice), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, 0, NULL), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, -1, &zero), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, 0, 8), EFAULT);
	FAILS(syscall(SYS_sched_setscheduler, 0, 0, &one), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, 1, &zero), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, 9, &zero), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 999999, 0, &zero), ESRCH);
	FAILS(syscall(SYS_sched_setparam, 0, &one), EINVAL);
	CHECK(syscall(SYS_sched_setparam, 0, &zero) == 0);
	CHECK(syscall(SYS_sched_setscheduler, 0, 3, &zero) == 0);
	CHECK(syscall(SYS_sched_getscheduler, 0) == 3 && stat_field(getpid(), 41) == 3);
	CHECK(syscall(SYS_sched_setscheduler, 0, 5, &zero) == 0);
	CHECK(IN_CHILD(CHECK(syscall(SYS_sched_getscheduler, 0) == 5)) == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
