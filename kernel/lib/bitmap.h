/*
 * Bit arrays of any length, bit 0 the lowest of the first word. No locking: the caller's.
 * Also there: free tags and free blocks are bits
 */
#pragma once

#include "kernel/lib/types.h"

#define BITS_PER_WORD	   64u
#define BITMAP_WORDS(bits) (((bits) + BITS_PER_WORD - 1) / BITS_PER_WORD)

bool bitmap_test(const u64 *map, size_t bit);
void bitmap_set(u64 *map, size_t bit);
void bitmap_clear(u64 *map, size_t bit);
/* First zero (or set) bit at or after `from`, or `bits` if none. */
size_t bitmap_find_zero(const u64 *map, size_t bits, size_t from);
size_t bitmap_find_set(const u64 *map, size_t bits, size_t from);
