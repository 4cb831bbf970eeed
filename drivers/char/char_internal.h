/*
 * What the files of drivers/char share: boot steps in the order of char_init(), registration, the
 * keyboard's screen.
 * Also there: terminals and character devices
 */
#pragma once

#include "kernel/lib/types.h"

struct file_operations;
struct tty;

/* chrdev.c: register_chrdev, or panic: only the boot calls it. */
void char_register(dev_t dev, const char *name, mode_t mode, const struct file_operations *fops);
void random_init(void);
void mem_init(void);
void n_tty_init(void);
void vga_init(void);
void uart_init(void);
void kbd_init(void);
void tty_init(void);

/* The screen's terminal, where keys are received. Returns: NULL if there is no screen. */
struct tty *vga_terminal(void);

/* Stir the moment of an event that nobody can foresee into the random state. Context: any. */
void add_input_randomness(u32 value);
