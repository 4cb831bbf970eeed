/*
 * The boot of the character devices.
 * Also there: terminals and character devices
 */
#include "drivers/char/char_init.h"

#include "drivers/char/char_internal.h"
#include "fs/nodes/char_dev.h"
#include "kernel/lib/printk.h"

void char_register(dev_t dev, const char *name, mode_t mode, const struct file_operations *fops)
{
	int err = register_chrdev(dev, name, mode, fops);

	if (err)
		panic("cannot register the character device %s: error %d", name, err);
}

void char_init(void)
{
	random_init();
	mem_init();
	vga_init();
	uart_init();
	kbd_init();
	tty_init(); /* last: it chooses the console among the terminals that are there */
}
