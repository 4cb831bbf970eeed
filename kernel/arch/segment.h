/* Segments, TSS, and the model-specific registers of entry and TLS. For kernel/arch. */
#pragma once

#include "kernel/lib/types.h"

#define KERNEL_CS     0x10u
#define KERNEL_DS     0x18u
#define USER_SEG_BASE 0x20u /* SYSRET adds 8 for the stack and 16 for 64-bit code */
#define TSS_SEL	      0x40u

#define MSR_APIC_BASE	   0x1bu
#define MSR_EFER	   0xc0000080u
#define MSR_STAR	   0xc0000081u
#define MSR_LSTAR	   0xc0000082u
#define MSR_SFMASK	   0xc0000084u
#define MSR_FS_BASE	   0xc0000100u
#define MSR_GS_BASE	   0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

/* Stacks of their own for what can strike while the stack is not ours (TSS.IST, from 1). */
enum ist { IST_NONE, IST_NMI, IST_DF, IST_MC, ISTS };

extern u32 cpu_mxcsr_mask; /* [const] bits of MXCSR that may be set */

/* The parts of trap_init() that belong to the processor. */
void cpu_init_segments(void);
void cpu_init_features(void);
/* Where the next entry from user mode on this CPU puts its frame. Context: interrupts off. */
void cpu_set_kernel_stack(u64 top);
