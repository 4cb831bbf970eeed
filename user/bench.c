/*
 * bench: what `make bench` measures, the same binary on Ringlet and on Linux, as the only program.
 *
 * As process 1 it mounts what it needs, loads the modules of /modules (Linux), and powers off at
 * the end. Each row is one line:
 *
 *	row NAME operations nanoseconds bios requests notifications interrupts
 *
 * with -1 for what the kernel does not tell. On the kernel's command line `bench.disk=` names the
 * disk, which is written to, `bench.ms=` the time of a row, `bench.only=` a single row, and
 * `bench.rounds=` how often all is done.
 */
#include "user/aio_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	   4096u
#define MIB	   (1024u * 1024u)
#define DEPTH	   32
#define SEQUENTIAL (64u * MIB)

struct counters {
	long long bios, requests, notifications, interrupts;
};

static char disk[32] = "vdb";
static char only[32]; /* the row to run; empty: all */
static long long row_ns = 2000000000ll;
static int rounds = 1;
static uint64_t disk_bytes;
static char *buffer; /* DEPTH blocks, or a MiB */

static void die(const char *what)
{
	printf("bench: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static uint64_t random_block(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % (disk_bytes / BLOCK) * BLOCK;
}

/* --- what the kernel counts --------------------------------------------------------------- */

/* Linux: all interrupts that virtio devices raised. */
static long long linux_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	long long total = 0, n;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "virtio") && sscanf(line, "%*[^:]: %lld", &n) == 1)
			total += n;
	if (file)
		fclose(file);
	return total;
}

static struct counters read_counters(void)
{
	struct counters c = {-1, -1, -1, -1};
	char line[512], name[32];
	long long v[4];
	FILE *file = fopen("/proc/ringlet/disks", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %lld %lld %lld %lld", name, &v[0], &v[1], &v[2], &v[3]) ==
			    5 &&
		    strcmp(name, disk) == 0)
			c = (struct counters){v[0], v[1], v[2], v[3]};
	if (file) {
		fclose(file);
		return c;
	}
	file = fopen("/proc/diskstats", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*d %*d %31s %lld %lld %*d %*d %lld %lld", name, &v[0], &v[1],
			   &v[2], &v[3]) == 5 &&
		    strcmp(name, disk) == 0)
			c.requests = v[0] + v[2], c.bios = v[0] + v[1] + v[2] + v[3];
	if (file)
		fclose(file);
	c.interrupts = linux_interrupts();
	return c;
}

static void print_row(const char *name, long long ops, long long ns, struct counters a)
{
	struct counters b = read_counters();

	printf("row %s %lld %lld %lld %lld %lld %lld\n", name, ops, ns,
	       a.bios < 0 ? -1 : b.bios - a.bios, a.requests < 0 ? -1 : b.requests - a.requests,
	       a.notifications < 0 ? -1 : b.notifications - a.notifications,
	       a.interrupts < 0 ? -1 : b.interrupts - a.interrupts);
	fflush(stdout);
}

/* --- rows --------------------------------------------------------------------------------- */

static void random_one_at_a_time(int fd)
{
	struct counters c = read_counters();
	long long start = now_ns(), ns = 0, ops = 0;

	for (; ns < row_ns; ns = now_ns() - start)
		for (int i = 0; i < 256; i++, ops++)
			if (pread(fd, buffer, BLOCK, (off_t)random_block()) != BLOCK)
				die("random read");
	print_row("random-4k-1", ops, ns, c);
}

static void random_deep(int fd)
{
	struct iocb iocbs[DEPTH], *list[DEPTH];
	struct io_event events[DEPTH];
	long long start, ns = 0, ops = 0;
	unsigned long ctx = 0;
	struct counters c;
	long n = DEPTH;

	if (syscall(SYS_io_setup, DEPTH, &ctx) != 0)
		die("io_setup");
	for (int i = 0; i < DEPTH; i++) {
		iocbs[i] = (struct iocb){.fildes = (uint32_t)fd,
					 .buf = (uintptr_t)buffer + (unsigned int)i * BLOCK,
					 .nbytes = BLOCK};
		list[i] = &iocbs[i];
	}
	c = read_counters();
	start = now_ns();
	for (int batches = 1; ns < row_ns; batches++) {
		for (long i = 0; i < n; i++)
			list[i]->offset = (int64_t)random_block();
		if (syscall(SYS_io_submit, ctx, n, list) != n)
			die("io_submit");
		n = syscall(SYS_io_getevents, ctx, 1, DEPTH, events, NULL);
		if (n <= 0)
			die("io_getevents");
		for (long i = 0; i < n; i++) {
			if (events[i].res != BLOCK)
				die("asynchronous read");
			list[i] = (struct iocb *)(uintptr_t)events[i].obj;
		}
		ops += n;
		if (batches % 16 == 0)
			ns = now_ns() - start;
	}
	print_row("random-4k-32", ops, ns, c);
	syscall(SYS_io_destroy, ctx); /* waits for the rest */
}

static void sequential_direct(int fd)
{
	struct counters c = read_counters();
	long long start = now_ns(), ns = 0, ops = 0;

	for (; ns < row_ns; ns = now_ns() - start)
		for (int i = 0; i < 8; i++, ops++)
			if (pread(fd, buffer, MIB,
				  (off_t)((uint64_t)ops * MIB % (disk_bytes & -(uint64_t)MIB))) !=
			    MIB)
				die("sequential read");
	print_row("sequential-1m", ops, ns, c);
}

static void sequential_buffered(int fd)
{
	struct counters c = read_counters();
	long long start = now_ns();

	for (unsigned int done = 0; done < SEQUENTIAL; done += BLOCK)
		if (read(fd, buffer, BLOCK) != BLOCK)
			die("buffered read");
	print_row("buffered-read-64m", SEQUENTIAL / BLOCK, now_ns() - start, c);
}

static void sequential_write(int fd)
{
	struct counters c = read_counters();
	long long start = now_ns();

	lseek(fd, 0, SEEK_SET);
	for (unsigned int done = 0; done < SEQUENTIAL; done += BLOCK)
		if (write(fd, buffer, BLOCK) != BLOCK)
			die("buffered write");
	if (fsync(fd) != 0)
		die("fsync");
	print_row("write-back-64m", SEQUENTIAL / BLOCK, now_ns() - start, c);
}

/* --- as process 1 ------------------------------------------------------------------------- */

static void load_modules(void)
{
	FILE *list = fopen("/modules/list", "r");
	char line[256];

	while (list && fgets(line, sizeof(line), list)) {
		int fd;

		line[strcspn(line, "\n")] = '\0';
		fd = open(line, O_RDONLY);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST))
			printf("bench: %s: %s\n", line, strerror(errno));
		close(fd);
	}
	if (list)
		fclose(list);
}

static void read_parameters(void)
{
	FILE *file = fopen("/proc/cmdline", "r");
	char line[1024] = "", *at;

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	at = strstr(line, "bench.disk=");
	if (at)
		sscanf(at, "bench.disk=%31[a-z0-9]", disk);
	at = strstr(line, "bench.only=");
	if (at)
		sscanf(at, "bench.only=%31[a-z0-9-]", only);
	at = strstr(line, "bench.rounds=");
	if (at)
		rounds = atoi(at + strlen("bench.rounds="));
	at = strstr(line, "bench.ms=");
	if (at)
		row_ns = atoll(at + strlen("bench.ms=")) * 1000000ll;
}

static int wanted(const char *row)
{
	return !only[0] || strcmp(only, row) == 0;
}

static int open_disk(int flags)
{
	char path[64];
	int fd = -1;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	for (int tries = 0; fd < 0 && tries < 100; tries++) { /* Linux finds disks when it likes */
		fd = open(path, O_RDWR | flags);
		if (fd < 0)
			usleep(50000);
	}
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &disk_bytes) != 0)
		die(path);
	return fd;
}

static void all_rows(void)
{
	int fd = open_disk(O_DIRECT);

	if (wanted("random-4k-1"))
		random_one_at_a_time(fd);
	if (wanted("random-4k-32"))
		random_deep(fd);
	if (wanted("sequential-1m"))
		sequential_direct(fd);
	close(fd);
	fd = open_disk(0);
	(void)ioctl(fd, BLKFLSBUF, 0);
	if (wanted("buffered-read-64m"))
		sequential_buffered(fd);
	if (wanted("write-back-64m"))
		sequential_write(fd);
	close(fd);
}

int main(void)
{
	if (getpid() == 1) {
		(void)mount("proc", "/proc", "proc", 0, NULL);
		(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
		load_modules();
	}
	read_parameters();
	if (posix_memalign((void **)&buffer, BLOCK, MIB) != 0)
		die("memory");
	memset(buffer, 1, MIB);
	while (rounds-- > 0)
		all_rows();
	printf("bench: done\n");
	fflush(stdout);
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return 0;
}
