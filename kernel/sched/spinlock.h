/*
 * Spinlocks. Held for a short time, never across a sleep. A lock that interrupt handlers
 * take is taken with spin_lock_irqsave everywhere else. One that softirqs take, but no handlers, is
 * taken with spin_lock_bh (softirq.h), which is cheaper, or with spin_lock_irqsave.
 *
 * A debug build (DEBUG=1) checks the owner, the order of lock classes, and that nothing sleeps
 * under one.
 * Also there: locks that spin
 */
#pragma once

#include "kernel/arch/cpu.h"
#include "kernel/arch/spin.h"
#include "kernel/lib/types.h"

/* Lock order, outermost first. A lock may be taken only under lower classes. */
enum lock_class {
	LOCK_ANY,     /* not checked */
	LOCK_FS,      /* dcache, inode hash, mounts */
	LOCK_MAPPING, /* page-cache tree */
	LOCK_LRU,
	LOCK_QUEUE, /* request queue */
	LOCK_VIRTQUEUE,
	LOCK_TTY,
	LOCK_PROC, /* process table, signals: taken by the tty for Ctrl-C */
	LOCK_MM,   /* buddy, slab */
	LOCK_TIMER,
	LOCK_WAIT,  /* wait queues */
	LOCK_SCHED, /* run queue */
	LOCK_CONSOLE,
};

struct spinlock {
	struct arch_spinlock raw;
	u32 class;	   /* [const] enum lock_class */
	struct cpu *owner; /* [owner] debug */
	const char *name;  /* [const] */
};

#define SPINLOCK_INIT(n, c)                        \
	{                                          \
		ARCH_SPINLOCK_INIT, (c), NULL, (n) \
	}

void spin_lock_init(struct spinlock *l, const char *name, enum lock_class class);
#if defined(DEBUG_LOCKS) || defined(HOST_TEST)
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
#else
void spin_lock_twice(const struct spinlock *l) __attribute__((__noreturn__, __cold__));

/* Inline: a request takes a dozen of them on its way. */
static inline void spin_lock(struct spinlock *l)
{
	struct cpu *cpu = this_cpu();

	/* Also when an interrupt handler meets what it interrupted: better a message than a
	 * hang. */
	if (unlikely(READ_ONCE(l->owner) == cpu))
		spin_lock_twice(l);
	cpu->spin_depth++;
	arch_spin_lock(&l->raw);
	l->owner = cpu;
}
static inline void spin_unlock(struct spinlock *l)
{
	l->owner = NULL;
	arch_spin_unlock(&l->raw);
	this_cpu()->spin_depth--;
}
#endif
/* Returns the interrupt state for spin_unlock_irqrestore. */
static inline u64 must_check spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = irq_save();

	spin_lock(l);
	return flags;
}
static inline void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	spin_unlock(l);
	irq_restore(flags);
}
bool spin_is_held(const struct spinlock *l); /* by this CPU */
