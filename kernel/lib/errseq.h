/*
 * Errors that are recorded now and reported later, to each who asks once (Linux's errseq_t has this
 * purpose, packed in 32 bits).
 *
 * Each error counts up. A reporter of errors keeps a cursor: the count up to which it has reported.
 * An error that no reporter has reported yet is also for reporters that come after it.
 * Also there: write errors wait for fsync
 */
#pragma once

#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct errseq {
	u32 count; /* [atomic] errors so far */
	u32 seen;  /* [atomic] those that somebody has been told of */
	int last;  /* [atomic] the newest, -errno */
};

/* Record an error. Context: any. */
static inline void errseq_set(struct errseq *e, int error)
{
	WRITE_ONCE(e->last, error);
	__atomic_fetch_add(&e->count, 1, __ATOMIC_SEQ_CST);
}

/* How many errors there were until now: the cursor of one to whom older ones are nothing. Context:
 * any. */
static inline u32 errseq_now(const struct errseq *e)
{
	return READ_ONCE(e->count);
}

/* The cursor of one who begins now: what nobody was told of is his, too. Context: any. */
static inline u32 errseq_sample(const struct errseq *e)
{
	return READ_ONCE(e->seen);
}

/* Returns: the newest error since the cursor, or 0. Context: any. */
static inline int must_check errseq_check(const struct errseq *e, u32 since)
{
	return errseq_now(e) == since ? 0 : READ_ONCE(e->last);
}

/* The same, and it is reported with this. Locks: the cursor is the caller's. */
static inline int must_check errseq_check_and_advance(struct errseq *e, u32 *since)
{
	u32 count = __atomic_load_n(&e->count, __ATOMIC_ACQUIRE);

	if (*since == count)
		return 0;
	*since = count;
	WRITE_ONCE(e->seen, count);
	return READ_ONCE(e->last);
}

/* Returns: an error that nobody was told of, which is reported with this, or 0. */
static inline int must_check errseq_take(struct errseq *e)
{
	u32 seen = errseq_sample(e);

	return errseq_check_and_advance(e, &seen);
}
