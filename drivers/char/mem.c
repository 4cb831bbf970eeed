/*
 * /dev/null, zero, full, random and urandom. Numbers: Linux admin-guide/devices.txt.
 * Also there: terminals and character devices
 */
#include "block/genhd.h"
#include "drivers/char/char_internal.h"
#include "drivers/char/random.h"
#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/sched/sched.h"

#define CHUNK 256u

/* Between two chunks of a long transfer. Returns: whether to end it here. */
static bool interrupted(void)
{
	if (this_cpu()->need_resched)
		schedule();
	return signal_pending();
}

static loff_t mem_llseek(struct file *file, loff_t off, int whence)
{
	(void)off;
	(void)whence;
	return file->f_pos = 0;
}

static ssize_t null_read(struct kiocb *iocb, struct iov_iter *to)
{
	(void)iocb;
	(void)to;
	return 0;
}

static ssize_t null_write(struct kiocb *iocb, struct iov_iter *from)
{
	size_t n = iov_iter_count(from);

	(void)iocb;
	iov_iter_advance(from, n);
	return (ssize_t)n;
}

static ssize_t full_write(struct kiocb *iocb, struct iov_iter *from)
{
	(void)iocb;
	return iov_iter_count(from) ? -ENOSPC : 0;
}

/* Give what next() makes, up to `max` bytes at a time. */
static ssize_t read_chunks(struct iov_iter *to, size_t max,
			   size_t (*next)(size_t bytes, struct iov_iter *to))
{
	size_t done = 0, n, want;

	do {
		want = min(iov_iter_count(to), max);
		n = next(want, to);
		done += n;
	} while (n == want && iov_iter_count(to) && !interrupted());
	return done || !want ? (ssize_t)done : -EFAULT;
}

static ssize_t zero_read(struct kiocb *iocb, struct iov_iter *to)
{
	(void)iocb;
	return read_chunks(to, PAGE_SIZE, iov_iter_zero);
}

static size_t next_random(size_t bytes, struct iov_iter *to)
{
	u8 chunk[CHUNK];

	get_random_bytes(chunk, bytes);
	return copy_to_iter(chunk, bytes, to);
}

static ssize_t random_read(struct kiocb *iocb, struct iov_iter *to)
{
	(void)iocb;
	return read_chunks(to, CHUNK, next_random);
}

static const struct memdev {
	u32 minor;
	const char *name;
	struct file_operations fops;
} devlist[] = {
	{3, "null", {.llseek = mem_llseek, .read_iter = null_read, .write_iter = null_write}},
	{5, "zero", {.llseek = mem_llseek, .read_iter = zero_read, .write_iter = null_write}},
	{7, "full", {.llseek = mem_llseek, .read_iter = zero_read, .write_iter = full_write}},
	{8, "random", {.llseek = mem_llseek, .read_iter = random_read, .write_iter = null_write}},
	{9, "urandom", {.llseek = mem_llseek, .read_iter = random_read, .write_iter = null_write}},
};

void mem_init(void)
{
	for (const struct memdev *m = devlist; m < devlist + ARRAY_SIZE(devlist); m++)
		char_register(MKDEV(1, m->minor), m->name, 0666, &m->fops);
}
