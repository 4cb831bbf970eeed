/*
 * Job control: which session a terminal belongs to, and which of its groups may use it.
 * POSIX.1-2017, XBD 11.1.1 to 11.1.4.
 * Also there: terminals and character devices
 */
#include "drivers/char/tty_driver.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"

/* Linux asm-generic/ioctls.h */
enum { TIOCSCTTY = 0x540e, TIOCGPGRP, TIOCSPGRP, TIOCNOTTY = 0x5422, TIOCGSID = 0x5429 };

static const struct tty_job_ops *job; /* [const once set] NULL: there are no processes */

void tty_set_job_ops(const struct tty_job_ops *ops)
{
	job = ops;
}

int tty_check_change(struct tty *tty, int sig)
{
	pid_t mine, foreground = READ_ONCE(tty->pgrp);

	if (!job || job->get_ctty() != tty)
		return 0;
	mine = job->current_pgrp();
	if (!foreground || mine == foreground)
		return 0;
	if (job->signal_ignored(sig))
		return sig == TTY_SIGTTIN ? -EIO : 0;
	if (job->pgrp_orphaned(mine))
		return -EIO;
	job->signal_pgrp(mine, sig);
	return -ERESTARTSYS;
}

void tty_signal_foreground(struct tty *tty, int sig)
{
	if (job && tty->pgrp)
		job->signal_pgrp(tty->pgrp, sig);
}

struct tty *tty_current(void)
{
	return job ? job->get_ctty() : NULL;
}

int tty_acquire(struct tty *tty)
{
	int err = -EPERM;
	u64 flags;

	if (!job || !job->is_session_leader() || job->get_ctty())
		return err;
	flags = spin_lock_irqsave(&tty->lock);
	if (!tty->session) {
		tty->session = job->current_session();
		tty->pgrp = job->current_pgrp();
		job->set_ctty(tty);
		err = 0;
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	return err;
}

/* No file but those of /dev/console is any good now; nobody's terminal. */
static void tty_hangup(struct tty *tty)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty_signal_foreground(tty, TTY_SIGHUP);
	tty_signal_foreground(tty, TTY_SIGCONT);
	tty->session = tty->pgrp = 0;
	tty->hangups++;
	tty->ldisc->flush_buffer(tty);
	tty->ldisc->set_termios(tty, &tty_std_termios);
	tty->stopped_by_call = false;
	tty_set_stopped(tty, false);
	spin_unlock_irqrestore(&tty->lock, flags);
	wake_up_all(&tty->read_wait);
	wake_up_all(&tty->write_wait);
}

void tty_session_exit(void *arg)
{
	struct tty *tty = arg;

	if (!job)
		return;
	if (READ_ONCE(tty->session) == job->current_session())
		tty_hangup(tty);
	job->set_ctty(NULL);
}

dev_t tty_devnum(const void *tty)
{
	return tty ? ((const struct tty *)tty)->devnum : 0;
}

pid_t tty_foreground_pgrp(const void *tty)
{
	return tty ? READ_ONCE(((const struct tty *)tty)->pgrp) : -1;
}

static int set_foreground(struct tty *tty, u64 arg)
{
	int err = tty_check_change(tty, TTY_SIGTTOU);
	pid_t pgrp;
	u64 flags;

	if (err)
		return err;
	if (get_user_obj(&pgrp, USERPTR(arg)))
		return -EFAULT;
	if (pgrp < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (tty->session != job->current_session())
		err = -ENOTTY;
	else if (!job->pgrp_in_session(pgrp, tty->session))
		err = -EPERM;
	else
		tty->pgrp = pgrp;
	spin_unlock_irqrestore(&tty->lock, flags);
	return err;
}

long tty_jobctrl_ioctl(struct tty *tty, u32 cmd, u64 arg)
{
	if (cmd != TIOCSCTTY && cmd != TIOCGPGRP && cmd != TIOCSPGRP && cmd != TIOCNOTTY &&
	    cmd != TIOCGSID)
		return -ENOIOCTLCMD;
	if (cmd == TIOCSCTTY)
		return tty_current() == tty && job->is_session_leader() ? 0 : tty_acquire(tty);
	if (!job || job->get_ctty() != tty)
		return -ENOTTY;
	switch (cmd) {
	case TIOCSPGRP:
		return set_foreground(tty, arg);
	case TIOCNOTTY:
		if (!job->is_session_leader())
			return -EPERM; /* it is given up by the leader, for all of the session */
		tty_session_exit(tty);
		return 0;
	default:
		return put_user_obj(USERPTR(arg), cmd == TIOCGSID ? &tty->session : &tty->pgrp);
	}
}
