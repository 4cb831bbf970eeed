/*
 * One processor: its private data, flags, time stamp, model-specific registers.
 * Also there: the processor's private data
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define MAX_CPUS 8

struct thread;

/* Per-CPU data, found through the GS base. entry.asm knows the first four offsets. */
struct cpu {
	struct cpu *self;	/* [const] offset 0 */
	u64 kernel_stack;	/* offset 8: stack top for the next entry from user mode */
	u64 user_stack;		/* offset 16: scratch of the system-call entry */
	struct thread *current; /* offset 24: [this CPU, interrupts off to change] */
	u32 id;			/* [const] */
	u32 lapic_id;		/* [const] */
	u32 irq_depth;		/* [this CPU] hard interrupts nested */
	u32 softirq_depth;	/* [this CPU] > 0: softirqs run or are held off */
	u32 softirq_pending;	/* [this CPU, interrupts off] bit per softirq */
	u32 spin_depth;		/* [this CPU] spinlocks held */
	u32 pagefault_disabled; /* [this CPU] > 0: user copies fail at an absent page; no switch */
	bool need_resched;	/* [this CPU] */
	struct thread *idle;	/* [const] */
	void *tss;		/* [const] */
};

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ __volatile__("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}
/* this_cpu()->current. A thread is always its own: the compiler may remember it. */
static inline struct thread *cpu_current(void)
{
	struct thread *thread;

	__asm__("mov %%gs:%c1, %0" : "=r"(thread) : "i"(offsetof(struct cpu, current)));
	return thread;
}

/* In an interrupt handler or softirq, or are softirqs held off? Context: any. */
static inline bool in_interrupt(void)
{
	const struct cpu *cpu = this_cpu();

	return cpu->irq_depth > 0 || cpu->softirq_depth > 0;
}

/* eax, ebx, ecx, edx of a leaf (of its sub-leaf 0). */
void cpuid(u32 leaf, u32 reg[4]);

#define X86_FLAGS_IF 0x200ull

/* Interrupt flag. irq_save returns the flags to hand to irq_restore. */
static inline u64 irq_save(void)
{
	u64 flags;

	__asm__ __volatile__("pushfq; pop %0; cli" : "=r"(flags)::"memory");
	return flags;
}
static inline void irq_restore(u64 flags)
{
	/* Emulators make popf much dearer than this test, and half of the calls change nothing. */
	if (flags & X86_FLAGS_IF)
		__asm__ __volatile__("sti" ::: "memory");
	else
		__asm__ __volatile__("" ::: "memory");
}
static inline void irq_enable(void)
{
	__asm__ __volatile__("sti" ::: "memory");
}
static inline void irq_disable(void)
{
	__asm__ __volatile__("cli" ::: "memory");
}
/* Enable interrupts and halt until one comes, without a window between the two. */
static inline void cpu_idle_wait(void)
{
	__asm__ __volatile__("sti; hlt" ::: "memory");
}
static inline void cpu_relax(void)
{
	__asm__ __volatile__("pause" ::: "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ __volatile__("rdtsc" : "=a"(lo), "=d"(hi));
	return ((u64)hi << 32) | lo;
}
static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ __volatile__("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return ((u64)hi << 32) | lo;
}
static inline void wrmsr(u32 msr, u64 val)
{
	__asm__ __volatile__("wrmsr" ::"c"(msr), "a"((u32)val), "d"((u32)(val >> 32)) : "memory");
}
