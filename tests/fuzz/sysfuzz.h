/* Random system calls, in two parts: which calls with which arguments, and the workers. */
#pragma once

#include <stdint.h>

/*
 * Prepare this process: the sequence starts from the seed, which is not 0, and the memory of the
 * calls is mapped. Returns: 0, or -1.
 */
int calls_start(uint64_t seed);
/* Make one call. Needs calls_start(). */
void one_call(void);
/* The next random number, smaller than n. */
uint64_t below(uint64_t n);
