/*
 * Bit arrays, searched a word at a time.
 * Also there: free tags and free blocks are bits
 */
#include "kernel/lib/bitmap.h"

bool bitmap_test(const u64 *map, size_t bit)
{
	return (map[bit / BITS_PER_WORD] >> (bit % BITS_PER_WORD)) & 1;
}

void bitmap_set(u64 *map, size_t bit)
{
	map[bit / BITS_PER_WORD] |= 1ull << (bit % BITS_PER_WORD);
}

void bitmap_clear(u64 *map, size_t bit)
{
	map[bit / BITS_PER_WORD] &= ~(1ull << (bit % BITS_PER_WORD));
}

/* First bit at or after `from` that differs from `invert`'s. */
static size_t find_bit(const u64 *map, size_t bits, size_t from, u64 invert)
{
	while (from < bits) {
		u64 word = (map[from / BITS_PER_WORD] ^ invert) >> (from % BITS_PER_WORD);

		if (word != 0) {
			from += (size_t)__builtin_ctzll(word);
			return from < bits ? from : bits;
		}
		from = (from / BITS_PER_WORD + 1) * BITS_PER_WORD;
	}
	return bits;
}

size_t bitmap_find_zero(const u64 *map, size_t bits, size_t from)
{
	return find_bit(map, bits, from, ~0ull);
}

size_t bitmap_find_set(const u64 *map, size_t bits, size_t from)
{
	return find_bit(map, bits, from, 0);
}
