/*
 * Traps: whom the entries from user mode call.
 *
 * kernel/arch knows no layer above it. kernel/proc and kernel/sys fill the hooks below at boot,
 * before the first thread runs in user mode.
 * Also there: what system calls and exceptions are handed to
 */
#pragma once

#include "kernel/arch/trapframe.h"
#include "kernel/lib/types.h"

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
