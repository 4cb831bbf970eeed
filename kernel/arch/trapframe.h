/*
 * What the processor and the entries save of an interrupted program.
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
