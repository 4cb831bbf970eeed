/* A wild pointer at each place of each call, all else being right: EFAULT, and nothing is lost. */
#include "tests/user/tap.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/uio.h>

static long wild[6]; /* addresses that no program may use */
#define NR_WILD 6

static void make_wild(void)
{
	char *gap =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(gap + 4096, 4096);
	wild[0] = 8;
	wild[1] = (long)gap + 2 * 4096 - 1; /* its first byte is missing */
	wild[2] = 0x7ffffffff000;
	wild[3] = 0x800000000000;
	wild[4] = (long)0xffffffff80100000;
	wild[5] = -1;
}

/* All pointers fail in this call, in which p stands for the wild one. */
#define ALL_FAIL(call)                      \
	for (int w = 0; w < NR_WILD; w++) { \
		long p = wild[w];           \
		FAILS(call, EFAULT);        \
	}

TEST(paths)
{
	char buf[200];

	make_wild();
	fresh_dir();
	ALL_FAIL(syscall(SYS_open, p, 0));
	ALL_FAIL(syscall(SYS_openat, AT_FDCWD, p, 0));
	ALL_FAIL(syscall(SYS_creat, p, 0));
	ALL_FAIL(syscall(SYS_stat, p, buf));
	ALL_FAIL(syscall(SYS_lstat, p, buf));
	ALL_FAIL(syscall(SYS_newfstatat, AT_FDCWD, p, buf, 0));
	ALL_FAIL(syscall(SYS_statfs, p, buf));
	ALL_FAIL(syscall(SYS_access, p, 0));
	ALL_FAIL(syscall(SYS_faccessat, AT_FDCWD, p, 0));
	ALL_FAIL(syscall(SYS_chdir, p));
	ALL_FAIL(syscall(SYS_mkdir, p, 0));
	ALL_FAIL(syscall(SYS_mkdirat, AT_FDCWD, p, 0));
	ALL_FAIL(syscall(SYS_rmdir, p));
	ALL_FAIL(syscall(SYS_unlink, p));
	ALL_FAIL(syscall(SYS_unlinkat, AT_FDCWD, p, 0));
	ALL_FAIL(syscall(SYS_rename, p, "x"));
	ALL_FAIL(syscall(SYS_rename, ".", p));
	ALL_FAIL(syscall(SYS_renameat, AT_FDCWD, ".", AT_FDCWD, p));
	ALL_FAIL(syscall(SYS_link, p, "x"));
	ALL_FAIL(syscall(SYS_link, ".", p));
	ALL_FAIL(syscall(SYS_symlink, p, "x"));
	ALL_FAIL(syscall(SYS_symlink, "x", p));
	ALL_FAIL(syscall(SYS_readlink, p, buf, 10));
	ALL_FAIL(syscall(SYS_readlink, "/proc/self/exe", p, 10));
	ALL_FAIL(syscall(SYS_chmod, p, 0));
	ALL_FAIL(syscall(SYS_chown, p, 0, 0));
	ALL_FAIL(syscall(SYS_lchown, p, 0, 0));
	ALL_FAIL(syscall(SYS_truncate, p, 0));
	ALL_FAIL(syscall(SYS_utimensat, AT_FDCWD, p, NULL, 0));
	ALL_FAIL(syscall(SYS_utimensat, AT_FDCWD, ".", p, 0));
	ALL_FAIL(syscall(SYS_mknod, p, S_IFIFO, 0));
	ALL_FAIL(syscall(SYS_getcwd, p, 4096));
	ALL_FAIL(syscall(SYS_execve, p, NULL, NULL));
	ALL_FAIL(syscall(SYS_execve, "/proc/self/exe", p, NULL));
	ALL_FAIL(syscall(SYS_execve, "/proc/self/exe", NULL, p));
}

TEST(buffers)
{
	struct iovec iov;
	char buf[100] = "", big[8192];
	int fd, fds[2];

	make_wild();
	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	memset(big, 'b', sizeof(big));
	CHECK(write(fd, big, sizeof(big)) == sizeof(big) && pipe(fds) == 0 &&
	      write(fds[1], buf, 50) == 50);
	ALL_FAIL(syscall(SYS_read, (lseek(fd, 0, SEEK_SET), fd), p, 10));
	ALL_FAIL(syscall(SYS_write, fd, p, 10));
	ALL_FAIL(syscall(SYS_pread64, fd, p, 10, 0));
	ALL_FAIL(syscall(SYS_pwrite64, fd, p, 10, 0));
	ALL_FAIL(syscall(SYS_read, fds[0], p, 10));
	ALL_FAIL(syscall(SYS_write, fds[1], p, 10));
	ALL_FAIL(syscall(SYS_readv, fd, p, 1));
	ALL_FAIL(syscall(SYS_writev, fd, p, 1));
	ALL_FAIL(syscall(SYS_writev, fd, (iov = (struct iovec){(void *)p, 10}, &iov), 1));
	ALL_FAIL(syscall(SYS_getdents64, open("/", O_RDONLY), p, 1000));
	ALL_FAIL(syscall(SYS_sendfile, fd, fd, p, 10));
	CHECK(lseek(fd, 0, SEEK_END) == sizeof(big)); /* nothing was written */
	CHECK(read(fds[0], buf, 100) == 50);	      /* nothing is lost */
	fd = open("/dev/zero", O_RDWR);
	ALL_FAIL(syscall(SYS_read, fd, p, 10));
	fd = open("/dev/urandom", O_RDWR);
	ALL_FAIL(syscall(SYS_read, fd, p, 10));
	ALL_FAIL(syscall(SYS_getrandom, p, 10, 0));
}

TEST(structures)
{
	int fd = open("/", O_RDONLY);

	make_wild();
	ALL_FAIL(syscall(SYS_stat, "/", p));
	ALL_FAIL(syscall(SYS_fstat, fd, p));
	ALL_FAIL(syscall(SYS_statfs, "/", p));
	ALL_FAIL(syscall(SYS_fstatfs, fd, p));
	ALL_FAIL(syscall(SYS_pipe, p));
	ALL_FAIL(syscall(SYS_uname, p));
	ALL_FAIL(syscall(SYS_sysinfo, p));
	ALL_FAIL(syscall(SYS_getrusage, 0, p));
	ALL_FAIL(syscall(SYS_times, p));
	ALL_FAIL(syscall(SYS_getresuid, p, p, p));
	ALL_FAIL(syscall(SYS_getrlimit, 3, p));
	ALL_FAIL(syscall(SYS_prlimit64, 0, 3, p, NULL));
	ALL_FAIL(syscall(SYS_poll, p, 1, 0));
	ALL_FAIL(syscall(SYS_ppoll, NULL, 0, p, NULL, 8));
	ALL_FAIL(syscall(SYS_ppoll, NULL, 0, NULL, p, 8));
	ALL_FAIL(syscall(SYS_select, 1, p, NULL, NULL, NULL));
	ALL_FAIL(syscall(SYS_select, 0, NULL, NULL, NULL, p));
	ALL_FAIL(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, p));
	ALL_FAIL(syscall(SYS_prctl, 15, p));
	ALL_FAIL(syscall(SYS_prctl, 16, p));
	if (getuid() == 0) { /* others get EPERM before it is looked at */
		ALL_FAIL(syscall(SYS_setgroups, 1, p));
		ALL_FAIL(syscall(SYS_sethostname, p, 5));
	}
	ALL_FAIL(syscall(SYS_futex, p & ~3l, 0, 0, NULL));
}

TEST(signals_and_times)
{
	sigset_t set;

	make_wild();
	sigemptyset(&set);
	ALL_FAIL(syscall(SYS_rt_sigaction, SIGUSR1, p, NULL, 8));
	ALL_FAIL(syscall(SYS_rt_sigaction, SIGUSR1, NULL, p, 8));
	ALL_FAIL(syscall(SYS_rt_sigprocmask, 0, p, NULL, 8));
	ALL_FAIL(syscall(SYS_rt_sigprocmask, 0, NULL, p, 8));
	ALL_FAIL(syscall(SYS_rt_sigpending, p, 8));
	ALL_FAIL(syscall(SYS_rt_sigsuspend, p, 8));
	ALL_FAIL(syscall(SYS_rt_sigtimedwait, p, NULL, NULL, 8));
	ALL_FAIL(syscall(SYS_rt_sigtimedwait, &set, NULL, p, 8));
	ALL_FAIL(syscall(SYS_sigaltstack, p, NULL));
	ALL_FAIL(syscall(SYS_sigaltstack, NULL, p));
	ALL_FAIL(syscall(SYS_nanosleep, p, NULL));
	ALL_FAIL(syscall(SYS_clock_nanosleep, 1, 0, p, NULL));
	ALL_FAIL(syscall(SYS_clock_gettime, 0, p));
	ALL_FAIL(syscall(SYS_clock_getres, 0, p));
	ALL_FAIL(syscall(SYS_gettimeofday, p, NULL));
	ALL_FAIL(syscall(SYS_time, p));
	ALL_FAIL(syscall(SYS_setitimer, 0, p, NULL));
	ALL_FAIL(syscall(SYS_getitimer, 0, p));
}

TEST(status_of_a_child)
{
	make_wild();
	for (int w = 0; w < NR_WILD; w++) {
		pid_t pid;

		CHILD(pid, _exit(0));
		FAILS(syscall(SYS_wait4, pid, wild[w], 0, NULL), EFAULT);
		FAILS(waitpid(pid, NULL, 0), ECHILD); /* it was reaped all the same */
	}
}

TEST(a_partly_good_buffer)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char big[8192];
	int fd;

	fresh_dir();
	memset(big, 'b', sizeof(big));
	munmap(p + 4096, 4096);
	fd = open("f", O_RDWR | O_CREAT, 0600);
	write(fd, big, sizeof(big));
	/* As much as there is room for. */
	CHECK(pread(fd, p + 4096 - 100, 1000, 0) == 100);
	CHECK(p[4095] == 'b');
	memset(p, 'p', 4096);
	CHECK(pwrite(fd, p + 4096 - 100, 1000, 0) == 100);
	CHECK(pread(fd, big, 200, 0) == 200 && big[99] == 'p' && big[100] == 'b');
	/* A string that ends with the last byte of a mapping. */
	strcpy(p + 4096 - 2, "f");
	CHECK(access(p + 4096 - 2, F_OK) == 0);
	p[4095] = 'f';
	FAILS(access(p + 4095, F_OK), EFAULT);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
