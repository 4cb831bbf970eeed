/* Asynchronous I/O by Linux's io_setup, io_submit, io_getevents, io_cancel and io_destroy. */
#include "tests/user/tap.h"
#include "user/aio_abi.h"

#include <sys/mman.h>
#include <sys/uio.h>

#define BLOCK	4096
#define MANY	256
#define PREAD	0
#define PWRITE	1
#define FSYNC	2
#define FDSYNC	3
#define PREADV	7
#define PWRITEV 8

static char *blocks; /* MANY of them */
static struct iocb iocbs[MANY], *list[MANY];
static struct io_event events[MANY];

static unsigned long setup(unsigned int nr)
{
	unsigned long ctx = 0;

	CHECK(syscall(SYS_io_setup, nr, &ctx) == 0 && ctx != 0);
	return ctx;
}

static long submit(unsigned long ctx, long nr)
{
	return syscall(SYS_io_submit, ctx, nr, list);
}

static long collect(unsigned long ctx, long least, long most)
{
	return syscall(SYS_io_getevents, ctx, least, most, events, NULL);
}

/* A file of MANY blocks, each full of its number, open for direct I/O. */
static int prepare(void)
{
	int fd;

	fresh_dir();
	blocks = mmap(NULL, MANY * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	fd = open("f", O_RDWR | O_CREAT | O_DIRECT, 0644);
	CHECK(fd >= 0 && blocks != MAP_FAILED);
	for (int i = 0; i < MANY; i++)
		memset(blocks + i * BLOCK, i, BLOCK);
	CHECK(write(fd, blocks, MANY * BLOCK) == MANY * BLOCK);
	return fd;
}

static void set(int i, int fd, int opcode, int block)
{
	iocbs[i] = (struct iocb){.data = 1000u + (unsigned int)i,
				 .opcode = (uint16_t)opcode,
				 .fildes = (uint32_t)fd,
				 .buf = (uintptr_t)blocks + (size_t)i * BLOCK,
				 .nbytes = BLOCK,
				 .offset = (int64_t)block * BLOCK};
	list[i] = &iocbs[i];
}

static int full_of(const char *p, int value)
{
	for (int i = 0; i < BLOCK; i++)
		if (p[i] != (char)value)
			return 0;
	return 1;
}

TEST(contexts_come_and_go)
{
	unsigned long ctx = 7;

	FAILS(syscall(SYS_io_setup, 10, &ctx), EINVAL); /* must be 0 before */
	ctx = 0;
	FAILS(syscall(SYS_io_setup, 0, &ctx), EINVAL);
	FAILS(syscall(SYS_io_setup, 10, 1), EFAULT);
	FAILS(syscall(SYS_io_setup, 0x7fffffff, &ctx), EINVAL);
	FAILS(syscall(SYS_io_setup, 1000000, &ctx), EAGAIN);
	FAILS(syscall(SYS_io_destroy, 0), EINVAL);
	FAILS(syscall(SYS_io_destroy, 12345), EINVAL);
	for (int i = 0; i < 50; i++) {
		ctx = setup(MANY);
		CHECK(syscall(SYS_io_destroy, ctx) == 0);
		FAILS(syscall(SYS_io_destroy, ctx), EINVAL);
	}
}

TEST(many_reads_in_flight)
{
	int fd = prepare(), seen[MANY] = {0};
	unsigned long ctx = setup(MANY);
	long done = 0;

	memset(blocks, 0xff, MANY * BLOCK);
	for (int i = 0; i < MANY; i++)
		set(i, fd, PREAD, i * 37 % MANY);
	CHECK(submit(ctx, MANY) == MANY);
	while (done < MANY) {
		long n = collect(ctx, 1, MANY);

		CHECK(n > 0);
		if (n <= 0)
			break;
		for (long k = 0; k < n; k++) {
			long i = (struct iocb *)(uintptr_t)events[k].obj - iocbs;

			CHECK(i >= 0 && i < MANY && !seen[i]++);
			CHECK(events[k].res == BLOCK && events[k].res2 == 0);
			CHECK(events[k].data == 1000u + (unsigned long)i);
			CHECK(full_of(blocks + i * BLOCK, (int)(i * 37 % MANY)));
		}
		done += n;
	}
	CHECK(syscall(SYS_io_destroy, ctx) == 0);
}

/* Keep 32 in flight for a while: every place of the ring is used again and again. */
TEST(the_ring_goes_round)
{
	int fd = prepare(), ok = 1;
	unsigned long ctx = setup(32);
	long n = 32;

	for (int i = 0; i < 32; i++)
		set(i, fd, PREAD, i);
	for (int round = 0; round < 500 && ok; round++) {
		ok &= submit(ctx, n) == n;
		n = collect(ctx, 1 + round % 8, 32);
		ok &= n >= 1 + round % 8;
		for (long k = 0; k < n; k++) {
			list[k] = (struct iocb *)(uintptr_t)events[k].obj;
			ok &= events[k].res == BLOCK && full_of((char *)(uintptr_t)list[k]->buf,
								(int)(list[k]->offset / BLOCK));
			list[k]->offset = (list[k]->offset / BLOCK + 1) % MANY * BLOCK;
		}
	}
	CHECK(ok);
}

TEST(writes_land)
{
	int fd = prepare(), plain = open("f", O_RDONLY);
	unsigned long ctx = setup(MANY);
	char block[BLOCK];

	for (int i = 0; i < MANY; i++) {
		memset(blocks + i * BLOCK, i ^ 0x55, BLOCK);
		set(i, fd, PWRITE, MANY - 1 - i);
	}
	CHECK(submit(ctx, MANY) == MANY);
	CHECK(collect(ctx, MANY, MANY) == MANY);
	for (int i = 0; i < MANY; i++) {
		CHECK(events[i].res == BLOCK);
		CHECK(pread(plain, block, BLOCK, (off_t)(MANY - 1 - i) * BLOCK) == BLOCK &&
		      full_of(block, i ^ 0x55));
	}
	/* Behind the end, where blocks must be allocated. */
	set(0, fd, PWRITE, MANY + 10);
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 1) == 1 && events[0].res == BLOCK);
	CHECK(lseek(fd, 0, SEEK_END) == (MANY + 11) * BLOCK);
	CHECK(pread(plain, block, BLOCK, (off_t)(MANY + 5) * BLOCK) == BLOCK && full_of(block, 0));
}

TEST(vectors)
{
	int fd = prepare();
	unsigned long ctx = setup(4);
	struct iovec out[2] = {{blocks + 5 * BLOCK, BLOCK}, {blocks + 9 * BLOCK, BLOCK}};
	struct iovec in[2] = {{blocks + 20 * BLOCK, BLOCK}, {blocks + 40 * BLOCK, BLOCK}};

	set(0, fd, PWRITEV, 100);
	iocbs[0].buf = (uintptr_t)out;
	iocbs[0].nbytes = 2;
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 1) == 1 && events[0].res == 2 * BLOCK);
	set(0, fd, PREADV, 100);
	iocbs[0].buf = (uintptr_t)in;
	iocbs[0].nbytes = 2;
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 1) == 1 && events[0].res == 2 * BLOCK);
	CHECK(full_of(blocks + 20 * BLOCK, 5) && full_of(blocks + 40 * BLOCK, 9));
	iocbs[0].nbytes = 5000; /* more than there may be */
	FAILS(submit(ctx, 1), EINVAL);
}

TEST(through_the_cache_too)
{
	unsigned long ctx = setup(4);
	int plain;

	prepare();
	plain = open("f", O_RDWR);
	set(0, plain, PREAD, 3);
	iocbs[0].buf++;
	iocbs[0].nbytes = 77;
	iocbs[0].offset += 11;
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 1) == 1 && events[0].res == 77);
	CHECK(blocks[1] == 3 && blocks[77] == 3);
	set(0, plain, PWRITE, 0);
	iocbs[0].nbytes = 10;
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 1) == 1 && events[0].res == 10);
}

TEST(fsync_is_asynchronous)
{
	int fd = prepare();
	unsigned long ctx = setup(8);

	for (int i = 0; i < 2; i++) {
		set(i, fd, i ? FDSYNC : FSYNC, 0);
		iocbs[i].buf = iocbs[i].nbytes = 0;
	}
	CHECK(submit(ctx, 2) == 2 && collect(ctx, 2, 2) == 2);
	CHECK(events[0].res == 0 && events[1].res == 0);
	iocbs[0].nbytes = 5;
	FAILS(submit(ctx, 1), EINVAL);
}

TEST(wrong_iocbs)
{
	int fd = prepare();
	unsigned long ctx = setup(8);
	int rd = open("f", O_RDONLY | O_DIRECT);

	set(0, 99, PREAD, 0);
	FAILS(submit(ctx, 1), EBADF);
	set(0, fd, 55, 0);
	FAILS(submit(ctx, 1), EINVAL);
	set(0, fd, PREAD, 0);
	iocbs[0].reserved2 = 1;
	FAILS(submit(ctx, 1), EINVAL);
	set(0, rd, PWRITE, 0);
	FAILS(submit(ctx, 1), EBADF);
	FAILS(syscall(SYS_io_submit, ctx, -1L, list), EINVAL);
	FAILS(syscall(SYS_io_submit, ctx + 1, 1, list), EINVAL);
	FAILS(syscall(SYS_io_submit, ctx, 1, 8), EFAULT);
	list[0] = (struct iocb *)16;
	FAILS(submit(ctx, 1), EFAULT);
	CHECK(submit(ctx, 0) == 0);
	/* Those before the wrong one are taken. */
	set(0, fd, PREAD, 0);
	set(1, fd, PREAD, 1);
	set(2, 99, PREAD, 2);
	CHECK(submit(ctx, 3) == 2);
	CHECK(collect(ctx, 2, 8) == 2);
	set(0, fd, PREAD, 0);
	iocbs[0].offset = -BLOCK;
	FAILS(submit(ctx, 1), EINVAL);
	iocbs[0].offset = INT64_MAX - 100;
	FAILS(submit(ctx, 1), EINVAL);
	set(0, open(".", O_RDONLY), PREAD, 0);
	FAILS(submit(ctx, 1), EINVAL);
	/* What the file refuses is the event's to tell. */
	set(0, fd, PREAD, 0);
	iocbs[0].offset = 13;
	set(1, fd, PREAD, 0);
	iocbs[1].nbytes = 100;
	CHECK(submit(ctx, 2) == 2 && collect(ctx, 2, 8) == 2);
	CHECK(events[0].res == -EINVAL && events[1].res == -EINVAL);
	set(0, fd, PREAD, 0);
	iocbs[0].buf = 0x10000;
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 8) == 1 && events[0].res == -EFAULT);
	set(0, fd, PREAD, 10000);
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 8) == 1 && events[0].res == 0); /* the end */
}

TEST(a_full_context_says_so)
{
	int fd = prepare();
	unsigned long ctx = setup(4);
	long taken = 0, n;

	for (int i = 0; i < MANY; i++)
		set(i, fd, PREAD, i);
	errno = 0;
	while (taken < 10000 && (n = submit(ctx, 1)) == 1)
		taken++;
	CHECK(taken >= 4 && taken < 10000 && errno == EAGAIN);
	/* Collected events make room again (on Linux, not at once for each). */
	for (long left = taken; left > 0; left -= n) {
		n = collect(ctx, 1, MANY);
		CHECK(n > 0);
		if (n <= 0)
			return;
	}
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 1) == 1);
}

TEST(getevents_waits_as_told)
{
	int fd = prepare();
	unsigned long ctx = setup(8);
	struct timespec zero = {0, 0}, some = {0, 60000000};
	double start = now();

	CHECK(syscall(SYS_io_getevents, ctx, 1, 8, events, &zero) == 0);
	CHECK(now() - start < 0.05);
	CHECK(syscall(SYS_io_getevents, ctx, 1, 8, events, &some) == 0);
	CHECK(now() - start >= 0.05);
	CHECK(syscall(SYS_io_getevents, ctx, 0, 8, events, NULL) == 0);
	FAILS(syscall(SYS_io_getevents, ctx, 9, 8, events, NULL), EINVAL);
	FAILS(syscall(SYS_io_getevents, ctx, -1L, 8L, events, NULL), EINVAL);
	FAILS(syscall(SYS_io_getevents, ctx + 1, 1, 8, events, NULL), EINVAL);
	FAILS(syscall(SYS_io_getevents, ctx, 1, 8, events, 8), EFAULT);
	set(0, fd, PREAD, 1);
	set(1, fd, PREAD, 2);
	CHECK(submit(ctx, 2) == 2);
	CHECK(syscall(SYS_io_getevents, ctx, 3, 8, events, &some) == 2); /* all that came in time */
}

TEST(a_signal_ends_the_wait)
{
	unsigned long ctx = setup(8);
	struct timespec wait = {5, 0};
	double start = now();

	on_signal(SIGALRM, nothing, 0);
	ualarm(50000, 0);
	FAILS(syscall(SYS_io_getevents, ctx, 1, 8, events, &wait), EINTR);
	CHECK(now() - start < 3);
	ualarm(50000, 0);
	FAILS(collect(ctx, 1, 8), EINTR);
}

TEST(the_end_of_a_process_waits_for_its_transfers)
{
	int fd = prepare(), ok = 1;

	for (int i = 0; i < 20; i++)
		ok &= IN_CHILD({
			      unsigned long ctx = setup(MANY);

			      for (int k = 0; k < MANY; k++)
				      set(k, fd, i & 1 ? PREAD : PWRITE, k);
			      CHECK(submit(ctx, MANY) == MANY);
			      if (i % 4 == 3)
				      raise(SIGKILL);
		      }) == (i % 4 == 3 ? SIGKILL : 0);
	CHECK(ok);
	memset(blocks, 0xee, MANY * BLOCK);
	CHECK(pread(fd, blocks, MANY * BLOCK, 0) == MANY * BLOCK);
	for (int i = 0; i < MANY; i++)
		CHECK(full_of(blocks + i * BLOCK, i));
}

TEST(the_file_may_be_closed_meanwhile)
{
	int fd = prepare();
	unsigned long ctx = setup(64);

	memset(blocks, 0xff, MANY * BLOCK);
	for (int i = 0; i < 64; i++)
		set(i, fd, PREAD, i);
	CHECK(submit(ctx, 64) == 64);
	CHECK(close(fd) == 0);
	CHECK(unlink("f") == 0);
	CHECK(collect(ctx, 64, 64) == 64);
	for (int i = 0; i < 64; i++)
		CHECK(events[i].res == BLOCK && full_of(blocks + i * BLOCK, i));
}

TEST(the_file_may_be_cut_meanwhile)
{
	int fd = prepare();
	unsigned long ctx = setup(MANY);

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < MANY; i++)
			set(i, fd, PREAD, i);
		CHECK(submit(ctx, MANY) == MANY);
		CHECK(ftruncate(fd, round * BLOCK) == 0);
		CHECK(collect(ctx, MANY, MANY) == MANY);
		for (int i = 0; i < MANY; i++)
			CHECK(events[i].res == BLOCK || events[i].res == 0);
		for (int i = 0; i < MANY; i++)
			memset(blocks + i * BLOCK, i, BLOCK);
		CHECK(pwrite(fd, blocks, MANY * BLOCK, 0) == MANY * BLOCK);
	}
}

/* The child gets the pages as they were; the transfers end in the parent's, also when it could not
 * write to them as it forked. */
TEST(fork_does_not_take_the_pages_away)
{
	int fd = prepare(), ok = 1;
	unsigned long ctx = setup(64);

	for (int round = 0; round < 20 && ok; round++) {
		pid_t pid;

		memset(blocks, 0xee, 64 * BLOCK);
		for (int i = 0; i < 64; i++) {
			set(i, fd, PREAD, 64 + i);
			iocbs[i].nbytes = 512;
		}
		ok &= submit(ctx, 64) == 64;
		if (round % 2)
			ok &= mprotect(blocks, 64 * BLOCK, PROT_READ) == 0;
		CHILD(pid, sleep_ms(5));
		if (round % 2)
			ok &= mprotect(blocks, 64 * BLOCK, PROT_READ | PROT_WRITE) == 0;
		for (int i = 0; i < 64; i++) /* takes a copy of what is shared since fork */
			blocks[i * BLOCK + 2048] = 1;
		ok &= collect(ctx, 64, 64) == 64;
		for (int i = 0; i < 64; i++)
			ok &= blocks[i * BLOCK] == 64 + i && blocks[i * BLOCK + 511] == 64 + i &&
			      blocks[i * BLOCK + 512] == (char)0xee &&
			      blocks[i * BLOCK + 2048] == 1;
		ok &= reap(pid) == 0;
	}
	CHECK(ok);
}

TEST(a_child_has_no_part_in_the_context)
{
	unsigned long ctx = setup(8);

	CHECK(IN_CHILD({
		      FAILS(collect(ctx, 0, 1), EINVAL);
		      FAILS(syscall(SYS_io_destroy, ctx), EINVAL);
	      }) == 0);
	CHECK(syscall(SYS_io_destroy, ctx) == 0);
}

/* libaio looks at the head of the ring, at the context's address. */
TEST(the_ring_lies_in_the_programs_memory)
{
	struct ring {
		uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
	};
	int fd = prepare();
	unsigned long ctx = setup(16);
	volatile struct ring *ring = (volatile struct ring *)ctx;

	CHECK(ring->magic == 0xa10a10a1 && ring->nr > 16 && ring->incompat == 0);
	CHECK(ring->header_length == sizeof(struct ring) && ring->head == ring->tail);
	set(0, fd, PREAD, 0);
	CHECK(submit(ctx, 1) == 1);
	for (int i = 0; i < 5000 && ring->tail == ring->head; i++)
		sleep_ms(1);
	CHECK(ring->tail == ring->head + 1);
	CHECK(collect(ctx, 1, 1) == 1 && ring->tail == ring->head);
	FAILS(collect(ctx, 1, 0), EINVAL);
}

TEST(what_is_done_cannot_be_cancelled)
{
	int fd = prepare();
	unsigned long ctx = setup(8);

	set(0, fd, PREAD, 0);
	CHECK(submit(ctx, 1) == 1);
	FAILS(syscall(SYS_io_cancel, ctx, &iocbs[0], events), EINVAL);
	FAILS(syscall(SYS_io_cancel, ctx, 8, events), EFAULT);
	CHECK(collect(ctx, 1, 1) == 1 && events[0].res == BLOCK);
}

TEST(flags_of_a_write)
{
	int fd = prepare();
	unsigned long ctx = setup(8);

	set(0, fd, PWRITE, 5);
	iocbs[0].rw_flags = 0x02; /* RWF_DSYNC */
	CHECK(submit(ctx, 1) == 1 && collect(ctx, 1, 1) == 1 && events[0].res == BLOCK);
	iocbs[0].rw_flags = 0x10000;
	FAILS(submit(ctx, 1), EOPNOTSUPP);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
