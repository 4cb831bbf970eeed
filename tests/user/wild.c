/*
 * Every system call with wild pointers. Each is made in a child, which may die of it; afterwards
 * the kernel must still be there, and its answers must be errors, not success on a wild pointer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_CALL 450

static const uint64_t wild[] = {
	0,
	8,
	0xfff,
	0x7ffffffff000,
	0x7fffffffffff,
	0x800000000000,
	0xffff888000000000,
	0xffffffff80100000,
	0xffffffffffffffff,
	0xdeadbeefdeadbeef,
};
#define NR_WILD (sizeof(wild) / sizeof(wild[0]))

/* Calls that end, stop or signal without looking at a pointer: nothing wild in them. */
static int harmless_to_skip(long nr)
{
	switch (nr) {
	case SYS_exit:
	case SYS_exit_group:
	case SYS_pause:
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
	case SYS_reboot:
	case SYS_fork:
	case SYS_vfork:
	case SYS_clone:
	case SYS_rt_sigreturn:
	case SYS_alarm:
	case SYS_umount2:
		return 1;
	default:
		return 0;
	}
}

/* The wild pointer at every argument, with small numbers in the others. */
static void provoke(long nr, uint64_t p)
{
	long fd = nr % 3;

	alarm(1);
	syscall(nr, p, p, p, p, p, p);
	syscall(nr, fd, p, 1, p, 0, 0);
	syscall(nr, fd, p, 4096, p, 8, 0);
	syscall(nr, -100, p, p, 0, 0, 0);
	syscall(nr, p, 1, 1, 1, 1, 1);
	syscall(nr, 1, 1, p, p, 8, p);
	syscall(nr, fd, 0x5401, p, 0, 0, 0);
	_exit(0);
}

/* Calls that must fail with EFAULT, to see that the error is the right one. */
static int check_efault(void)
{
	void *p = (void *)0x10;
	int bad = 0;
	int fd[2];

	if (pipe(fd))
		return 1;
	bad += !(syscall(SYS_write, fd[1], p, 8) == -1 && errno == EFAULT);
	bad += !(write(fd[1], "12345678", 8) == 8);
	bad += !(syscall(SYS_read, fd[0], p, 8) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_open, p, 0) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_stat, "/", p) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_pipe, p) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_uname, p) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_execve, p, p, p) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_getcwd, 0xffffffff80100000, 4096) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_write, fd[1], 0xffffffff80100000, 8) == -1 && errno == EFAULT);
	bad += !(fcntl(fd[1], F_SETLK, p) == -1 && errno == EFAULT);
	bad += !(fcntl(fd[1], F_GETLK, 0xffffffff80100000) == -1 && errno == EFAULT);
	bad += !(fcntl(fd[1], 37 /* F_OFD_SETLK */, p) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_statx, -100, "/", 0, 0x7ff, p) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_statx, -100, p, 0, 0x7ff, p) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_sendfile, fd[1], fd[0], p, 1) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_copy_file_range, fd[1], p, fd[0], 0, 1, 0) == -1 && errno == EFAULT);
	close(fd[0]);
	close(fd[1]);
	fd[0] = (int)syscall(SYS_eventfd2, 1, 0);
	bad += !(syscall(SYS_write, fd[0], p, 8) == -1 && errno == EFAULT);
	bad += !(syscall(SYS_read, fd[0], 0xffffffff80100000, 8) == -1 && errno == EFAULT);
	close(fd[0]);
	return bad;
}

int main(void)
{
	int bad = check_efault();

	if (bad) {
		printf("%d calls did not give EFAULT\n", bad);
		return 1;
	}
	if (chdir("/tmp"))
		return 1;
	for (long nr = 0; nr <= LAST_CALL; nr++) {
		for (size_t i = 0; i < NR_WILD && !harmless_to_skip(nr); i++) {
			pid_t pid = fork();

			if (pid < 0) {
				perror("fork");
				return 1;
			}
			if (pid == 0) {
				/* Nothing that reaches the console or blocks for long. */
				for (int fd = 0; fd < 3; fd++)
					close(fd);
				for (int fd = 0; fd < 3; fd++)
					if (open("/dev/null", O_RDWR) != fd)
						_exit(1);
				setsid();
				provoke(nr, wild[i]);
			}
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
	puts("survived");
	return 0;
}
