/*
 * The line discipline: what becomes of typed characters on their way to a program, and of written
 * ones on their way to the terminal. POSIX.1-2017, XBD chapter 11.
 *
 * Invariant: a change between canonical and raw mode makes all input that has come readable.
 * Also there: terminals and character devices
 */
#include "drivers/char/char_internal.h"
#include "drivers/char/tty_driver.h"
#include "kernel/lib/string.h"

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

static bool is_control(u8 c)
{
	return c < ' ' || c == 0x7f;
}

/* Letters as Linux has them here: of ISO 8859-1. */
static bool is_upper(u8 c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

static bool is_lower(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

/* --- output --- */

/* Returns: the number of bytes that c becomes, OPOST_MAX at most. */
static size_t opost(struct tty *tty, u8 c, u8 *out)
{
	u32 oflag = tty->termios.c_oflag & OPOST ? tty->termios.c_oflag : 0;
	u32 width = 8 - tty->column % 8;
	size_t n = 0;

	if (c == '\r' && oflag & ONOCR && !tty->column)
		return 0;
	if (c == '\n' && oflag & ONLCR)
		out[n++] = '\r';
	if (c == '\r' ? !(oflag & OCRNL) || oflag & ONLRET : c == '\n' && oflag & (ONLCR | ONLRET))
		tty->column = tty->canon_column = 0;
	else if (c == '\n')
		tty->canon_column = tty->column;
	if (c == '\r' && oflag & OCRNL) {
		c = '\n';
	} else if (c == '\b') {
		tty->column -= tty->column > 0;
	} else if (c == '\t') {
		tty->column += width;
		if ((oflag & XTABS) == XTABS) {
			memset(out, ' ', width);
			return width;
		}
	} else if (!is_control(c)) {
		c = oflag & OLCUC && is_lower(c) ? c - ('a' - 'A') : c;
		tty->column += !is_continuation(tty, c);
	}
	out[n++] = c;
	return n;
}

static size_t n_tty_write(struct tty *tty, const u8 *buf, size_t len)
{
	size_t room = tty_write_room(tty), done, n = 0;
	u8 out[2 * TTY_CHUNK];

	room = min(room, sizeof(out));
	for (done = 0; done < len && n + OPOST_MAX <= room; done++)
		n += opost(tty, buf[done], &out[n]);
	tty->ops->write(tty, out, n);
	return done;
}

static void echo_raw(struct tty *tty, u8 c)
{
	u8 out[OPOST_MAX];

	tty->ops->write(tty, out, opost(tty, c, out));
}

static void echo(struct tty *tty, const char *s)
{
	for (; *s; s++)
		echo_raw(tty, (u8)*s);
}

static bool shown_by_caret(const struct tty *tty, u8 c)
{
	return lflag(tty, ECHOCTL) && is_control(c) && c != '\t';
}

static void echo_char(struct tty *tty, u8 c)
{
	if (shown_by_caret(tty, c)) {
		echo_raw(tty, '^');
		c ^= 0x40;
	}
	echo_raw(tty, c);
}

/* --- editing of a line --- */

/* With ECHOPRT what is erased stands between \ and /. */
static void finish_erasing(struct tty *tty)
{
	if (tty->erasing)
		echo_raw(tty, '/');
	tty->erasing = false;
}

/* Columns that a character of the line takes at this one. */
static u32 char_width(const struct tty *tty, u8 c, u32 column)
{
	if (c == '\t')
		return 8 - column % 8;
	return is_control(c) ? 2 * shown_by_caret(tty, c) : !is_continuation(tty, c);
}

/* Echo that the character of n bytes behind tty->head is gone. */
static void echo_erased(struct tty *tty, int which, u32 n)
{
	u8 c = (u8)tty->buf[tty->head % TTY_BUF_SIZE];
	u32 column = tty->canon_column, width;

	if (lflag(tty, ECHOPRT)) {
		if (!tty->erasing)
			echo_raw(tty, '\\');
		tty->erasing = true;
		echo_char(tty, c);
		for (u32 i = 1; i < n; i++)
			echo_raw(tty, (u8)tty->buf[(tty->head + i) % TTY_BUF_SIZE]);
	} else if (which == VERASE && !lflag(tty, ECHOE)) {
		echo_char(tty, tty->termios.c_cc[VERASE]);
	} else {
		if (c == '\t') /* a tab alone is as wide as what stands before it tells */
			for (u32 i = tty->canon_head; i != tty->head; i++)
				column += char_width(tty, (u8)tty->buf[i % TTY_BUF_SIZE], column);
		for (width = char_width(tty, c, column); width; width--)
			echo(tty, c == '\t' ? "\b" : "\b \b");
	}
}

static bool is_word(u8 c)
{
	return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c == '_';
}

/* VERASE, the last character, VWERASE, the last word, or VKILL, the line. */
static void erase(struct tty *tty, int which)
{
	bool in_word = false;
	u32 start, n;
	u8 c;

	if (tty->head == tty->canon_head)
		return;
	if (which == VKILL &&
	    lflag(tty, ECHO | ECHOE | ECHOK | ECHOKE) != (ECHO | ECHOE | ECHOK | ECHOKE)) {
		tty->head = tty->canon_head;
		if (!lflag(tty, ECHO))
			return;
		finish_erasing(tty);
		echo_char(tty, tty->termios.c_cc[VKILL]);
		echo(tty, lflag(tty, ECHOK) ? "\n" : "");
		return;
	}
	do {
		start = tty->head;
		do
			c = (u8)tty->buf[--start % TTY_BUF_SIZE];
		while (is_continuation(tty, c) && start != tty->canon_head);
		if (is_continuation(tty, c) || (which == VWERASE && in_word && !is_word(c)))
			break;
		in_word |= is_word(c);
		n = tty->head - start;
		tty->head = start;
		if (lflag(tty, ECHO))
			echo_erased(tty, which, n);
	} while (which != VERASE && tty->head != tty->canon_head);
	if (tty->head == tty->canon_head && lflag(tty, ECHO))
		finish_erasing(tty);
}

static void reprint(struct tty *tty)
{
	finish_erasing(tty);
	echo_char(tty, tty->termios.c_cc[VREPRINT]);
	echo_raw(tty, '\n');
	for (u32 i = tty->canon_head; i != tty->head; i++)
		echo_char(tty, (u8)tty->buf[i % TTY_BUF_SIZE]);
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

static void n_tty_flush_buffer(struct tty *tty)
{
	tty->canon_head = tty->tail = tty->head;
	tty->erasing = false;
	tty_check_unthrottle(tty);
}

static void send_signal(struct tty *tty, int sig)
{
	if (!lflag(tty, NOFLSH)) {
		n_tty_flush_buffer(tty);
		tty->ops->flush_buffer(tty);
	}
	tty_signal_foreground(tty, sig);
}

static bool receive_signal(struct tty *tty, u8 c)
{
	int sig = is_cc(tty, c, VINTR) ? TTY_SIGINT :
		  is_cc(tty, c, VQUIT) ? TTY_SIGQUIT :
		  is_cc(tty, c, VSUSP) ? TTY_SIGTSTP :
					 0;

	if (!lflag(tty, ISIG) || !sig)
		return false;
	send_signal(tty, sig);
	if (iflag(tty, IXON))
		tty_set_stopped(tty, false);
	if (lflag(tty, ECHO))
		echo_char(tty, c);
	return true;
}

/* PARMRK: what is no mark of a break is told apart by being doubled. */
static void push_marked(struct tty *tty, u8 c, u32 mark)
{
	if (c == 0xff && iflag(tty, PARMRK))
		push(tty, c);
	push(tty, c | mark);
}

static void echo_typed(struct tty *tty, u8 c)
{
	if (!lflag(tty, ECHO))
		return;
	if (tty->head == tty->canon_head)
		tty->canon_column = tty->column;
	echo_char(tty, c);
}

/* The characters that edit a line. */
static bool receive_edit(struct tty *tty, u8 c)
{
	bool extended = lflag(tty, IEXTEN) != 0;

	if (is_cc(tty, c, VERASE)) {
		erase(tty, VERASE);
	} else if (is_cc(tty, c, VKILL)) {
		erase(tty, VKILL);
	} else if (extended && is_cc(tty, c, VWERASE)) {
		erase(tty, VWERASE);
	} else if (extended && is_cc(tty, c, VLNEXT)) {
		tty->lnext = true;
		if (lflag(tty, ECHO)) {
			finish_erasing(tty);
			echo(tty, lflag(tty, ECHOCTL) ? "^\b" : "");
		}
	} else if (extended && lflag(tty, ECHO) && is_cc(tty, c, VREPRINT)) {
		reprint(tty);
	} else {
		return false;
	}
	return true;
}

/* Those that end it. */
static bool receive_end(struct tty *tty, u8 c)
{
	if (c == '\n') {
		if (lflag(tty, ECHO | ECHONL))
			echo_raw(tty, c);
		push(tty, c | LINE_END);
	} else if (is_cc(tty, c, VEOF)) {
		push(tty, c | LINE_END | IS_EOF);
	} else if (is_cc(tty, c, VEOL) || (lflag(tty, IEXTEN) && is_cc(tty, c, VEOL2))) {
		echo_typed(tty, c);
		push_marked(tty, c, LINE_END);
	} else {
		return false;
	}
	return true;
}

/* A character of the input itself, whatever it means elsewhere. */
static void receive_literal(struct tty *tty, u8 c)
{
	if (iflag(tty, IXON) && iflag(tty, IXANY))
		tty_set_stopped(tty, false);
	if (lflag(tty, ECHO))
		finish_erasing(tty);
	echo_typed(tty, c);
	push_marked(tty, c, 0);
}

static void receive_char(struct tty *tty, u8 c)
{
	u8 typed;

	if (iflag(tty, ISTRIP))
		c &= 0x7f;
	if (iflag(tty, IUCLC) && lflag(tty, IEXTEN) && is_upper(c))
		c += 'a' - 'A';
	if (tty->lnext) {
		tty->lnext = false;
		return receive_literal(tty, c);
	}
	typed = c;
	if (receive_flow(tty, c) || receive_signal(tty, c))
		return;
	if (iflag(tty, IXON) && iflag(tty, IXANY))
		tty_set_stopped(tty, false);
	if (c == '\r' && iflag(tty, IGNCR))
		return;
	if (c == '\r' && iflag(tty, ICRNL))
		c = '\n';
	else if (c == '\n' && iflag(tty, INLCR))
		c = '\r';
	if (lflag(tty, ICANON) && (receive_edit(tty, c) || receive_end(tty, c)))
		return;
	if (c == '\n' && typed == '\r' && lflag(tty, ECHO)) {
		echo_raw(tty, c); /* not as ^J, as it is otherwise in raw mode */
		return push(tty, c);
	}
	receive_literal(tty, c);
}

static void n_tty_receive_break(struct tty *tty)
{
	if (iflag(tty, IGNBRK))
		return;
	if (iflag(tty, BRKINT))
		return send_signal(tty, TTY_SIGINT);
	if (iflag(tty, PARMRK)) {
		push(tty, 0xff);
		push(tty, 0);
	}
	push(tty, 0);
	if (tty_available(tty))
		wake_up(&tty->read_wait);
}

static void n_tty_receive_buf(struct tty *tty, const u8 *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		receive_char(tty, buf[i]);
	if (tty_available(tty))
		wake_up(&tty->read_wait);
}

static u32 n_tty_receive_room(const struct tty *tty)
{
	u32 used = tty->head - tty->tail;

	if (iflag(tty, PARMRK)) /* a character may become three */
		used = TTY_BUF_SIZE - (TTY_BUF_SIZE - min(used, TTY_BUF_SIZE)) / 3;
	/* Nobody can read until the line ends, so what makes it too long is dropped, not
	 * awaited. */
	if (lflag(tty, ICANON) && !tty_available(tty) && used >= TTY_BUF_SIZE - 1)
		return 1;
	return used < TTY_BUF_SIZE ? TTY_BUF_SIZE - 1 - used : 0;
}

static u32 n_tty_readable_bytes(const struct tty *tty)
{
	u32 n = 0;

	for (u32 i = tty->tail; i != tty->canon_head; i++)
		n += !(tty->buf[i % TTY_BUF_SIZE] & IS_EOF);
	return n;
}

static void n_tty_set_termios(struct tty *tty, const struct ktermios *t)
{
	if ((tty->termios.c_lflag ^ t->c_lflag) & ICANON) {
		if (tty->head != tty->canon_head || (t->c_lflag & ICANON && tty->head != tty->tail))
			tty->buf[(tty->head - 1) % TTY_BUF_SIZE] |= LINE_END;
		tty->canon_head = tty->head;
		tty->lnext = tty->erasing = false;
	}
	tty->termios = *t;
	if (!iflag(tty, IXON))
		tty_set_stopped(tty, false);
	tty_check_unthrottle(tty);
	wake_up(&tty->read_wait);
}

static const struct tty_ldisc_ops n_tty_ops = {
	.receive_buf = n_tty_receive_buf,
	.receive_break = n_tty_receive_break,
	.receive_room = n_tty_receive_room,
	.read = n_tty_read,
	.write = n_tty_write,
	.readable_bytes = n_tty_readable_bytes,
	.flush_buffer = n_tty_flush_buffer,
	.set_termios = n_tty_set_termios,
};

void n_tty_init(void)
{
	tty_register_ldisc(&n_tty_ops);
}
