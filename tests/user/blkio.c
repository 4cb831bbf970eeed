/*
 * I/O whose errors count: each line says what one call gave, "ok" or the error's name.
 *
 *	blkio copy FROM TO      block by block, past those that cannot be read ("bad N")
 *	blkio fill DEV SEED     write all blocks through the cache, then fsync twice
 *	blkio sync DEV BLOCK    write one block with O_SYNC, then another
 *	blkio fsync FILE BLOCK  write a block, fsync by two descriptors, each twice
 *	blkio direct DEV BLOCK  read and write a block with O_DIRECT
 *	blkio nowait DEV BLOCK  the same, if it can be begun at once (RWF_NOWAIT)
 *	blkio reread DEV BLOCK  read a block twice
 *	blkio zero DEV BLOCK    write a block, zero others, empty the cache, then fsync twice
 *	blkio late DEV BLOCK    write a block and close; then open, and fsync twice
 *	blkio close DEV BLOCKS  read so many blocks and close; meanwhile another writes block 2048
 *	blkio wipe DEV BLOCKS   write zeroes by one BLKZEROOUT
 *	blkio setro DEV BLOCK   write a block, make the device read-only, then try all doors
 *	blkio ra DEV SECTORS    set the readahead, then ask and set as nobody
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 4096
#ifndef RWF_NOWAIT
#ifndef RWF_NOWAIT /* Linux's <linux/fs.h>; newer C libraries have it */
#define RWF_NOWAIT 0x08
#endif
#endif

/* Linux's <linux/fs.h>. */
#define ROSET	0x125d
#define FLSBUF	0x1261
#define RASET	0x1262
#define RAGET	0x1263
#define FRASET	0x1264
#define FRAGET	0x1265
#define DISCARD 0x1277
#define ZEROOUT 0x127f

static char buf[BLOCK] __attribute__((aligned(BLOCK)));

static void say(const char *what, ssize_t got)
{
	const char *error = errno == EIO   ? "EIO" :
			    errno == EPERM ? "EPERM" :
			    errno == EROFS ? "EROFS" :
					     strerror(errno);

	printf("%s: %s\n", what, got < 0 ? error : got == 0 || got == BLOCK ? "ok" : "short");
}

static int get(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0) {
		perror(name);
		exit(1);
	}
	return fd;
}

/* What block `n` holds after `fill` with a seed; the tests on the host know it too. */
static void pattern(unsigned n, unsigned seed)
{
	for (unsigned i = 0; i < BLOCK / 4; i++) {
		unsigned word = n * 1024 + i + seed;

		memcpy(buf + 4 * i, &word, 4);
	}
}

static void copy(int from, int to)
{
	unsigned n = 0;
	ssize_t got;

	while ((got = pread(from, buf, BLOCK, (off_t)n * BLOCK)) != 0) {
		if (got != BLOCK)
			printf("bad %u %s\n", n, errno == EIO ? "EIO" : strerror(errno));
		else if (pwrite(to, buf, BLOCK, (off_t)n * BLOCK) != BLOCK)
			perror("write");
		n++;
	}
	say("fsync", fsync(to));
	printf("blocks: %u\n", n);
}

static void fill(int fd, unsigned seed)
{
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned n;

	for (n = 0; (off_t)n * BLOCK < size; n++) {
		pattern(n, seed);
		if (pwrite(fd, buf, BLOCK, (off_t)n * BLOCK) != BLOCK)
			say("write", -1);
	}
	say("fsync", fsync(fd));
	say("again", fsync(fd));
	printf("blocks: %u\n", n);
}

/* Has the process come to wait for something, or ended? */
static int sleeps(pid_t pid)
{
	char path[32], state = 'R';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "r");
	if (!stat)
		return 1;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 'R';
	fclose(stat);
	return state != 'R';
}

/* A reader's last close waits for readahead; meanwhile a writer opens, writes and closes. */
static void close_twice(const char *name, unsigned reads)
{
	int status, go[2], fd = pipe(go) == 0 ? get(name, O_RDONLY) : -1;
	pid_t reader = fork();

	if (reader == 0) {
		for (unsigned n = 0; n < reads; n++)
			if (read(fd, buf, BLOCK) != BLOCK)
				_exit(1);
		_exit(write(go[1], buf, 1) != 1 || close(fd) != 0);
	}
	close(fd);
	if (read(go[0], buf, 1) != 1)
		_exit(1);
	while (!sleeps(reader))
		sched_yield();
	fd = get(name, O_WRONLY);
	pattern(2048, 0);
	say("write", pwrite(fd, buf, BLOCK, 2048l * BLOCK));
	say("close", close(fd));
	waitpid(reader, &status, 0);
	printf("reader: %d\n", status);
}

static void set_read_only(const char *name, off_t at)
{
	unsigned long range[2] = {(unsigned long)at, BLOCK};
	int fd = get(name, O_RDWR), direct = get(name, O_RDWR | O_DIRECT), on = 1;

	say("write", pwrite(fd, buf, BLOCK, at));
	say("set", ioctl(get(name, O_RDONLY), ROSET, &on));
	say("fsync", fsync(fd));
	say("write", pwrite(fd, buf, BLOCK, at));
	say("write direct", pwrite(direct, buf, BLOCK, at));
	say("discard", ioctl(fd, DISCARD, range));
	say("zero", ioctl(fd, ZEROOUT, range));
	say("read", pread(direct, buf, BLOCK, at));
	say("open", open(name, O_WRONLY));
	say("open", open(name, O_RDWR | O_DIRECT));
}

int main(int argc, char **argv)
{
	const char *what = argc == 4 ? argv[1] : "";
	unsigned n = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	off_t at = (off_t)n * BLOCK;
	int fd, other;

	if (strcmp(what, "copy") == 0) {
		copy(get(argv[2], O_RDONLY), get(argv[3], O_WRONLY));
	} else if (strcmp(what, "fill") == 0) {
		fill(get(argv[2], O_RDWR), n);
	} else if (strcmp(what, "sync") == 0) {
		fd = get(argv[2], O_WRONLY | O_SYNC);
		pattern(n, 0);
		say("write", pwrite(fd, buf, BLOCK, at));
		pattern(n + 1, 0);
		say("next", pwrite(fd, buf, BLOCK, at + BLOCK));
		say("close", close(fd));
	} else if (strcmp(what, "fsync") == 0) {
		fd = get(argv[2], O_RDWR | O_CREAT);
		other = get(argv[2], O_RDWR);
		pattern(n, 0);
		say("write", pwrite(fd, buf, BLOCK, at));
		say("fsync", fsync(fd));
		say("again", fsync(fd));
		say("other", fsync(other));
		say("other again", fdatasync(other));
		say("close", close(fd));
	} else if (strcmp(what, "direct") == 0) {
		fd = get(argv[2], O_RDWR | O_DIRECT | O_SYNC);
		say("read", pread(fd, buf, BLOCK, at));
		pattern(n, 0);
		say("write", pwrite(fd, buf, BLOCK, at));
	} else if (strcmp(what, "nowait") == 0) {
		struct iovec iov = {buf, BLOCK};

		fd = get(argv[2], O_RDWR | O_DIRECT);
		say("read", syscall(SYS_preadv2, fd, &iov, 1L, (long)at, 0L, RWF_NOWAIT));
		pattern(n, 0);
		say("write", syscall(SYS_pwritev2, fd, &iov, 1L, (long)at, 0L, RWF_NOWAIT));
	} else if (strcmp(what, "reread") == 0) {
		fd = get(argv[2], O_RDONLY);
		say("read", pread(fd, buf, BLOCK, at));
		say("again", pread(fd, buf, BLOCK, at));
	} else if (strcmp(what, "zero") == 0) {
		unsigned long range[2] = {(unsigned long)at - 16 * BLOCK, 8 * BLOCK};

		fd = get(argv[2], O_RDWR);
		pattern(n, 0);
		say("write", pwrite(fd, buf, BLOCK, at));
		say("zero", ioctl(fd, ZEROOUT, range));
		say("discard", ioctl(fd, DISCARD, range));
		say("fsync", fsync(fd));
		pattern(n, 0);
		say("write", pwrite(fd, buf, BLOCK, at));
		say("empty", ioctl(fd, FLSBUF, 0));
		say("fsync", fsync(get(argv[2], O_RDWR)));
		say("again", fsync(fd));
	} else if (strcmp(what, "late") == 0) {
		fd = get(argv[2], O_WRONLY);
		pattern(n, 0);
		say("write", pwrite(fd, buf, BLOCK, at));
		say("close", close(fd));
		fd = get(argv[2], O_RDONLY);
		say("fsync", fsync(fd));
		say("again", fsync(fd));
	} else if (strcmp(what, "wipe") == 0) {
		unsigned long range[2] = {0, (unsigned long)at};

		say("wipe", ioctl(get(argv[2], O_RDWR), ZEROOUT, range));
	} else if (strcmp(what, "close") == 0) {
		close_twice(argv[2], n);
	} else if (strcmp(what, "setro") == 0) {
		pattern(n, 0);
		set_read_only(argv[2], at);
	} else if (strcmp(what, "ra") == 0) {
		long sectors[2] = {0, 0};

		fd = get(argv[2], O_RDONLY);
		say("set", ioctl(fd, FRASET, (unsigned long)n));
		if (setuid(1000) != 0 || ioctl(fd, RAGET, &sectors[0]) != 0 ||
		    ioctl(fd, FRAGET, &sectors[1]) != 0)
			return 1;
		printf("sectors: %ld %ld\n", sectors[0], sectors[1]);
		say("as nobody", ioctl(fd, RASET, 8ul));
		say("and again", ioctl(fd, FRASET, 8ul));
	} else {
		fprintf(stderr, "blkio: wrong arguments\n");
		return 2;
	}
	return 0;
}
