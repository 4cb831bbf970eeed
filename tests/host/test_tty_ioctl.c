// uses: tty text user-copies fakes
// sources: kernel/lib/cmdline.c tests/host/fakes/terminal.c
/* The ioctls of a terminal: window size, modes, speeds, what can be read, typing by a program. */
#include "tests/host/fakes/terminal.h"

#define TCGETS2 0x802c542au
enum { TCSETS2 = 0x402c542b, TCSETSF2 = 0x402c542d };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(asking_and_setting),
		TERMINAL_TEST(speeds),
		TERMINAL_TEST(typing_by_a_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
