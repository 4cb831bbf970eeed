/*
 * What every host test includes first: cmocka and the C library, and how to steer the fakes.
 *
 * A test is one program with one thread. What sleeps in the kernel calls fake_schedule() here,
 * which runs what is pending (softirqs, work, the test's own hook) and ends the test when nothing
 * is: the kernel would sleep for ever.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/lib/types.h"

/* cmocka's own name for it is assert_in_range up to 1.1, and another one from 2 on. */
#define assert_between(value, low, high)                    \
	do {                                                \
		long between_value = (long)(value);         \
		assert_true(between_value >= (long)(low));  \
		assert_true(between_value <= (long)(high)); \
	} while (0)

/* The seed of a random test: the environment's SEED, else the test's usual one. It is printed, so
 * that a failure can be repeated: `make test-host T=name SEED=number`. */
static inline u32 host_seed(u32 usual)
{
	const char *wanted = getenv("SEED");
	u32 seed = wanted ? (u32)strtoul(wanted, NULL, 0) : usual;

	print_message("# seed %u\n", seed);
	return seed;
}

/* fakes/kmalloc.c: what is allocated and not freed yet. mm_fail_after() fails an allocation. */
size_t fake_kmalloc_live(void);

/* fakes/page.c: frames in use; and memory so short that caches should shrink. */
size_t fake_pages_live(void);
void fake_set_mm_low(bool low);
/* Run the registered shrinkers, as reclaim does. Returns: pages freed. */
size_t fake_shrink(size_t nr_pages);

/* fakes/printk.c: what was printed since the last clear. */
const char *fake_log(void);
void fake_log_clear(void);

/* fakes/sched.c: called when the code under test sleeps; it makes something happen (completes a
 * request, say) and returns whether it did. */
extern bool (*fake_schedule_hook)(void);
/* The thread that runs from here on; NULL: the first. */
struct thread;
void fake_set_current(struct thread *t);
/* Called when a thread would wait for a mutex: what its owner does until it is free. */
struct mutex;
extern void (*fake_mutex_hook)(struct mutex *m);
/* Run pending softirqs and work now. Returns: whether there were any. */
bool fake_run_pending(void);
/* Hold softirqs off; the enabling runs what is pending. */
void fake_bh_disable(void);
void fake_bh_enable(void);
/* Let time pass, and run the timers that expire. */
void fake_clock_advance(u64 ns);

/* fakes/uaccess.c: accesses that touch [start, start + len) give -EFAULT; len 0: none do. */
void fake_user_hole(const void *start, size_t len);
