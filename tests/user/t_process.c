/* Processes: fork, wait, vfork, names and /proc, groups and sessions, the parent's end, usage. */
#include "tests/user/tap.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/times.h>

static char *self = "/proc/self/exe";

TEST(fork_copies_memory)
{
	static int value = 1;
	char *heap = malloc(100000);

	memset(heap, 'a', 100000);
	CHECK(IN_CHILD(CHECK(value == 1); value = 2; memset(heap, 'b', 100000)) == 0);
	CHECK(value == 1 && heap[0] == 'a' && heap[99999] == 'a');
}

TEST(exit_status_has_eight_bits)
{
	CHECK(IN_CHILD(_exit(0x107)) == 0x700);
	CHECK(IN_CHILD(_exit(-1)) == 0xff00);
}

TEST(killed_status)
{
	int status = IN_CHILD(kill(getpid(), SIGTERM); pause());

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST(wait_without_children)
{
	FAILS(wait(NULL), ECHILD);
	FAILS(waitpid(-1, NULL, WNOHANG), ECHILD);
	FAILS(waitpid(1, NULL, 0), ECHILD);
	FAILS(waitpid(-1, NULL, 0x40), EINVAL);
}

TEST(wait_picks_the_child)
{
	pid_t a, b;

	CHILD(a, _exit(1));
	CHILD(b, _exit(2));
	CHECK(reap(b) == 0x200);
	CHECK(reap(a) == 0x100);
	FAILS(waitpid(a, NULL, 0), ECHILD);
}

TEST(wait_nohang)
{
	pid_t pid;
	int status = 77;

	CHILD(pid, pause());
	CHECK(waitpid(pid, &status, WNOHANG) == 0 && status == 77);
	kill(pid, SIGKILL);
	CHECK(reap(pid) == SIGKILL);
}

TEST(wait_for_a_group)
{
	pid_t a, b;

	CHILD(a, pause());
	CHILD(b, pause());
	CHECK(setpgid(b, b) == 0);
	kill(a, SIGKILL);
	wait_state(a, "Z");
	CHECK(waitpid(-b, NULL, WNOHANG) == 0);
	CHECK(waitpid(0, NULL, 0) == a);
	kill(b, SIGKILL);
	CHECK(waitpid(-b, NULL, 0) == b);
}

TEST(wait_tells_stop_and_continue)
{
	pid_t pid;
	int status;

	CHILD(pid, for (;;) pause());
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
	      WSTOPSIG(status) == SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0); /* told once */
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	CHECK(waitpid(pid, &status, WCONTINUED | WNOHANG) == 0);
	kill(pid, SIGKILL);
	CHECK(reap(pid) == SIGKILL);
}

TEST(wait_is_interrupted)
{
	pid_t pid;

	on_signal(SIGALRM, nothing, 0);
	CHILD(pid, pause());
	alarm(1);
	FAILS(waitpid(pid, NULL, 0), EINTR);
	kill(pid, SIGKILL);
	CHECK(reap(pid) == SIGKILL);
}

TEST(ignored_children_leave_no_zombie)
{
	signal(SIGCHLD, SIG_IGN);
	FAILS(IN_CHILD(_exit(1)), ECHILD);
	on_signal(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
	FAILS(IN_CHILD(_exit(1)), ECHILD);
}

TEST(orphans_get_another_parent)
{
	int fds[2];
	pid_t pid, parent;

	CHECK(pipe(fds) == 0);
	CHECK(IN_CHILD(pid = getpid(); if (fork() == 0) {
		      while (getppid() == pid)
			      sleep_ms(1);
		      parent = getppid();
		      write(fds[1], &parent, sizeof(parent));
		      _exit(0);
	      }) == 0);
	CHECK(read(fds[0], &parent, sizeof(parent)) == sizeof(parent));
	CHECK(parent > 0 && parent != getpid());
}

TEST(vfork_lends_memory)
{
	volatile int value = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		value = 5;
		_exit(3);
	}
	CHECK(value == 5);
	CHECK(reap(pid) == 0x300);
}

TEST(vfork_then_exec)
{
	pid_t pid;

	/* The parent may go on only when the child has its own memory. */
	for (int i = 0; i < 20; i++) {
		pid = vfork();
		if (pid == 0) {
			execl(self, "self", "@exit", "9", (char *)NULL);
			_exit(1);
		}
		CHECK(reap(pid) == 0x900);
	}
	pid = vfork();
	if (pid == 0) {
		execl("/no/such/file", "x", (char *)NULL);
		_exit(errno == ENOENT ? 4 : 1);
	}
	CHECK(reap(pid) == 0x400);
}

TEST(vfork_parent_can_be_killed)
{
	int fds[2];
	pid_t child, pid;

	CHECK(pipe(fds) == 0);
	CHILD(
		pid, if (vfork() == 0) {
			child = getpid();
			write(fds[1], &child, sizeof(child));
			for (;;)
				pause();
		});
	CHECK(read(fds[0], &child, sizeof(child)) == sizeof(child));
	kill(pid, SIGKILL);
	CHECK(WTERMSIG(reap(pid)) == SIGKILL);
	kill(child, SIGKILL);
}

TEST(program_name)
{
	char name[16] = "", text[40] = "";
	int fd;

	CHECK(prctl(PR_SET_NAME, "a very long name indeed") == 0);
	CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a very long nam") == 0);
	fd = open("/proc/self/comm", O_RDONLY);
	CHECK(read(fd, text, sizeof(text)) == 16 && strcmp(text, "a very long nam\n") == 0);
}

TEST(proc_self)
{
	char text[64] = "", link[64] = "", exe[256] = "", cwd[256] = "", here[256];
	int fd, fds[2];

	CHECK(readlink("/proc/self", link, 63) > 0 && atoi(link) == getpid());
	CHECK(readlink("/proc/self/exe", exe, 255) > 0 && strstr(exe, "t_process"));
	fresh_dir();
	CHECK(readlink("/proc/self/cwd", cwd, 255) > 0 && strcmp(cwd, getcwd(here, 256)) == 0);
	CHECK(readlink("/proc/self/root", link, 63) == 1 && link[0] == '/');
	fd = open("file", O_RDWR | O_CREAT, 0600);
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	memset(cwd, 0, sizeof(cwd));
	CHECK(readlink(text, cwd, 255) > 0 && strcmp(strrchr(cwd, '/'), "/file") == 0);
	CHECK(pipe(fds) == 0);
	snprintf(text, sizeof(text), "/proc/%d/fd/%d", getpid(), fds[0]);
	memset(link, 0, sizeof(link));
	CHECK(readlink(text, link, 63) > 0 && strncmp(link, "pipe:[", 6) == 0);
	fd = open(text, O_WRONLY | O_NONBLOCK); /* opens the pipe again */
	CHECK(fd >= 0 && write(fd, "x", 1) == 1);
	FAILS(readlink("/proc/self/fd/999", link, 63), ENOENT);
	FAILS(open("/proc/999999/stat", O_RDONLY), ENOENT);
}

TEST(proc_of_another)
{
	char path[64], text[512] = "", state;
	int pid, ppid, pgid, sid, fd;
	pid_t child;
	ssize_t n;

	CHILD(child, execl(self, "first", "@pause", "two", (char *)NULL));
	wait_state(child, "S");
	snprintf(path, sizeof(path), "/proc/%d/cmdline", child);
	for (int i = 0; i < 500; i++) {
		fd = open(path, O_RDONLY);
		n = read(fd, text, sizeof(text));
		close(fd);
		if (n == 17)
			break;
		sleep_ms(5);
	}
	CHECK(n == 17 && memcmp(text, "first\0@pause\0two", 17) == 0);
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	memset(text, 0, sizeof(text));
	fd = open(path, O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	CHECK(sscanf(text, "%d (%*[^)]) %c %d %d %d", &pid, &state, &ppid, &pgid, &sid) == 5);
	CHECK(pid == child && ppid == getpid() && pgid == getpgid(0) && sid == getsid(0));
	kill(child, SIGSTOP);
	wait_state(child, "T");
	kill(child, SIGKILL);
	wait_state(child, "Z");
	CHECK(reap(child) == SIGKILL);
	FAILS(open(path, O_RDONLY), ENOENT);
}

TEST(process_groups)
{
	pid_t pid, done;
	int fds[2];
	char c;

	CHECK(pipe(fds) == 0);
	CHILD(pid, read(fds[0], &c, 1); execl(self, self, "@pause", (char *)NULL));
	FAILS(setpgid(pid, 999999), EPERM);
	FAILS(setpgid(1, 0), ESRCH);
	FAILS(setpgid(0, -1), EINVAL);
	CHECK(setpgid(pid, 0) == 0 && getpgid(pid) == pid);
	CHECK(setpgid(pid, getpgrp()) == 0 && getpgid(pid) == getpgrp());
	write(fds[1], "x", 1);
	for (int i = 0; i < 1000 && setpgid(pid, pid) == 0; i++)
		sleep_ms(2);
	FAILS(setpgid(pid, pid), EACCES); /* it has executed */
	FAILS(getpgid(999999), ESRCH);
	kill(pid, SIGKILL);
	done = waitpid(pid, NULL, 0);
	CHECK(done == pid);
}

TEST(sessions)
{
	pid_t pid;

	CHECK(getpgrp() == getpid());
	FAILS(setsid(), EPERM); /* a leader of a group */
	CHILD(pid, CHECK(setsid() == getpid()); CHECK(getsid(0) == getpid());
	      CHECK(getpgrp() == getpid()); FAILS(setpgid(0, 0), EPERM);
	      FAILS(setpgid(0, getppid()), EPERM); CHECK(open("/dev/tty", O_RDWR) < 0));
	CHECK(reap(pid) == 0);
	FAILS(getsid(999999), ESRCH);
}

static void note_hup(int sig)
{
	(void)sig;
	_exit(6);
}

TEST(stopped_orphaned_groups_are_hung_up)
{
	int fds[2], status = 0;
	char c;

	/* The middle process ends; the stopped group of its child has no tie to the session. */
	CHECK(pipe(fds) == 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	CHECK(IN_CHILD(setsid(); if (fork() == 0) {
		      pid_t inner = fork();

		      if (inner == 0) {
			      setpgid(0, 0);
			      on_signal(SIGHUP, note_hup, 0);
			      write(fds[1], "r", 1);
			      raise(SIGSTOP);
			      for (;;)
				      pause();
		      }
		      waitpid(inner, &status, WUNTRACED);
		      _exit(WIFSTOPPED(status) ? 0 : 1);
	      } wait(&status);
		       CHECK(status == 0)) == 0);
	close(fds[1]);
	for (int i = 0; i < 2000; i++) { /* its end closes the pipe */
		ssize_t n = read(fds[0], &c, 1);

		if (n == 0)
			return;
		sleep_ms(2);
	}
	CHECK(!"hung up");
}

TEST(the_end_of_the_parent_is_told)
{
	int fds[2], sig = 7;
	char c = 0;

	FAILS(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	FAILS(syscall(SYS_prctl, PR_GET_PDEATHSIG, 8), EFAULT);
	CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
	CHECK(prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGUSR1);
	CHECK(IN_CHILD(prctl(PR_GET_PDEATHSIG, &sig); CHECK(sig == 0)) == 0); /* not inherited */
	CHECK(pipe(fds) == 0);
	CHECK(IN_CHILD(pid_t pid;
		       CHILD(pid, sigset_t set; siginfo_t info; sigemptyset(&set);
			     sigaddset(&set, SIGUSR2); sigprocmask(SIG_BLOCK, &set, NULL);
			     prctl(PR_SET_PDEATHSIG, SIGUSR2); write(fds[1], "r", 1);
			     write(fds[1], sigwaitinfo(&set, &info) == SIGUSR2 ? "s" : "n", 1));
		       CHECK(read(fds[0], &c, 1) == 1 && c == 'r')) == 0);
	CHECK(read(fds[0], &c, 1) == 1 && c == 's');
}

TEST(limits_and_usage)
{
	struct rlimit lim;
	struct rusage ru;
	struct tms tms;
	pid_t pid;

	CHECK(getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur >= 256);
	lim.rlim_cur = lim.rlim_max + 1;
	FAILS(setrlimit(RLIMIT_NOFILE, &lim), EINVAL);
	FAILS(getrlimit(99, &lim), EINVAL);
	CHILD(pid, burn_ms(120));
	CHECK(wait4(pid, NULL, 0, &ru) == pid);
	CHECK(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec > 50000);
	CHECK(getrusage(RUSAGE_CHILDREN, &ru) == 0 &&
	      ru.ru_utime.tv_usec + ru.ru_stime.tv_usec > 50000);
	CHECK(times(&tms) > 0 && tms.tms_cutime + tms.tms_cstime >= 5);
	FAILS(getrusage(7, &ru), EINVAL);
}

TEST(many_processes)
{
	pid_t pids[60];

	for (int i = 0; i < 60; i++)
		CHILD(pids[i], sched_yield(); _exit(i));
	for (int i = 59; i >= 0; i--)
		CHECK(reap(pids[i]) == i << 8);
}

/* As the program that a test executes, it ends with a status or waits. */
int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "@exit") == 0)
		return atoi(argv[2]);
	if (argc > 1 && strcmp(argv[1], "@pause") == 0)
		return pause();
	return run_tests(argc, argv);
}
