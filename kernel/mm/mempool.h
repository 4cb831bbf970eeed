/*
 * Elements that can always be had: from the heap, or else from a reserve, whose elements come back.
 *
 * Who needs several at once must not keep a part while he waits for the rest: two such would wait
 * for each other. So a pool may have an owner: who takes from the reserve first is the only one to
 * take from it, until he has sent all that he took on its way back, and lets go (mempool_release).
 * Also there: I/O goes on when memory is short
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/wait.h"

struct mempool {
	struct spinlock lock;
	void *free; /* [lock] the reserve, linked by the first word of each element */
	struct wait_queue_head wq; /* an element came back, or the owner has let go */
	char *reserve;		   /* [const] */
	size_t size, bytes;	   /* [const] of an element, of all */
	bool has_owner;		   /* [const] */
	struct thread *owner;	   /* [lock; the owner to set NULL] */
};

/* `reserve` is an array of nr elements of `size` bytes, which stays. */
void mempool_init(struct mempool *pool, void *reserve, size_t size, u32 nr, bool has_owner);
/* From the reserve. Context: sleeps. */
void *must_check mempool_take(struct mempool *pool);
void mempool_give(struct mempool *pool, void *element);
void mempool_let_go(struct mempool *pool);

/* Not zeroed. Returns: NULL with GFP_ATOMIC only. Context: else sleeps. */
static inline void *must_check mempool_alloc(struct mempool *pool, gfp_t gfp)
{
	void *element = kmalloc(pool->size, gfp);

	return element || !(gfp & (GFP_KERNEL | GFP_NOFS)) ? element : mempool_take(pool);
}

/* Context: any. */
static inline void mempool_free(struct mempool *pool, void *element)
{
	if (unlikely((size_t)((char *)element - pool->reserve) < pool->bytes))
		mempool_give(pool, element);
	else
		kfree(element);
}

/* The thread has sent all that it took: if it was the owner, another may be. Context: any. */
static inline void mempool_release(struct mempool *pool)
{
	if (unlikely(pool->owner == current))
		mempool_let_go(pool);
}
