/*
 * The character devices' place in the boot sequence.
 * Also there: terminals and character devices
 */
#pragma once

/* Register memory devices, random, terminals, UART, VGA text and keyboard. Context: thread, after
 * interrupts, clock, workqueues and devfs. Panics when there is no memory. */
void char_init(void);
