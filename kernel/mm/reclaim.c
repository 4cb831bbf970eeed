/* Reclaim: ask the caches for memory when there is too little. */
#include "kernel/arch/clock.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"

static LIST_HEAD(shrinkers); /* [const after boot] */

void shrinker_register(struct shrinker *s)
{
	list_add_tail(&s->list, &shrinkers);
}

/* The boot context must not sleep: it is what runs when all others do. */
static bool can_sleep(void)
{
	return current && current != this_cpu()->idle;
}

bool reclaim_active(void)
{
	return current && current->reclaiming;
}

size_t reclaim_pages(size_t nr_pages, gfp_t gfp)
{
	struct shrinker *s;
	size_t freed = 0;

	if (!can_sleep())
		return 0;
	current->reclaiming = true;
	list_for_each_entry(s, &shrinkers, list) {
		if (freed >= nr_pages)
			break;
		freed += s->shrink(nr_pages - freed, gfp);
	}
	current->reclaiming = false;
	return freed;
}

void reclaim_wait(void)
{
	if (can_sleep() && !list_empty(&shrinkers))
		(void)thread_sleep_ns(TICK_NS, false);
}
