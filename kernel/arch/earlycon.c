/*
 * Output through the 16550 at COM1 by polling. Source: National Semiconductor PC16550D.
 * Also there: messages before there are drivers
 */
#include "kernel/arch/earlycon.h"

#include "kernel/arch/io.h"
#include "kernel/lib/printk.h"

#define IER_RX	 0x01
#define UART_FCR (COM1 + 2)
#define UART_LCR (COM1 + 3)
#define UART_MCR (COM1 + 4)
#define LCR_8N1	 0x03
#define LCR_DLAB 0x80
#define SPIN_MAX 1000000

static bool present;

static void put(u8 c)
{
	for (int i = 0; i < SPIN_MAX && !(inb(UART_LSR) & LSR_THRE); i++)
		;
	outb(COM1, c);
}

static void earlycon_write(const char *buf, size_t len)
{
	if (!present)
		return;
	for (; len; len--, buf++) {
		if (*buf == '\n')
			put('\r');
		put((u8)*buf);
	}
}

void earlycon_discard_input(void)
{
	if (!present)
		return;
	outb(UART_IER, IER_RX);
	for (int i = 0; i < SPIN_MAX && inb(UART_LSR) & LSR_DATA; i++)
		(void)inb(COM1);
}

void earlycon_init(void)
{
	static struct console console = {.write = earlycon_write};

	outb(UART_SCRATCH, 0x5a);
	if (inb(UART_SCRATCH) != 0x5a)
		return;
	outb(UART_IER, 0);
	outb(UART_LCR, LCR_DLAB | LCR_8N1);
	outb(COM1, 1);
	outb(UART_IER, 0);
	outb(UART_LCR, LCR_8N1);
	outb(UART_FCR, 0x07);
	outb(UART_MCR, 0x0b);
	present = true;
	/* Lines wrap: SeaBIOS's serial console switches that off, and leaves it so. */
	earlycon_write("\033[?7h", 5);
	console_register(&console);
}
