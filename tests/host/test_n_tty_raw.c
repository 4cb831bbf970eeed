// uses: tty text user-copies fakes
// sources: kernel/lib/cmdline.c tests/host/fakes/terminal.c
/* Reads without lines: raw mode's minimum and time, breaks, signals, and modes that change. */
#include "tests/host/fakes/terminal.h"

#include "kernel/arch/clock.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(breaks),
		TERMINAL_TEST(raw_minimum_and_time),
		TERMINAL_TEST(a_signal_ends_a_read),
		TERMINAL_TEST(modes_change_under_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
