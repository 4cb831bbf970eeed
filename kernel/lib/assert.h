/*
 * Assertions about our own code. What devices, disks and programs say is checked and answered with
 * an error instead.
 * Also there: checks of our own code
 */
#pragma once

#include "kernel/lib/printk.h"

#ifdef HOST_TEST
#include <assert.h>
#define ASSERT(cond) assert(cond)
#else
#define static_assert _Static_assert
#define ASSERT(cond)                                                                     \
	do {                                                                             \
		if (unlikely(!(cond)))                                                   \
			panic("assertion failed: %s, %s:%d", #cond, __FILE__, __LINE__); \
	} while (0)
#endif
