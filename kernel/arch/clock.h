/*
 * Time: a clock from the TSC (calibrated against the PIT) and a periodic tick from the LAPIC.
 * Also there: time
 */
#pragma once

#include "kernel/lib/types.h"

#define HZ	      250u
#define NSEC_PER_SEC  1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull
#define TICK_NS	      (NSEC_PER_SEC / HZ)

/* The TSC at the kernel's first instruction, set by boot/boot.asm. */
extern u64 boot_tsc;

/* Calibrate and start the tick. `tick` is called HZ times a second in interrupt context;
 * from_user tells what was interrupted. */
void clock_init(void (*tick)(bool from_user));
/* Nanoseconds since the kernel's first instruction; monotonic. Context: any. */
ktime_t ktime_get_ns(void);
/* Nanoseconds since 1970, now: the CMOS clock's seconds at boot + ktime + what was set since. */
u64 clock_realtime_ns(void);
/* The same as of the last tick, for next to nothing. */
u64 clock_realtime_coarse_ns(void);
void clock_set_realtime_ns(u64 ns);
/* Of the processor's counter, as calibrated. */
u64 clock_tsc_khz(void);
/* Busy wait, for hardware that asks for it. Context: any. */
void udelay(u64 usec);
