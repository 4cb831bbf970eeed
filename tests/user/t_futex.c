/* Futexes: between processes on shared memory, and within one address space. */
#include "tests/user/tap.h"

#include <sys/mman.h>

#define PAGE 4096

enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET };
#define FUTEX_PRIVATE	     128
#define FUTEX_WAIT_PRIVATE   (FUTEX_WAIT | FUTEX_PRIVATE)
#define FUTEX_WAKE_PRIVATE   (FUTEX_WAKE | FUTEX_PRIVATE)
#define FUTEX_CLOCK_REALTIME 256

static long futex(void *word, int op, unsigned value, const struct timespec *t, unsigned bits)
{
	return syscall(SYS_futex, word, op, value, t, NULL, bits);
}

static int *map_shared(void)
{
	int *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* Wake until somebody was woken. Returns: how many, 0 after a while. */
static long wake(void *word, int op, unsigned count, unsigned bits)
{
	long n = 0;

	for (int i = 0; i < 5000 && n == 0; i++) {
		n = futex(word, op, count, NULL, bits);
		if (!n)
			sleep_ms(1);
	}
	return n;
}

static const struct timespec far = {50, 0}, soon = {0, 20000000};

TEST(arguments)
{
	int *p = map_shared();

	FAILS(futex((char *)p + 1, FUTEX_WAIT, 0, NULL, 0), EINVAL);
	FAILS(futex((char *)p + 2, FUTEX_WAKE, 1, NULL, 0), EINVAL);
	FAILS(futex(p, FUTEX_WAIT, 1, NULL, 0), EAGAIN);
	FAILS(futex((void *)0x10000000000, FUTEX_WAIT, 0, NULL, 0), EFAULT);
	FAILS(futex((void *)0x10000000000, FUTEX_WAKE, 1, NULL, 0), EFAULT);
	CHECK(futex((void *)0x10000000000, FUTEX_WAKE_PRIVATE, 1, NULL, 0) == 0);
	FAILS(futex(p, FUTEX_WAIT_BITSET, 0, NULL, 0), EINVAL);
	FAILS(futex(p, FUTEX_WAKE_BITSET, 1, NULL, 0), EINVAL);
	FAILS(futex(p, 99, 0, NULL, 0), ENOSYS);
	CHECK(futex(p, FUTEX_WAKE, 1, NULL, 0) == 0);
}

TEST(timeouts)
{
	struct timespec at, bad = {0, 2000000000};
	int *p = map_shared();
	double start = now();

	FAILS(futex(p, FUTEX_WAIT, 0, &soon, 0), ETIMEDOUT);
	FAILS(futex(p, FUTEX_WAIT_PRIVATE, 0, &soon, 0), ETIMEDOUT);
	FAILS(futex(p, FUTEX_WAIT, 0, &bad, 0), EINVAL);
	CHECK(now() - start > 0.039);
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += 20000000;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	start = now();
	FAILS(futex(p, FUTEX_WAIT_BITSET, 0, &at, ~0u), ETIMEDOUT);
	CHECK(now() - start > 0.015);
	FAILS(futex(p, FUTEX_WAIT_BITSET, 0, &at, ~0u), ETIMEDOUT); /* over already */
	FAILS(futex(p, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &at, ~0u), ETIMEDOUT);
}

TEST(wakes_another_process)
{
	int *p = map_shared();
	pid_t pid;

	CHILD(pid, CHECK(futex(p + 5, FUTEX_WAIT, 0, &far, 0) == 0); CHECK(p[5] == 1));
	wait_state(pid, "S");
	CHECK(futex(p, FUTEX_WAKE, 1, NULL, 0) == 0); /* another word */
	CHECK(futex(p + 5, FUTEX_WAKE_PRIVATE, 1, NULL, 0) == 0);
	p[5] = 1;
	CHECK(wake(p + 5, FUTEX_WAKE, 100, 0) == 1);
	CHECK(reap(pid) == 0);
}

/* The place counts, not the address. */
TEST(wakes_by_another_address)
{
	int *p = map_shared(), *q, *room = map_shared();
	pid_t pid;

	CHILD(pid, CHECK(futex(p + 1024 + 7, FUTEX_WAIT, 0, &far, 0) == 0));
	wait_state(pid, "S");
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	CHECK(q == room);
	CHECK(wake(q + 1024 + 7, FUTEX_WAKE, 1, 0) == 1);
	CHECK(reap(pid) == 0);
}

TEST(wakes_as_many_as_asked)
{
	int *p = map_shared(), left = 0;
	pid_t pids[5];

	for (int i = 0; i < 5; i++) {
		CHILD(pids[i], CHECK(futex(p, FUTEX_WAIT, 0, &far, 0) == 0));
		wait_state(pids[i], "S");
	}
	CHECK(futex(p, FUTEX_WAKE, 2, NULL, 0) == 2);
	for (int i = 0; i < 2; i++) /* in order of arrival */
		CHECK(reap(pids[i]) == 0);
	for (int i = 2; i < 5; i++)
		left += waitpid(pids[i], NULL, WNOHANG) == 0;
	CHECK(left == 3);
	CHECK(futex(p, FUTEX_WAKE, 1000, NULL, 0) == 3);
	for (int i = 2; i < 5; i++)
		CHECK(reap(pids[i]) == 0);
}

TEST(wakes_by_bits)
{
	int *p = map_shared();
	pid_t one, two;

	CHILD(one, CHECK(futex(p, FUTEX_WAIT_BITSET, 0, NULL, 1) == 0));
	CHILD(two, CHECK(futex(p, FUTEX_WAIT_BITSET, 0, NULL, 2) == 0));
	wait_state(one, "S");
	wait_state(two, "S");
	CHECK(futex(p, FUTEX_WAKE_BITSET, 10, NULL, 4) == 0);
	CHECK(futex(p, FUTEX_WAKE_BITSET, 10, NULL, 2) == 1 && reap(two) == 0);
	CHECK(futex(p, FUTEX_WAKE, 10, NULL, 0) == 1 && reap(one) == 0);
}

/* After fork private memory is two memories. */
TEST(private_memory_is_ones_own)
{
	int *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	p[0] = 0;
	CHILD(pid, FAILS(futex(p, FUTEX_WAIT, 0, &(struct timespec){0, 300000000}, 0), ETIMEDOUT));
	wait_state(pid, "S");
	CHECK(futex(p, FUTEX_WAKE, 10, NULL, 0) == 0);
	CHECK(reap(pid) == 0);
}

TEST(files_have_words_too)
{
	const int *p, *q;
	pid_t pid;
	int fd;

	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	CHECK(ftruncate(fd, 2 * PAGE) == 0);
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	CHILD(pid, CHECK(futex((void *)(p + 1024 + 3), FUTEX_WAIT, 0, &far, 0) == 0));
	wait_state(pid, "S");
	CHECK(wake((void *)(q + 3), FUTEX_WAKE, 1, 0) == 1);
	CHECK(reap(pid) == 0);
}

TEST(signals_end_the_wait)
{
	int *p = map_shared();
	pid_t pid;

	CHILD(pid, on_signal(SIGUSR1, nothing, 0); FAILS(futex(p, FUTEX_WAIT, 0, &far, 0), EINTR));
	wait_state(pid, "S");
	CHECK(kill(pid, SIGUSR1) == 0 && reap(pid) == 0);
	CHILD(pid, futex(p, FUTEX_WAIT, 0, NULL, 0));
	wait_state(pid, "S");
	CHECK(kill(pid, SIGKILL) == 0 && WTERMSIG(reap(pid)) == SIGKILL);
	CHECK(futex(p, FUTEX_WAKE, 10, NULL, 0) == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
