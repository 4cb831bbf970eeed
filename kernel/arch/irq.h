/*
 * Interrupt lines and vectors: LAPIC and IOAPIC (from the ACPI tables).
 *
 * Handlers run with interrupts off and must not sleep. Several handlers may share a level-triggered
 * line: each looks at its own device and returns whether that device interrupted.
 * Also there: interrupt lines and their handlers
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

enum irq_return { IRQ_NONE, IRQ_HANDLED };
typedef enum irq_return (*irq_handler_t)(void *data);

void irq_init(void);

/* ISA interrupt 0..15, after the ACPI source overrides (edge, high, unless overridden).
 * Returns: 0, -EINVAL, -ENOMEM. Context: may sleep. */
int must_check irq_request_isa(u8 isa_irq, irq_handler_t handler, void *data);
/* A global system interrupt, level-triggered, active low, shared: PCI INTx.
 * Returns: 0, -EINVAL (no such line), -ENOMEM. */
int must_check irq_request_gsi(u32 gsi, irq_handler_t handler, void *data);
/* Undo either; on return the handler does not run and will not run again. */
void irq_free(irq_handler_t handler, void *data);

/* A vector of one's own for message-signalled interrupts, with the address and data words that
 * the device must write (SDM vol. 3, 11.11). Returns: the vector >= 0, or -ENOSPC. */
int must_check irq_alloc_msi(irq_handler_t handler, void *data, u64 *msg_addr, u32 *msg_data);
void irq_free_msi(int vector);

/* Called after the outermost handler, to run softirqs. Set once at boot. Context of the hook:
 * interrupts off; it may turn them on and must turn them off again. */
extern void (*irq_exit_hook)(void);

/* The GSI behind a PCI device's INTx pin. pin 1..4, line as
 * in config space. A device behind bridges is named by the slot of its bridge on bus 0 and by the
 * pin after the bridges' swizzle, ((pin - 1 + slot) % 4) + 1 at each (PCI bridge 1.2 §9.1). */
u32 irq_pci_gsi(u8 bus, u8 slot, u8 pin, u8 line);

/* Name what was requested with these, for /proc/interrupts. */
void irq_set_name(irq_handler_t handler, void *data, const char *name);

/* For /proc/interrupts: total of a vector, and of those without a handler. */
u64 irq_count(unsigned int vector);
u64 irq_count_bad(void);
struct irq_info {
	char label[8];	/* number of the line or message, or Linux's name */
	char text[100]; /* where it comes from, and the devices */
};
/* Returns: whether the vector is in use. */
bool must_check irq_get_info(unsigned int vector, struct irq_info *info);
