/*
 * Atomic integers; all operations are fully ordered unless the name says otherwise.
 * Also there: atomic integers
 */
#pragma once

#include "kernel/lib/types.h"

typedef struct {
	int v;
} atomic_t;

#define ATOMIC_INIT(n) \
	{              \
		(n)    \
	}

static inline int atomic_read(const atomic_t *a)
{
	return __atomic_load_n(&a->v, __ATOMIC_RELAXED);
}
static inline void atomic_set(atomic_t *a, int v)
{
	__atomic_store_n(&a->v, v, __ATOMIC_RELAXED);
}
static inline int atomic_add_return(atomic_t *a, int n)
{
	return __atomic_add_fetch(&a->v, n, __ATOMIC_SEQ_CST);
}
static inline void atomic_inc(atomic_t *a)
{
	(void)atomic_add_return(a, 1);
}
static inline void atomic_dec(atomic_t *a)
{
	(void)atomic_add_return(a, -1);
}
/* True if the count reached zero. */
static inline bool atomic_dec_and_test(atomic_t *a)
{
	return atomic_add_return(a, -1) == 0;
}
/* Increment unless zero; true if incremented. */
static inline bool atomic_inc_not_zero(atomic_t *a)
{
	int old = atomic_read(a);

	while (old != 0)
		if (__atomic_compare_exchange_n(&a->v, &old, old + 1, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return true;
	return false;
}

/* Bits of a flags word shared between contexts. */
static inline bool test_bit(unsigned int nr, const u64 *word)
{
	return (__atomic_load_n(word, __ATOMIC_ACQUIRE) >> nr) & 1;
}
static inline void set_bit(unsigned int nr, u64 *word)
{
	__atomic_fetch_or(word, 1ull << nr, __ATOMIC_SEQ_CST);
}
static inline void clear_bit(unsigned int nr, u64 *word)
{
	__atomic_fetch_and(word, ~(1ull << nr), __ATOMIC_SEQ_CST);
}
/* Both return the bit's old value. */
static inline bool test_and_set_bit(unsigned int nr, u64 *word)
{
	return (__atomic_fetch_or(word, 1ull << nr, __ATOMIC_SEQ_CST) >> nr) & 1;
}
static inline bool test_and_clear_bit(unsigned int nr, u64 *word)
{
	return (__atomic_fetch_and(word, ~(1ull << nr), __ATOMIC_SEQ_CST) >> nr) & 1;
}
