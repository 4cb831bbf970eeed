/*
 * Random system calls with plausible arguments, by seed: sysfuzz SEED CALLS.
 *
 * Workers make a batch of calls each and are replaced, whether they ended, were killed, or hang.
 * Every other one is an ordinary user. What they do stays in the current directory; calls that end,
 * rearrange or signal the whole system are left out. The kernel is judged by whoever started this:
 * it must still be there.
 */
#define _GNU_SOURCE
#include "tests/fuzz/sysfuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH	  200 /* calls of one worker */
#define WORKER_MS 5000
#define CALL_USEC 10000 /* a call that waits longer is interrupted */
#define NOBODY	  65534

/* A child that makes some calls of its own, with what clone() may share. */
static void clone_some(void)
{
	unsigned long flags = (below(2) ? CLONE_FILES : 0) | (below(2) ? CLONE_FS : 0) | SIGCHLD;

	if (syscall(SYS_clone, flags, 0, 0, 0, 0) == 0) {
		for (int i = 0; i < 10; i++)
			one_call();
		_exit(0);
	}
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* What calls may have spoilt: the alarm that ends those which wait. */
static void arm(void)
{
	const struct itimerval it = {{0, CALL_USEC}, {0, CALL_USEC}};
	struct sigaction act = {.sa_handler = on_alarm};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

static void worker(uint64_t seed, int number_of_calls)
{
	setsid();
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		if (open("/dev/null", O_RDWR) != fd)
			_exit(9);
	}
	if (calls_start(seed) < 0)
		_exit(9);
	open("a", O_RDWR | O_CREAT, 0666);
	open("d", O_RDONLY | O_DIRECTORY);
	open("b", O_RDWR | O_APPEND | O_CREAT, 0666);
	open("fifo", O_RDWR | O_NONBLOCK);
	if (pipe((int[2]){0, 0}) < 0 || open("/dev/zero", O_RDWR) < 0)
		_exit(9);
	if (seed & 1 && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)))
		_exit(9);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < number_of_calls; i++) {
		if (i % 16 == 0)
			arm();
		if (below(50) == 0)
			clone_some();
		else
			one_call();
	}
	_exit(0);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Wait for it, at most WORKER_MS. Returns: its status. */
static int reap(pid_t pid)
{
	const struct timespec moment = {0, 2000000};
	double end = now() + WORKER_MS / 1e3;
	int status = -1;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now() > end) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		nanosleep(&moment, NULL);
	}
	kill(-pid, SIGKILL); /* its children */
	return status;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1, mixed;
	long wanted = argc > 2 ? atol(argv[2]) : 10000, workers = 0, killed = 0;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	signal(SIGCHLD, SIG_DFL);
	if (mkdir("d", 0777) && errno != EEXIST)
		return 1;
	chmod(".", 0777);
	mkfifo("fifo", 0666);
	symlink("a", "link");
	symlink("loop", "loop");
	for (long done = 0; done < wanted; done += BATCH, workers++) {
		int n = wanted - done < BATCH ? (int)(wanted - done) : BATCH, status;
		pid_t pid;

		mkdir("d", 0777); /* a worker may have removed it */
		mixed = (seed + (uint64_t)workers) * 0x9e3779b97f4a7c15ull ^ (uint64_t)workers;
		pid = fork();
		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (pid == 0)
			worker((mixed & ~1ull ? mixed & ~1ull : 2) | (uint64_t)(workers & 1), n);
		status = reap(pid);
		killed += status != 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 9) {
			printf("worker %ld could not start\n", workers);
			return 1;
		}
	}
	printf("%ld calls by %ld workers, %ld of them killed\n", wanted, workers, killed);
	return 0;
}
