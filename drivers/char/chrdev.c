/*
 * Registration of the character devices at boot.
 * Also there: terminals and character devices
 */
#include "drivers/char/char_internal.h"
#include "fs/nodes/char_dev.h"
#include "kernel/lib/printk.h"

void char_register(dev_t dev, const char *name, mode_t mode, const struct file_operations *fops)
{
	int err = register_chrdev(dev, name, mode, fops);

	if (err)
		panic("cannot register the character device %s: error %d", name, err);
}
