/*
 * The first serial port by polling: the kernel's console from the first line on. The tty
 * driver shares the port for what programs write.
 * Also there: messages before there are drivers
 */
#pragma once

#include "kernel/lib/types.h"

/* The registers that both use. */
#define COM1	     0x3f8
#define UART_IER     (COM1 + 1)
#define UART_LSR     (COM1 + 5)
#define UART_SCRATCH (COM1 + 7)
#define LSR_THRE     0x20u

#define LSR_DATA 0x01u
#define COM1_IRQ 4

/* Set the port to 115200 8n1 and register the console; does nothing if there is no port. */
void earlycon_init(void);
/* From now on only input interrupts, and there is none. Context: any. */
void earlycon_discard_input(void);
