/*
 * Asynchronous reads and writes of blocks of a disk, all at once:
 *
 *	aio read DISK FIRST COUNT    say which blocks failed, and how
 *	aio write DISK FIRST COUNT   the same
 *	aio leave DISK FIRST COUNT   start reads, and end without waiting for them
 *	aio stay DISK FIRST COUNT    start reads, say so, and wait for more than can come
 */
#define _GNU_SOURCE
#include "user/aio_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK 4096u
#define MOST  1024

static struct iocb iocbs[MOST], *list[MOST];
static struct io_event events[MOST];

static long start(unsigned long ctx, int fd, int write, uint64_t first, long count)
{
	char *blocks = mmap(NULL, MOST * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	for (long i = 0; i < count; i++) {
		iocbs[i] = (struct iocb){.data = first + (uint64_t)i,
					 .opcode = (uint16_t)write,
					 .fildes = (uint32_t)fd,
					 .buf = (uintptr_t)blocks + (uint64_t)i * BLOCK,
					 .nbytes = BLOCK,
					 .offset = (int64_t)((first + (uint64_t)i) * BLOCK)};
		list[i] = &iocbs[i];
	}
	return syscall(SYS_io_submit, ctx, count, list);
}

static void report(const struct io_event *event)
{
	if (event->res == BLOCK)
		return;
	printf("block %llu: ", (unsigned long long)event->data);
	if (event->res == -EIO)
		printf("EIO\n");
	else
		printf("%lld\n", (long long)event->res);
}

int main(int argc, char **argv)
{
	unsigned long ctx = 0;
	long count, got;
	int fd;

	if (argc != 5)
		return 2;
	fd = open(argv[2], O_RDWR | O_DIRECT);
	count = atol(argv[4]);
	if (fd < 0 || count > MOST || syscall(SYS_io_setup, MOST, &ctx) != 0) {
		perror(argv[2]);
		return 1;
	}
	got = start(ctx, fd, strcmp(argv[1], "write") == 0, strtoull(argv[3], NULL, 0), count);
	printf("started: %ld\n", got);
	fflush(stdout);
	if (strcmp(argv[1], "leave") == 0)
		return 0;
	if (strcmp(argv[1], "stay") == 0)
		return (int)syscall(SYS_io_getevents, ctx, count + 1, count + 1, events, NULL);
	got = syscall(SYS_io_getevents, ctx, count, count, events, NULL);
	for (long i = 0; i < got; i++)
		report(&events[i]);
	printf("finished: %ld\n", got);
	return 0;
}
