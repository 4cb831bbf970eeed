/* The first serial port by polling: the kernel's console "ttyS0" from the first line on. The tty
 * driver shares the port for what programs write. */
#pragma once

#include "kernel/lib/types.h"

/* Set the port to 115200 8n1 and register the console; does nothing if there is no port. */
void earlycon_init(void);
/* Write bytes as they are, without printk's time; for the in-kernel tests. Context: any. */
void earlycon_write(const char *buf, size_t len);
