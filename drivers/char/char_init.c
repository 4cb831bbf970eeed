/*
 * The boot of the character devices.
 * Also there: terminals and character devices
 */
#include "drivers/char/char_init.h"

#include "drivers/char/char_internal.h"

void char_init(void)
{
	random_init();
	mem_init();
	n_tty_init(); /* before the terminals that it serves */
	vga_init();
	uart_init();
	kbd_init();
	tty_init(); /* last: it chooses the console among the terminals that are there */
}
