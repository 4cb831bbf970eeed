// uses: tty text user-copies fakes
// sources: kernel/lib/cmdline.c tests/host/fakes/terminal.c
/* Flow control: input that a driver holds back, output that waits for room, stop and start. */
#include "tests/host/fakes/terminal.h"

enum { TCOOFF, TCOON, TCIOFF, TCION };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(nothing_is_lost_for_a_slow_reader),
		TERMINAL_TEST(every_reason_to_hold_back_ends),
		TERMINAL_TEST(a_long_write_waits_for_room),
		TERMINAL_TEST(stop_and_start),
		TERMINAL_TEST(flow_by_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
