// uses: tty text user-copies fakes
// sources: kernel/lib/cmdline.c tests/host/fakes/terminal.c
/* Job control: signals by keys, background groups, controlling terminals, the end of a session. */
#include "tests/host/fakes/terminal.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(keys_send_signals),
		TERMINAL_TEST(background_reads_and_writes),
		TERMINAL_TEST(whose_terminal),
		TERMINAL_TEST(a_session_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
