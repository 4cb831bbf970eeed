/*
 * Start every file of a directory as a program, each as nobody and for two seconds at most:
 * runall DIR. Prints how they ended, and "ran N" last.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS	   2
#define MAX_ERRORS 256
#define NOBODY	   65534

static void start(const char *path)
{
	const char *argv[] = {path, "argument", NULL}, *envp[] = {"A=b", NULL};
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		_exit(255);
	alarm(SECONDS);
	execve(path, (char **)argv, (char **)envp);
	_exit(errno);
}

int main(int argc, char **argv)
{
	unsigned int ran = 0, by_signal[64] = {0}, by_status[MAX_ERRORS] = {0};
	DIR *dir = argc == 2 && chdir(argv[1]) == 0 ? opendir(".") : NULL;
	struct dirent *entry;

	if (!dir) {
		perror("runall");
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char path[300];
		int status;
		pid_t pid;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "./%s", entry->d_name);
		pid = fork();
		if (pid == 0)
			start(path);
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			perror(entry->d_name);
			return 1;
		}
		ran++;
		if (WIFSIGNALED(status))
			by_signal[WTERMSIG(status) % 64]++;
		else
			by_status[WEXITSTATUS(status) % MAX_ERRORS]++;
	}
	for (int i = 0; i < 64; i++)
		if (by_signal[i])
			printf("%u by %s\n", by_signal[i], strsignal(i));
	for (int i = 0; i < MAX_ERRORS; i++)
		if (by_status[i])
			printf("%u with %d (%s)\n", by_status[i], i, i ? strerror(i) : "success");
	printf("ran %u\n", ran);
	return 0;
}
