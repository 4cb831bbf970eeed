/*
 * Switching between threads: callee-saved registers on the kernel stack, FPU state, TLS base.
 * Also there: threads switch
 */
#pragma once

#include "kernel/lib/types.h"

/* What the processor keeps for one thread. The FXSAVE area is 16-byte aligned. */
struct arch_thread {
	u64 rsp;	      /* kernel stack pointer while switched out */
	u64 kernel_stack_top; /* [const] */
	u64 fs_base;	      /* user TLS */
	u64 gs_base;	      /* user GS */
	u64 cr3;	      /* page tables, or 0: keep those loaded (kernel thread) */
	bool user;	      /* has FPU and TLS state to keep */
	u8 fpu[512] __attribute__((aligned(16)));
};

/* Prepare a new thread to start in entry(arg) on its kernel stack, interrupts on. */
void arch_thread_init(struct arch_thread *at, void *stack_top, void (*entry)(void *), void *arg);
/* A fresh FPU state (SysV ABI: all exceptions masked, round to nearest). */
void arch_fpu_init(struct arch_thread *at);
/* Write the live FPU state of the current thread to its fpu[] (fork, signal frames), and back. */
void arch_fpu_save(struct arch_thread *at);
void arch_fpu_restore(struct arch_thread *at);
/* Leave prev, go on in next. Returns in prev's context when it is switched to again.
 * Context: interrupts off. */
void arch_switch(struct arch_thread *prev, struct arch_thread *next);
/* Set the live TLS base of the current thread (arch_prctl) and remember it. */
void arch_set_fs_base(struct arch_thread *at, u64 base);
void arch_set_gs_base(struct arch_thread *at, u64 base);
/* Load page tables now for the current thread and remember them (exec). */
void arch_set_cr3(struct arch_thread *at, u64 cr3);
