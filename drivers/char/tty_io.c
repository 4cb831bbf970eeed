/*
 * Terminals as files: /dev/ttyS0, tty0, tty, console. Numbers: Linux devices.txt.
 * Also there: terminals and character devices
 */
#include "block/genhd.h"
#include "drivers/char/char_internal.h"
#include "drivers/char/tty_driver.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define DEV_TTY0    MKDEV(4, 0)
#define DEV_TTY	    MKDEV(5, 0)
#define DEV_CONSOLE MKDEV(5, 1)

static struct tty *console_tty; /* [const after boot] NULL: there is no terminal */

static struct tty *tty_find(dev_t devnum)
{
	struct tty *tty;

	if (devnum == DEV_TTY)
		return tty_current();
	if (devnum == DEV_CONSOLE)
		return console_tty;
	if (devnum == DEV_TTY0) /* the virtual terminal in front: the only one */
		devnum = MKDEV(4, 1);
	list_for_each_entry(tty, &ttys, list)
		if (tty->devnum == devnum)
			return tty;
	return NULL;
}

static int tty_open(struct inode *inode, struct file *file)
{
	struct tty *tty = tty_find(inode->i_rdev);
	struct tty_file *tf;

	if (!tty)
		return -ENXIO;
	tf = kzalloc(sizeof(*tf), GFP_KERNEL);
	if (!tf)
		return -ENOMEM;
	*tf = (struct tty_file){tty, inode->i_rdev == DEV_CONSOLE, READ_ONCE(tty->hangups)};
	file->private_data = tf;
	/* As on Linux the nodes that stand for some other terminal are not acquired by opening. */
	if (!(file->f_flags & O_NOCTTY) && inode->i_rdev == tty->devnum)
		(void)tty_acquire(tty);
	return 0;
}

static void tty_release(struct inode *inode, struct file *file)
{
	(void)inode;
	kfree(file->private_data);
}

static bool is_nonblock(const struct kiocb *iocb)
{
	return iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
}

static ssize_t tty_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct tty_file *tf = iocb->ki_filp->private_data;
	int err = tty_hung_up(tf) ? 0 : tty_check_change(tf->tty, TTY_SIGTTIN);

	return err ? err : tf->tty->ldisc->read(tf, to, is_nonblock(iocb));
}

static bool write_ready(struct tty_file *tf)
{
	return tty_write_room(tf->tty) >= OPOST_MAX;
}

static ssize_t write_locked(struct tty_file *tf, struct iov_iter *from, bool nonblock)
{
	struct tty *tty = tf->tty;
	size_t done = 0, n, used;
	u8 chunk[TTY_CHUNK];
	int err = 0;

	while (iov_iter_count(from) && !err) {
		u64 flags;

		if (!write_ready(tf) && !tty_hung_up(tf)) {
			err = nonblock ? -EAGAIN :
					 tty_wait(tf, &tty->write_wait, write_ready, WAIT_FOREVER);
			continue;
		}
		n = copy_from_iter(chunk, min(iov_iter_count(from), sizeof(chunk)), from);
		if (tty_hung_up(tf) || n == 0) {
			err = n == 0 ? -EFAULT : -EIO;
			break;
		}
		flags = spin_lock_irqsave(&tty->lock);
		used = tty->ldisc->write(tty, chunk, n);
		spin_unlock_irqrestore(&tty->lock, flags);
		iov_iter_revert(from, n - used);
		done += used;
	}
	return done ? (ssize_t)done : err;
}

static ssize_t tty_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct tty_file *tf = iocb->ki_filp->private_data;
	struct tty *tty = tf->tty;
	int err = 0;
	ssize_t ret;

	if (READ_ONCE(tty->termios.c_lflag) & TOSTOP && !tty_hung_up(tf))
		err = tty_check_change(tty, TTY_SIGTTOU);
	if (!err && !is_nonblock(iocb))
		err = mutex_lock_interruptible(&tty->write_lock);
	else if (!err && !mutex_trylock(&tty->write_lock))
		err = -EAGAIN;
	if (err)
		return err;
	ret = write_locked(tf, from, is_nonblock(iocb));
	mutex_unlock(&tty->write_lock);
	return ret;
}

static u32 tty_poll(struct file *file, struct poll_table *pt)
{
	struct tty_file *tf = file->private_data;
	struct tty *tty = tf->tty;
	const struct ktermios *t = &tty->termios;
	u32 mask = 0, wanted = 1;
	u64 flags;

	poll_wait(&tty->read_wait, pt);
	poll_wait(&tty->write_wait, pt);
	if (tty_hung_up(tf))
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
	flags = spin_lock_irqsave(&tty->lock);
	if (!(t->c_lflag & ICANON) && !t->c_cc[VTIME] && t->c_cc[VMIN])
		wanted = t->c_cc[VMIN];
	if (tty_available(tty) >= wanted)
		mask |= POLLIN | POLLRDNORM;
	if (write_ready(tf))
		mask |= POLLOUT | POLLWRNORM;
	spin_unlock_irqrestore(&tty->lock, flags);
	return mask;
}

static const struct file_operations tty_fops = {
	.llseek = no_llseek,
	.read_iter = tty_read,
	.write_iter = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.open = tty_open,
	.release = tty_release,
};

/* The terminal that console= names, without what follows a comma; "tty0" is also "tty1". */
static struct tty *tty_by_name(const char *name)
{
	const char *comma = strchr(name, ',');
	size_t len = comma ? (size_t)(comma - name) : strlen(name);
	struct tty *tty;

	if (len == 4 && memcmp(name, "tty0", len) == 0)
		name = "tty1";
	list_for_each_entry(tty, &ttys, list)
		if (strlen(tty->name) == len && memcmp(tty->name, name, len) == 0)
			return tty;
	return NULL;
}

static struct tty *choose_console(void)
{
	struct tty *found = tty_by_name("ttyS0"), *tty;
	const char *name;

	for (u32 i = 0; (name = cmdline_get_nth("console", i)) != NULL; i++) {
		tty = tty_by_name(name);
		found = tty ? tty : found;
	}
	if (!found && !list_empty(&ttys))
		found = list_first_entry(&ttys, struct tty, list);
	return found;
}

/* tty.size=ROWSxCOLS: of the terminal at the other end of a serial line, which cannot tell it. */
static void size_from_cmdline(struct tty *tty)
{
	const char *text = cmdline_get("tty.size"), *end;
	u64 rows, cols;

	if (!text || !*text || tty->winsize.ws_col)
		return;
	if (kstrtou64(text, 10, &rows, &end) || *end != 'x' ||
	    kstrtou64(end + 1, 10, &cols, NULL) || !(u16)rows || (u16)rows != rows || !(u16)cols ||
	    (u16)cols != cols) {
		printk("tty.size=%s: wanted ROWSxCOLS, as in 24x80\n", text);
		return;
	}
	tty->winsize = (struct winsize){.ws_row = (u16)rows, .ws_col = (u16)cols};
}

void tty_init(void)
{
	struct tty *tty;

	console_tty = choose_console();
	if (console_tty)
		size_from_cmdline(console_tty);
	else
		printk("tty: neither a serial port nor a screen\n");
	list_for_each_entry(tty, &ttys, list)
		char_register(tty->devnum, tty->name, 0600, &tty_fops);
	if (tty_find(DEV_TTY0))
		char_register(MKDEV(4, 0), "tty0", 0600, &tty_fops);
	char_register(MKDEV(5, 0), "tty", 0666, &tty_fops);
	char_register(MKDEV(5, 1), "console", 0600, &tty_fops);
}
