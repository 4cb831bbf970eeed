/* Run into a limit: limits files|processes|memory|unknown. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 100000

/* Open files until EMFILE; after closing them all there is room again. */
static int files(void)
{
	int first = open("/dev/null", O_RDONLY), last = first, fd;

	for (int i = 0; i < MOST && (fd = open("/dev/null", O_RDONLY)) >= 0; i++)
		last = fd;
	if (errno != EMFILE && errno != ENFILE) {
		perror("open");
		return 1;
	}
	for (fd = first; fd <= last; fd++)
		close(fd);
	if (open("/dev/null", O_RDONLY) != first)
		return 1;
	puts("files ok");
	return 0;
}

/* Fork until it fails; once the children are gone it works again. */
static int processes(void)
{
	static pid_t children[2000];
	int n = 0, failed = 0;

	while (n < 2000) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0) {
			failed = errno;
			break;
		}
		children[n++] = pid;
	}
	for (int i = 0; i < n; i++)
		kill(children[i], SIGKILL);
	for (int i = 0; i < n; i++)
		if (waitpid(children[i], NULL, 0) != children[i])
			return 1;
	if (failed != 0 && failed != EAGAIN && failed != ENOMEM) {
		printf("fork: %s\n", strerror(failed));
		return 1;
	}
	if (system("true") != 0)
		return 1;
	printf("%d children, processes ok\n", n);
	return 0;
}

/* Touch memory until there is none: an error from mmap or death, but no return with success. */
static int memory(void)
{
	for (size_t mib = 0; mib < 16384; mib++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED) {
			perror("mmap");
			return 1;
		}
		for (size_t at = 0; at < 1 << 20; at += 4096)
			p[at] = 1;
	}
	return 0;
}

/* Twice, for the kernel is to log it once a program. */
static int unknown(void)
{
	for (int i = 0; i < 2; i++)
		for (int which = 0; which < 2; which++)
			if (syscall(which ? SYS_ioprio_get : 1999, 1, 0) != -1 || errno != ENOSYS)
				return 1;
	puts("ENOSYS");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "files") == 0)
		return files();
	if (strcmp(what, "processes") == 0)
		return processes();
	if (strcmp(what, "memory") == 0)
		return memory();
	if (strcmp(what, "unknown") == 0)
		return unknown();
	fprintf(stderr, "usage: limits files|processes|memory|unknown\n");
	return 2;
}
