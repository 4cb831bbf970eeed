/*
 * init: process 1. Mounts /proc and /sys, keeps a shell running on the console, reaps orphans, and
 * ends the system when busybox's poweroff, reboot or halt ask for it (SIGUSR2, SIGTERM, SIGUSR1).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "user/ask_size.h"

#define CONSOLE "/dev/console"

static volatile sig_atomic_t asked; /* the signal that ends the system */

static void on_signal(int sig)
{
	asked = sig;
}

static void mount_or_say(const char *what, const char *where, const char *type)
{
	if (mount(what, where, type, 0, NULL) < 0 && errno != EBUSY)
		fprintf(stderr, "init: mount %s on %s: %s\n", type, where, strerror(errno));
}

static void print_boot_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("init: shell after %ld ms\n", now.tv_sec * 1000 + now.tv_nsec / 1000000);
	fflush(stdout);
}

/* A session of its own with the console as its terminal, so that Ctrl-C and job control work. */
static void run_shell(void)
{
	char name[] = "-sh", *const argv[] = {name, NULL};
	struct winsize size;
	int fd;

	setsid();
	fd = open(CONSOLE, O_RDWR);
	if (fd < 0)
		_exit(127);
	ioctl(fd, TIOCSCTTY, 0);
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col == 0) {
		if (ask_size(fd, &size, 300) < 0)
			size = (struct winsize){.ws_row = 24, .ws_col = 80};
		ioctl(fd, TIOCSWINSZ, &size);
	}
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	if (chdir("/root") < 0 && chdir("/") < 0)
		_exit(127);
	execv("/bin/sh", argv);
	fprintf(stderr, "init: /bin/sh: %s\n", strerror(errno));
	_exit(127);
}

static pid_t start_shell(const sigset_t *normal)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGUSR1, SIG_DFL);
		signal(SIGUSR2, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		sigprocmask(SIG_SETMASK, normal, NULL);
		run_shell();
	}
	if (pid < 0)
		fprintf(stderr, "init: fork: %s\n", strerror(errno));
	return pid;
}

/* End every process but this one; give them a moment to end by themselves. */
static void end_all(void)
{
	struct timespec tick = {0, 20 * 1000 * 1000};

	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	for (int i = 0; i < 25; i++) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return; /* every process descends from us; kill() finds kernel threads */
		nanosleep(&tick, NULL);
	}
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void end_system(int sig)
{
	int how = sig == SIGUSR2 ? RB_POWER_OFF : sig == SIGTERM ? RB_AUTOBOOT : RB_HALT_SYSTEM;

	end_all();
	sync();
	reboot(how);
	fprintf(stderr, "init: reboot: %s\n", strerror(errno));
}

/* The names in /dev that lead to a program's own open files. */
static void link_descriptors(void)
{
	static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
					       {"/proc/self/fd/0", "/dev/stdin"},
					       {"/proc/self/fd/1", "/dev/stdout"},
					       {"/proc/self/fd/2", "/dev/stderr"}};

	for (int i = 0; i < 4; i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			fprintf(stderr, "init: %s: %s\n", links[i][1], strerror(errno));
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t normal, held;
	pid_t shell;

	mount_or_say("proc", "/proc", "proc");
	mount_or_say("sysfs", "/sys", "sysfs");
	link_descriptors();
	setenv("PATH", "/sbin:/usr/sbin:/bin:/usr/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("TERM", "linux", 0);
	sigemptyset(&held);
	sigaddset(&held, SIGUSR1);
	sigaddset(&held, SIGUSR2);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGCHLD);
	action.sa_mask = held;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_signal}, NULL);
	/* All of them come only inside sigsuspend, so none is lost between a look and the wait. */
	sigprocmask(SIG_BLOCK, &held, &normal);

	print_boot_time();
	shell = start_shell(&normal);
	for (;;) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			if (pid == shell)
				shell = -1;
		if (shell < 0)
			shell = start_shell(&normal);
		asked = 0;
		sigsuspend(&normal);
		if (asked == SIGUSR1 || asked == SIGUSR2 || asked == SIGTERM)
			end_system(asked);
	}
}
