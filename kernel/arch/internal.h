/*
 * What the files of kernel/arch tell each other and nobody else.
 * Also there: inside this folder
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct trapframe;

/* --- segments, TSS, and the model-specific registers of entry and TLS --- */

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

/* --- the interrupt controllers --- */

/* Vectors: exceptions to 31, lines and messages, and the LAPIC's own. */
#define VECTOR_DYNAMIC	32u
#define VECTOR_TIMER	239u
#define VECTOR_SPURIOUS 255u

/* Enable the local APIC and silence the 8259. Panics without one. */
void lapic_init(void);
void lapic_eoi(void);
u32 lapic_id(void);
/* The timer counts down from `count` at the bus clock / 16; periodic with interrupts, or once and
 * silent. */
void lapic_timer_start(u32 count, bool periodic);
u32 lapic_timer_count(void);

/* Map the IOAPICs of the ACPI tables, all lines masked. Panics if there is none. */
void ioapic_init(void);
/* Route a line to a vector on this CPU, masked. Returns: false if no IOAPIC has that line. */
bool ioapic_route(u32 gsi, u8 vector, bool level, bool low);
/* Deliver a line as NMI from now on. Does nothing if no IOAPIC has it. Context: any, for the
 * machine has been halted. */
void ioapic_route_nmi(u32 gsi);
void ioapic_mask(u32 gsi, bool masked);

/* The NMI of a machine that has been halted (power.c). Returns: whether that was it. */
bool power_halt_nmi(void);
/* The rest of an interrupt, called by kernel/arch/trap.c. Context: interrupts off. */
void irq_dispatch(struct trapframe *tf);
/* The LAPIC timer's interrupt (kernel/arch/clock.c). */
void clock_interrupt(bool from_user);

/* --- the CMOS clock --- */

/* Seconds since 1970, UTC. Context: boot. */
u64 rtc_read_seconds(void);

/* --- the end of a kernel that faulted --- */

/* Print registers and backtrace of the frame and panic. addr: of a page fault. Context: any. */
void trap_die(const struct trapframe *tf, u64 addr) __noreturn;
/* Tell panic() how to end. */
void trap_dump_init(void);

/* --- mappings for the APICs' registers and the ACPI tables; drivers use ioremap(). They are never
 * undone. Context: boot, after mm_init --- */

/* Device registers, uncached. Returns: NULL when the room (FIXMAP_BASE) is used up. */
volatile void *must_check arch_map_mmio(u64 pa, size_t size);
/* Memory of the firmware, read-only. Returns: as above. */
const void *must_check arch_map_memory(u64 pa, size_t size);
