/* Clocks, sleeping, and what the system tells of itself. */
#include "tests/user/tap.h"

#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>

static double seconds(clockid_t clock)
{
	struct timespec ts = {-1, -1};

	CHECK(syscall(SYS_clock_gettime, clock, &ts) == 0);
	CHECK(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

TEST(clocks_run)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
					   CLOCK_BOOTTIME};
	struct timespec ts;

	for (int i = 0; i < 4; i++) {
		double start = seconds(clocks[i]), passed;

		sleep_ms(50);
		passed = seconds(clocks[i]) - start;
		CHECK(passed >= 0.049 && passed < 5);
		CHECK(clock_getres(clocks[i], &ts) == 0 && ts.tv_sec == 0 && ts.tv_nsec > 0);
	}
	for (double last = 0, t; last < seconds(CLOCK_MONOTONIC) - 1000; last = t)
		t = seconds(CLOCK_MONOTONIC);
	CHECK(seconds(CLOCK_REALTIME) > 1.6e9);
	CHECK(seconds(CLOCK_TAI) - seconds(CLOCK_REALTIME) < 60);
	CHECK(seconds(CLOCK_MONOTONIC_COARSE) > 0 && seconds(CLOCK_REALTIME_COARSE) > 1.6e9);
	FAILS(syscall(SYS_clock_gettime, 99, &ts), EINVAL);
	FAILS(syscall(SYS_clock_getres, 99, &ts), EINVAL);
	CHECK(syscall(SYS_clock_getres, CLOCK_REALTIME, NULL) == 0);
}

TEST(clock_never_goes_back)
{
	double last = seconds(CLOCK_MONOTONIC), t;
	int bad = 0;

	for (int i = 0; i < 20000; i++) {
		t = seconds(CLOCK_MONOTONIC);
		bad += t < last;
		last = t;
	}
	CHECK(bad == 0);
}

TEST(times_agree)
{
	struct timeval tv;
	double real = seconds(CLOCK_REALTIME);
	time_t t;
	long r = syscall(SYS_time, &t);

	CHECK(syscall(SYS_gettimeofday, &tv, NULL) == 0);
	CHECK((double)tv.tv_sec + (double)tv.tv_usec / 1e6 - real < 5);
	CHECK(r == t && t >= (time_t)real - 1 && t <= (time_t)real + 5);
	CHECK(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
}

TEST(processor_time)
{
	double start = now(), used = seconds(CLOCK_PROCESS_CPUTIME_ID);

	burn_ms(100);
	CHECK(now() - start >= 0.05); /* by ticks, it is roughly told */
	CHECK(seconds(CLOCK_PROCESS_CPUTIME_ID) - used >= 0.0999); /* 0.12 - 0.02 < 0.1 in binary */
	used = seconds(CLOCK_THREAD_CPUTIME_ID);
	sleep_ms(300);
	CHECK(seconds(CLOCK_THREAD_CPUTIME_ID) - used < 0.2);
}

TEST(sleeping)
{
	struct timespec ts = {0, 30000000}, abs, bad[] = {{0, -1}, {0, 1000000000}, {-1, 0}};
	double start = now();

	CHECK(syscall(SYS_nanosleep, &ts, NULL) == 0 && now() - start >= 0.03);
	start = now();
	CHECK(usleep(10000) == 0 && now() - start >= 0.01);
	clock_gettime(CLOCK_MONOTONIC, &abs);
	abs.tv_nsec += 50000000;
	if (abs.tv_nsec >= 1000000000) {
		abs.tv_nsec -= 1000000000;
		abs.tv_sec++;
	}
	start = now();
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &abs, NULL) == 0);
	CHECK(now() - start >= 0.045);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &abs, NULL) == 0); /* in the past */
	for (int i = 0; i < 3; i++) {
		FAILS(syscall(SYS_nanosleep, &bad[i], NULL), EINVAL);
		FAILS(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &bad[i], NULL), EINVAL);
	}
	FAILS(syscall(SYS_clock_nanosleep, 99, 0, 8, NULL), EINVAL);
	FAILS(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, 8, NULL), EOPNOTSUPP);
	FAILS(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, 8, NULL), EOPNOTSUPP);
	FAILS(syscall(SYS_clock_nanosleep, CLOCK_TAI, 0, 8, NULL), EFAULT);
	ts = (struct timespec){0, 0};
	CHECK(syscall(SYS_nanosleep, &ts, NULL) == 0);
}

TEST(many_sleepers_wake_in_order)
{
	char order[10] = "";
	int fds[2];
	pid_t pids[5];

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < 5; i++)
		CHILD(pids[i], sleep_ms(50 + (4 - i) * 200); write(fds[1], &"abcde"[i], 1));
	for (int i = 0; i < 5; i++)
		CHECK(reap(pids[i]) == 0);
	CHECK(read(fds[0], order, 10) == 5 && strcmp(order, "edcba") == 0);
}

TEST(the_clock_can_be_set)
{
	struct timespec t, bad = {0, 1000000000};
	double before;

	FAILS(clock_settime(CLOCK_REALTIME, &bad), EINVAL);
	FAILS(clock_settime(CLOCK_MONOTONIC, &t), EINVAL);
	CHECK(IN_CHILD(setuid(1); clock_gettime(CLOCK_REALTIME, &t);
		       FAILS(clock_settime(CLOCK_REALTIME, &t), EPERM)) == 0);
	if (!owns_machine()) {
		FAILS((clock_gettime(CLOCK_REALTIME, &t), clock_settime(CLOCK_REALTIME, &t)),
		      EPERM);
		return;
	}
	before = seconds(CLOCK_MONOTONIC);
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 1000;
	CHECK(clock_settime(CLOCK_REALTIME, &t) == 0);
	CHECK(seconds(CLOCK_REALTIME) - (double)t.tv_sec >= 0 &&
	      seconds(CLOCK_REALTIME) - (double)t.tv_sec < 60);
	t.tv_sec -= 1000;
	CHECK(clock_settime(CLOCK_REALTIME, &t) == 0);
	CHECK(seconds(CLOCK_REALTIME) - (double)t.tv_sec < 60);
	CHECK(seconds(CLOCK_MONOTONIC) >= before);
}

TEST(system_information)
{
	struct utsname u;
	struct sysinfo info;

	CHECK(uname(&u) == 0 && strcmp(u.sysname, "Linux") == 0 &&
	      strcmp(u.machine, "x86_64") == 0);
	CHECK(u.nodename[0] && u.release[0] && u.version[0]);
	CHECK(sysinfo(&info) == 0 && info.totalram > 0 && info.freeram <= info.totalram);
	CHECK(info.mem_unit > 0 && info.procs > 0);
	FAILS(sethostname("x", (size_t)-1), getuid() == 0 ? EINVAL : EPERM);
	CHECK(IN_CHILD(setuid(1); FAILS(sethostname("x", 1), EPERM)) == 0);
}

TEST(random_bytes)
{
	unsigned char a[1000], b[1000];
	int same = 0, zero = 0;

	CHECK(getrandom(a, 1000, 0) == 1000 && getrandom(b, 1000, GRND_NONBLOCK) == 1000);
	for (int i = 0; i < 1000; i++) {
		same += a[i] == b[i];
		zero += a[i] == 0;
	}
	CHECK(same < 50 && zero < 50);
	FAILS(getrandom(a, 10, 0x100), EINVAL);
	CHECK(getrandom(a, 0, 0) == 0);
}

TEST(unknown_calls)
{
	FAILS(syscall(1999), ENOSYS);
	FAILS(syscall(-5), ENOSYS);
	FAILS(syscall(500), ENOSYS);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
