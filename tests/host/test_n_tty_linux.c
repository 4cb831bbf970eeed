// uses: tty text user-copies fakes
// sources: kernel/lib/cmdline.c tests/host/fakes/terminal.c tests/host/fakes/hostpty.c
/* Random modes, input and output: our terminal answers as the host's Linux does. */
#include "tests/host/fakes/terminal.h"
#include "tests/host/fakes/hostpty.h"

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
		terminal_setup(state);
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
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(linux_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
