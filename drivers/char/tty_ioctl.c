/* The ioctls of terminals; those of sessions and groups are in tty_jobctrl.c. */
#include "drivers/char/tty_driver.h"
#include "fs/fs_struct.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"

/* Linux asm-generic/ioctls.h and termbits.h */
enum { TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TCSBRK = 0x5409, TCFLSH = 0x540b };
enum { TIOCSTI = 0x5412 };
enum { TIOCGWINSZ = 0x5413, TIOCSWINSZ, FIONREAD = 0x541b };
enum { TCIFLUSH, TCOFLUSH, TCIOFLUSH };

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
	struct ktermios t;
	u64 flags;
	int err;

	if (get_user_obj(&t, USERPTR(arg)))
		return -EFAULT;
	err = cmd == TCSETS ? 0 : drain(tf);
	if (err)
		return err;
	flags = spin_lock_irqsave(&tty->lock);
	if (cmd == TCSETSF)
		n_tty_flush_input(tty);
	n_tty_set_termios(tty, &t);
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

static int flush(struct tty *tty, u64 arg)
{
	u64 flags;

	if (arg > TCIOFLUSH)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (arg != TCOFLUSH)
		n_tty_flush_input(tty);
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
	struct ktermios t = tty->termios;
	struct winsize ws = tty->winsize;
	u32 in = n_tty_available(tty);

	spin_unlock_irqrestore(&tty->lock, flags);
	switch (cmd) {
	case TCGETS:
		return put_user_obj(USERPTR(arg), &t);
	case TIOCGWINSZ:
		return put_user_obj(USERPTR(arg), &ws);
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
		return set_termios(tf, cmd, arg);
	case TCSBRK: /* a break is not sent: no line of ours ends in a modem */
		return drain(tf);
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
	bool changes = cmd >= TCSETS && cmd <= TCFLSH;
	long ret;

	if (tty_hung_up(tf))
		return -EIO;
	ret = tty_jobctrl_ioctl(tf->tty, cmd, arg);
	if (ret != -ENOIOCTLCMD)
		return ret;
	ret = changes ? tty_check_change(tf->tty, TTY_SIGTTOU) : 0;
	return ret ? ret : tty_change(tf, cmd, arg);
}
