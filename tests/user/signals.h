/* What the programs that test signals share: handlers that note what came, and how to send it. */
#pragma once

#include "tests/user/tap.h"

static volatile sig_atomic_t count, last;
static volatile sig_atomic_t seen_code, seen_pid;
static void *volatile seen_addr;

static inline void note(int sig)
{
	count++;
	last = sig;
}

static inline void note_info(int sig, siginfo_t *info, void *context)
{
	(void)context;
	note(sig);
	seen_code = info->si_code;
	seen_pid = info->si_pid;
	seen_addr = info->si_addr;
}

static inline void on_info(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	CHECK(sigaction(sig, &act, NULL) == 0);
}

static inline sigset_t block(int sig)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
	return old;
}

static inline int is_pending(int sig)
{
	sigset_t set;

	CHECK(sigpending(&set) == 0);
	return sigismember(&set, sig);
}

/* Send a signal to this process after some time. */
static inline pid_t send_later(int sig, long ms)
{
	pid_t pid, parent = getpid();

	CHILD(pid, sleep_ms(ms); kill(parent, sig));
	return pid;
}

static inline void leave(int sig)
{
	_exit(sig == SIGSEGV ? 21 : 1);
}
