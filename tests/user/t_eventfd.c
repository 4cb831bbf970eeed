/* eventfd(2): a counter that is a file, and that asynchronous I/O adds to. */
#include "tests/user/tap.h"
#include "user/aio_abi.h"

#include <poll.h>

#define SEMAPHORE 1

static int counter(unsigned int value, int flags)
{
	int fd = (int)syscall(SYS_eventfd2, value, flags);

	CHECK(fd >= 0);
	return fd;
}

static long long take(int fd)
{
	unsigned long long value = 0;

	return read(fd, &value, 8) == 8 ? (long long)value : -1;
}

static int add(int fd, unsigned long long value)
{
	return write(fd, &value, 8) == 8 ? 0 : -1;
}

static int ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

TEST(counts)
{
	char buf[16] = "";
	int fd = counter(3, O_NONBLOCK | O_CLOEXEC);

	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	CHECK(ready(fd) == (POLLIN | POLLOUT) && take(fd) == 3 && ready(fd) == POLLOUT);
	FAILS(take(fd), EAGAIN);
	CHECK(add(fd, 5) == 0 && add(fd, 0) == 0 && add(fd, 7) == 0 && take(fd) == 12);
	CHECK(add(fd, ~0ull - 1) == 0 && ready(fd) == POLLIN);
	FAILS(add(fd, 1), EAGAIN);
	FAILS(add(fd, ~0ull), EINVAL);
	FAILS(read(fd, buf, 7), EINVAL);
	FAILS(write(fd, buf, 7), EINVAL);
	FAILS(write(fd, (char *)-4096, 8), EFAULT);
	CHECK(read(fd, buf, 16) == 8 && ready(fd) == POLLOUT);
	FAILS(pread(fd, buf, 8, 0), ESPIPE);
	FAILS(syscall(SYS_eventfd2, 0, 0x100), EINVAL);
	fd = counter(2, SEMAPHORE | O_NONBLOCK);
	CHECK(take(fd) == 1 && take(fd) == 1);
	FAILS(take(fd), EAGAIN);
}

TEST(is_a_file_without_a_name)
{
	char link[64], text[64] = "";
	int fd = counter(0, 0);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK(readlink(link, text, 63) > 0 && strcmp(text, "anon_inode:[eventfd]") == 0);
	/* Its mode is 0600, and it is the machine's root's. */
	FAILS(open(link, O_RDWR), owns_machine() ? ENXIO : EACCES);
}

TEST(readers_and_writers_wait)
{
	int fd = counter(0, 0), status;
	pid_t child;

	CHILD(child, CHECK(take(fd) == 9));
	wait_state(child, "S");
	CHECK(add(fd, 9) == 0 && reap(child) == 0);
	CHECK(add(fd, ~0ull - 1) == 0);
	CHILD(child, CHECK(add(fd, 4) == 0));
	wait_state(child, "S");
	CHECK(take(fd) == -2 && reap(child) == 0 && take(fd) == 4);
	status = IN_CHILD({
		on_signal(SIGALRM, nothing, 0);
		alarm(1);
		FAILS(take(fd), EINTR);
	});
	CHECK(status == 0);
}

TEST(asynchronous_io_tells_it)
{
	static char text[512];
	struct iocb iocb = {.opcode = 0, .buf = (uintptr_t)text, .nbytes = 5}, *list[] = {&iocb};
	int fd = counter(0, 0), file;
	unsigned long ctx = 0;
	struct io_event event;

	fresh_dir();
	write_file("f", "hello");
	file = open("f", O_RDONLY);
	iocb.fildes = (uint32_t)file;
	iocb.flags = 1;
	iocb.resfd = (uint32_t)fd;
	CHECK(syscall(SYS_io_setup, 4, &ctx) == 0);
	CHECK(syscall(SYS_io_submit, ctx, 1, list) == 1 && take(fd) == 1);
	CHECK(syscall(SYS_io_submit, ctx, 1, list) == 1 && take(fd) == 1);
	CHECK(syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) == 1 && event.res == 5);
	iocb.resfd = (uint32_t)file;
	FAILS(syscall(SYS_io_submit, ctx, 1, list), EINVAL);
	iocb.resfd = 99;
	FAILS(syscall(SYS_io_submit, ctx, 1, list), EBADF);
	iocb.resfd = (uint32_t)fd;
	iocb.fildes = 99;
	FAILS(syscall(SYS_io_submit, ctx, 1, list), EBADF);
	CHECK(syscall(SYS_io_destroy, ctx) == 0 && close(fd) == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
