/*
 * Traps: what the processor and the system-call entry save, and whom they call.
 *
 * kernel/arch knows no layer above it: the hooks below are filled by kernel/sched and kernel/proc
 * at boot, before the first thread runs in user mode.
 * Also there: what is saved of an interrupted program
 */
#pragma once

#include "kernel/lib/types.h"

/* Registers at entry, lowest address first. entry.asm pushes them in this order. */
struct trapframe {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 vector; /* exception, interrupt, or TRAP_SYSCALL */
	u64 error;  /* the processor's error code; for a system call its number (orig_rax) */
	u64 rip, cs, rflags, rsp, ss;
};

#define TRAP_DE	     0
#define TRAP_DB	     1
#define TRAP_NMI     2
#define TRAP_BP	     3
#define TRAP_UD	     6
#define TRAP_DF	     8
#define TRAP_PF	     14
#define TRAP_MF	     16
#define TRAP_AC	     17
#define TRAP_MC	     18
#define TRAP_XM	     19
#define TRAP_SYSCALL 0x100 /* vector value of a frame that a system call made */

/* Selectors of user mode, the same as Linux's. */
#define USER_DS 0x2bu
#define USER_CS 0x33u

/* Page-fault error bits (SDM vol. 3, 4.7). */
#define PF_PRESENT 0x1u
#define PF_WRITE   0x2u
#define PF_USER	   0x4u
#define PF_INSTR   0x10u

static inline bool trap_from_user(const struct trapframe *tf)
{
	return (tf->cs & 3) == 3;
}

struct trap_hooks {
	/* A system call: number in tf->rax, arguments rdi rsi rdx r10 r8 r9, result to tf->rax.
	 * Context: thread, interrupts on, may sleep. */
	void (*syscall)(struct trapframe *tf);
	/* Any page fault in user mode (the address may lie in the kernel's half), or one on a user
	 * address in a user copy of the kernel.
	 * Returns: 0 when resolved; in user mode the hook has sent the signal if not, in kernel
	 * mode the copy then fails with -EFAULT. Context: thread, interrupts on, may sleep. */
	int (*user_page_fault)(struct trapframe *tf, u64 addr, u32 error);
	/* Any other exception in user mode; sends the signal. Context: as above. */
	void (*user_exception)(struct trapframe *tf);
	/* Last thing before user mode: reschedule, deliver signals. Context: thread, interrupts
	 * on. */
	void (*return_to_user)(struct trapframe *tf);
	/* Has return_to_user something to do, besides need_resched? Asked with interrupts off right
	 * before user mode; as long as it says so, return_to_user is called again. */
	bool (*user_work_pending)(void);
	/* After the outermost interrupt handler, to run softirqs. Context: interrupts off; the hook
	 * may turn them on and must turn them off again. */
	void (*irq_exit)(void);
};

extern struct trap_hooks trap_hooks;

/* This CPU's private data, GDT, TSS and IDT, the system-call MSRs; switches on WP, SMEP, SMAP,
 * PGE, FXSR. Context: once, before mm_init (it patches kernel text) and before anything uses
 * this_cpu(). */
void trap_init(void);
/* Start or go on in user mode with these registers, which may lie anywhere; they are copied to
 * trap_user_frame() of this thread first. Context: thread, interrupts on. */
void trap_return_to_user(struct trapframe *tf) __attribute__((__noreturn__));
/* The frame of the current thread's entry from user mode: it lies at the top of its kernel
 * stack. */
struct trapframe *trap_user_frame(u64 kernel_stack_top);
