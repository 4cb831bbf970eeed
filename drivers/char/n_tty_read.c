/*
 * The line discipline's reads: lines in canonical mode, bytes by VMIN and VTIME in the other.
 * Also there: terminals and character devices
 */
#include "drivers/char/tty_driver.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"

/* Take up to max bytes. Sets *end when the read must not go on: at the end of a line. */
static size_t take(struct tty *tty, u8 *dst, size_t max, bool *end)
{
	bool canon = (tty->termios.c_lflag & ICANON) != 0;
	size_t n = 0;

	while (tty->tail != tty->canon_head && !*end) {
		u32 c = tty->buf[tty->tail % TTY_BUF_SIZE];

		if (n == max && !(c & IS_EOF))
			break;
		tty->tail++;
		*end = canon && c & LINE_END;
		if (!(c & IS_EOF))
			dst[n++] = (u8)c;
	}
	return n;
}

static bool input_ready(struct tty_file *tf)
{
	u64 flags = spin_lock_irqsave(&tf->tty->lock);
	bool ready = tty_available(tf->tty) != 0;

	spin_unlock_irqrestore(&tf->tty->lock, flags);
	return ready;
}

/* How long a read that has `done` bytes waits for more: POSIX XBD 11.1.7. 0: not at all. */
static u64 read_timeout(const struct ktermios *t, size_t done)
{
	size_t wanted = t->c_lflag & ICANON ? 1 : t->c_cc[VMIN];

	if (done && done >= wanted)
		return 0;
	if (t->c_lflag & ICANON || (wanted && (!done || !t->c_cc[VTIME])))
		return WAIT_FOREVER;
	return t->c_cc[VTIME] * 100 * NSEC_PER_MSEC;
}

static ssize_t read_locked(struct tty_file *tf, struct iov_iter *to, bool nonblock)
{
	struct tty *tty = tf->tty;
	u8 chunk[TTY_CHUNK];
	size_t done = 0, n;
	bool end = false;

	while (iov_iter_count(to) && !tty_hung_up(tf)) {
		u64 flags = spin_lock_irqsave(&tty->lock), timeout;
		int ret;

		n = take(tty, chunk, min(iov_iter_count(to), sizeof(chunk)), &end);
		timeout = read_timeout(&tty->termios, done + n);
		tty_check_unthrottle(tty);
		spin_unlock_irqrestore(&tty->lock, flags);
		if (copy_to_iter(chunk, n, to) != n)
			return done ? (ssize_t)done : -EFAULT;
		done += n;
		if (end)
			break;
		if (n)
			continue; /* there may be more than a chunk */
		if (!timeout)
			break;
		ret = nonblock ? -EAGAIN : tty_wait(tf, &tty->read_wait, input_ready, timeout);
		if (ret)
			return done || ret == -ETIME ? (ssize_t)done : ret;
	}
	return (ssize_t)done;
}

ssize_t n_tty_read(struct tty_file *tf, struct iov_iter *to, bool nonblock)
{
	int err = 0;
	ssize_t ret;

	if (!nonblock)
		err = mutex_lock_interruptible(&tf->tty->read_lock);
	else if (!mutex_trylock(&tf->tty->read_lock))
		err = -EAGAIN;
	if (err)
		return err;
	ret = read_locked(tf, to, nonblock);
	mutex_unlock(&tf->tty->read_lock);
	return ret;
}
