// uses: tty text user-copies fakes
// sources: kernel/lib/cmdline.c tests/host/fakes/hostpty.c
/* The line discipline, and terminals as files, over a driver that keeps what it was sent. */
#include "tests/host/host.h"

#include "block/genhd.h"
#include "drivers/char/char_internal.h"
#include "drivers/char/tty_driver.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "tests/host/fakes/hostpty.h"

enum { TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TCXONC = 0x540a, TCFLSH };
enum { TCOOFF, TCOON, TCIOFF, TCION };
#define TCGETS2 0x802c542au
enum { TCSETS2 = 0x402c542b, TCSETSF2 = 0x402c542d };
enum { TIOCSCTTY = 0x540e, TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ = 0x5413, TIOCSWINSZ };
enum { TIOCOUTQ = 0x5411, TIOCSTI, FIONREAD = 0x541b, TIOCNOTTY = 0x5422, TIOCGSID = 0x5429 };

#define TTY_DEV MKDEV(4, 64)

static struct tty tty;
static const struct file_operations *fops;
static struct file file;
static struct inode inode;

/* --- the driver --- */

static char sent[1 << 16];
static u32 nr_sent, nr_unsent, room;

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
static u32 nr_throttles;
static bool held_back;

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

static void assert_sent(const char *text)
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
static struct cred my_cred;

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

static struct {
	pid_t pgrp, session;
	bool leader, ignores, orphaned;
	struct tty *ctty;
} me;
static pid_t signalled;
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

static u64 take_signals(void)
{
	u64 s = signals;

	signals = 0;
	return s;
}
#define SIG(name) (1ull << TTY_SIG##name)

/* --- what a program does --- */

static int open_dev(struct inode *i, struct file *f, dev_t dev, u32 flags)
{
	memset(i, 0, sizeof(*i));
	memset(f, 0, sizeof(*f));
	i->i_rdev = dev;
	f->f_flags = flags;
	return fops->open(i, f);
}

static ssize_t rd(char *buf, size_t len)
{
	struct kiocb iocb = {.ki_filp = &file};
	struct iov_iter it;

	memset(buf, 0, len + 1);
	iov_iter_init_kernel(&it, buf, len);
	return fops->read_iter(&iocb, &it);
}

static ssize_t wr(const char *text)
{
	struct kiocb iocb = {.ki_filp = &file};
	struct iov_iter it;
	char copy[8192];

	strcpy(copy, text);
	iov_iter_init_kernel(&it, copy, strlen(text));
	return fops->write_iter(&iocb, &it);
}

static long ctl(u32 cmd, const void *arg)
{
	return fops->ioctl(&file, cmd, (u64)(uintptr_t)arg);
}

static void assert_read(const char *text)
{
	char buf[256];

	assert_int_equal(rd(buf, sizeof(buf) - 1), strlen(text));
	assert_string_equal(buf, text);
}

static void assert_nothing(void)
{
	char buf[8];

	file.f_flags |= O_NONBLOCK;
	assert_int_equal(rd(buf, 7), -EAGAIN);
	file.f_flags &= ~O_NONBLOCK;
}

static void type(const char *text)
{
	tty_receive(&tty, (const u8 *)text, strlen(text));
}

static void set_flags(u32 *field, u32 clear, u32 set)
{
	struct ktermios t = tty.termios;

	*(u32 *)((char *)&t + ((char *)field - (char *)&tty.termios)) = (*field & ~clear) | set;
	assert_int_equal(ctl(TCSETS, &t), 0);
}

static void set_raw(u8 vmin, u8 vtime)
{
	struct ktermios t = tty.termios;

	t.c_lflag &= ~(u32)(ICANON | ECHO);
	t.c_cc[VMIN] = vmin;
	t.c_cc[VTIME] = vtime;
	assert_int_equal(ctl(TCSETS, &t), 0);
}

static void become_leader(void)
{
	me.leader = true;
	me.session = me.pgrp = 100;
	assert_int_equal(ctl(TIOCSCTTY, 0), 0);
	assert_ptr_equal(me.ctty, &tty);
}

static int setup(void **state)
{
	static bool registered;

	(void)state;
	if (!registered) {
		cmdline_init("root=/dev/vda console=ttyS0,115200");
		tty_register(&tty, "ttyS0", TTY_DEV, &fake_ops);
		tty_init();
	}
	registered = true;
	tty_set_job_ops(&job_ops);
	memset(&me, 0, sizeof(me));
	signals = 0;
	room = 1 << 15;
	held_back = tty.throttled = false;
	n_tty_flush_input(&tty);
	tty.termios = tty_std_termios;
	tty.session = tty.pgrp = 0;
	tty.column = 0;
	tty.stopped = tty.stopped_by_call = tty.lnext = false;
	fake_schedule_hook = NULL;
	nr_sent = nr_unsent = nr_throttles = 0;
	return open_dev(&inode, &file, TTY_DEV, 0);
}

static int teardown(void **state)
{
	(void)state;
	fops->release(&inode, &file);
	return fake_kmalloc_live() == 0 ? 0 : -1;
}

/* --- input --- */

static void a_line_is_read_when_it_ends(void **state)
{
	(void)state;
	type("hello");
	assert_nothing();
	type("\rnext\n");
	assert_read("hello\n");
	assert_read("next\n");
	assert_nothing();
	assert_sent("hello\r\nnext\r\n");
}

static void a_line_may_be_read_in_parts(void **state)
{
	char buf[8];

	(void)state;
	type("abcdef\nx");
	assert_int_equal(rd(buf, 4), 4);
	assert_string_equal(buf, "abcd");
	assert_read("ef\n");
	assert_nothing();
}

static void editing(void **state)
{
	(void)state;
	type("ab\177c\n");
	assert_read("ac\n");
	assert_sent("ab\b \bc\r\n");
	type("wrong\025ok\n");
	assert_read("ok\n");
	assert_sent("wrong\b \b\b \b\b \b\b \b\b \bok\r\n");
	type("\177\177a\n"); /* nothing to erase: nothing happens, also to the line before */
	assert_read("a\n");
	assert_sent("a\r\n");
}

static void editing_of_wide_characters(void **state)
{
	(void)state;
	type("\001\177b\n"); /* two columns */
	assert_read("b\n");
	assert_sent("^A\b \b\b \bb\r\n");
	assert_int_equal(wr("$ "), 2);
	type("ab\t\177c\n"); /* from column 4 to 8 */
	assert_read("abc\n");
	assert_sent("$ ab\t\b\b\b\bc\r\n");
	set_flags(&tty.termios.c_iflag, 0, IUTF8);
	type("a\xc3\xa4\177b\n");
	assert_read("ab\n");
	assert_sent("a\xc3\xa4\b \bb\r\n");
}

static void words_reprinting_and_literals(void **state)
{
	(void)state;
	type("one two_2 \027x\n"); /* ^W */
	assert_read("one x\n");
	assert_sent("one two_2 \b \b\b \b\b \b\b \b\b \b\b \bx\r\n");
	type("ab\001\022c\n"); /* ^R */
	assert_read("ab\001c\n");
	assert_sent("ab^A^R\r\nab^Ac\r\n");
	type("a\026\003\026\177\026\n\n"); /* ^V */
	assert_read("a\003\177\n\n");
	assert_sent("a^\b^C^\b^?^\b^J\r\n");
	set_flags(&tty.termios.c_lflag, IEXTEN, 0);
	type("a b\027\022\026\n");
	assert_read("a b\027\022\026\n");
}

static void case_and_bits(void **state)
{
	(void)state;
	set_flags(&tty.termios.c_iflag, 0, ISTRIP | IUCLC | IGNCR | INLCR);
	set_flags(&tty.termios.c_lflag, ECHO, 0);
	type("Ab\r\xc3\004"); /* C with a bit too many */
	assert_read("abc");
	set_flags(&tty.termios.c_iflag, ~0u, INLCR);
	type("x\n\004");
	assert_read("x\r");
	set_flags(&tty.termios.c_oflag, ~0u, OPOST | OLCUC | OCRNL | ONOCR | XTABS);
	assert_int_equal(wr("\rab\rc\td"), 7);
	assert_sent("AB\nC     D"); /* at column 0 no \\r; a tab goes from column 3 to 8 */
}

static void breaks(void **state)
{
	char buf[8];

	(void)state;
	set_raw(1, 0);
	tty_receive_break(&tty);
	assert_int_equal(rd(buf, 7), 1);
	assert_int_equal(buf[0], 0);
	set_flags(&tty.termios.c_iflag, 0, PARMRK);
	tty_receive_break(&tty);
	type("\377");
	assert_int_equal(rd(buf, 7), 5);
	assert_memory_equal(buf, "\377\0\0\377\377", 5);
	become_leader();
	set_flags(&tty.termios.c_iflag, 0, BRKINT);
	type("gone");
	tty_receive_break(&tty);
	assert_int_equal(take_signals(), SIG(INT));
	set_flags(&tty.termios.c_iflag, 0, IGNBRK);
	tty_receive_break(&tty);
	assert_int_equal(take_signals(), 0);
	assert_nothing();
}

static void kill_without_echoke(void **state)
{
	(void)state;
	set_flags(&tty.termios.c_lflag, ECHOKE, 0);
	type("ab\025c\n");
	assert_read("c\n");
	assert_sent("ab^U\r\nc\r\n");
	set_flags(&tty.termios.c_lflag, ECHOE, 0);
	type("ab\177\n");
	assert_read("a\n");
	assert_sent("ab^?\r\n");
}

static void end_of_file(void **state)
{
	char buf[8];

	(void)state;
	type("\004");
	assert_read("");
	type("abc\004");
	assert_int_equal(rd(buf, 3), 3); /* takes the mark with it */
	assert_nothing();
	type("abc\004\004");
	assert_read("abc");
	assert_read("");
	assert_nothing();
	assert_sent("abcabc");
}

static void mapping(void **state)
{
	(void)state;
	set_raw(1, 0);
	type("a\r\nb\xe3");
	assert_read("a\n\nb\xe3");
	set_flags(&tty.termios.c_iflag, ICRNL, 0);
	type("a\r\nb");
	assert_read("a\r\nb");
	assert_int_equal(wr("x\n"), 2);
	assert_sent("x\r\n");
	set_flags(&tty.termios.c_oflag, OPOST, 0);
	assert_int_equal(wr("x\n"), 2);
	assert_sent("x\n");
}

static void typing_ahead_is_kept(void **state)
{
	char line[64], buf[64];

	(void)state;
	for (int i = 0; i < 99; i++) {
		snprintf(line, sizeof(line), "line %035d\n", i);
		type(line);
	}
	for (int i = 0; i < 99; i++) {
		snprintf(line, sizeof(line), "line %035d\n", i);
		assert_read(line);
	}
	for (u32 i = 0; i < TTY_BUF_SIZE + 10; i++)
		type("z");
	type("\n"); /* there is always room for the end of a line that is too long */
	for (u32 got = 0; got < TTY_BUF_SIZE;)
		got += (u32)rd(buf, 32);
	assert_string_equal(buf, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n");
	assert_nothing();
}

/* What a driver does that can hold bytes back. Returns: how many it gave. */
static u32 give(const char *text, u32 len)
{
	u32 given = 0, n;

	while (given < len && (n = tty_receive_room(&tty)) != 0) {
		n = min(n, 7u); /* of a FIFO */
		n = min(n, len - given);
		tty_receive(&tty, (const u8 *)text + given, n);
		given += n;
	}
	return given;
}

static void read_slowly(void)
{
	static char text[40000], got[sizeof(text) + 1];
	u32 given = 0, read = 0;

	for (u32 i = 0; i < sizeof(text); i++)
		text[i] = (char)(i % 40 == 39 ? '\n' : 'a' + (i / 40 + i % 40) % 26);
	while (read < sizeof(text)) {
		if (!held_back)
			given += give(&text[given], (u32)sizeof(text) - given);
		assert_true(held_back || given == sizeof(text));
		read += (u32)rd(&got[read], min(sizeof(text) - read, 29ul));
	}
	assert_memory_equal(text, got, sizeof(text));
	assert_between(nr_throttles, 10, 20);
}

static void nothing_is_lost_for_a_slow_reader(void **state)
{
	(void)state;
	set_flags(&tty.termios.c_lflag, ECHO, 0);
	read_slowly();
	set_raw(1, 0);
	nr_throttles = 0;
	read_slowly();
}

static void every_reason_to_hold_back_ends(void **state)
{
	static char line[TTY_BUF_SIZE + 100], got[TTY_BUF_SIZE];

	(void)state;
	memset(line, 'x', sizeof(line));
	set_flags(&tty.termios.c_lflag, ECHO, 0);
	/* No reader can make room before the line ends. */
	assert_int_equal(give(line, sizeof(line)), sizeof(line));
	assert_int_equal(give("\n", 1), 1);
	assert_int_equal(give("next", 4), 0);
	assert_true(held_back);
	assert_int_equal(rd(got, sizeof(got) - 1), TTY_BUF_SIZE - 1);
	assert_read("\n");
	assert_false(held_back);
	/* A short line, and a long one that is not complete. */
	assert_int_equal(give("ab\n", 3), 3);
	assert_between(give(line, sizeof(line)), TTY_BUF_SIZE - 10, TTY_BUF_SIZE);
	assert_read("ab\n");
	assert_false(held_back);
	/* A flush, and a change of modes. */
	set_raw(1, 0);
	(void)give(line, sizeof(line));
	assert_true(held_back);
	assert_int_equal(ctl(TCFLSH, (void *)0), 0);
	assert_false(held_back);
}

static bool type_one(void)
{
	type("k");
	return true;
}

static void raw_minimum_and_time(void **state)
{
	ktime_t start;
	char buf[16];

	(void)state;
	set_raw(0, 0);
	assert_read("");
	type("ab");
	assert_read("ab");
	set_raw(0, 5);
	start = ktime_get_ns();
	assert_read("");
	assert_int_equal(ktime_get_ns() - start, 500 * NSEC_PER_MSEC);
	fake_schedule_hook = type_one;
	assert_read("k");
	set_raw(3, 0);
	assert_read("kkk");
	assert_int_equal(rd(buf, 2), 2); /* no more than was asked for */
	fake_schedule_hook = NULL;
	set_raw(3, 2);
	type("k");
	start = ktime_get_ns();
	assert_read("k"); /* the time between two bytes is over */
	assert_int_equal(ktime_get_ns() - start, 200 * NSEC_PER_MSEC);
	assert_nothing();
}

static void a_signal_ends_a_read(void **state)
{
	char buf[8];

	(void)state;
	current->sigpending = true;
	assert_int_equal(rd(buf, 7), -ERESTARTSYS);
	current->sigpending = false;
}

static bool drain_some(void)
{
	nr_unsent = 0;
	wake_up(&tty.write_wait);
	return true;
}

static void modes_change_under_input(void **state)
{
	(void)state;
	type("half");
	assert_nothing();
	set_raw(1, 0);
	assert_read("half");
	type("x\ny");
	set_flags(&tty.termios.c_lflag, 0, ICANON);
	assert_read("x\ny");
	type("gone");
	fake_schedule_hook = drain_some; /* it waits until all is sent */
	assert_int_equal(ctl(TCSETSF, &tty_std_termios), 0);
	type("new\n");
	assert_read("new\n");
}

/* --- output and flow --- */

static void a_long_write_waits_for_room(void **state)
{
	char text[3001];

	(void)state;
	for (int i = 0; i < 3000; i++)
		text[i] = (char)('a' + i % 26);
	text[3000] = '\0';
	room = ECHO_ROOM + 100;
	fake_schedule_hook = drain_some;
	assert_int_equal(wr(text), 3000);
	assert_sent(text);
	file.f_flags |= O_NONBLOCK;
	assert_between(wr(text), 90, 100);
	assert_int_equal(wr(text), -EAGAIN);
	assert_int_equal(fops->poll(&file, NULL) & POLLOUT, 0);
}

static void stop_and_start(void **state)
{
	(void)state;
	file.f_flags |= O_NONBLOCK;
	type("\023");
	assert_int_equal(wr("x"), -EAGAIN);
	type("\021");
	assert_int_equal(wr("x"), 1);
	assert_int_equal(wr("z"), 1);
	type("\023");
	set_flags(&tty.termios.c_iflag, IXON, 0); /* what cannot be started by hand starts */
	assert_int_equal(wr("!"), 1);
	assert_sent("xz!");
	assert_nothing();
	file.f_flags |= O_NONBLOCK;
	set_flags(&tty.termios.c_iflag, 0, IXON | IXANY);
	type("\023");
	assert_int_equal(wr("x"), -EAGAIN);
	type("a");
	assert_int_equal(wr("x"), 1);
}

static void flow_by_calls(void **state)
{
	u32 n;

	(void)state;
	file.f_flags |= O_NONBLOCK;
	assert_int_equal(ctl(TCXONC, (void *)TCOOFF), 0);
	type("\021");
	assert_int_equal(wr("x"), -EAGAIN); /* no key starts it */
	assert_int_equal(ctl(TCXONC, (void *)TCOON), 0);
	assert_int_equal(wr("x"), 1);
	assert_int_equal(ctl(TIOCOUTQ, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(ctl(TCXONC, (void *)TCIOFF), 0);
	assert_int_equal(ctl(TCXONC, (void *)TCION), 0);
	assert_sent("x\023\021");
	assert_int_equal(ctl(TCXONC, (void *)4), -EINVAL);
	set_raw(1, 0);
	set_flags(&tty.termios.c_iflag, 0, IXOFF); /* a sender that is asked to wait */
	while (!held_back)
		(void)give("0123456789", 10);
	assert_sent("\023");
	assert_int_equal(ctl(TCFLSH, (void *)0), 0);
	assert_sent("\021");
}

/* --- sessions and groups --- */

static void keys_send_signals(void **state)
{
	(void)state;
	become_leader();
	type("lost\003");
	assert_int_equal(take_signals(), SIG(INT));
	assert_int_equal(signalled, 100);
	type("\034\032");
	assert_int_equal(take_signals(), SIG(QUIT) | SIG(TSTP));
	assert_sent("lost^C^\\^Z");
	assert_nothing();
	set_flags(&tty.termios.c_lflag, 0, NOFLSH);
	type("kept\003\n");
	assert_read("kept\n");
	set_flags(&tty.termios.c_lflag, ISIG, 0);
	take_signals();
	type("\003\n");
	assert_read("\003\n");
	assert_int_equal(take_signals(), 0);
}

static void background_reads_and_writes(void **state)
{
	char buf[8];
	pid_t pgrp = 101;

	(void)state;
	become_leader();
	assert_int_equal(ctl(TIOCSPGRP, &pgrp), 0);
	assert_int_equal(rd(buf, 7), -ERESTARTSYS);
	assert_int_equal(take_signals(), SIG(TTIN));
	assert_int_equal(signalled, 100);
	assert_int_equal(wr("x"), 1); /* without TOSTOP */
	assert_int_equal(ctl(TCSETS, &tty_std_termios), -ERESTARTSYS);
	assert_int_equal(take_signals(), SIG(TTOU));
	me.ignores = true;
	assert_int_equal(rd(buf, 7), -EIO);
	set_flags(&tty.termios.c_lflag, 0, TOSTOP);
	assert_int_equal(wr("x"), 1);
	me.ignores = false;
	assert_int_equal(wr("x"), -ERESTARTSYS);
	me.orphaned = true;
	assert_int_equal(rd(buf, 7), -EIO);
	assert_int_equal(wr("x"), -EIO);
}

static void whose_terminal(void **state)
{
	struct inode i2;
	struct file f2;
	pid_t id = 205;

	(void)state;
	assert_int_equal(ctl(TIOCGPGRP, &id), -ENOTTY);
	assert_int_equal(open_dev(&i2, &f2, MKDEV(5, 0), 0), -ENXIO);
	assert_int_equal(ctl(TIOCSCTTY, 0), -EPERM); /* no leader */
	me.leader = true;
	me.session = me.pgrp = 100;
	assert_int_equal(open_dev(&i2, &f2, TTY_DEV, O_NOCTTY), 0);
	fops->release(&i2, &f2);
	assert_int_equal(open_dev(&i2, &f2, MKDEV(5, 1), 0), 0); /* the console is not acquired */
	fops->release(&i2, &f2);
	assert_null(me.ctty);
	assert_int_equal(open_dev(&i2, &f2, TTY_DEV, 0), 0);
	fops->release(&i2, &f2);
	assert_ptr_equal(me.ctty, &tty);
	assert_int_equal(open_dev(&i2, &f2, MKDEV(5, 0), 0), 0);
	fops->release(&i2, &f2);
	assert_int_equal(ctl(TIOCSPGRP, &id), -EPERM); /* another session's group */
	id = 0;
	assert_int_equal(ctl(TIOCGSID, &id), 0);
	assert_int_equal(id, 100);
	me.ctty = NULL;
	me.session = me.pgrp = 200;
	assert_int_equal(ctl(TIOCSCTTY, 0), -EPERM); /* taken */
}

static void a_session_ends(void **state)
{
	struct inode i2;
	struct file f2;
	char buf[8];

	(void)state;
	become_leader();
	assert_int_equal(open_dev(&i2, &f2, MKDEV(5, 1), 0), 0);
	tty_session_exit(&tty);
	assert_int_equal(take_signals(), SIG(HUP) | SIG(CONT));
	assert_null(me.ctty);
	assert_int_equal(rd(buf, 7), 0);
	assert_int_equal(wr("x"), -EIO);
	assert_int_equal(ctl(TCGETS, buf), -EIO);
	assert_true(fops->poll(&file, NULL) & POLLHUP);
	assert_int_equal(fops->poll(&f2, NULL) & POLLHUP, 0);
	fops->release(&i2, &f2);
	me.session = me.pgrp = 200; /* the next one */
	assert_int_equal(open_dev(&i2, &f2, TTY_DEV, 0), 0);
	assert_ptr_equal(me.ctty, &tty);
	fops->release(&i2, &f2);
}

static void asking_and_setting(void **state)
{
	struct winsize ws = {24, 80, 0, 0}, got;
	struct ktermios t;
	int n;

	(void)state;
	become_leader();
	assert_int_equal(ctl(TIOCGWINSZ, &got), 0);
	assert_int_equal(got.ws_col, 0);
	assert_int_equal(ctl(TIOCSWINSZ, &ws), 0);
	assert_int_equal(ctl(TIOCSWINSZ, &ws), 0);
	assert_int_equal(take_signals(), SIG(WINCH));
	assert_int_equal(ctl(TIOCGWINSZ, &got), 0);
	assert_int_equal(got.ws_col, 80);
	assert_int_equal(ctl(TCGETS, &t), 0);
	assert_memory_equal(&t, &tty_std_termios, sizeof(t));
	type("abc\nde");
	assert_int_equal(ctl(FIONREAD, &n), 0);
	assert_int_equal(n, 4);
	assert_true(fops->poll(&file, NULL) & POLLIN);
	assert_int_equal(ctl(TCFLSH, (void *)0), 0);
	type("ab\004\004"); /* an end of file can be read, but is no byte */
	assert_int_equal(ctl(FIONREAD, &n), 0);
	assert_int_equal(n, 2);
	assert_true(fops->poll(&file, NULL) & POLLIN);
	assert_int_equal(ctl(TCFLSH, (void *)0), 0);
	assert_int_equal(fops->poll(&file, NULL) & POLLIN, 0);
	assert_int_equal(ctl(0x1234, &n), -ENOTTY);
	fake_user_hole(&ws, sizeof(ws));
	assert_int_equal(ctl(TIOCSWINSZ, &ws), -EFAULT);
	fake_user_hole(NULL, 0);
	assert_int_equal(ctl(TIOCNOTTY, 0), 0);
	assert_null(me.ctty);
}

/* What Linux answers, by struct termios2. */
static void speeds(void **state)
{
	enum { CODES = 0x100f100f, SAME = 0x1000, BOTH = 0x10001000, B9600 = 13, B300 = 7 };
	static const struct {
		u32 codes, in, out, want_in, want_out;
	} cases[] = {
		{0x1002, 7, 8, 115200, 115200},	  {B9600, 7, 8, 9600, 9600},
		{SAME, 777, 888, 888, 888}, /* the input's is the output's */
		{BOTH, 777, 888, 777, 888},	  {B300 << 16 | B9600, 7, 8, 300, 9600},
		{0x100f, 7, 8, 4000000, 4000000}, {0, 7, 8, 0, 0},
	};
	struct ktermios2 t, got = {0};

	(void)state;
	assert_int_equal(ctl(TCGETS2, &got), 0);
	assert_int_equal(got.c_ospeed, 115200);
	assert_memory_equal(&got.t, &tty_std_termios, sizeof(got.t));
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		t = (struct ktermios2){tty_std_termios, cases[i].in, cases[i].out};
		t.t.c_cflag = (t.t.c_cflag & ~(u32)CODES) | cases[i].codes;
		assert_int_equal(ctl(TCSETS2 + i % 3, &t), 0);
		assert_int_equal(ctl(TCGETS2, &got), 0);
		assert_memory_equal(&got.t, &t.t, sizeof(t.t));
		assert_int_equal(got.c_ispeed, cases[i].want_in);
		assert_int_equal(got.c_ospeed, cases[i].want_out);
	}
	/* Set without numbers, another speed is what it was. */
	t.t.c_cflag = (t.t.c_cflag & ~(u32)CODES) | B9600;
	assert_int_equal(ctl(TCSETS, &t.t), 0);
	t.t.c_cflag = (t.t.c_cflag & ~(u32)CODES) | SAME;
	assert_int_equal(ctl(TCSETS, &t.t), 0);
	assert_int_equal(ctl(TCGETS2, &got), 0);
	assert_int_equal(got.c_ospeed, 9600);
	type("lost");
	nr_unsent = 0;
	assert_int_equal(ctl(TCSETSF2, &got), 0);
	type("kept\n");
	assert_read("kept\n");
	fake_user_hole(&t.c_ospeed, 4);
	assert_int_equal(ctl(TCSETS2, &t), -EFAULT);
	assert_int_equal(ctl(TCGETS2, &t), -EFAULT);
	assert_int_equal(ctl(TCGETS, &t), 0);
	fake_user_hole(NULL, 0);
}

static void typing_by_a_program(void **state)
{
	char hole[] = "x";

	(void)state;
	assert_int_equal(ctl(TIOCSTI, "a"), 0); /* root */
	my_cred.fsuid = 1000;
	assert_int_equal(ctl(TIOCSTI, "b"), -EPERM);
	become_leader();
	assert_int_equal(ctl(TIOCSTI, "c"), 0);
	fake_user_hole(hole, 1);
	assert_int_equal(ctl(TIOCSTI, hole), -EFAULT);
	fake_user_hole(NULL, 0);
	my_cred.fsuid = 0;
	type("\n");
	assert_read("ac\n");
}

/* --- compared with Linux --- */

static u32 seed;

static u32 rnd(u32 n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 16) % n;
}

/* Each of the flags with a chance of one in `n`. */
static u32 some_of(u32 flags, u32 n)
{
	u32 some = 0;

	for (u32 bit = 1; bit; bit <<= 1)
		if (flags & bit && !rnd(n))
			some |= bit;
	return some;
}

/* Bytes sent, and each read with its length in front. */
struct seen {
	u8 sent[4096], reads[4096];
	size_t nr_sent, nr_reads;
};

/* What a flush drops depends on Linux's thread, so there is none: NOFLSH. */
static struct ktermios random_termios(void)
{
	struct ktermios t = tty_std_termios;

	t.c_iflag = some_of(PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IUCLC | IUTF8 | IXANY, 3);
	t.c_oflag = (rnd(6) ? OPOST : 0) | some_of(OLCUC | ONLCR | OCRNL | ONOCR | ONLRET, 3);
	t.c_oflag |= rnd(3) ? 0 : XTABS;
	/* Without OPOST Linux does not count columns, and erases a tab wrongly. */
	t.c_lflag = NOFLSH | (rnd(4) ? ICANON : 0) | (rnd(6) && t.c_oflag & OPOST ? ECHO : 0) |
		    (rnd(4) ? IEXTEN : 0);
	/* With both Linux counts the bytes of a character twice. */
	t.c_lflag |= some_of(ECHONL | ISIG | (t.c_iflag & IUTF8 ? 0 : ECHOPRT), 4);
	t.c_lflag |= (ECHOE | ECHOK | ECHOCTL | ECHOKE) &
		     ~some_of(ECHOE | ECHOK | ECHOCTL | ECHOKE, 4);
	t.c_cc[VEOL] = rnd(3) ? 0 : 'e';
	t.c_cc[VEOL2] = rnd(3) ? 0 : 'Q';
	t.c_cc[VSTART] = t.c_cc[VSTOP] = 0;
	return t;
}

static size_t random_text(u8 *text)
{
	static const u8 likely[] = "abeQ_ .\t\r\n\177\025\027\026\022\004\b\001\xc3\xa4\xff\0";
	size_t len = rnd(60);

	for (size_t i = 0; i < len; i++)
		text[i] = rnd(4) ? likely[rnd(sizeof(likely))] : (u8)rnd(256);
	return len;
}

static void our_answer(const u8 *typed, size_t nr_typed, const u8 *text, size_t len,
		       struct seen *seen)
{
	struct kiocb iocb = {.ki_filp = &file};
	struct iov_iter it;
	u8 copy[64];
	ssize_t n;

	tty_receive(&tty, typed, nr_typed);
	do {
		iov_iter_init_kernel(&it, &seen->reads[seen->nr_reads + 1], 200);
		n = fops->read_iter(&iocb, &it);
		if (n >= 0) {
			seen->reads[seen->nr_reads] = (u8)n;
			seen->nr_reads += (size_t)n + 1;
		}
	} while (n >= 0);
	memcpy(copy, text, len);
	iov_iter_init_kernel(&it, copy, len);
	assert_int_equal(len ? fops->write_iter(&iocb, &it) : 0, len);
	memcpy(seen->sent, sent, nr_sent);
	seen->nr_sent = nr_sent;
}

/* Reads what there is more. Returns: whether it is all that ours has. */
static bool linux_answer(const u8 *text, size_t len, bool *wrote, struct seen *seen,
			 const struct seen *ours)
{
	long n;

	while ((n = hostpty_read(&seen->reads[seen->nr_reads + 1], 200)) >= 0) {
		seen->reads[seen->nr_reads] = (u8)n;
		seen->nr_reads += (size_t)n + 1;
	}
	if (!*wrote && seen->nr_reads >= ours->nr_reads) {
		hostpty_write(text, len);
		*wrote = true;
	}
	while ((n = hostpty_sent(&seen->sent[seen->nr_sent], 200)) > 0)
		seen->nr_sent += (size_t)n;
	return seen->nr_sent >= ours->nr_sent && seen->nr_reads >= ours->nr_reads;
}

static void linux_says_the_same(void **state)
{
	u32 first = host_seed(0);

	for (u32 round = first; round < first + 400; round++) {
		struct seen ours = {.nr_sent = 0}, linux_s = {.nr_sent = 0};
		u8 typed[64], text[64];
		size_t nr_typed, len;
		struct ktermios t;
		bool wrote = false;

		seed = round;
		fops->release(&inode, &file);
		setup(state);
		file.f_flags |= O_NONBLOCK;
		t = random_termios();
		nr_typed = random_text(typed);
		len = random_text(text);
		if (t.c_oflag & OLCUC && t.c_oflag & OPOST)
			for (size_t i = 0; i < nr_typed; i++) /* Linux's echo forgets this one */
				typed[i] -= typed[i] == 0xff;
		if (!hostpty_open(&t))
			skip();
		assert_int_equal(ctl(TCSETS, &t), 0);
		our_answer(typed, nr_typed, text, len, &ours);
		hostpty_type(typed, nr_typed);
		hostpty_wait(1);
		for (u32 i = 0; i < 500 && !linux_answer(text, len, &wrote, &linux_s, &ours); i++)
			hostpty_wait(2);
		if (linux_s.nr_reads != ours.nr_reads || linux_s.nr_sent != ours.nr_sent ||
		    memcmp(&linux_s, &ours, sizeof(ours)) != 0)
			print_error("seed %u: iflag %x oflag %x lflag %x\n", round, t.c_iflag,
				    t.c_oflag, t.c_lflag);
		assert_memory_equal(ours.reads, linux_s.reads, sizeof(ours.reads));
		assert_memory_equal(ours.sent, linux_s.sent, sizeof(ours.sent));
		hostpty_close();
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_line_is_read_when_it_ends),
		T(a_line_may_be_read_in_parts),
		T(editing),
		T(editing_of_wide_characters),
		T(words_reprinting_and_literals),
		T(case_and_bits),
		T(breaks),
		T(kill_without_echoke),
		T(end_of_file),
		T(mapping),
		T(typing_ahead_is_kept),
		T(nothing_is_lost_for_a_slow_reader),
		T(every_reason_to_hold_back_ends),
		T(raw_minimum_and_time),
		T(a_signal_ends_a_read),
		T(modes_change_under_input),
		T(a_long_write_waits_for_room),
		T(stop_and_start),
		T(flow_by_calls),
		T(keys_send_signals),
		T(background_reads_and_writes),
		T(whose_terminal),
		T(a_session_ends),
		T(asking_and_setting),
		T(speeds),
		T(typing_by_a_program),
		T(linux_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
