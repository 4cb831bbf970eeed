/* Host tests: stands in for kernel/arch/cpu.h, with one processor and no privileged instruction. */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define MAX_CPUS 8

struct thread;

struct cpu {
	struct cpu *self;
	u64 kernel_stack;
	u64 user_stack;
	struct thread *current;
	u32 id;
	u32 lapic_id;
	u32 irq_depth;
	u32 softirq_depth;
	u32 softirq_pending;
	u32 spin_depth;
	bool need_resched;
	struct thread *idle;
	void *tss;
};

extern struct cpu fake_cpu;
extern bool fake_irqs_on;

static inline struct cpu *this_cpu(void)
{
	return &fake_cpu;
}
static inline struct thread *cpu_current(void)
{
	return fake_cpu.current;
}
static inline bool in_interrupt(void)
{
	return fake_cpu.irq_depth > 0 || fake_cpu.softirq_depth > 0;
}

#define X86_FLAGS_IF 0x200ull

static inline u64 irq_save(void)
{
	u64 flags = fake_irqs_on ? X86_FLAGS_IF : 0;

	fake_irqs_on = false;
	return flags;
}
static inline void irq_restore(u64 flags)
{
	fake_irqs_on = (flags & X86_FLAGS_IF) != 0;
}
static inline void irq_enable(void)
{
	fake_irqs_on = true;
}
static inline void irq_disable(void)
{
	fake_irqs_on = false;
}
static inline bool irqs_enabled(void)
{
	return fake_irqs_on;
}
static inline void cpu_relax(void)
{
}
