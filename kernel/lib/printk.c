/*
 * Kernel messages: a ring of the newest text, and the consoles.
 *
 * Invariants:
 * 1. Every byte goes into the ring first; a console gets the lines below its level, in the same
 *    order, without the "<level>" that each line in the ring begins with.
 * 2. ring_head counts all bytes ever written; byte n lies at ring[n % RING_SIZE].
 * 3. read_pos and clear_pos are at the start of a line, or within one that syslog(2) read a part
 *    of.
 *
 * The lock is a bare one with interrupts off, innermost of all; console->write runs under it.
 * Also there: messages of the kernel
 */
#include "kernel/lib/printk.h"

#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"

#define RING_SIZE 65536u
#define LINE_MAX  1024
#define PREFIX	  3u /* "<4>" */
/* How long a panic waits for a lock whose owner may be the one that failed. */
#define PANIC_SPINS 1000000

static char ring[RING_SIZE];	  /* [lock] */
static u64 ring_head;		  /* [lock] */
static u64 read_pos, clear_pos;	  /* [lock] what syslog(2) read, and cleared */
static int line_level;		  /* [lock] of the line that is being printed */
static bool at_line_start = true; /* [lock] */
static char line[LINE_MAX];	  /* [lock] */
static LIST_HEAD(consoles);	  /* [lock] */
static u32 lock;
static bool panicking;		    /* [atomic] */
static u64 (*clock_now_ns)(void);   /* [const after boot] */
static void (*panic_handler)(void); /* [const after boot] */
int console_printk[4] = {7, 4, 1, 7};

/* kernel/lib stands below kernel/arch, so it has its own interrupt flag helpers. */
#ifdef HOST_TEST
static u64 irqs_off(void)
{
	return 0;
}
static void irqs_restore(u64 flags)
{
	(void)flags;
}
static void halt(void)
{
	__builtin_trap();
}
#else
static u64 irqs_off(void)
{
	u64 flags;

	__asm__ __volatile__("pushfq; pop %0; cli" : "=r"(flags)::"memory");
	return flags;
}
static void irqs_restore(u64 flags)
{
	__asm__ __volatile__("push %0; popfq" ::"r"(flags) : "memory", "cc");
}
static void halt(void)
{
	__asm__ __volatile__("cli; hlt" ::: "memory");
}
#endif

static u64 printk_lock(void)
{
	u64 flags = irqs_off();
	u32 spins = 0;

	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		if (__atomic_load_n(&panicking, __ATOMIC_RELAXED) && ++spins > PANIC_SPINS)
			break;
	return flags;
}

static void printk_unlock(u64 flags)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	irqs_restore(flags);
}

static void ring_write(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ring[ring_head++ % RING_SIZE] = s[i];
}

static void emit(const char *s, size_t len)
{
	struct console *con;

	ring_write(s, len);
	if (line_level >= READ_ONCE(console_printk[0]))
		return;
	list_for_each_entry(con, &consoles, list)
		con->write(s, len);
}

static void emit_timestamp(void)
{
	u64 us = clock_now_ns ? clock_now_ns() / 1000 : 0;
	const char prefix[PREFIX] = {'<', (char)('0' + line_level), '>'};
	char stamp[32];
	int len =
		snprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ", us / 1000000ull, us % 1000000ull);

	ring_write(prefix, PREFIX);
	emit(stamp, (size_t)len);
}

static void emit_lines(const char *s, size_t len)
{
	while (len > 0) {
		const char *newline = memchr(s, '\n', len);
		size_t n = newline ? (size_t)(newline - s) + 1 : len;

		if (at_line_start)
			emit_timestamp();
		emit(s, n);
		at_line_start = newline != NULL;
		s += n;
		len -= n;
	}
}

static void vprintk(const char *fmt, va_list args)
{
	u64 flags = printk_lock();
	bool leveled = fmt[0] == KERN_SOH[0];
	int len = vsnprintf(line, sizeof(line), leveled ? fmt + 2 : fmt, args);

	if (at_line_start)
		line_level = leveled ? fmt[1] - '0' : READ_ONCE(console_printk[1]) & 7;
	if ((size_t)len >= sizeof(line))
		line[sizeof(line) - 2] = '\n'; /* one that is cut still ends */
	emit_lines(line, min((size_t)len, sizeof(line) - 1));
	printk_unlock(flags);
}

void printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
}

static char ring_at(u64 pos)
{
	return ring[pos % RING_SIZE];
}

/* The first line that begins at pos or behind it. */
static u64 line_from(u64 pos)
{
	while (pos > 0 && pos < ring_head && ring_at(pos - 1) != '\n')
		pos++;
	return pos;
}

/* pos, or the oldest line that is whole, if that is newer. The byte before it is overwritten. */
static u64 still_there(u64 pos)
{
	return ring_head < RING_SIZE ? pos : max(pos, line_from(ring_head - RING_SIZE + 1));
}

static void replay(struct console *con)
{
	for (u64 pos = still_there(0); pos < ring_head;) {
		bool shown = ring_at(pos + 1) - '0' < console_printk[0];
		u64 end = line_from(pos + PREFIX);

		for (pos += PREFIX; pos < end; pos++)
			if (shown)
				con->write(&ring[pos % RING_SIZE], 1);
	}
}

void console_register(struct console *con)
{
	u64 flags = printk_lock();

	list_add_tail(&con->list, &consoles);
	replay(con);
	printk_unlock(flags);
}

void printk_set_clock(u64 (*now_ns)(void))
{
	clock_now_ns = now_ns;
}

static size_t ring_read(char *buf, u64 from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = ring_at(from + i);
	return n;
}

size_t printk_read_all(char *buf, size_t size, bool clear)
{
	u64 flags = printk_lock(), from = still_there(clear_pos);
	size_t n;

	if (ring_head - from > size)
		from = line_from(ring_head - size);
	n = ring_read(buf, from, (size_t)(ring_head - from));
	if (clear)
		clear_pos = ring_head;
	printk_unlock(flags);
	return n;
}

size_t printk_read(char *buf, size_t size)
{
	u64 flags = printk_lock();
	size_t n;

	read_pos = still_there(read_pos);
	n = min(size, (size_t)(ring_head - read_pos));
	if (buf)
		read_pos += ring_read(buf, read_pos, n);
	printk_unlock(flags);
	return n;
}

size_t printk_log_size(void)
{
	return RING_SIZE;
}

void panic_set_handler(void (*handler)(void))
{
	panic_handler = handler;
}

void panic(const char *fmt, ...)
{
	va_list args;

	(void)irqs_off();
	if (!__atomic_exchange_n(&panicking, true, __ATOMIC_SEQ_CST)) {
		console_printk[0] = KERN_LEVELS; /* whoever silenced it wants to see this */
		if (!at_line_start)
			printk("\n");
		printk("Kernel panic: ");
		va_start(args, fmt);
		vprintk(fmt, args);
		va_end(args);
		printk("\n");
		if (panic_handler)
			panic_handler();
	}
	for (;;)
		halt();
}
