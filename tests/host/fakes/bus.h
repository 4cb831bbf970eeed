/*
 * A machine's buses for host tests: PCI configuration space, ports, memory-mapped registers,
 * interrupts. Functions of a device are found through the addresses that its BARs hold, as on a
 * machine; the kernel's own pci.c programs them.
 */
#pragma once

#include "kernel/arch/irq.h"
#include "kernel/lib/types.h"

struct fake_bar {
	u64 size; /* 0: absent */
	bool io, wide;
	u32 (*read)(void *dev, u32 offset, u32 width);
	void (*write)(void *dev, u32 offset, u32 val, u32 width);
};

#define FAKE_MSIX_ENTRIES 12

struct fake_pci {
	u8 bus, slot, fn;
	struct fake_pci *above; /* the bridge that it lies behind, whatever its bus is; or NULL */
	u8 config[256];
	struct fake_bar bar[6];
	void *dev;
	u32 msix[FAKE_MSIX_ENTRIES * 4]; /* the table */
	bool sized; /* a BAR was sized while it was decoded: the driver's error */
};

void fake_bus_reset(void);
/* Put a function on the bus; `f` stays the caller's. */
void fake_pci_add(struct fake_pci *f, u8 bus, u8 slot, u16 vendor, u16 device, u8 header);
/* A memory BAR's or port's first address. */
void fake_pci_set_bar(struct fake_pci *f, u32 index, struct fake_bar bar, u64 addr);
/* Append a capability of `len` bytes to the list. Returns: its offset. */
u8 fake_pci_add_cap(struct fake_pci *f, const u8 *cap, u8 len);
/* A BAR that is the MSI-X table, and its capability. */
void fake_pci_add_msix(struct fake_pci *f, u32 bar, u64 addr, u16 entries);
bool fake_pci_is_master(const struct fake_pci *f);
bool fake_pci_msix_on(const struct fake_pci *f);
/* Registers outside PCI. */
void fake_mmio_add(void *dev, struct fake_bar bar, u64 addr);

/* Raise interrupts; one that nobody requested does nothing. */
void fake_irq_msix(struct fake_pci *f, u16 entry);
void fake_irq_gsi(u32 gsi);
/* How often a handler said that an interrupt was its own. */
extern u32 fake_irq_claimed;
/* Handlers registered and mappings made, not undone yet. */
u32 fake_irq_live(void);
u32 fake_ioremap_live(void);
/* From now on at most n more vectors are given; negative: no limit. */
extern int fake_msi_left;
