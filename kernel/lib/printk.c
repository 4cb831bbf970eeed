/*
 * Kernel messages: a ring of the newest text, and the consoles.
 *
 * Invariants:
 * 1. Every byte goes into the ring first; a console gets the same bytes in the same order.
 * 2. ring_head counts all bytes ever written; byte n lies at ring[n % RING_SIZE].
 *
 * The lock is a bare one with interrupts off, innermost of all; console->write runs under it.
 */
#include "kernel/lib/printk.h"

#include "kernel/lib/string.h"

#define RING_SIZE 65536u
#define LINE_MAX  1024
/* How long a panic waits for a lock whose owner may be the one that failed. */
#define PANIC_SPINS 1000000

static char ring[RING_SIZE];	  /* [lock] */
static u64 ring_head;		  /* [lock] */
static bool at_line_start = true; /* [lock] */
static char line[LINE_MAX];	  /* [lock] */
static LIST_HEAD(consoles);	  /* [lock] */
static u32 lock;
static bool panicking;		    /* [atomic] */
static u64 (*clock_now_ns)(void);   /* [const after boot] */
static void (*panic_handler)(void); /* [const after boot] */

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
	list_for_each_entry(con, &consoles, list)
		con->write(s, len);
}

static void emit_timestamp(void)
{
	u64 us = clock_now_ns ? clock_now_ns() / 1000 : 0;
	char stamp[32];
	int len =
		snprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ", us / 1000000ull, us % 1000000ull);

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
	int len = vsnprintf(line, sizeof(line), fmt, args);

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

static size_t ring_used(void)
{
	return ring_head < RING_SIZE ? (size_t)ring_head : RING_SIZE;
}

/* The bytes [from, ring_head) in at most two pieces. */
static void replay(struct console *con)
{
	u64 pos = ring_head - ring_used();

	while (pos < ring_head) {
		size_t n = min((size_t)(ring_head - pos), (size_t)(RING_SIZE - pos % RING_SIZE));

		con->write(&ring[pos % RING_SIZE], n);
		pos += n;
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

size_t printk_read_all(char *buf, size_t size)
{
	u64 flags = printk_lock();
	size_t n = min(size, ring_used());

	for (size_t i = 0; i < n; i++)
		buf[i] = ring[(ring_head - n + i) % RING_SIZE];
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
