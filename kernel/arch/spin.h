/*
 * The bare spin lock under kernel/sched/spinlock.h; kernel/arch uses it directly.
 * Also there: the bare lock
 */
#pragma once

#include "kernel/arch/cpu.h"

struct arch_spinlock {
	u32 locked;
};

#define ARCH_SPINLOCK_INIT \
	{                  \
		0          \
	}

static inline void arch_spin_lock(struct arch_spinlock *l)
{
	while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
			cpu_relax();
}
static inline void arch_spin_unlock(struct arch_spinlock *l)
{
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}
