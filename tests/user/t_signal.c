/* Signals: what handlers are told, masks, default actions, stop and continue, wrong arguments. */
#include "tests/user/signals.h"

#include <sys/time.h>

static volatile sig_atomic_t depth, deepest;

TEST(handler_runs_with_information)
{
	on_info(SIGUSR1, note_info, 0);
	kill(getpid(), SIGUSR1);
	CHECK(count == 1 && last == SIGUSR1 && seen_code == SI_USER && seen_pid == getpid());
	raise(SIGUSR1);
	CHECK(count == 2 && seen_code == SI_TKILL);
}

TEST(handler_for_children)
{
	pid_t pid;

	on_info(SIGCHLD, note_info, 0);
	CHILD(pid, _exit(7));
	while (!count)
		sleep_ms(1);
	CHECK(seen_code == CLD_EXITED && seen_pid == pid);
	CHECK(reap(pid) == 0x700);
	CHILD(pid, for (;;) pause());
	count = 0;
	kill(pid, SIGSTOP);
	while (!count)
		sleep_ms(1);
	CHECK(seen_code == CLD_STOPPED && seen_pid == pid);
	on_info(SIGCHLD, note_info, SA_NOCLDSTOP);
	count = 0;
	kill(pid, SIGCONT);
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, NULL, WUNTRACED) == pid && count == 0);
	kill(pid, SIGKILL);
	reap(pid);
	CHECK(count == 1 && seen_code == CLD_KILLED);
}

TEST(blocked_signals_wait)
{
	sigset_t old;

	on_signal(SIGUSR1, note, 0);
	old = block(SIGUSR1);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1); /* once is enough */
	CHECK(count == 0 && is_pending(SIGUSR1));
	CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && count == 1 && !is_pending(SIGUSR1));
	/* What is ignored is forgotten, also when it is pending already. */
	old = block(SIGUSR1);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	CHECK(!is_pending(SIGUSR1));
	on_signal(SIGUSR1, note, 0);
	CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && count == 1);
}

TEST(mask_arguments)
{
	sigset_t set, old;

	sigfillset(&set);
	FAILS(sigprocmask(77, &set, NULL), EINVAL);
	CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	CHECK(sigprocmask(77, NULL, &old) == 0);
	CHECK(!sigismember(&old, SIGKILL) && !sigismember(&old, SIGSTOP));
	CHECK(sigismember(&old, SIGTERM) && sigismember(&old, 40));
	FAILS(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 4), EINVAL);
	FAILS(sigaction(SIGKILL, &(struct sigaction){.sa_handler = note}, NULL), EINVAL);
	FAILS(sigaction(SIGSTOP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL), EINVAL);
	CHECK(sigaction(SIGKILL, NULL, &(struct sigaction){0}) == 0);
	FAILS(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	FAILS(kill(getpid(), 65), EINVAL);
	FAILS(kill(999999, 0), ESRCH);
	CHECK(kill(getpid(), 0) == 0);
	FAILS(syscall(SYS_tgkill, 1, getpid(), 0), ESRCH);
	FAILS(syscall(SYS_tkill, 0, 0), EINVAL);
}

static void nest(int sig)
{
	note(sig);
	if (++depth > deepest)
		deepest = depth;
	if (count < 4)
		raise(SIGUSR1);
	depth--;
}

TEST(signal_is_blocked_in_its_handler)
{
	on_signal(SIGUSR1, nest, 0);
	raise(SIGUSR1);
	CHECK(deepest == 1 && count == 4); /* one after the other */
}

TEST(nodefer_lets_it_nest)
{
	on_signal(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	CHECK(deepest == 4 && count == 4);
}

static void check_mask(int sig)
{
	sigset_t set;

	note(sig);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGUSR1) && sigismember(&set, SIGUSR2) &&
	      !sigismember(&set, SIGHUP));
}

TEST(handler_mask)
{
	struct sigaction act = {.sa_handler = check_mask}, old;
	sigset_t set;

	sigaddset(&act.sa_mask, SIGUSR2);
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	raise(SIGUSR1);
	CHECK(count == 1);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(!sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2));
	CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == check_mask &&
	      sigismember(&old.sa_mask, SIGUSR2));
}

TEST(resethand)
{
	struct sigaction old;

	on_signal(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	CHECK(count == 1);
	CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	CHECK(WTERMSIG(IN_CHILD(raise(SIGUSR1))) == SIGUSR1);
}

TEST(default_actions)
{
	static const int kills[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGABRT, SIGPIPE, SIGALRM, SIGTERM,
				    SIGUSR1, SIGUSR2, SIGXCPU, SIGSYS,	34,	 64};
	static const int ignored[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
	static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
	pid_t pid;
	int status;

	for (unsigned int i = 0; i < sizeof(kills) / sizeof(int); i++) {
		status = IN_CHILD(kill(getpid(), kills[i]));
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == kills[i]);
	}
	for (unsigned int i = 0; i < sizeof(ignored) / sizeof(int); i++)
		CHECK(IN_CHILD(kill(getpid(), ignored[i])) == 0);
	for (unsigned int i = 0; i < sizeof(stops) / sizeof(int); i++) {
		/* Not in an orphaned group, where all but SIGSTOP would be ignored. */
		CHILD(pid, setpgid(0, 0); kill(getpid(), stops[i]); _exit(5));
		CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == stops[i]);
		kill(pid, SIGCONT);
		CHECK(reap(pid) == 5 << 8);
	}
}

TEST(stopped_processes_wait_for_signals)
{
	pid_t pid;

	CHILD(pid, on_signal(SIGUSR1, leave, 0); raise(SIGSTOP); for (;;) pause());
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGUSR1);
	sleep_ms(30);
	CHECK(waitpid(pid, NULL, WNOHANG) == 0); /* still stopped */
	kill(pid, SIGCONT);
	CHECK(reap(pid) == 1 << 8);
	CHILD(pid, raise(SIGSTOP));
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGKILL); /* needs no SIGCONT */
	CHECK(reap(pid) == SIGKILL);
}

TEST(continue_cancels_stop)
{
	on_signal(SIGCONT, note, 0);
	block(SIGTSTP);
	raise(SIGTSTP);
	CHECK(is_pending(SIGTSTP));
	raise(SIGCONT);
	CHECK(!is_pending(SIGTSTP) && count == 1);
	block(SIGCONT);
	raise(SIGCONT);
	raise(SIGTSTP);
	CHECK(!is_pending(SIGCONT) && is_pending(SIGTSTP));
}

TEST(kill_reaches_groups)
{
	pid_t a, b;

	CHILD(a, setpgid(0, 0); for (;;) pause());
	setpgid(a, a);
	CHILD(b, setpgid(0, a); for (;;) pause());
	setpgid(b, a);
	CHECK(kill(-a, SIGTERM) == 0);
	CHECK(reap(a) == SIGTERM && reap(b) == SIGTERM);
	FAILS(kill(-a, SIGTERM), ESRCH);
	on_signal(SIGUSR1, note, 0);
	CHECK(kill(0, SIGUSR1) == 0 && count == 1);
}

/* Which error comes first. */
TEST(order_of_errors)
{
	unsigned long set = 1ul << (SIGUSR1 - 1), got = 0;
	struct timespec bad = {0, -1};
	pid_t me = getpid();

	FAILS(syscall(SYS_kill, 999999, 999), ESRCH);
	FAILS(syscall(SYS_kill, me, 999), EINVAL);
	FAILS(syscall(SYS_kill, 1, 999), EINVAL);
	FAILS(syscall(SYS_kill, -999999, 999), ESRCH);
	FAILS(syscall(SYS_tgkill, 999999, 999999, 999), ESRCH);
	FAILS(syscall(SYS_tgkill, me, me, 999), EINVAL);
	FAILS(syscall(SYS_tgkill, -1, me, 0), EINVAL);
	FAILS(syscall(SYS_tkill, 0, 0), EINVAL);
	FAILS(syscall(SYS_rt_sigtimedwait, 8, NULL, 8, 4), EINVAL);
	FAILS(syscall(SYS_rt_sigtimedwait, 8, NULL, &bad, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigtimedwait, &set, NULL, &bad, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigtimedwait, &set, NULL, 8, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigsuspend, NULL, 4), EINVAL);
	FAILS(syscall(SYS_rt_sigsuspend, NULL, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigpending, NULL, 9), EINVAL);
	FAILS(syscall(SYS_rt_sigpending, NULL, 8), EFAULT);
	sigprocmask(SIG_BLOCK, (sigset_t *)&set, NULL);
	raise(SIGUSR1);
	CHECK(syscall(SYS_rt_sigpending, &got, 8) == 0 && got == set);
	got = 0;
	CHECK(syscall(SYS_rt_sigpending, &got, 1) == 0 && got == (set & 0xff));
	FAILS(syscall(SYS_rt_sigaction, 999, 8, NULL, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigaction, 999, NULL, 8, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigprocmask, 9, 8, NULL, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigprocmask, 9, &set, 8, 8), EINVAL);
}

TEST(signals_during_many_forks)
{
	struct itimerval it = {{0, 1000}, {0, 1000}};

	on_signal(SIGALRM, note, SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	for (int i = 0; i < 60; i++)
		CHECK(IN_CHILD(_exit(i)) == i << 8);
	CHECK(count > 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
