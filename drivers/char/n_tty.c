/*
 * The line discipline: what becomes of typed characters on their way to a program, and of written
 * ones on their way to the terminal. POSIX.1-2017, XBD chapter 11.
 *
 * Invariant: a change between canonical and raw mode makes all input that has come readable.
 */
#include "drivers/char/tty_driver.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Marks beside a character in tty->buf. */
#define LINE_END 0x100u /* the last one of a line */
#define IS_EOF	 0x200u /* ends a line and is not read itself */

const struct ktermios tty_std_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B115200 | CS8 | CREAD | CLOCAL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE,
	.c_cc = "\003\034\177\025\004\0\1\0\021\023\032",
};

static bool is_cc(const struct tty *tty, u8 c, int which)
{
	return c && c == tty->termios.c_cc[which];
}

static u32 lflag(const struct tty *tty, u32 flags)
{
	return tty->termios.c_lflag & flags;
}

static u32 iflag(const struct tty *tty, u32 flags)
{
	return tty->termios.c_iflag & flags;
}

static bool is_continuation(const struct tty *tty, u8 c)
{
	return iflag(tty, IUTF8) && (c & 0xc0) == 0x80;
}

/* --- output --- */

/* Returns: the number of bytes that c becomes, 1 or 2. */
static size_t opost(struct tty *tty, u8 c, u8 *out)
{
	u32 oflag = tty->termios.c_oflag;
	size_t n = 0;

	if (oflag & OPOST && oflag & ONLCR && c == '\n')
		n += opost(tty, '\r', out);
	if (c == '\r')
		tty->column = 0;
	else if (c == '\b')
		tty->column -= tty->column > 0;
	else if (c == '\t')
		tty->column = (tty->column | 7) + 1;
	else if (c >= ' ' && !is_continuation(tty, c))
		tty->column++;
	out[n++] = c;
	return n;
}

size_t n_tty_write(struct tty *tty, const u8 *buf, size_t len)
{
	size_t room = tty_write_room(tty), done, n = 0;
	u8 out[2 * TTY_CHUNK];

	room = min(room, sizeof(out));
	for (done = 0; done < len && n + 2 <= room; done++)
		n += opost(tty, buf[done], &out[n]);
	tty->ops->write(tty, out, n);
	return done;
}

static void echo(struct tty *tty, const char *s)
{
	u8 out[2];

	for (; *s; s++)
		tty->ops->write(tty, out, opost(tty, (u8)*s, out));
}

static bool shown_by_caret(const struct tty *tty, u8 c)
{
	return lflag(tty, ECHOCTL) && (c < ' ' || c == 0x7f) && c != '\t' && c != '\n';
}

static void echo_char(struct tty *tty, u8 c)
{
	char text[3] = {(char)c};

	if (shown_by_caret(tty, c)) {
		text[0] = '^';
		text[1] = (char)(c ^ 0x40);
	}
	echo(tty, text);
}

/* --- editing of a line --- */

/* The column where the edited line ends. */
static u32 edit_column(const struct tty *tty)
{
	u32 col = tty->canon_column;

	for (u32 i = tty->canon_head; i != tty->head; i++) {
		u8 c = (u8)tty->buf[i % TTY_BUF_SIZE];

		if (c == '\t')
			col = (col | 7) + 1;
		else if (shown_by_caret(tty, c))
			col += 2;
		else if (c >= ' ' && !is_continuation(tty, c))
			col++;
	}
	return col;
}

/* VERASE, the last character, or VKILL, the line. */
static void erase(struct tty *tty, int which)
{
	u32 width = edit_column(tty), c;

	while (tty->head != tty->canon_head) {
		c = tty->buf[--tty->head % TTY_BUF_SIZE];
		if (which == VERASE && !is_continuation(tty, (u8)c))
			break;
	}
	if (!lflag(tty, ECHO))
		return;
	if (lflag(tty, ECHOE) && (which == VERASE || lflag(tty, ECHOKE))) {
		for (width -= edit_column(tty); width; width--)
			echo(tty, "\b \b");
		return;
	}
	echo_char(tty, tty->termios.c_cc[which]);
	if (which == VKILL && lflag(tty, ECHOK))
		echo(tty, "\n");
}

/* --- input --- */

static void push(struct tty *tty, u32 c)
{
	u32 size = c & LINE_END || !lflag(tty, ICANON) ? TTY_BUF_SIZE : TTY_BUF_SIZE - 1;

	if (tty->head - tty->tail >= size)
		return;
	tty->buf[tty->head++ % TTY_BUF_SIZE] = (u16)c;
	if (c & LINE_END || !lflag(tty, ICANON))
		tty->canon_head = tty->head;
}

static bool receive_flow(struct tty *tty, u8 c)
{
	bool start = is_cc(tty, c, VSTART);

	if (!iflag(tty, IXON) || !(start || is_cc(tty, c, VSTOP)))
		return false;
	tty_set_stopped(tty, !start);
	return true;
}

static bool receive_signal(struct tty *tty, u8 c)
{
	int sig = is_cc(tty, c, VINTR) ? TTY_SIGINT :
		  is_cc(tty, c, VQUIT) ? TTY_SIGQUIT :
		  is_cc(tty, c, VSUSP) ? TTY_SIGTSTP :
					 0;

	if (!lflag(tty, ISIG) || !sig)
		return false;
	if (!lflag(tty, NOFLSH)) {
		n_tty_flush_input(tty);
		tty->ops->flush_buffer(tty);
	}
	if (iflag(tty, IXON))
		tty_set_stopped(tty, false);
	if (lflag(tty, ECHO))
		echo_char(tty, c);
	tty_signal_foreground(tty, sig);
	return true;
}

/* The characters that edit or end a line. */
static bool receive_canon(struct tty *tty, u8 c)
{
	if (is_cc(tty, c, VERASE)) {
		erase(tty, VERASE);
	} else if (is_cc(tty, c, VKILL)) {
		erase(tty, VKILL);
	} else if (is_cc(tty, c, VEOF)) {
		push(tty, c | LINE_END | IS_EOF);
	} else if (c == '\n' || is_cc(tty, c, VEOL)) {
		if (lflag(tty, ECHO))
			echo_char(tty, c);
		push(tty, c | LINE_END);
	} else {
		return false;
	}
	return true;
}

static void receive_char(struct tty *tty, u8 c)
{
	if (receive_flow(tty, c) || receive_signal(tty, c))
		return;
	if (c == '\r' && iflag(tty, ICRNL))
		c = '\n';
	if (lflag(tty, ICANON) && receive_canon(tty, c))
		return;
	if (tty->head == tty->canon_head)
		tty->canon_column = tty->column;
	if (lflag(tty, ECHO))
		echo_char(tty, c);
	push(tty, c);
}

void n_tty_receive(struct tty *tty, const u8 *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		receive_char(tty, buf[i]);
	if (n_tty_available(tty))
		wake_up(&tty->read_wait);
}

u32 n_tty_receive_room(const struct tty *tty)
{
	u32 used = tty->head - tty->tail;

	/* Nobody can read until the line ends, so what makes it too long is dropped, not awaited. */
	if (lflag(tty, ICANON) && !n_tty_available(tty) && used >= TTY_BUF_SIZE - 1)
		return 1;
	return used < TTY_BUF_SIZE ? TTY_BUF_SIZE - 1 - used : 0;
}

u32 n_tty_available(const struct tty *tty)
{
	return tty->canon_head - tty->tail;
}

void n_tty_flush_input(struct tty *tty)
{
	tty->canon_head = tty->tail = tty->head;
	tty_check_unthrottle(tty);
}

void n_tty_set_termios(struct tty *tty, const struct ktermios *t)
{
	if ((tty->termios.c_lflag ^ t->c_lflag) & ICANON) {
		if (tty->head != tty->canon_head || (t->c_lflag & ICANON && tty->head != tty->tail))
			tty->buf[(tty->head - 1) % TTY_BUF_SIZE] |= LINE_END;
		tty->canon_head = tty->head;
	}
	tty->termios = *t;
	if (!iflag(tty, IXON))
		tty_set_stopped(tty, false);
	tty_check_unthrottle(tty);
	wake_up(&tty->read_wait);
}

/* Take up to max bytes. Sets *end when the read must not go on: at the end of a line. */
static size_t take(struct tty *tty, u8 *dst, size_t max, bool *end)
{
	bool canon = lflag(tty, ICANON) != 0;
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
	bool ready = n_tty_available(tf->tty) != 0;

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
