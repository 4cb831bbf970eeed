/* Calls that wait for signals or are interrupted by them: restarts, sigsuspend, sigtimedwait. */
#include "tests/user/signals.h"

TEST(read_is_interrupted_or_restarted)
{
	int fds[2];
	char c = 0;
	pid_t pid, parent = getpid();

	CHECK(pipe(fds) == 0);
	on_signal(SIGUSR1, note, 0);
	pid = send_later(SIGUSR1, 50);
	FAILS(read(fds[0], &c, 1), EINTR);
	reap(pid);
	on_signal(SIGUSR1, note, SA_RESTART);
	CHILD(pid, sleep_ms(50); kill(parent, SIGUSR1); sleep_ms(50); write(fds[1], "x", 1));
	CHECK(read(fds[0], &c, 1) == 1 && c == 'x' && count == 2);
	reap(pid);
	/* wait4 is restarted too. */
	CHILD(pid, sleep_ms(20); kill(parent, SIGUSR1); sleep_ms(50); _exit(3));
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0x300 && count == 3);
}

TEST(sleep_is_never_restarted)
{
	struct timespec ts = {5, 0}, rem = {0, 0};
	pid_t pid;

	on_signal(SIGUSR1, note, SA_RESTART);
	pid = send_later(SIGUSR1, 50);
	FAILS(nanosleep(&ts, &rem), EINTR);
	CHECK(rem.tv_sec == 4 && rem.tv_nsec > 0);
	reap(pid);
	pid = send_later(SIGUSR1, 50);
	FAILS(pause(), EINTR);
	reap(pid);
}

TEST(ignored_signals_do_not_interrupt)
{
	double start = now();
	struct timespec ts = {0, 200000000};
	pid_t pid = send_later(SIGCHLD, 20), other = send_later(SIGWINCH, 40);

	CHECK(nanosleep(&ts, NULL) == 0 && now() - start >= 0.2);
	reap(pid);
	reap(other);
}

TEST(sleep_goes_on_after_a_stop)
{
	struct timespec ts = {0, 500000000};
	double start = now(), took;
	pid_t pid;

	CHILD(pid, CHECK(nanosleep(&ts, NULL) == 0));
	sleep_ms(100);
	kill(pid, SIGSTOP);
	sleep_ms(100);
	kill(pid, SIGCONT);
	CHECK(reap(pid) == 0);
	took = now() - start;
	CHECK(took >= 0.5 && took < 3);
}

TEST(sigsuspend_waits)
{
	sigset_t none, old;
	pid_t pid;

	on_signal(SIGUSR1, note, SA_RESTART);
	old = block(SIGUSR1);
	raise(SIGUSR1);
	CHECK(count == 0);
	sigemptyset(&none);
	FAILS(sigsuspend(&none), EINTR); /* at once: it is pending */
	CHECK(count == 1);
	sigprocmask(SIG_BLOCK, NULL, &none);
	CHECK(sigismember(&none, SIGUSR1)); /* blocked again */
	sigemptyset(&none);
	pid = send_later(SIGUSR1, 50);
	FAILS(sigsuspend(&none), EINTR);
	CHECK(count == 2);
	reap(pid);
	(void)old;
}

TEST(sigsuspend_survives_a_stop)
{
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	CHILD(pid, on_signal(SIGUSR1, note, 0); block(SIGUSR1); sigsuspend(&none);
	      CHECK(count == 1));
	wait_state(pid, "S");
	kill(pid, SIGSTOP);
	wait_state(pid, "T");
	kill(pid, SIGCONT);
	wait_state(pid, "S");
	sleep_ms(20);
	CHECK(waitpid(pid, NULL, WNOHANG) == 0);
	kill(pid, SIGUSR1);
	CHECK(reap(pid) == 0);
}

TEST(sigtimedwait_takes)
{
	struct timespec zero = {0, 0}, some = {0, 50000000}, bad = {0, -1};
	siginfo_t info;
	sigset_t set;
	pid_t pid;

	block(SIGUSR1);
	block(SIGCHLD);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	FAILS(sigtimedwait(&set, NULL, &zero), EAGAIN);
	FAILS(sigtimedwait(&set, NULL, &some), EAGAIN);
	FAILS(sigtimedwait(&set, NULL, &bad), EINVAL);
	kill(getpid(), SIGUSR1);
	CHECK(sigtimedwait(&set, &info, &zero) == SIGUSR1 && info.si_pid == getpid());
	FAILS(sigtimedwait(&set, &info, &zero), EAGAIN);
	pid = send_later(SIGUSR1, 30);
	CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == pid);
	/* Even one that is ignored by default, when it is blocked. */
	sigaddset(&set, SIGCHLD);
	CHECK(sigwaitinfo(&set, &info) == SIGCHLD && info.si_pid == pid);
	reap(pid);
	on_signal(SIGUSR2, note, 0);
	sigdelset(&set, SIGCHLD);
	pid = send_later(SIGUSR2, 30);
	FAILS(syscall(SYS_rt_sigtimedwait, &set, &info, NULL, 8), EINTR);
	reap(pid);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
