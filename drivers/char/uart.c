/*
 * The first serial port as a terminal, by interrupt. Source: National Semiconductor PC16550D.
 *
 * printk writes to the same port by polling (kernel/arch/earlycon.c), which has set it up.
 * Invariants:
 * 1. Both send only after they saw the transmitter's FIFO empty (LSR.THRE): printk one byte, this
 *    driver up to TX_BURST, which together fit into the 16 bytes of the FIFO on any CPU.
 * 2. The transmitter interrupt is enabled exactly while the ring has something that may be sent,
 *    the receiver's unless the terminal is throttled: then the FIFO fills, and the sender waits.
 *
 * Lock order: tty_driver.h, of which uart_lock is a driver's.
 * Also there: terminals and character devices
 */
#include "block/genhd.h"
#include "drivers/char/char_internal.h"
#include "drivers/char/tty_driver.h"
#include "kernel/arch/earlycon.h"
#include "kernel/arch/io.h"
#include "kernel/arch/irq.h"
#include "kernel/lib/printk.h"

#define UART_DATA  COM1
#define UART_IIR   (COM1 + 2)
#define IER_RX	   0x01u
#define IER_TX	   0x02u
#define IIR_NONE   0x01u
#define LSR_BREAK  0x10u
#define TX_BURST   8u
#define RX_CHUNK   64u
#define ROUNDS_MAX 4096 /* of one interrupt: more is a broken port */
#define RING_SIZE  4096u

static struct tty uart_tty;
static struct spinlock uart_lock = SPINLOCK_INIT("uart", LOCK_CONSOLE);
static u8 ring[RING_SIZE]; /* [uart_lock] to be sent: [tail, head) */
static u32 head, tail;	   /* [uart_lock] */
static u8 ier;		   /* [uart_lock] the register's value */

static void set_ier(u8 value)
{
	if (value != ier)
		outb(UART_IER, value);
	ier = value;
}

static void send_locked(void)
{
	bool held = READ_ONCE(uart_tty.stopped);

	if (!held && inb(UART_LSR) & LSR_THRE)
		for (u32 i = 0; i < TX_BURST && tail != head; i++)
			outb(UART_DATA, ring[tail++ % RING_SIZE]);
	set_ier((u8)((tail != head && !held ? IER_TX : 0) |
		     (READ_ONCE(uart_tty.throttled) ? 0 : IER_RX)));
}

static void uart_write(struct tty *tty, const u8 *buf, size_t len)
{
	u64 flags = spin_lock_irqsave(&uart_lock);

	(void)tty;
	while (len-- && head - tail < RING_SIZE)
		ring[head++ % RING_SIZE] = *buf++;
	send_locked();
	spin_unlock_irqrestore(&uart_lock, flags);
}

static u32 uart_chars_in_buffer(struct tty *tty)
{
	u64 flags = spin_lock_irqsave(&uart_lock);
	u32 used = head - tail;

	(void)tty;
	spin_unlock_irqrestore(&uart_lock, flags);
	return used;
}

static u32 uart_write_room(struct tty *tty)
{
	return RING_SIZE - uart_chars_in_buffer(tty);
}

static void uart_flush_buffer(struct tty *tty)
{
	u64 flags = spin_lock_irqsave(&uart_lock);

	(void)tty;
	tail = head;
	send_locked();
	spin_unlock_irqrestore(&uart_lock, flags);
}

/* The terminal was stopped or started, throttled or not. */
static void uart_start(struct tty *tty)
{
	uart_write(tty, NULL, 0);
}

static const struct tty_operations uart_ops = {
	.write = uart_write,
	.write_room = uart_write_room,
	.chars_in_buffer = uart_chars_in_buffer,
	.flush_buffer = uart_flush_buffer,
	.start = uart_start,
	.throttle = uart_start,
	.unthrottle = uart_start,
};

/* Up to a break, which is not a byte. */
static size_t receive_locked(u8 *buf, size_t max, bool *is_break)
{
	for (size_t n = 0; n < max; n++) {
		u8 lsr = inb(UART_LSR);

		if (!(lsr & LSR_DATA))
			return n;
		buf[n] = inb(UART_DATA);
		*is_break = lsr & LSR_BREAK;
		if (*is_break)
			return n;
	}
	return max;
}

static void received(const u8 *buf, size_t n, bool is_break)
{
	if (n)
		add_input_randomness(buf[0]);
	if (!(READ_ONCE(uart_tty.termios.c_cflag) & CREAD))
		return;
	tty_receive(&uart_tty, buf, n);
	if (is_break)
		tty_receive_break(&uart_tty);
}

/* The line is edge-triggered: it must have been low, with nothing pending, before this returns. */
static enum irq_return uart_interrupt(void *data)
{
	int rounds = 0;

	(void)data;
	for (; rounds < ROUNDS_MAX && !(inb(UART_IIR) & IIR_NONE); rounds++) {
		u32 room = tty_receive_room(&uart_tty);
		u8 buf[RX_CHUNK];
		bool wake, is_break = false;
		size_t n;

		spin_lock(&uart_lock);
		n = receive_locked(buf, min(room, RX_CHUNK), &is_break);
		send_locked();
		wake = head - tail < RING_SIZE / 2;
		spin_unlock(&uart_lock);
		if (n || is_break)
			received(buf, n, is_break);
		if (wake)
			wake_up(&uart_tty.write_wait);
	}
	return rounds ? IRQ_HANDLED : IRQ_NONE;
}

void uart_init(void)
{
	outb(UART_SCRATCH, 0xa5);
	if (inb(UART_SCRATCH) != 0xa5)
		return;
	tty_register(&uart_tty, "ttyS0", MKDEV(4, 64), &uart_ops);
	if (irq_request_isa(COM1_IRQ, uart_interrupt, NULL)) {
		printk("ttyS0: no interrupt line %d\n", COM1_IRQ);
		return;
	}
	irq_set_name(uart_interrupt, NULL, "ttyS0");
	uart_start(&uart_tty);
}
