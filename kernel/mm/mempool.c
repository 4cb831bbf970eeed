/*
 * Pools with a reserve, and the rule who takes from it.
 * Also there: I/O goes on when memory is short
 */
#include "kernel/mm/mempool.h"

static void give_locked(struct mempool *pool, void *element)
{
	*(void **)element = pool->free;
	pool->free = element;
}

void mempool_init(struct mempool *pool, void *reserve, size_t size, u32 nr, bool has_owner)
{
	spin_lock_init(&pool->lock, "mempool", LOCK_ANY);
	init_waitqueue_head(&pool->wq);
	pool->free = NULL;
	pool->reserve = reserve;
	pool->size = size;
	pool->bytes = nr * size;
	pool->has_owner = has_owner;
	pool->owner = NULL;
	for (u32 i = 0; i < nr; i++)
		give_locked(pool, pool->reserve + i * size);
}

static void *try_take(struct mempool *pool)
{
	u64 flags = spin_lock_irqsave(&pool->lock);
	void *element = !pool->owner || pool->owner == current ? pool->free : NULL;

	if (element) {
		pool->free = *(void **)element;
		pool->owner = pool->has_owner ? current : NULL;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return element;
}

void *mempool_take(struct mempool *pool)
{
	void *element;

	wait_event(&pool->wq, (element = try_take(pool)) != NULL);
	return element;
}

void mempool_give(struct mempool *pool, void *element)
{
	u64 flags = spin_lock_irqsave(&pool->lock);

	give_locked(pool, element);
	spin_unlock_irqrestore(&pool->lock, flags);
	wake_up_all(&pool->wq);
}

void mempool_let_go(struct mempool *pool)
{
	__atomic_store_n(&pool->owner, NULL, __ATOMIC_RELEASE);
	wake_up_all(&pool->wq);
}
