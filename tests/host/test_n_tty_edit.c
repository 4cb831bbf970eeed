// uses: tty text user-copies fakes
// sources: kernel/lib/cmdline.c tests/host/fakes/terminal.c
/* Lines as the line discipline makes them: what ends one, what editing keys do, what echo shows. */
#include "tests/host/fakes/terminal.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(a_line_is_read_when_it_ends),
		TERMINAL_TEST(a_line_may_be_read_in_parts),
		TERMINAL_TEST(editing),
		TERMINAL_TEST(editing_of_wide_characters),
		TERMINAL_TEST(words_reprinting_and_literals),
		TERMINAL_TEST(case_and_bits),
		TERMINAL_TEST(kill_without_echoke),
		TERMINAL_TEST(end_of_file),
		TERMINAL_TEST(mapping),
		TERMINAL_TEST(typing_ahead_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
