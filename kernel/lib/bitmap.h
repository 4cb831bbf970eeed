/* Bit arrays of any length, bit 0 the lowest of the first word. No locking: the caller's. */
#pragma once

#include "kernel/lib/types.h"

#define BITS_PER_WORD	   64u
#define BITMAP_WORDS(bits) (((bits) + BITS_PER_WORD - 1) / BITS_PER_WORD)

static inline bool bitmap_test(const u64 *map, size_t bit)
{
	return (map[bit / BITS_PER_WORD] >> (bit % BITS_PER_WORD)) & 1;
}
static inline void bitmap_set(u64 *map, size_t bit)
{
	map[bit / BITS_PER_WORD] |= 1ull << (bit % BITS_PER_WORD);
}
static inline void bitmap_clear(u64 *map, size_t bit)
{
	map[bit / BITS_PER_WORD] &= ~(1ull << (bit % BITS_PER_WORD));
}
/* First zero (or set) bit at or after `from`, or `bits` if none. */
size_t bitmap_find_zero(const u64 *map, size_t bits, size_t from);
size_t bitmap_find_set(const u64 *map, size_t bits, size_t from);
