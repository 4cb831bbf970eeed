/* Take memory: hog read|touch|fork|hold MIB. All but hold do it as nobody, until there is no
 * more. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP 4096

static char *room(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

/* The kernel's copies bring the pages in. One that fails is tried again: for ever, by itself. */
static void fill_by_read(void)
{
	int zero = open("/dev/zero", O_RDONLY);
	char *p = room(1ul << 32);

	for (size_t done = 0;;)
		if (read(zero, p + done, STEP) == STEP)
			done += STEP;
		else
			usleep(1000);
}

static void fill_by_touch(void)
{
	char *p = room(1ul << 32);

	for (size_t done = 0;; done += STEP)
		p[done] = 1;
}

/* Each takes 4 MiB. */
static void fill_by_children(void)
{
	for (int i = 0; i < 16; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			memset(room(4 << 20), 1, 4 << 20);
			pause();
		}
	}
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "hold") == 0 && argc == 3) {
		memset(room((size_t)atoi(argv[2]) << 20), 1, (size_t)atoi(argv[2]) << 20);
		puts("held");
		fflush(stdout);
		pause();
	}
	if (setgid(65534) || setuid(65534))
		return 1;
	if (strcmp(how, "read") == 0)
		fill_by_read();
	if (strcmp(how, "touch") == 0)
		fill_by_touch();
	if (strcmp(how, "fork") == 0)
		fill_by_children();
	fprintf(stderr, "usage: hog read|touch|fork|hold MIB\n");
	return 2;
}
