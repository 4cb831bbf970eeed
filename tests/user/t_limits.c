/* Limits: kept, inherited, and enforced. */
#include "tests/user/tap.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE 4096ul
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

/* Set the soft limit. */
static int limit(int which, rlim_t value)
{
	struct rlimit r;

	CHECK(getrlimit(which, &r) == 0);
	r.rlim_cur = value;
	return setrlimit(which, &r);
}

static rlim_t soft(int which)
{
	struct rlimit r = {0, 0};

	CHECK(getrlimit(which, &r) == 0);
	return r.rlim_cur;
}

static const int kinds[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA,   RLIMIT_STACK,   RLIMIT_CORE,
			    RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_MEMLOCK, RLIMIT_AS};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static rlim_t low_value(int kind, rlim_t hard)
{
	rlim_t value = kind == RLIMIT_AS || kind == RLIMIT_DATA || kind == RLIMIT_STACK ? 64 << 20 :
											  500;

	return hard < value ? hard : value;
}

TEST(limits_are_kept)
{
	struct rlimit r, again;

	for (int i = 0; i < KINDS; i++) {
		CHECK(getrlimit(kinds[i], &r) == 0);
		r.rlim_cur = low_value(kinds[i], r.rlim_max);
		CHECK(setrlimit(kinds[i], &r) == 0 && getrlimit(kinds[i], &again) == 0);
		CHECK(again.rlim_cur == r.rlim_cur && again.rlim_max == r.rlim_max);
	}
	/* By the child, too. */
	CHECK(IN_CHILD(for (int i = 0; i < KINDS; i++) {
		      CHECK(getrlimit(kinds[i], &r) == 0);
		      CHECK(r.rlim_cur == low_value(kinds[i], r.rlim_max));
	      }) == 0);
}

/* A program started by exec: says by its status whether the limits came along. */
TEST(limits_survive_exec)
{
	char *args[] = {"sh", "-c", "test $(ulimit -n) = 33 && test $(ulimit -c) = 0", NULL};
	int status;

	limit(RLIMIT_CORE, 0);
	CHECK(limit(RLIMIT_NOFILE, 33) == 0);
	status = IN_CHILD(execv("/bin/sh", args));
	CHECK(status == 0);
}

TEST(hard_limits_only_fall)
{
	struct rlimit r;

	CHECK(setgid(65534) == 0 || geteuid() != 0);
	CHECK(setuid(65534) == 0 || geteuid() != 0);
	r.rlim_cur = 30;
	r.rlim_max = 40;
	CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
	r.rlim_max = 41;
	FAILS(setrlimit(RLIMIT_NOFILE, &r), EPERM);
	r.rlim_cur = 41;
	r.rlim_max = 40;
	FAILS(setrlimit(RLIMIT_NOFILE, &r), EINVAL);
	r.rlim_cur = 40;
	CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0 && soft(RLIMIT_NOFILE) == 40);
	FAILS(setrlimit(99, &r), EINVAL);
	FAILS(getrlimit(99, &r), EINVAL);
	FAILS(syscall(SYS_setrlimit, RLIMIT_CORE, NULL) | syscall(SYS_setrlimit, RLIMIT_CORE, 1),
	      EFAULT);
}

TEST(prlimit_of_others)
{
	struct rlimit new = {100, 200}, old = {0, 0}, seen = {0, 0};
	int fds[2];
	char c;
	pid_t pid;

	CHECK(pipe(fds) == 0);
	CHILD(pid, read(fds[0], &c, 1); CHECK(soft(RLIMIT_NOFILE) == 100));
	CHECK(prlimit(pid, RLIMIT_NOFILE, &new, &old) == 0 && old.rlim_cur == soft(RLIMIT_NOFILE));
	CHECK(prlimit(pid, RLIMIT_NOFILE, NULL, &seen) == 0);
	CHECK(seen.rlim_cur == 100 && seen.rlim_max == 200);
	write(fds[1], "x", 1);
	CHECK(reap(pid) == 0);
	FAILS(prlimit(999999, RLIMIT_NOFILE, NULL, &old), ESRCH);
	FAILS(prlimit(999999, 99, NULL, &old), ESRCH);
	FAILS(prlimit(0, 99, NULL, &old), EINVAL);
	CHECK(prlimit(getpid(), RLIMIT_NOFILE, NULL, NULL) == 0);
	if (geteuid() == 0) { /* with an ordinary user, the first process may be that user's */
		CHILD(pid, CHECK(setuid(65534) == 0);
		      FAILS(prlimit(getppid(), RLIMIT_NOFILE, NULL, &old), EPERM));
		CHECK(reap(pid) == 0);
	}
}

TEST(number_of_files)
{
	struct pollfd polled[12];
	int fds[2], last = 0;

	CHECK(limit(RLIMIT_NOFILE, 10) == 0);
	for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;)
		last = fd;
	CHECK(errno == EMFILE && last == 9);
	FAILS(dup(0), EMFILE);
	FAILS(pipe(fds), EMFILE);
	FAILS(dup2(0, 10), EBADF);
	CHECK(dup2(0, 9) == 9);
	FAILS(fcntl(0, F_DUPFD, 10), EINVAL);
	FAILS(fcntl(0, F_DUPFD, 9), EMFILE);
	memset(polled, 0xff, sizeof(polled));
	FAILS(poll(polled, 11, 0), EINVAL);
	CHECK(poll(polled, 10, 0) == 0);
	CHECK(close(9) == 0 && close(8) == 0 && pipe(fds) == 0 && close(fds[0]) == 0);
	/* A lower limit leaves higher numbers open. */
	CHECK(limit(RLIMIT_NOFILE, 4) == 0 && write(fds[1], "", 0) == 0);
	FAILS(open("/dev/null", O_RDONLY), EMFILE);
	CHECK(close(3) == 0 && open("/dev/null", O_RDONLY) == 3);
}

static volatile int signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

TEST(size_of_files)
{
	char buf[200] = {0};
	int fd, fds[2];

	fresh_dir();
	on_signal(SIGXFSZ, count, 0);
	fd = open("f", O_RDWR | O_CREAT, 0600);
	CHECK(limit(RLIMIT_FSIZE, 100) == 0);
	CHECK(write(fd, buf, 60) == 60 && signals == 0);
	CHECK(write(fd, buf, 200) == 40 && signals == 0); /* as far as it may */
	FAILS(write(fd, buf, 1), EFBIG);
	CHECK(signals == 1);
	FAILS(pwrite(fd, buf, 1, 100), EFBIG);
	FAILS(pwrite(fd, buf, 1, 1 << 20), EFBIG);
	CHECK(signals == 3 && pwrite(fd, buf, 50, 99) == 1);
	FAILS(ftruncate(fd, 101), EFBIG);
	FAILS(truncate("f", 1 << 20), EFBIG);
	CHECK(signals == 5);
	CHECK(ftruncate(fd, 100) == 0 && ftruncate(fd, 10) == 0);
	/* Pipes and devices have no size. */
	CHECK(pipe(fds) == 0 && write(fds[1], buf, 200) == 200);
	CHECK(write(open("/dev/null", O_WRONLY), buf, 200) == 200 && signals == 5);
}

TEST(the_size_of_files_bounds_copies)
{
	off_t from = 0, to = 80;
	int fd;

	fresh_dir();
	on_signal(SIGXFSZ, count, 0);
	write_file("f",
		   "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
		   "abcdefghijkl"); /* 90 bytes */
	fd = open("f", O_RDWR);
	CHECK(limit(RLIMIT_FSIZE, 85) == 0);
	/* Cut by the limit first, so that the two ranges do not meet. */
	from = 70;
	CHECK(syscall(SYS_copy_file_range, fd, &from, fd, &to, 15, 0) == 5 && to == 85);
	FAILS(syscall(SYS_copy_file_range, fd, &from, fd, &to, 1, 0), EFBIG);
	from = 90; /* nothing to copy, and yet */
	FAILS(syscall(SYS_copy_file_range, fd, &from, fd, &to, 1, 0), EFBIG);
	CHECK(signals == 2);
}

TEST(the_size_of_files_kills)
{
	int status, fd;

	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	limit(RLIMIT_CORE, 0);
	CHECK(limit(RLIMIT_FSIZE, 3) == 0);
	status = IN_CHILD(write(fd, "1234", 4); write(fd, "5", 1));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	CHECK(lseek(fd, 0, SEEK_END) == 3);
	CHECK(limit(RLIMIT_FSIZE, 0) == 0);
	signal(SIGXFSZ, SIG_IGN);
	FAILS(ftruncate(fd, 4), EFBIG);
	CHECK(ftruncate(fd, 1) == 0);
}

/* Pages that are mapped. */
static rlim_t mapped(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY);

	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return (rlim_t)atol(text);
}

TEST(address_space)
{
	char *p, *q, *end = sbrk(0);

	p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
	CHECK(limit(RLIMIT_AS, 64 << 20) == 0);
	FAILS(mmap(NULL, 64 << 20, RW, ANON, -1, 0), ENOMEM);
	FAILS(mmap(NULL, 64 << 20, PROT_NONE, ANON, -1, 0), ENOMEM);
	CHECK(limit(RLIMIT_AS, mapped() * PAGE) == 0); /* all that there is */
	FAILS(mmap(NULL, PAGE, RW, ANON, -1, 0), ENOMEM);
	FAILS(mremap(p, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE), ENOMEM);
	CHECK((char *)syscall(SYS_brk, end + PAGE) != end + PAGE);
	/* What replaces or shrinks is no growth. */
	q = mmap(p, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	CHECK(q == p && mremap(p, 4 * PAGE, 2 * PAGE, 0) == p);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0 && munmap(p, 2 * PAGE) == 0);
	CHECK(mmap(NULL, PAGE, RW, ANON, -1, 0) != MAP_FAILED);
	CHECK(limit(RLIMIT_AS, PAGE) == 0); /* below what there is */
	CHECK(IN_CHILD(FAILS(mmap(NULL, PAGE, RW, ANON, -1, 0), ENOMEM)) == 0);
}

TEST(data)
{
	char *end = (char *)syscall(SYS_brk, 0), *p;

	CHECK(limit(RLIMIT_DATA, 16 << 10) == 0);
	CHECK((char *)syscall(SYS_brk, end + (1 << 20)) == end);
	FAILS(mmap(NULL, 1 << 20, RW, ANON, -1, 0), ENOMEM);
	p = mmap(NULL, 1 << 20, PROT_READ, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK(mmap(NULL, 1 << 20, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	FAILS(mprotect(p, 1 << 20, RW), ENOMEM);
}

static int deep(int n)
{
	volatile char room[8192];

	room[0] = room[8191] = (char)n;
	return n == 0 ? 0 : deep(n - 1) + (room[0] != room[8191]);
}

TEST(stack)
{
	int status;

	limit(RLIMIT_CORE, 0);
	CHECK(IN_CHILD(CHECK(limit(RLIMIT_STACK, 1 << 20) == 0); CHECK(deep(50) == 0)) == 0);
	status = IN_CHILD(CHECK(limit(RLIMIT_STACK, 1 << 20) == 0); deep(200));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* What is free below the stack is not the stack's alone. */
TEST(the_stack_stops_at_what_is_below)
{
	char here, *below = (char *)((uintptr_t)&here & -PAGE) - (4 << 20), *p;
	int status;

	limit(RLIMIT_CORE, 0);
	p = mmap(below, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(p == below);
	*p = 'x';
	CHECK(IN_CHILD(CHECK(deep(200) == 0)) == 0);
	status = IN_CHILD(deep(600));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && *p == 'x');
}

TEST(number_of_processes)
{
	if (geteuid() == 0)
		CHECK(setgid(65533) == 0 && setuid(65533) == 0);
	CHECK(limit(RLIMIT_NPROC, 1) == 0);
	FAILS(fork(), EAGAIN);
}

/* Length of one argument, and of all together. */
static int exec_with(size_t len, int n)
{
	static char *args[3000] = {"/bin/true"};
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[len] = 0;
	for (int i = 1; i <= n; i++)
		args[i] = text;
	args[n + 1] = NULL;
	execv("/bin/true", args);
	return errno;
}

TEST(length_of_arguments)
{
	CHECK(IN_CHILD(_exit(exec_with(131071, 1))) == 0);
	CHECK(WEXITSTATUS(IN_CHILD(_exit(exec_with(131072, 1)))) == E2BIG);
	CHECK(IN_CHILD(_exit(exec_with(100000, 20))) == 0);
	CHECK(WEXITSTATUS(IN_CHILD(_exit(exec_with(100000, 21)))) ==
	      E2BIG); /* of 8 MiB a quarter */
	CHECK(limit(RLIMIT_STACK, 1 << 20) == 0);
	CHECK(WEXITSTATUS(IN_CHILD(_exit(exec_with(100000, 3)))) == E2BIG);
	CHECK(IN_CHILD(_exit(exec_with(100000, 2))) == 0);
	CHECK(WEXITSTATUS(IN_CHILD(_exit(exec_with(100, 2600)))) == E2BIG); /* pointers count */
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
