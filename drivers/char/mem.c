/* /dev/null, zero, full, random, urandom and kmsg. Numbers: Linux admin-guide/devices.txt. */
#include "drivers/char/char_internal.h"
#include "drivers/char/random.h"
#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"

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

static ssize_t zero_read(struct kiocb *iocb, struct iov_iter *to)
{
	size_t done = 0, n, want;

	(void)iocb;
	do {
		want = min(iov_iter_count(to), (size_t)PAGE_SIZE);
		n = iov_iter_zero(want, to);
		done += n;
	} while (n == want && iov_iter_count(to) && !interrupted());
	return done || !want ? (ssize_t)done : -EFAULT;
}

static ssize_t random_read(struct kiocb *iocb, struct iov_iter *to)
{
	size_t done = 0, n, want;
	u8 chunk[CHUNK];

	(void)iocb;
	do {
		want = min(iov_iter_count(to), sizeof(chunk));
		get_random_bytes(chunk, want);
		n = copy_to_iter(chunk, want, to);
		done += n;
	} while (n == want && iov_iter_count(to) && !interrupted());
	return done || !want ? (ssize_t)done : -EFAULT;
}

static ssize_t random_write(struct kiocb *iocb, struct iov_iter *from)
{
	size_t done = 0, n;
	u8 chunk[CHUNK];

	(void)iocb;
	while (iov_iter_count(from)) {
		n = copy_from_iter(chunk, min(iov_iter_count(from), sizeof(chunk)), from);
		if (n == 0)
			return done ? (ssize_t)done : -EFAULT;
		for (size_t i = 0; i < n; i++)
			add_input_randomness(chunk[i]);
		done += n;
	}
	return (ssize_t)done;
}

/* The messages as text, from the oldest that is kept on; ends at the newest. */
static ssize_t kmsg_read(struct kiocb *iocb, struct iov_iter *to)
{
	char *text = kmalloc(printk_log_size(), GFP_KERNEL);
	size_t len, n = 0;
	int err = 0;

	if (!text)
		return -ENOMEM;
	len = printk_read_all(text, printk_log_size());
	if (iocb->ki_pos >= 0 && (u64)iocb->ki_pos < len) {
		len = min(len - (size_t)iocb->ki_pos, iov_iter_count(to));
		n = copy_to_iter(text + iocb->ki_pos, len, to);
		iocb->ki_pos += (loff_t)n;
		err = n == 0 && len ? -EFAULT : 0;
	}
	kfree(text);
	return err ? err : (ssize_t)n;
}

static ssize_t kmsg_write(struct kiocb *iocb, struct iov_iter *from)
{
	char text[CHUNK];
	size_t n = copy_from_iter(text, min(iov_iter_count(from), sizeof(text) - 1), from);

	(void)iocb;
	if (n == 0)
		return iov_iter_count(from) ? -EFAULT : 0;
	text[n] = '\0';
	printk("%s%s", text, text[n - 1] == '\n' ? "" : "\n");
	return (ssize_t)n;
}

static const struct file_operations null_fops = {
	.llseek = mem_llseek, .read_iter = null_read, .write_iter = null_write};
static const struct file_operations zero_fops = {
	.llseek = mem_llseek, .read_iter = zero_read, .write_iter = null_write};
static const struct file_operations full_fops = {
	.llseek = mem_llseek, .read_iter = zero_read, .write_iter = full_write};
static const struct file_operations random_fops = {
	.llseek = mem_llseek, .read_iter = random_read, .write_iter = random_write};
static const struct file_operations kmsg_fops = {
	.llseek = mem_llseek, .read_iter = kmsg_read, .write_iter = kmsg_write};

void mem_init(void)
{
	char_register(1, 3, 1, "null", 0666, &null_fops);
	char_register(1, 5, 1, "zero", 0666, &zero_fops);
	char_register(1, 7, 1, "full", 0666, &full_fops);
	char_register(1, 8, 1, "random", 0666, &random_fops);
	char_register(1, 9, 1, "urandom", 0666, &random_fops);
	char_register(1, 11, 1, "kmsg", 0644, &kmsg_fops);
}
