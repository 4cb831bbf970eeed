/* Waiting for children with waitid, and whom kill reaches. */
#include "tests/user/tap.h"

#include <grp.h>
#include <limits.h>
#include <sys/resource.h>

static siginfo_t info;

/* A wait for anything that leaves it as it is. Returns: what waitid says; info is set. */
static int look(int idtype, pid_t id, int options)
{
	memset(&info, 0x55, sizeof(info));
	return waitid(idtype, (id_t)id, &info, options);
}

static int told(pid_t pid, int code, int status)
{
	return info.si_signo == SIGCHLD && info.si_errno == 0 && info.si_pid == pid &&
	       info.si_code == code && info.si_status == status && info.si_uid == getuid();
}

TEST(waitid_tells_the_end)
{
	pid_t a, b;

	CHILD(a, _exit(0x123));
	CHECK(look(P_PID, a, WEXITED) == 0 && told(a, CLD_EXITED, 0x23));
	CHILD(a, raise(SIGUSR1));
	CHECK(look(P_ALL, 0, WEXITED) == 0 && told(a, CLD_KILLED, SIGUSR1));
	FAILS(look(P_ALL, 0, WEXITED), ECHILD);
	CHECK(info.si_signo == 0 && info.si_pid == 0); /* told even so */
	CHILD(a, _exit(1));
	CHILD(b, _exit(2));
	CHECK(waitid(P_PID, (id_t)b, NULL, WEXITED) == 0);
	FAILS(look(P_PID, b, WEXITED), ECHILD);
	CHECK(look(P_PGID, 0, WEXITED) == 0 && told(a, CLD_EXITED, 1));
}

TEST(waitid_leaves_what_it_saw)
{
	pid_t pid;

	CHILD(pid, _exit(7));
	for (int i = 0; i < 3; i++)
		CHECK(look(P_PID, pid, WEXITED | WNOWAIT) == 0 && told(pid, CLD_EXITED, 7));
	CHECK(reap(pid) == 0x700);
	CHILD(pid, for (;;) pause());
	kill(pid, SIGSTOP);
	for (int i = 0; i < 2; i++)
		CHECK(look(P_PID, pid, WSTOPPED | WNOWAIT) == 0 && told(pid, CLD_STOPPED, SIGSTOP));
	CHECK(look(P_PID, pid, WSTOPPED) == 0 && told(pid, CLD_STOPPED, SIGSTOP));
	CHECK(look(P_PID, pid, WSTOPPED | WNOHANG) == 0 && info.si_signo == 0 && info.si_pid == 0);
	kill(pid, SIGCONT);
	CHECK(look(P_PID, pid, WCONTINUED | WNOWAIT) == 0 && told(pid, CLD_CONTINUED, SIGCONT));
	CHECK(look(P_PID, pid, WCONTINUED) == 0 && told(pid, CLD_CONTINUED, SIGCONT));
	CHECK(look(P_PID, pid, WCONTINUED | WNOHANG) == 0 && info.si_pid == 0);
	kill(pid, SIGKILL);
	wait_state(pid, "Z");
	/* An end is not told to who does not ask for it. */
	FAILS(look(P_PID, pid, WSTOPPED | WCONTINUED), ECHILD);
	CHECK(look(P_PID, pid, WEXITED | WSTOPPED) == 0 && told(pid, CLD_KILLED, SIGKILL));
}

TEST(waitid_by_group)
{
	pid_t a, b;

	CHILD(a, pause());
	CHILD(b, pause());
	CHECK(setpgid(b, b) == 0);
	kill(b, SIGKILL);
	CHECK(look(P_PGID, b, WEXITED) == 0 && told(b, CLD_KILLED, SIGKILL));
	FAILS(look(P_PGID, b, WEXITED), ECHILD);
	FAILS(look(P_PGID, 1, WEXITED), ECHILD); /* not everybody */
	CHECK(look(P_PGID, getpgrp(), WEXITED | WNOHANG) == 0 && info.si_pid == 0);
	kill(a, SIGKILL);
	CHECK(look(P_PGID, getpgrp(), WEXITED) == 0 && told(a, CLD_KILLED, SIGKILL));
}

TEST(wrong_waits)
{
	struct rusage usage;
	pid_t pid;

	CHILD(pid, burn_ms(30));
	FAILS(look(P_ALL, 0, 0), EINVAL);
	FAILS(look(P_ALL, 0, WNOHANG), EINVAL);
	FAILS(look(P_ALL, 0, WEXITED | 0x10), EINVAL);
	FAILS(look(4, 0, WEXITED), EINVAL);
	FAILS(look(P_PID, 0, WEXITED), EINVAL);
	FAILS(look(P_PID, -1, WEXITED), EINVAL);
	FAILS(look(P_PGID, -1, WEXITED), EINVAL);
	FAILS(look(3, -1, WEXITED), EINVAL);
	FAILS(look(3, 99, WEXITED), EBADF);
	FAILS(waitpid(INT_MIN, NULL, 0), ESRCH);
	FAILS(waitpid(INT_MIN, NULL, 0x40), EINVAL);
	FAILS(waitpid(-1, NULL, WNOWAIT), EINVAL);
	FAILS(waitpid(-1, NULL, WEXITED), EINVAL);
	FAILS(syscall(SYS_waitid, P_PID, 999999, (void *)8, WEXITED, NULL), EFAULT);
	CHECK(syscall(SYS_waitid, P_PID, pid, NULL, WEXITED | WNOWAIT, &usage) == 0);
	CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
		      usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec >
	      0);
	FAILS(syscall(SYS_waitid, P_PID, pid, NULL, WEXITED | WNOWAIT, 8), EFAULT);
	CHECK(syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED, NULL) == 0);
}

static volatile int heard;

static void hear(int sig)
{
	heard = sig;
}

/* To all: others are out of reach here, or do not hear signal 0. */
TEST(kill_names_its_targets)
{
	pid_t pid;

	FAILS(kill(INT_MIN, 0), ESRCH);
	FAILS(kill(-999999, 0), ESRCH);
	FAILS(kill(999999, 0), ESRCH);
	FAILS(kill(-1, 65), EINVAL);
	FAILS(kill(-1, -1), EINVAL);
	CHECK(kill(-1, 0) == 0);
	CHECK(kill(0, 0) == 0 && kill(getpid(), 0) == 0 && kill(-getpgrp(), 0) == 0);
	CHILD(pid, _exit(0));
	wait_state(pid, "Z");
	CHECK(kill(pid, 0) == 0 && kill(pid, SIGKILL) == 0);
	CHECK(reap(pid) == 0);
	FAILS(kill(pid, 0), ESRCH);
	on_signal(SIGUSR1, hear, 0);
	CHECK(kill(0, SIGUSR1) == 0 && heard == SIGUSR1);
}

/* The group list of who may not set it, or of root. */
TEST(groups_have_errors)
{
	gid_t groups[NGROUPS_MAX], have[NGROUPS_MAX];
	int n = getgroups(0, NULL);

	CHECK(n >= 0);
	FAILS(getgroups(-1, NULL), EINVAL);
	if (n > 1)
		FAILS(getgroups(n - 1, groups), EINVAL);
	if (n > 0)
		FAILS(syscall(SYS_getgroups, n, 8), EFAULT);
	if (syscall(SYS_setgroups, 0, NULL) < 0) {
		CHECK(errno == EPERM);
		FAILS(syscall(SYS_setgroups, 65537, groups), EPERM);
		FAILS(syscall(SYS_setgroups, 1, 8), EPERM);
		return;
	}
	FAILS(syscall(SYS_setgroups, 65537, groups), EINVAL);
	FAILS(syscall(SYS_setgroups, -1, groups), EINVAL);
	FAILS(syscall(SYS_setgroups, 1, 8), EFAULT);
	groups[0] = (gid_t)-1;
	FAILS(syscall(SYS_setgroups, 1, groups), EINVAL);
	for (int i = 0; i < 5; i++)
		groups[i] = (gid_t)(50 - i * 10);
	CHECK(syscall(SYS_setgroups, 5, groups) == 0 && getgroups(NGROUPS_MAX, have) == 5);
	for (int i = 0; i < 5; i++)
		CHECK(have[i] == (gid_t)(10 + i * 10));
	CHECK(syscall(SYS_setgroups, 0, (void *)8) == 0 && getgroups(0, NULL) == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
