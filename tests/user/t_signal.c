/* Signals: handlers, masks, restarted calls, default actions, stop and continue, timers. */
#include "tests/user/tap.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile sig_atomic_t count, last, depth, deepest, seen_code, seen_pid;
static void *volatile seen_addr;

static void note(int sig)
{
	count++;
	last = sig;
}

static void note_info(int sig, siginfo_t *info, void *context)
{
	(void)context;
	note(sig);
	seen_code = info->si_code;
	seen_pid = info->si_pid;
	seen_addr = info->si_addr;
}

static void on_info(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	CHECK(sigaction(sig, &act, NULL) == 0);
}

static sigset_t block(int sig)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
	return old;
}

static int is_pending(int sig)
{
	sigset_t set;

	CHECK(sigpending(&set) == 0);
	return sigismember(&set, sig);
}

/* Send a signal to this process after some time. */
static pid_t send_later(int sig, long ms)
{
	pid_t pid, parent = getpid();

	CHILD(pid, sleep_ms(ms); kill(parent, sig));
	return pid;
}

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

static sigjmp_buf out;

static void jump(int sig, siginfo_t *info, void *context)
{
	note_info(sig, info, context);
	siglongjmp(out, 1);
}

TEST(faults_have_handlers)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
	volatile int zero = 0;
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *beyond;
	int fd;

	fresh_dir();
	for (int i = 0; i < 5; i++)
		on_info(signals[i], jump, 0);
	if (!sigsetjmp(out, 1))
		*(volatile char *)0x1234 = 1;
	CHECK(last == SIGSEGV && seen_code == SEGV_MAPERR && seen_addr == (void *)0x1234);
	if (!sigsetjmp(out, 1))
		*(volatile char *)(page + 5) = 1;
	CHECK(last == SIGSEGV && seen_code == SEGV_ACCERR && seen_addr == page + 5);
	if (!sigsetjmp(out, 1))
		*(volatile char *)0xffff888000000000 = 1;
	CHECK(last == SIGSEGV && count == 3);
	if (!sigsetjmp(out, 1))
		zero = 1000 / zero;
	CHECK(last == SIGFPE && count == 4);
	if (!sigsetjmp(out, 1))
		__asm__ volatile("ud2");
	CHECK(last == SIGILL && count == 5);
	if (!sigsetjmp(out, 1))
		__asm__ volatile("hlt");
	CHECK(last == SIGSEGV && count == 6);
	if (!sigsetjmp(out, 1))
		__asm__ volatile("int3");
	CHECK(last == SIGTRAP && count == 7);
	write_file("short", "x");
	fd = open("short", O_RDWR);
	beyond = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(beyond[0] == 'x' && beyond[1] == 0);
	if (!sigsetjmp(out, 1))
		zero = *(volatile char *)(beyond + 4096);
	CHECK(last == SIGBUS && count == 8 && seen_addr == beyond + 4096);
}

TEST(faults_kill_when_blocked_or_ignored)
{
	CHECK(WTERMSIG(IN_CHILD(signal(SIGSEGV, SIG_IGN); *(volatile char *)8 = 1)) == SIGSEGV);
	CHECK(WTERMSIG(IN_CHILD(on_signal(SIGSEGV, note, 0); block(SIGSEGV);
				*(volatile char *)8 = 1)) == SIGSEGV);
}

static char alternate[32768];
static void *volatile handler_stack;

static void on_alternate(int sig)
{
	int here;
	stack_t ss;

	note(sig);
	handler_stack = &here;
	CHECK(sigaltstack(NULL, &ss) == 0 && ss.ss_flags == SS_ONSTACK);
	ss.ss_flags = 0;
	FAILS(sigaltstack(&ss, NULL), EPERM);
}

static int recurse(int n)
{
	volatile char room[4096];

	room[0] = (char)n;
	return recurse(n + 1) + room[0];
}

static void leave(int sig)
{
	_exit(sig == SIGSEGV ? 21 : 1);
}

TEST(alternate_stack)
{
	stack_t ss = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
	CHECK(sigaltstack(&ss, NULL) == 0);
	on_signal(SIGUSR1, on_alternate, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK(count == 1 && (char *)handler_stack > alternate &&
	      (char *)handler_stack < alternate + sizeof(alternate));
	/* It makes the overflow of the stack bearable. */
	CHECK(IN_CHILD(on_signal(SIGSEGV, leave, SA_ONSTACK); recurse(0)) == 21 << 8);
	ss.ss_size = 100;
	FAILS(sigaltstack(&ss, NULL), ENOMEM);
	ss.ss_size = sizeof(alternate);
	ss.ss_flags = 76;
	FAILS(syscall(SYS_sigaltstack, &ss, NULL), EINVAL);
	ss.ss_flags = SS_ONSTACK | SS_DISABLE;
	FAILS(syscall(SYS_sigaltstack, &ss, NULL), EINVAL);
	ss.ss_flags = SS_ONSTACK; /* means nothing, and is taken */
	CHECK(syscall(SYS_sigaltstack, &ss, NULL) == 0);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == 0 && old.ss_sp == alternate);
	ss.ss_flags = SS_DISABLE;
	CHECK(syscall(SYS_sigaltstack, &ss, &old) == 0 && old.ss_sp == alternate);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
	CHECK(old.ss_sp == NULL && old.ss_size == 0);
}

static void spoil(int sig)
{
	volatile double x = 3.5;

	note(sig);
	__asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; fninit" ::: "xmm0", "xmm7");
	x *= 2;
	CHECK(x == 7);
}

TEST(registers_survive_handlers)
{
	register double a = 1.25, b = 2.5;
	pid_t pid, parent = getpid();
	volatile long sum = 0;

	on_signal(SIGUSR1, spoil, 0);
	CHILD(
		pid, for (int i = 0; i < 50; i++) {
			kill(parent, SIGUSR1);
			sleep_ms(1);
		});
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		double c = a;

		for (int i = 0; i < 1000; i++)
			c = c * b - a * (b - 1);
		CHECK(c == c && a == 1.25 && b == 2.5);
		CHECK(c == 0x1p0 || c != 0);
		sum++;
	}
	CHECK(count > 0 && sum > 0);
}

static void change_context(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over the ud2 */
	uc->uc_mcontext.gregs[REG_RBX] = 4711;
	sigaddset(&uc->uc_sigmask, SIGHUP);
}

TEST(handler_may_change_the_context)
{
	sigset_t set;
	long rbx = 1;

	on_info(SIGILL, change_context, 0);
	__asm__ volatile("ud2" : "+b"(rbx));
	CHECK(rbx == 4711);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGHUP) && !sigismember(&set, SIGILL));
}

TEST(bad_sigreturn_kills)
{
	CHECK(WTERMSIG(IN_CHILD(__asm__ volatile("mov $0x1000, %%rsp; mov $15, %%eax; syscall" ::
							 : "rax", "rcx", "r11", "memory"))) ==
	      SIGSEGV);
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
	if (argc > 1 && strcmp(argv[1], "@pause") == 0)
		for (;;)
			pause();
	if (argc > 1 && strcmp(argv[1], "@burn") == 0)
		for (;;)
			now();
	return run_tests(argc, argv);
}
