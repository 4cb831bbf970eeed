/*
 * Kernel messages.
 *
 * printk() formats into a ring (read by dmesg) and passes each line to the registered consoles.
 * Formats are those of vsnprintf.h.
 * Also there: messages of the kernel
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

/* In front of a format: the message's level, as Linux's. Without one it is a warning, and is
 * shown. */
#define KERN_SOH    "\001"
#define KERN_DEBUG  KERN_SOH "7" /* for the log only, as long as nobody asks for more */
#define KERN_LEVELS 8
/* Shown are messages below the first; the second is what those without a level have; the first is
 * not set below the third by syslog(2); the fourth is what the first was. Linux's names and
 * order (/proc/sys/kernel/printk). [atomic] */
extern int console_printk[4];

/* Print a message; lines carry the time since boot. Context: any, interrupts too. */
void printk(const char *fmt, ...) printf_like(1, 2);

struct console {
	struct list_head list; /* [lock of printk.c] */
	/* Write bytes at once, by polling. Context: any. */
	void (*write)(const char *buf, size_t len);
};

/* From now on pass messages to `con`, those printed before first. Owns: con stays the
 * caller's. */
void console_register(struct console *con);
/* printk's clock, once there is one (nanoseconds since boot). */
void printk_set_clock(u64 (*now_ns)(void));
/* For syslog(2): copy the newest whole lines since the last clear / what was not read yet, or,
 * without a buffer, tell how much that is. Returns: bytes. Context: any. */
size_t printk_read_all(char *buf, size_t size, bool clear);
size_t printk_read(char *buf, size_t size);
size_t printk_log_size(void);

/* Print the message and a backtrace, then halt, or leave QEMU with panic=exit. Context: any. */
void panic(const char *fmt, ...) printf_like(1, 2) __noreturn;
/* What panic() does after its message: set by kernel/arch (backtrace, halt or exit). */
void panic_set_handler(void (*handler)(void));
