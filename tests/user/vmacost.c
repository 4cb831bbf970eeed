/*
 * What a mapping costs when there are few and when there are many: nanoseconds of processor for
 * each. Under -icount they are a count of instructions.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE  4096ul
#define FEW   500
#define MANY  50000
#define BATCH 400

static char *base;
static struct timespec start;

static void begin(void)
{
	clock_gettime(CLOCK_MONOTONIC, &start);
}

static void end(const char *what, int n, int count)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	printf("%s %d %ld\n", what, n,
	       ((t.tv_sec - start.tv_sec) * 1000000000l + t.tv_nsec - start.tv_nsec) / count);
}

static char *at(int i)
{
	return base + 2 * PAGE * (unsigned long)i;
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void map_until(int from, int to)
{
	for (int i = from; i < to; i++)
		must(mmap(at(i), PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
		     "mmap");
}

/* Each operation on mappings all over the place, n of which there are. */
static void measure(int n)
{
	char *found[BATCH];

	begin();
	map_until(n, n + BATCH);
	end("mmap", n, BATCH);
	begin();
	for (int i = 0; i < BATCH; i++) {
		found[i] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		must(found[i] != MAP_FAILED, "mmap");
	}
	end("gap", n, BATCH);
	for (int i = 0; i < BATCH; i++)
		must(munmap(found[i], PAGE) == 0, "munmap");
	begin();
	for (int i = 0; i < BATCH; i++)
		*at(i * (n / BATCH)) = 1;
	end("fault", n, BATCH);
	begin();
	for (int i = 0; i < BATCH; i++)
		must(mprotect(at(i * (n / BATCH)), PAGE, PROT_READ) == 0, "mprotect");
	end("mprotect", n, BATCH);
	begin();
	for (int i = 0; i < BATCH; i++)
		must(mremap(at(i * (n / BATCH)), PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED,
		     "mremap");
	end("mremap", n, BATCH);
	begin();
	for (int i = 0; i < BATCH; i++)
		must(munmap(at(i * (n / BATCH) + 1), PAGE) == 0, "munmap");
	end("munmap", n, BATCH);
}

static void measure_fork(int n)
{
	pid_t pid;

	begin();
	pid = fork();
	if (pid == 0)
		_exit(0);
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
	end("fork_exit", n, n);
}

int main(void)
{
	base = mmap(NULL, 2 * PAGE * (MANY + 2 * BATCH), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	must(base != MAP_FAILED && munmap(base, 2 * PAGE * (MANY + 2 * BATCH)) == 0, "mmap");
	map_until(0, FEW);
	measure(FEW);
	measure_fork(FEW);
	map_until(0, MANY);
	measure(MANY);
	measure_fork(MANY);
	return 0;
}
