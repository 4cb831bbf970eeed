/* Locks: fcntl's of ranges, of processes and of open files, and flock's. */
#include "tests/user/tap.h"

#include <sys/file.h>

#define OFD_GETLK  36
#define OFD_SETLK  37
#define OFD_SETLKW 38

static int lock_op(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	return fcntl(fd, cmd, &l);
}

/* What another process is told of the byte: 0 free, 'r', 'w'. */
static int seen(off_t at)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
	int status = IN_CHILD({
		int fd = open("f", O_RDWR);

		CHECK(fcntl(fd, F_GETLK, &l) == 0);
		_exit(l.l_type == F_UNLCK ? 0 : l.l_type == F_RDLCK ? 'r' : 'w');
	});

	return WEXITSTATUS(status);
}

static int start(void)
{
	fresh_dir();
	write_file("f", "0123456789");
	return open("f", O_RDWR);
}

TEST(ranges_merge_and_split)
{
	struct flock l = {.l_type = F_WRLCK};
	int fd = start(), status;

	CHECK(lock_op(fd, F_SETLK, F_WRLCK, 10, 10) == 0);
	CHECK(lock_op(fd, F_SETLK, F_WRLCK, 20, 10) == 0); /* joined: 10-29 */
	CHECK(lock_op(fd, F_SETLK, F_RDLCK, 15, 5) == 0);  /* cut: 10-14 w, 15-19 r, 20-29 w */
	CHECK(!seen(9) && seen(10) == 'w' && seen(14) == 'w' && seen(15) == 'r' &&
	      seen(19) == 'r' && seen(20) == 'w' && seen(29) == 'w' && !seen(30));
	CHECK(lock_op(fd, F_SETLK, F_UNLCK, 12, 1) == 0);
	CHECK(seen(11) == 'w' && !seen(12) && seen(13) == 'w');
	status = IN_CHILD({
		CHECK(fcntl(open("f", O_RDWR), F_GETLK, &l) == 0 && l.l_type == F_WRLCK);
		CHECK(l.l_start == 10 && l.l_len == 2 && l.l_pid == getppid() && !l.l_whence);
	});
	CHECK(status == 0);
	CHECK(lock_op(fd, F_SETLK, F_UNLCK, 0, 0) == 0 && !seen(10) && !seen(25));
	CHECK(lock_op(fd, F_SETLK, F_WRLCK, 100, 0) == 0 && seen(1l << 40) == 'w' && !seen(99));
	CHECK(lock_op(fd, F_SETLK, F_UNLCK, 200, -50) == 0 && seen(149) == 'w' && !seen(150) &&
	      !seen(199) && seen(200) == 'w');
}

TEST(arguments_of_locks)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -4, .l_len = 2};
	int fd = start(), ro = open("f", O_RDONLY), wo = open("f", O_WRONLY);

	CHECK(fcntl(fd, F_SETLK, &l) == 0 && !seen(5) && seen(6) == 'w' && seen(7) == 'w' &&
	      !seen(8));
	FAILS(lock_op(fd, F_SETLK, 9, 0, 0), EINVAL);
	FAILS(lock_op(fd, F_GETLK, F_UNLCK, 0, 0), EINVAL);
	FAILS(lock_op(fd, F_SETLK, F_RDLCK, -1, 0), EINVAL);
	FAILS(lock_op(fd, F_SETLK, F_RDLCK, 5, -6), EINVAL);
	FAILS(lock_op(fd, F_SETLK, F_RDLCK, INT64_MAX - 5, 10), EOVERFLOW);
	l.l_whence = 5;
	FAILS(fcntl(fd, F_SETLK, &l), EINVAL);
	FAILS(lock_op(ro, F_SETLK, F_WRLCK, 0, 0), EBADF);
	FAILS(lock_op(wo, F_SETLK, F_RDLCK, 0, 0), EBADF);
	FAILS(lock_op(99, F_SETLK, F_RDLCK, 0, 0), EBADF);
	FAILS(fcntl(fd, F_SETLK, (void *)-4096), EFAULT);
	l = (struct flock){.l_type = F_RDLCK, .l_pid = 1};
	FAILS(fcntl(fd, OFD_SETLK, &l), EINVAL);
}

TEST(any_close_lets_go)
{
	int fd = start(), p[2], go[2];
	pid_t child;
	char c;

	CHECK(lock_op(fd, F_SETLK, F_WRLCK, 0, 0) == 0 && seen(0) == 'w');
	close(open("f", O_RDONLY));
	CHECK(!seen(0));
	CHECK(lock_op(fd, F_SETLK, F_WRLCK, 0, 0) == 0 && dup2(0, fd) == fd && !seen(0));
	/* A child has none of its parent's, and exit lets go of the child's. */
	fd = open("f", O_RDWR);
	CHECK(pipe(p) == 0 && pipe(go) == 0);
	CHILD(child, {
		CHECK(lock_op(fd, F_SETLK, F_WRLCK, 5, 1) == 0 && write(p[1], "x", 1) == 1);
		read(go[0], &c, 1);
	});
	CHECK(read(p[0], &c, 1) == 1);
	FAILS(lock_op(fd, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
	CHECK(lock_op(fd, F_SETLK, F_RDLCK, 4, 1) == 0 && write(go[1], "x", 1) == 1);
	CHECK(lock_op(fd, F_SETLKW, F_RDLCK, 5, 1) == 0 && reap(child) == 0);
}

TEST(waits_end_by_a_signal)
{
	int fd = start(), p[2];
	pid_t child;
	char c;

	CHECK(pipe(p) == 0);
	CHILD(child, {
		CHECK(lock_op(fd, F_SETLK, F_WRLCK, 0, 0) == 0 && write(p[1], "x", 1) == 1);
		pause();
	});
	CHECK(read(p[0], &c, 1) == 1);
	on_signal(SIGALRM, nothing, 0);
	alarm(1);
	FAILS(lock_op(fd, F_SETLKW, F_WRLCK, 3, 1), EINTR);
	CHECK(kill(child, SIGKILL) == 0 && lock_op(fd, F_SETLKW, F_WRLCK, 3, 1) == 0);
	reap(child);
}

TEST(a_circle_of_waiters_is_refused)
{
	int fd = start(), p[2];
	pid_t child;
	char c;

	CHECK(pipe(p) == 0 && lock_op(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
	CHILD(child, {
		CHECK(lock_op(fd, F_SETLK, F_WRLCK, 1, 1) == 0 && write(p[1], "x", 1) == 1);
		CHECK(lock_op(fd, F_SETLKW, F_WRLCK, 0, 1) == 0);
	});
	CHECK(read(p[0], &c, 1) == 1);
	wait_state(child, "S");
	FAILS(lock_op(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	CHECK(lock_op(fd, F_SETLK, F_UNLCK, 0, 1) == 0 && reap(child) == 0);
	CHECK(lock_op(fd, F_SETLKW, F_WRLCK, 1, 1) == 0);
}

TEST(locks_of_open_files)
{
	int a = start(), b = open("f", O_RDWR), copy = dup(a);
	struct flock l = {.l_type = F_WRLCK};

	CHECK(lock_op(a, OFD_SETLK, F_WRLCK, 0, 10) == 0);
	FAILS(lock_op(b, OFD_SETLK, F_RDLCK, 9, 1), EAGAIN);
	FAILS(lock_op(b, F_SETLK, F_RDLCK, 9, 1), EAGAIN); /* nor the process's own */
	CHECK(lock_op(copy, OFD_SETLK, F_RDLCK, 0, 10) == 0);
	CHECK(lock_op(b, OFD_SETLK, F_RDLCK, 9, 1) == 0);
	CHECK(fcntl(b, OFD_GETLK, &l) == 0 && l.l_type == F_RDLCK && l.l_pid == -1 &&
	      l.l_start == 0 && l.l_len == 10);
	close(open("f", O_RDONLY)); /* is no matter to them */
	close(a);
	FAILS(lock_op(b, OFD_SETLK, F_WRLCK, 0, 1), EAGAIN);
	close(copy);
	CHECK(lock_op(b, OFD_SETLKW, F_WRLCK, 0, 1) == 0);
}

TEST(flock_of_whole_files)
{
	int a = start(), b = open("f", O_RDONLY), copy = dup(a), p[2];
	pid_t child;
	char c;

	FAILS(flock(a, 0), EINVAL);
	FAILS(flock(a, LOCK_SH | LOCK_EX), EINVAL);
	FAILS(flock(99, LOCK_SH), EBADF);
	CHECK(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH) == 0);
	FAILS(flock(a, LOCK_EX | LOCK_NB), EAGAIN); /* and a's shared one is lost */
	CHECK(flock(b, LOCK_EX | LOCK_NB) == 0 && flock(b, LOCK_UN) == 0);
	CHECK(lock_op(a, F_SETLK, F_WRLCK, 0, 0) == 0 && flock(b, LOCK_EX | LOCK_NB) == 0);
	CHECK(flock(b, LOCK_UN) == 0 && flock(copy, LOCK_EX) == 0 && flock(a, LOCK_EX) == 0);
	/* A child shares it: the last descriptor lets go. */
	CHECK(pipe(p) == 0);
	CHILD(child, { read(p[0], &c, 1); });
	close(a);
	close(copy);
	FAILS(flock(b, LOCK_SH | LOCK_NB), EAGAIN);
	CHECK(write(p[1], "x", 1) == 1 && flock(b, LOCK_SH) == 0 && reap(child) == 0);
}

TEST(owners_and_signals_of_descriptors)
{
	int p[2];

	CHECK(pipe(p) == 0 && syscall(SYS_fcntl, p[0], F_GETOWN, 0) == 0);
	CHECK(fcntl(p[0], F_SETOWN, getpid()) == 0);
	CHECK(syscall(SYS_fcntl, p[0], F_GETOWN, 0) == getpid());
	CHECK(fcntl(p[0], F_SETOWN, -getpgrp()) == 0);
	FAILS(fcntl(p[0], F_SETOWN, 99999999), ESRCH);
	FAILS(fcntl(p[0], F_SETOWN, INT32_MIN), EINVAL);
	CHECK(fcntl(p[0], 11) == 0 && fcntl(p[0], 10, SIGUSR1) == 0 && fcntl(p[0], 11) == SIGUSR1);
	FAILS(fcntl(p[0], 10, 65), EINVAL);
	CHECK(fcntl(p[0], F_SETOWN, 0) == 0 && syscall(SYS_fcntl, p[0], F_GETOWN, 0) == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
