/*
 * Spinlocks, and in a debug build the check of their order.
 * Also there: locks that spin
 */
#include "kernel/sched/spinlock.h"

#include "kernel/lib/assert.h"

#ifdef DEBUG_LOCKS
#define MAX_HELD 16

/* Locks held by one CPU. Only those of the same context are compared: an interrupt may come while
 * any lock is held whose takers leave interrupts on. */
static struct held_locks {
	struct {
		const struct spinlock *lock;
		u32 context;
	} held[MAX_HELD];
	u32 count;
} held_locks[MAX_CPUS]; /* [this CPU, interrupts off] */

static u32 context_of(const struct cpu *cpu)
{
	return cpu->irq_depth << 8 | cpu->softirq_depth;
}

static void check_order(const struct spinlock *l)
{
	u64 flags = irq_save();
	struct cpu *cpu = this_cpu();
	struct held_locks *h = &held_locks[cpu->id];

	for (u32 i = 0; i < h->count; i++) {
		const struct spinlock *other = h->held[i].lock;

		if (h->held[i].context != context_of(cpu) || other->class == LOCK_ANY ||
		    l->class == LOCK_ANY || other->class < l->class)
			continue;
		h->count = 0; /* let the panic itself take locks */
		panic("lock order: %s is taken under %s", l->name, other->name);
	}
	ASSERT(h->count < MAX_HELD);
	h->held[h->count].lock = l;
	h->held[h->count++].context = context_of(cpu);
	irq_restore(flags);
}

static void forget(const struct spinlock *l)
{
	u64 flags = irq_save();
	struct held_locks *h = &held_locks[this_cpu()->id];
	u32 i = h->count;

	while (i > 0 && h->held[i - 1].lock != l)
		i--;
	for (; i > 0 && i < h->count; i++)
		h->held[i - 1] = h->held[i];
	h->count -= h->count > 0;
	irq_restore(flags);
}

void spin_lock(struct spinlock *l)
{
	struct cpu *cpu = this_cpu();

	if (unlikely(READ_ONCE(l->owner) == cpu))
		panic("spinlock %s is taken twice", l->name);
	check_order(l);
	cpu->spin_depth++;
	arch_spin_lock(&l->raw);
	l->owner = cpu;
}

void spin_unlock(struct spinlock *l)
{
	ASSERT(l->owner == this_cpu());
	forget(l);
	l->owner = NULL;
	arch_spin_unlock(&l->raw);
	this_cpu()->spin_depth--;
}
#else
void spin_lock_twice(const struct spinlock *l)
{
	panic("spinlock %s is taken twice", l->name);
}
#endif

void spin_lock_init(struct spinlock *l, const char *name, enum lock_class class)
{
	*l = (struct spinlock)SPINLOCK_INIT(name, class);
}

bool spin_is_held(const struct spinlock *l)
{
	return READ_ONCE(l->owner) == this_cpu();
}
