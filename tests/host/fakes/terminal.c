#include "tests/host/fakes/terminal.h"

#include "kernel/lib/cmdline.h"

struct tty tty;
const struct file_operations *fops;
struct file file;
struct inode inode;

/* --- the driver --- */

char sent[1 << 16];
u32 nr_sent, nr_unsent, room;

static void fake_write(struct tty *t, const u8 *buf, size_t len)
{
	(void)t;
	assert_true(spin_is_held(&tty.lock));
	memcpy(&sent[nr_sent], buf, len);
	nr_sent += (u32)len;
	nr_unsent += (u32)len;
}
static u32 fake_room(struct tty *t)
{
	(void)t;
	return room > nr_unsent ? room - nr_unsent : 0;
}
static u32 fake_unsent(struct tty *t)
{
	(void)t;
	return nr_unsent;
}
static void fake_flush(struct tty *t)
{
	(void)t;
	nr_unsent = 0;
}
static void fake_start(struct tty *t)
{
	(void)t;
}
u32 nr_throttles;
bool held_back;

static void fake_throttle(struct tty *t)
{
	(void)t;
	assert_true(spin_is_held(&tty.lock));
	assert_false(held_back);
	held_back = true;
	nr_throttles++;
}
static void fake_unthrottle(struct tty *t)
{
	(void)t;
	assert_true(spin_is_held(&tty.lock));
	assert_true(held_back);
	held_back = false;
}
static const struct tty_operations fake_ops = {
	fake_write, fake_room, fake_unsent, fake_flush, fake_start, fake_throttle, fake_unthrottle};

void assert_sent(const char *text)
{
	sent[nr_sent] = '\0';
	assert_string_equal(sent, text);
	nr_sent = nr_unsent = 0;
}

void char_register(dev_t dev, const char *name, mode_t mode, const struct file_operations *f)
{
	(void)name;
	(void)mode;
	if (MAJOR(dev) == 4)
		fops = f;
}
loff_t no_llseek(struct file *f, loff_t off, int whence)
{
	(void)f;
	(void)off;
	(void)whence;
	return -ESPIPE;
}
struct cred my_cred;

const struct cred *current_cred(void)
{
	return &my_cred;
}
void poll_wait(struct wait_queue_head *wq, struct poll_table *pt)
{
	(void)wq;
	(void)pt;
}

/* --- the processes --- */

struct fake_job me;
pid_t signalled;
static u64 signals; /* bit a signal */

static void job_signal(pid_t pgrp, int sig)
{
	signalled = pgrp;
	signals |= 1ull << sig;
}
static pid_t job_pgrp(void)
{
	return me.pgrp;
}
static pid_t job_session(void)
{
	return me.session;
}
static bool job_leader(void)
{
	return me.leader;
}
static struct tty *job_get(void)
{
	return me.ctty;
}
static void job_set(struct tty *t)
{
	me.ctty = t;
}
static bool job_in_session(pid_t pgrp, pid_t session)
{
	return pgrp / 100 == session / 100;
}
static bool job_ignored(int sig)
{
	(void)sig;
	return me.ignores;
}
static bool job_orphaned(pid_t pgrp)
{
	(void)pgrp;
	return me.orphaned;
}
static const struct tty_job_ops job_ops = {job_signal,	   job_pgrp,	job_session,
					   job_leader,	   job_get,	job_set,
					   job_in_session, job_ignored, job_orphaned};

u64 take_signals(void)
{
	u64 s = signals;

	signals = 0;
	return s;
}

/* --- what a program does --- */

int open_dev(struct inode *i, struct file *f, dev_t dev, u32 flags)
{
	memset(i, 0, sizeof(*i));
	memset(f, 0, sizeof(*f));
	i->i_rdev = dev;
	f->f_flags = flags;
	return fops->open(i, f);
}

ssize_t rd(char *buf, size_t len)
{
	struct kiocb iocb = {.ki_filp = &file};
	struct iov_iter it;

	memset(buf, 0, len + 1);
	iov_iter_init_kernel(&it, buf, len);
	return fops->read_iter(&iocb, &it);
}

ssize_t wr(const char *text)
{
	struct kiocb iocb = {.ki_filp = &file};
	struct iov_iter it;
	char copy[8192];

	strcpy(copy, text);
	iov_iter_init_kernel(&it, copy, strlen(text));
	return fops->write_iter(&iocb, &it);
}

long ctl(u32 cmd, const void *arg)
{
	return fops->ioctl(&file, cmd, (u64)(uintptr_t)arg);
}

void assert_read(const char *text)
{
	char buf[256];

	assert_int_equal(rd(buf, sizeof(buf) - 1), strlen(text));
	assert_string_equal(buf, text);
}

void assert_nothing(void)
{
	char buf[8];

	file.f_flags |= O_NONBLOCK;
	assert_int_equal(rd(buf, 7), -EAGAIN);
	file.f_flags &= ~O_NONBLOCK;
}

void type(const char *text)
{
	tty_receive(&tty, (const u8 *)text, strlen(text));
}

void set_flags(u32 *field, u32 clear, u32 set)
{
	struct ktermios t = tty.termios;

	*(u32 *)((char *)&t + ((char *)field - (char *)&tty.termios)) = (*field & ~clear) | set;
	assert_int_equal(ctl(TCSETS, &t), 0);
}

void set_raw(u8 vmin, u8 vtime)
{
	struct ktermios t = tty.termios;

	t.c_lflag &= ~(u32)(ICANON | ECHO);
	t.c_cc[VMIN] = vmin;
	t.c_cc[VTIME] = vtime;
	assert_int_equal(ctl(TCSETS, &t), 0);
}

void become_leader(void)
{
	me.leader = true;
	me.session = me.pgrp = 100;
	assert_int_equal(ctl(TIOCSCTTY, 0), 0);
	assert_ptr_equal(me.ctty, &tty);
}

bool drain_some(void)
{
	nr_unsent = 0;
	wake_up(&tty.write_wait);
	return true;
}

int terminal_setup(void **state)
{
	static bool registered;

	(void)state;
	if (!registered) {
		cmdline_init("root=/dev/vda console=ttyS0,115200");
		n_tty_init();
		tty_register(&tty, "ttyS0", TTY_DEV, &fake_ops);
		tty_init();
	}
	registered = true;
	tty_set_job_ops(&job_ops);
	memset(&me, 0, sizeof(me));
	signals = 0;
	room = 1 << 15;
	held_back = tty.throttled = false;
	tty.ldisc->flush_buffer(&tty);
	tty.termios = tty_std_termios;
	tty.session = tty.pgrp = 0;
	tty.column = 0;
	tty.stopped = tty.stopped_by_call = tty.lnext = false;
	fake_schedule_hook = NULL;
	nr_sent = nr_unsent = nr_throttles = 0;
	return open_dev(&inode, &file, TTY_DEV, 0);
}

int terminal_teardown(void **state)
{
	(void)state;
	fops->release(&inode, &file);
	return fake_kmalloc_live() == 0 ? 0 : -1;
}
