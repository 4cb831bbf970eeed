/* Interval timers: of real time and of processor time, and alarm. */
#include "tests/user/signals.h"

#include <sys/time.h>

TEST(timers)
{
	struct itimerval it = {{0, 20000}, {0, 20000}}, old;
	double start = now();

	on_signal(SIGALRM, note, 0);
	CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0);
	while (count < 5)
		pause();
	CHECK(now() - start >= 0.09);
	CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_interval.tv_usec == 20000);
	memset(&it, 0, sizeof(it));
	CHECK(setitimer(ITIMER_REAL, &it, &old) == 0 && old.it_interval.tv_usec == 20000);
	count = 0;
	sleep_ms(60);
	CHECK(count == 0);
	CHECK(alarm(100) == 0);
	CHECK(alarm(0) >= 99);
	it.it_value.tv_usec = 1000000;
	FAILS(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	FAILS(setitimer(9, &old, NULL), EINVAL);
	/* A timer outlives exec and is not inherited by fork. */
	it.it_value.tv_usec = 50000;
	CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0);
	CHECK(IN_CHILD(getitimer(ITIMER_REAL, &old); CHECK(old.it_value.tv_usec == 0)) == 0);
	CHECK(WTERMSIG(IN_CHILD(signal(SIGALRM, SIG_DFL); setitimer(ITIMER_REAL, &it, NULL);
				execl("/proc/self/exe", "x", "@pause", (char *)NULL))) == SIGALRM);
}

/* ITIMER_VIRTUAL and ITIMER_PROF: time in sleep does not count. */
static void timer_of_processor_time(int which, int sig)
{
	struct itimerval it = {{0, 20000}, {0, 40000}}, old = {{1, 1}, {1, 1}}, off = {{0}};

	on_signal(sig, note, 0);
	CHECK(getitimer(which, &old) == 0 && !old.it_value.tv_usec && !old.it_interval.tv_usec);
	CHECK(setitimer(which, &it, &old) == 0 && !old.it_value.tv_sec && !old.it_value.tv_usec);
	CHECK(getitimer(which, &old) == 0 && old.it_interval.tv_usec == 20000);
	CHECK(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 50000);
	CHECK(IN_CHILD(getitimer(which, &old);
		       CHECK(!old.it_value.tv_usec && !old.it_interval.tv_usec)) == 0);
	sleep_ms(200);
	CHECK(count == 0);
	for (double start = now(); count < 5 && now() - start < 30;)
		for (volatile int i = 0; i < 10000; i++)
			;
	CHECK(count == 5);
	CHECK(setitimer(which, &off, &old) == 0 && old.it_interval.tv_usec == 20000);
	CHECK(old.it_value.tv_usec > 0);
	count = 0;
	for (double start = now(); now() - start < 0.2;)
		;
	CHECK(count == 0);
	it.it_interval.tv_usec = 1000000;
	FAILS(setitimer(which, &it, NULL), EINVAL);
	it.it_interval.tv_usec = 0;
	CHECK(WTERMSIG(IN_CHILD(signal(sig, SIG_DFL); setitimer(which, &it, NULL);
				execl("/proc/self/exe", "x", "@burn", (char *)NULL))) == sig);
}

TEST(timer_of_own_time)
{
	timer_of_processor_time(ITIMER_VIRTUAL, SIGVTALRM);
}

TEST(timer_of_all_time)
{
	timer_of_processor_time(ITIMER_PROF, SIGPROF);
}

TEST(wrong_timers)
{
	struct itimerval it = {{0, 0}, {0, 0}};

	FAILS(syscall(SYS_setitimer, 3, &it, NULL), EINVAL);
	FAILS(syscall(SYS_setitimer, 3, 8, NULL), EFAULT);
	FAILS(syscall(SYS_getitimer, 3, 8), EINVAL);
	for (int which = 0; which < 3; which++) {
		FAILS(syscall(SYS_getitimer, which, NULL), EFAULT);
		FAILS(syscall(SYS_getitimer, which, 8), EFAULT);
		FAILS(syscall(SYS_setitimer, which, &it, 8), EFAULT);
		CHECK(syscall(SYS_setitimer, which, NULL, NULL) == 0);
	}
	/* What is left is rounded to seconds. */
	it.it_value.tv_sec = 7;
	it.it_value.tv_usec = 300000;
	CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0 && syscall(SYS_alarm, 3) == 7 &&
	      syscall(SYS_alarm, 0) == 3);
	it.it_value.tv_sec = 0;
	CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0 && syscall(SYS_alarm, 0) == 1);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "@pause") == 0)
		for (;;)
			pause();
	if (argc > 1 && strcmp(argv[1], "@burn") == 0)
		for (;;)
			now();
	return run_tests(argc, argv);
}
