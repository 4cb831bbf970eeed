/* The interrupt controllers, for kernel/arch/irq.c and clock.c. Nobody above uses them. */
#pragma once

#include "kernel/lib/types.h"

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
void ioapic_mask(u32 gsi, bool masked);

/* The rest of an interrupt, called by kernel/arch/trap.c. Context: interrupts off. */
struct trapframe;
void irq_dispatch(struct trapframe *tf);
/* The LAPIC timer's interrupt (kernel/arch/clock.c). */
void clock_interrupt(bool from_user);
