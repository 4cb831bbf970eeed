/* Pipes, FIFOs, poll and select. */
#include "tests/user/tap.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/uio.h>

static volatile sig_atomic_t count;

static void note(int sig)
{
	(void)sig;
	count++;
}

TEST(bytes_come_in_order)
{
	int fds[2];
	char buf[10] = "";

	CHECK(pipe(fds) == 0);
	CHECK(write(fds[1], "abc", 3) == 3 && write(fds[1], "def", 3) == 3);
	CHECK(read(fds[0], buf, 4) == 4 && memcmp(buf, "abcd", 4) == 0);
	CHECK(read(fds[0], buf, 10) == 2 && memcmp(buf, "ef", 2) == 0);
	FAILS(write(fds[0], "x", 1), EBADF);
	FAILS(read(fds[1], buf, 1), EBADF);
	FAILS(lseek(fds[0], 0, SEEK_SET), ESPIPE);
	FAILS(pread(fds[0], buf, 1, 0), ESPIPE);
	CHECK(read(fds[0], buf, 0) == 0);
}

TEST(pipes_have_small_numbers_of_their_own)
{
	int one[2], two[2];
	struct stat st[3];
	char name[40], expected[40], text[40] = "";

	CHECK(pipe(one) == 0 && pipe(two) == 0);
	CHECK(fstat(one[0], &st[0]) == 0 && fstat(one[1], &st[1]) == 0 &&
	      fstat(two[0], &st[2]) == 0);
	CHECK(st[0].st_ino == st[1].st_ino && st[0].st_ino != st[2].st_ino);
	CHECK(st[0].st_dev == st[2].st_dev && st[0].st_ino <= 0xffffffff); /* no address */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", one[1]);
	snprintf(expected, sizeof(expected), "pipe:[%lu]", (unsigned long)st[0].st_ino);
	CHECK(readlink(name, text, sizeof(text) - 1) > 0 && strcmp(text, expected) == 0);
}

TEST(end_of_file_and_broken_pipe)
{
	int fds[2];
	char c;

	CHECK(pipe(fds) == 0);
	write(fds[1], "x", 1);
	close(fds[1]);
	CHECK(read(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 0);
	close(fds[0]);
	CHECK(pipe(fds) == 0);
	close(fds[0]);
	CHECK(WTERMSIG(IN_CHILD(write(fds[1], "x", 1))) == SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(fds[1], "x", 1), EPIPE);
}

TEST(nonblocking)
{
	int fds[2];
	char buf[4096] = "";
	long total = 0;
	ssize_t n;

	CHECK(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
	CHECK(fcntl(fds[0], F_GETFD) == FD_CLOEXEC && fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	FAILS(read(fds[0], buf, 1), EAGAIN);
	while ((n = write(fds[1], buf, sizeof(buf))) > 0)
		total += n;
	CHECK(errno == EAGAIN && total == 65536);
	CHECK(read(fds[0], buf, 4095) == 4095);
	FAILS(write(fds[1], buf, 4096), EAGAIN); /* whole or not at all */
	FAILS(pipe2(fds, 0x1), EINVAL);
}

TEST(blocking_both_ways)
{
	static char data[300000], got[300000];
	size_t done = 0;
	int fds[2];
	pid_t pid;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
	CHECK(pipe(fds) == 0);
	CHILD(pid, close(fds[0]);
	      CHECK(write(fds[1], data, sizeof(data)) == (ssize_t)sizeof(data)));
	close(fds[1]);
	while (done < sizeof(got)) {
		ssize_t n = read(fds[0], got + done, 10007);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	CHECK(done == sizeof(got) && memcmp(data, got, done) == 0);
	CHECK(reap(pid) == 0);
}

TEST(small_writes_are_atomic)
{
	int fds[2];
	char buf[4096];
	pid_t pids[3];
	int bad = 0;

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < 3; i++)
		CHILD(pids[i], memset(buf, 'a' + i, sizeof(buf));
		      for (int k = 0; k < 40; k++) write(fds[1], buf, sizeof(buf)));
	close(fds[1]);
	for (int k = 0; k < 120; k++) {
		size_t n = 0;
		ssize_t got;

		while (n < sizeof(buf) && (got = read(fds[0], buf + n, sizeof(buf) - n)) > 0)
			n += (size_t)got;
		for (size_t i = 1; i < n; i++)
			bad += buf[i] != buf[0];
	}
	CHECK(bad == 0);
	for (int i = 0; i < 3; i++)
		CHECK(reap(pids[i]) == 0);
}

TEST(vectors)
{
	int fds[2];
	char a[3], b[5];
	struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}}, in[2] = {{a, 3}, {b, 5}};

	CHECK(pipe(fds) == 0);
	CHECK(writev(fds[1], out, 3) == 6);
	CHECK(readv(fds[0], in, 2) == 6 && memcmp(a, "abc", 3) == 0 && memcmp(b, "def", 3) == 0);
	FAILS(writev(fds[1], out, -1), EINVAL);
	FAILS(writev(fds[1], out, 1025), EINVAL);
	CHECK(writev(fds[1], out, 0) == 0);
	out[0].iov_len = (size_t)-1;
	FAILS(writev(fds[1], out, 1), EINVAL);
}

TEST(duplicated_ends)
{
	int fds[2], extra, n;
	char c;

	CHECK(pipe(fds) == 0);
	extra = dup(fds[1]);
	close(fds[1]);
	write(extra, "xy", 2);
	CHECK(ioctl(fds[0], FIONREAD, &n) == 0 && n == 2);
	close(extra);
	CHECK(read(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 0);
}

TEST(poll_tells_what_is_ready)
{
	struct pollfd p[3];
	int fds[2];
	char buf[65536];

	CHECK(pipe(fds) == 0);
	p[0] = (struct pollfd){fds[0], POLLIN, 0};
	p[1] = (struct pollfd){fds[1], POLLOUT, 0};
	p[2] = (struct pollfd){-1, POLLIN, 77};
	CHECK(poll(p, 3, 0) == 1 && p[0].revents == 0 && p[1].revents == POLLOUT &&
	      p[2].revents == 0);
	memset(buf, 0, sizeof(buf));
	write(fds[1], buf, sizeof(buf));
	CHECK(poll(p, 2, -1) == 1 && p[0].revents == POLLIN && p[1].revents == 0);
	close(fds[1]);
	CHECK(poll(p, 2, -1) == 2 && p[0].revents == (POLLIN | POLLHUP) &&
	      p[1].revents == POLLNVAL);
	read(fds[0], buf, sizeof(buf));
	CHECK(poll(p, 1, -1) == 1 && p[0].revents == POLLHUP);
	CHECK(pipe(fds) == 0);
	close(fds[0]);
	p[0] = (struct pollfd){fds[1], 0, 0};
	CHECK(poll(p, 1, 0) == 1 && p[0].revents == POLLERR);
	fds[0] = open("/proc/self/exe", O_RDONLY);
	p[0] = (struct pollfd){fds[0], POLLIN | POLLOUT, 0};
	CHECK(poll(p, 1, 0) == 1 && p[0].revents == (POLLIN | POLLOUT));
	FAILS(poll(p, 100000, 0), EINVAL);
}

TEST(poll_waits)
{
	struct pollfd p;
	double start = now();
	int fds[2];
	pid_t pid;

	CHECK(pipe(fds) == 0);
	p = (struct pollfd){fds[0], POLLIN, 0};
	CHECK(poll(&p, 1, 100) == 0 && now() - start >= 0.1);
	CHECK(poll(NULL, 0, 20) == 0);
	CHILD(pid, sleep_ms(50); write(fds[1], "x", 1));
	CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
	reap(pid);
	on_signal(SIGUSR1, note, SA_RESTART);
	p.fd = -1;
	start = now();
	CHILD(pid, sleep_ms(50); kill(getppid(), SIGUSR1));
	FAILS(poll(&p, 1, 10000), EINTR); /* never restarted */
	CHECK(now() - start < 5 && count == 1);
	reap(pid);
}

TEST(poll_goes_on_after_a_stop)
{
	double start = now();
	pid_t pid;

	CHILD(pid, CHECK(poll(NULL, 0, 400) == 0));
	sleep_ms(50);
	kill(pid, SIGSTOP);
	sleep_ms(50);
	kill(pid, SIGCONT);
	CHECK(reap(pid) == 0 && now() - start >= 0.4 && now() - start < 5);
}

TEST(many_files_in_poll)
{
	struct pollfd p[60];
	int fds[2];

	for (int i = 0; i < 60; i += 2) {
		CHECK(pipe(fds) == 0);
		p[i] = (struct pollfd){fds[0], POLLIN, 0};
		p[i + 1] = (struct pollfd){fds[1], 0, 0};
	}
	CHECK(poll(p, 60, 10) == 0);
	write(p[41].fd, "x", 1);
	CHECK(poll(p, 60, -1) == 1 && p[40].revents == POLLIN);
}

TEST(select_tells_what_is_ready)
{
	struct timeval tv = {0, 50000};
	fd_set rd, wr, ex;
	int fds[2];
	double start = now();

	CHECK(pipe(fds) == 0);
	FD_ZERO(&rd);
	FD_ZERO(&wr);
	FD_ZERO(&ex);
	FD_SET(fds[0], &rd);
	CHECK(select(fds[1] + 1, &rd, NULL, NULL, &tv) == 0 && now() - start >= 0.05);
	CHECK(!FD_ISSET(fds[0], &rd));
	FD_SET(fds[0], &rd);
	FD_SET(fds[1], &wr);
	FD_SET(fds[0], &ex);
	CHECK(select(fds[1] + 1, &rd, &wr, &ex, NULL) == 1 && FD_ISSET(fds[1], &wr) &&
	      !FD_ISSET(fds[0], &rd) && !FD_ISSET(fds[0], &ex));
	write(fds[1], "x", 1);
	FD_SET(fds[0], &rd);
	CHECK(select(fds[1] + 1, &rd, &wr, NULL, NULL) == 2);
	close(fds[0]);
	FAILS(select(fds[1] + 1, &rd, NULL, NULL, NULL), EBADF);
	FAILS(select(-1, NULL, NULL, NULL, NULL), EINVAL);
	tv.tv_usec = 20000;
	CHECK(select(0, NULL, NULL, NULL, &tv) == 0);
	tv.tv_usec = -1;
	FAILS(select(0, NULL, NULL, NULL, &tv), EINVAL);
}

TEST(ppoll_opens_the_mask)
{
	struct timespec ts = {5, 0}, zero = {0, 0};
	sigset_t set, none;
	double start = now();

	on_signal(SIGUSR1, note, 0);
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	CHECK(count == 0);
	FAILS(ppoll(NULL, 0, &ts, &none), EINTR);
	CHECK(count == 1 && now() - start < 4);
	sigprocmask(SIG_BLOCK, NULL, &none);
	CHECK(sigismember(&none, SIGUSR1)); /* closed again */
	sigemptyset(&none);
	raise(SIGUSR1);
	FAILS(pselect(0, NULL, NULL, NULL, &ts, &none), EINTR);
	CHECK(count == 2);
	CHECK(ppoll(NULL, 0, &zero, &none) == 0);
	sigprocmask(SIG_BLOCK, NULL, &none);
	CHECK(sigismember(&none, SIGUSR1));
	ts.tv_nsec = 1000000000;
	FAILS(ppoll(NULL, 0, &ts, NULL), EINVAL);
}

TEST(fifos)
{
	struct stat st;
	int rd, wr;
	char c;
	pid_t pid;

	fresh_dir();
	CHECK(mkfifo("fifo", 0600) == 0 && stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
	FAILS(mkfifo("fifo", 0600), EEXIST);
	FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	rd = open("fifo", O_RDONLY | O_NONBLOCK);
	CHECK(rd >= 0 && read(rd, &c, 1) == 0);
	wr = open("fifo", O_WRONLY | O_NONBLOCK);
	CHECK(wr >= 0 && write(wr, "x", 1) == 1 && read(rd, &c, 1) == 1);
	FAILS(read(rd, &c, 1), EAGAIN);
	close(rd);
	close(wr);
	CHILD(pid, sleep_ms(30); wr = open("fifo", O_WRONLY); write(wr, "y", 1));
	rd = open("fifo", O_RDONLY); /* waits for the writer */
	CHECK(read(rd, &c, 1) == 1 && c == 'y' && read(rd, &c, 1) == 0);
	reap(pid);
}

TEST(a_pipe_opened_again_by_its_link)
{
	char link[64], buf[16] = "";
	int p[2], again;

	CHECK(pipe(p) == 0 && write(p[1], "one", 3) == 3);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", p[0]);
	again = open(link, O_RDONLY);
	CHECK(again > p[1] && read(again, buf, 16) == 3 && memcmp(buf, "one", 3) == 0);
	CHECK(write(p[1], "two", 3) == 3);
	close(p[1]);
	close(again);
	again = open(link, O_RDONLY); /* no writer is left, nor waited for */
	CHECK(read(again, buf, 16) == 3 && read(again, buf, 16) == 0);
	again = open(link, O_WRONLY | O_NONBLOCK); /* the pipe has a writer again */
	CHECK(again >= 0 && write(again, "three", 5) == 5 && read(p[0], buf, 16) == 5);
	close(again);
	CHECK(pipe(p) == 0 && write(p[1], "x", 1) == 1 && close(p[1]) == 0);
	dup2(p[0], 0);
	again = open("/dev/stdin", O_RDONLY);
	CHECK(again >= 0 && read(again, buf, 16) == 1 && read(again, buf, 16) == 0);
}

static mode_t link_mode(int fd)
{
	struct stat st;
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return lstat(link, &st) ? 0 : st.st_mode;
}

TEST(links_of_proc_tell_how_a_file_is_open)
{
	int p[2];

	CHECK(pipe(p) == 0 && link_mode(p[0]) == (S_IFLNK | 0500));
	CHECK(link_mode(p[1]) == (S_IFLNK | 0300));
	CHECK(link_mode(open("/dev/null", O_RDWR)) == (S_IFLNK | 0700));
	CHECK(link_mode(open("/", O_PATH)) == S_IFLNK);
	FAILS(open("/proc/none", O_RDWR | O_CREAT, 0600), ENOENT);
	FAILS(open("/proc/self/none", O_RDWR | O_CREAT, 0600), ENOENT);
	FAILS(open("/proc/self/fd/99", O_RDWR | O_CREAT, 0600), ENOENT);
	FAILS(mkdir("/proc/none", 0700), ENOENT);
	FAILS(symlink("x", "/proc/none"), ENOENT);
	FAILS(unlink("/proc/none"), ENOENT);
}

#define F_SETPIPE_SZ_ 1031
#define F_GETPIPE_SZ_ 1032

static int fill(int fd)
{
	char page[4096];
	int n = 0;

	memset(page, 'x', sizeof(page));
	for (ssize_t k; (k = write(fd, page, sizeof(page))) > 0;)
		n += (int)k;
	return n;
}

TEST(sizes_of_pipes)
{
	static char buf[300000];
	int p[2], bad = 0;

	fresh_dir();
	CHECK(pipe2(p, O_NONBLOCK) == 0 && fcntl(p[0], F_GETPIPE_SZ_) == 65536);
	FAILS(fcntl(open("/dev/null", O_RDWR), F_GETPIPE_SZ_), EBADF);
	FAILS(fcntl(p[0], F_SETPIPE_SZ_, (1u << 31) + 1), EINVAL);
	CHECK(fcntl(p[0], F_SETPIPE_SZ_, 0) == 4096 && fill(p[1]) == 4096);
	CHECK(fcntl(p[1], F_SETPIPE_SZ_, 200000) == 262144 && fcntl(p[0], F_GETPIPE_SZ_) == 262144);
	CHECK(fill(p[1]) == 262144 - 4096);
	FAILS(fcntl(p[0], F_SETPIPE_SZ_, 131072), EBUSY);
	CHECK(read(p[0], buf, 262144 - 4096) == 262144 - 4096);
	CHECK(fcntl(p[0], F_SETPIPE_SZ_, 5000) == 8192 && read(p[0], buf, 9000) == 4096);
	/* What lies across the end of the ring stays in order while the ring grows and shrinks. */
	for (int i = 0; i < 1000; i++)
		buf[i] = (char)(i * 7);
	for (int i = 0; i < 10; i++)
		CHECK(write(p[1], buf, 1000) == 1000 &&
		      (i < 4 || read(p[0], buf + 1000, 1000) == 1000));
	CHECK(fcntl(p[0], F_SETPIPE_SZ_, 65536) == 65536);
	CHECK(write(p[1], buf, 1000) == 1000 && fcntl(p[0], F_SETPIPE_SZ_, 16384) == 16384);
	CHECK(read(p[0], buf + 1000, 9000) == 5000);
	for (int i = 0; i < 5000; i++)
		bad += buf[1000 + i] != buf[i % 1000];
	CHECK(bad == 0);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
