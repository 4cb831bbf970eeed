/*
 * The ioctls of terminals; those of sessions and groups are in tty_jobctrl.c.
 * Also there: terminals and character devices
 */
#include "drivers/char/tty_driver.h"
#include "fs/fs_struct.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"

/* Linux asm-generic/ioctls.h and termbits.h */
enum { TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TCSBRK = 0x5409, TCXONC, TCFLSH = 0x540b };
enum { TIOCOUTQ = 0x5411, TIOCSTI };
enum { TCOOFF, TCOON, TCIOFF, TCION };
enum { TIOCGWINSZ = 0x5413, TIOCSWINSZ, FIONREAD = 0x541b };
enum { TCIFLUSH, TCOFLUSH, TCIOFLUSH };
/* Those with struct termios2; the C library from glibc 2.42 on knows no others. */
#define TCGETS2 0x802c542au
enum { TCSETS2 = 0x402c542b, TCSETSW2, TCSETSF2 };
/* c_cflag: the output's speed, and IBSHIFT bits above it the input's, if it is another. */
enum { CBAUD = 0x100f, BOTHER = 0x1000, IBSHIFT = 16 };

static u32 baud_rate(u32 cflag, u32 other)
{
	/* clang-format off */
	static const u32 rates[] = {
		0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400,
		57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000,
		2000000, 2500000, 3000000, 3500000, 4000000};
	/* clang-format on */
	u32 code = cflag & CBAUD;

	if (code == BOTHER)
		return other;
	return rates[code & BOTHER ? (code & 15) + 15 : code];
}

/* The speeds of t as numbers, of which t needs only those that have no code. */
static void fill_speeds(struct ktermios2 *t)
{
	u32 input = t->t.c_cflag >> IBSHIFT;

	t->c_ospeed = baud_rate(t->t.c_cflag, t->c_ospeed);
	t->c_ispeed = input & CBAUD ? baud_rate(input, t->c_ispeed) : t->c_ospeed;
}

static bool drained(struct tty_file *tf)
{
	return tf->tty->ops->chars_in_buffer(tf->tty) == 0;
}

static int drain(struct tty_file *tf)
{
	return tty_wait(tf, &tf->tty->write_wait, drained, WAIT_FOREVER);
}

static int set_termios(struct tty_file *tf, u32 cmd, u64 arg)
{
	struct tty *tty = tf->tty;
	bool speeds = cmd >= TCSETS2;
	struct ktermios2 t;
	u64 flags;
	int err;

	if (speeds ? get_user_obj(&t, USERPTR(arg)) : get_user_obj(&t.t, USERPTR(arg)))
		return -EFAULT;
	err = cmd == TCSETS || cmd == TCSETS2 ? 0 : drain(tf);
	if (err)
		return err;
	flags = spin_lock_irqsave(&tty->lock);
	if (cmd == TCSETSF || cmd == TCSETSF2)
		tty->ldisc->flush_buffer(tty);
	if (!speeds) {
		t.c_ispeed = tty->ispeed;
		t.c_ospeed = tty->ospeed;
	}
	fill_speeds(&t);
	tty->ispeed = t.c_ispeed;
	tty->ospeed = t.c_ospeed;
	tty->ldisc->set_termios(tty, &t.t);
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

static int set_winsize(struct tty *tty, u64 arg)
{
	struct winsize ws;
	u64 flags;

	if (get_user_obj(&ws, USERPTR(arg)))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	if (memcmp(&ws, &tty->winsize, sizeof(ws)) != 0) {
		tty->winsize = ws;
		tty_signal_foreground(tty, TTY_SIGWINCH);
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

/* tcflow(): output of ours by its state, the sender by a character. */
static int flow(struct tty *tty, u64 arg)
{
	u8 c;
	u64 flags;

	if (arg > TCION)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	c = tty->termios.c_cc[arg == TCIOFF ? VSTOP : VSTART];
	if (arg == TCOOFF || arg == TCOON) {
		tty->stopped_by_call = false;
		tty_set_stopped(tty, arg == TCOOFF);
		tty->stopped_by_call = arg == TCOOFF;
	} else if (c) {
		tty->ops->write(tty, &c, 1);
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

static int flush(struct tty *tty, u64 arg)
{
	u64 flags;

	if (arg > TCIOFLUSH)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (arg != TCOFLUSH)
		tty->ldisc->flush_buffer(tty);
	if (arg != TCIFLUSH)
		tty->ops->flush_buffer(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	wake_up(&tty->write_wait);
	return 0;
}

/* As if the byte had been typed. */
static int simulate_input(struct tty *tty, u64 arg)
{
	u8 c;

	if (tty_current() != tty && !cred_is_root(current_cred()))
		return -EPERM;
	if (get_user_obj(&c, USERPTR(arg)))
		return -EFAULT;
	tty_receive(tty, &c, 1);
	return 0;
}

/* What does not change the terminal. */
static long tty_query(struct tty *tty, u32 cmd, u64 arg)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	struct ktermios2 t = {tty->termios, tty->ispeed, tty->ospeed};
	struct winsize ws = tty->winsize;
	u32 in = tty->ldisc->readable_bytes(tty), out = tty->ops->chars_in_buffer(tty);

	spin_unlock_irqrestore(&tty->lock, flags);
	switch (cmd) {
	case TCGETS:
		return put_user_obj(USERPTR(arg), &t.t);
	case TCGETS2:
		fill_speeds(&t);
		return put_user_obj(USERPTR(arg), &t);
	case TIOCGWINSZ:
		return put_user_obj(USERPTR(arg), &ws);
	case TIOCOUTQ:
		return put_user_obj(USERPTR(arg), &out);
	case FIONREAD:
		return put_user_obj(USERPTR(arg), &in);
	default:
		return -ENOTTY;
	}
}

static long tty_change(struct tty_file *tf, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(tf, cmd, arg);
	case TCSBRK: /* a break is not sent: no line of ours ends in a modem */
		return drain(tf);
	case TCXONC:
		return flow(tf->tty, arg);
	case TCFLSH:
		return flush(tf->tty, arg);
	case TIOCSWINSZ:
		return set_winsize(tf->tty, arg);
	case TIOCSTI:
		return simulate_input(tf->tty, arg);
	default:
		return tty_query(tf->tty, cmd, arg);
	}
}

long tty_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct tty_file *tf = file->private_data;
	bool changes = (cmd >= TCSETS && cmd <= TCFLSH) || (cmd >= TCSETS2 && cmd <= TCSETSF2);
	long ret;

	if (tty_hung_up(tf))
		return -EIO;
	ret = tty_jobctrl_ioctl(tf->tty, cmd, arg);
	if (ret != -ENOIOCTLCMD)
		return ret;
	ret = changes ? tty_check_change(tf->tty, TTY_SIGTTOU) : 0;
	return ret ? ret : tty_change(tf, cmd, arg);
}
