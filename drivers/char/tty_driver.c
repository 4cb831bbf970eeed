/*
 * A terminal between its driver and its line discipline: registration, input, flow control.
 * Also there: terminals and character devices
 */
#include "drivers/char/tty_driver.h"

LIST_HEAD(ttys);			  /* [const after boot] */
static const struct tty_ldisc_ops *ldisc; /* [const after boot] */

const struct ktermios tty_std_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B115200 | CS8 | CREAD | CLOCAL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = "\003\034\177\025\004\0\1\0\021\023\032\0\022\017\027\026",
};

void tty_register_ldisc(const struct tty_ldisc_ops *ops)
{
	ldisc = ops;
}

void tty_register(struct tty *tty, const char *name, dev_t devnum, const struct tty_operations *ops)
{
	ASSERT(ldisc);
	tty->name = name;
	tty->devnum = devnum;
	tty->ops = ops;
	tty->ldisc = ldisc;
	tty->termios = tty_std_termios;
	spin_lock_init(&tty->lock, name, LOCK_TTY);
	mutex_init(&tty->read_lock);
	mutex_init(&tty->write_lock);
	init_waitqueue_head(&tty->read_wait);
	init_waitqueue_head(&tty->write_wait);
	list_add_tail(&tty->list, &ttys);
}

void tty_receive(struct tty *tty, const u8 *buf, size_t len)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty->ldisc->receive_buf(tty, buf, len);
	spin_unlock_irqrestore(&tty->lock, flags);
}

void tty_receive_break(struct tty *tty)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty->ldisc->receive_break(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
}

/* With IXOFF the other end is asked to stop or to go on. */
static void ask_sender(struct tty *tty, int which)
{
	if (tty->termios.c_iflag & IXOFF && tty->termios.c_cc[which])
		tty->ops->write(tty, &tty->termios.c_cc[which], 1);
}

u32 tty_receive_room(struct tty *tty)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	u32 room = tty->ldisc->receive_room(tty);

	if (!room && !tty->throttled) {
		tty->throttled = true;
		tty->ops->throttle(tty);
		ask_sender(tty, VSTOP);
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	return room;
}

void tty_check_unthrottle(struct tty *tty)
{
	if (!tty->throttled || !tty->ldisc->receive_room(tty) ||
	    tty_available(tty) > TTY_BUF_SIZE / 2)
		return;
	tty->throttled = false;
	tty->ops->unthrottle(tty);
	ask_sender(tty, VSTART);
}

int tty_wait(struct tty_file *tf, struct wait_queue_head *wq, bool (*ready)(struct tty_file *tf),
	     u64 ns)
{
	return wait_event_state(wq, ready(tf) || tty_hung_up(tf), THREAD_INTERRUPTIBLE, ns);
}

u32 tty_write_room(struct tty *tty)
{
	u32 room = READ_ONCE(tty->stopped) ? 0 : tty->ops->write_room(tty);

	return room > ECHO_ROOM ? room - ECHO_ROOM : 0;
}

void tty_set_stopped(struct tty *tty, bool stopped)
{
	if (tty->stopped == stopped || tty->stopped_by_call)
		return;
	tty->stopped = stopped;
	tty->ops->start(tty);
	wake_up(&tty->write_wait);
}
