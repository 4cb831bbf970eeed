/*
 * A small frame for test programs: each TEST runs in a process of its own and gives one line of
 * TAP. The same programs pass on Linux, which is what they are judged by.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Tests do what a careful program does not. */
#pragma GCC diagnostic ignored "-Wwrite-strings"
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wunused-result"
#pragma GCC diagnostic ignored "-Wnonnull"
#pragma GCC diagnostic ignored "-Wclobbered"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Winfinite-recursion"
#pragma GCC diagnostic ignored "-Warray-bounds"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define TEST_SECONDS 60
#define MAX_TESTS    100

static struct test {
	const char *name;
	void (*run)(void);
} tests[MAX_TESTS];
static int nr_tests;
static int failed;

#define TEST(name)                                                \
	static void name(void);                                   \
	__attribute__((constructor)) static void add_##name(void) \
	{                                                         \
		tests[nr_tests++] = (struct test){#name, name};   \
	}                                                         \
	static void name(void)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			failed = 1;                                                                \
			printf("# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
			fflush(stdout);                                                            \
		}                                                                                  \
	} while (0)
/* The call fails with this error. */
#define FAILS(call, error)                                     \
	do {                                                   \
		errno = 0;                                     \
		CHECK((long)(call) == -1 && errno == (error)); \
	} while (0)

/* Fork a child that runs the statement and ends with status 0 unless the statement ends it. */
#define CHILD(pid, statement)           \
	do {                            \
		fflush(stdout);         \
		(pid) = fork();         \
		if ((pid) == 0) {       \
			statement;      \
			fflush(stdout); \
			_exit(failed);  \
		}                       \
		CHECK((pid) > 0);       \
	} while (0)

/* Wait for a child. Returns: its status as wait4 gives it. */
static inline int reap(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Run the statement in a child. Returns: its status. */
#define IN_CHILD(statement)                     \
	({                                      \
		pid_t in_child_pid;             \
		CHILD(in_child_pid, statement); \
		reap(in_child_pid);             \
	})

/* The seed of a random test: the environment's SEED, else the usual one. It is printed. */
static inline unsigned int test_seed(unsigned int usual)
{
	const char *wanted = getenv("SEED");
	unsigned int seed = wanted ? (unsigned int)strtoul(wanted, NULL, 0) : usual;

	printf("# seed %u\n", seed);
	return seed;
}

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Use the processor for that long, by its own account. */
static inline void burn_ms(long ms)
{
	struct timespec ts, start;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	} while ((ts.tv_sec - start.tv_sec) * 1000 + (ts.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

static inline void sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* Wait until a process sleeps, is stopped or is a zombie, as /proc says. */
static inline void wait_state(pid_t pid, const char *letters)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 5000 && !(state && strchr(letters, state)); i++) {
		FILE *f = fopen(path, "r");

		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (f)
			fclose(f);
		sleep_ms(2);
	}
	CHECK(state && strchr(letters, state));
}

static inline void nothing(int sig)
{
	(void)sig;
}

static inline void on_signal(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags};

	CHECK(sigaction(sig, &act, NULL) == 0);
}

/* An empty directory of the test's own becomes the current one. */
static inline void fresh_dir(void)
{
	char *tmp = getenv("TMPDIR"), name[256];

	snprintf(name, sizeof(name), "%s/testXXXXXX", tmp ? tmp : "/tmp");
	CHECK(mkdtemp(name) && chdir(name) == 0);
}

/*
 * Whether root's rights are over the whole machine: in Ringlet. On Linux, on_linux.py runs us as an
 * ordinary user, or as root of nothing but a namespace. There uid 0 may not set the clock or make
 * device nodes; the rest of root's rights (chown, setuid, chroot, set-id files) it has.
 */
static inline int owns_machine(void)
{
	unsigned first = 0, outside = 0, count = ~0u;
	FILE *f = fopen("/proc/self/uid_map", "r");

	if (f) {
		if (fscanf(f, "%u %u %u", &first, &outside, &count) != 3)
			count = 0;
		fclose(f);
	}
	return getuid() == 0 && count == ~0u;
}

static inline void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static inline int file_is(const char *name, const char *text)
{
	char buf[4096] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static int run_tests(int argc, char **argv)
{
	int bad = 0;

	printf("1..%d\n", argc > 1 ? argc - 1 : nr_tests);
	for (int i = 0, n = 0; i < nr_tests; i++) {
		int wanted = argc == 1, status;
		pid_t pid;

		for (int k = 1; k < argc; k++)
			wanted |= strcmp(argv[k], tests[i].name) == 0;
		if (!wanted)
			continue;
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			setpgid(0, 0);
			alarm(TEST_SECONDS);
			tests[i].run();
			fflush(stdout);
			_exit(failed);
		}
		status = pid > 0 ? reap(pid) : -1;
		kill(-pid, SIGKILL); /* what it left behind */
		if (status != 0)
			printf("# status %#x\n", status);
		printf("%sok %d - %s\n", status ? "not " : "", ++n, tests[i].name);
		bad |= status != 0;
	}
	fflush(stdout);
	return bad;
}
