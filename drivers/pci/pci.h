/*
 * The PCI bus: devices found by a scan of configuration space, matched with drivers by id.
 *
 * Invariants:
 * 1. A pci_dev lives from pci_init() to power-off; there is no hot-plug.
 * 2. A device has at most one driver; between a successful probe and remove it is the driver's.
 * 3. A BAR with size 0 does not exist, or there was no room for it; it is never touched.
 * Also there: devices are found at boot
 */
#pragma once

#include "drivers/pci/pci_regs.h"
#include "kernel/arch/irq.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

#define PCI_BARS     6
#define PCI_ANY_ID   0xffff
#define PCI_MSIX_MAX 16 /* entries of a device's table that we use */

struct pci_bar {
	u64 addr; /* physical, or a port number */
	u64 size; /* bytes; 0: absent */
	bool io;
};

/* What a bridge lets through to the bus behind it. */
struct pci_window {
	u64 addr, size, align; /* size 0: nothing; addr 0: no place yet */
};

struct pci_driver;

struct pci_dev {
	struct list_head list;		      /* [const] in order of discovery */
	u8 bus, slot, fn;		      /* [const] */
	u8 revision, irq_pin, irq_line;	      /* [const] */
	u16 vendor, device, subsystem_device; /* [const] */
	u32 class;			      /* [const] 24 bits: class, subclass, interface */
	struct pci_dev *bridge;		      /* [const] NULL on the root bus */
	struct pci_bar bar[PCI_BARS];	      /* [const] */
	bool is_bridge, fresh;		      /* [const] to another bus; found off */
	struct pci_window window[2];	      /* [const] memory, ports: of a fresh bridge */
	const struct pci_driver *driver;      /* [bus_mutex] */
	void *driver_data;		      /* [driver] */
	u8 msix_cap;			      /* [driver] 0: MSI-X is off */
	u16 msix_entries;		      /* [driver] */
	volatile u8 *msix_table;	      /* [driver] */
	int msix_vector[PCI_MSIX_MAX];	      /* [driver] -1: free */
};

struct pci_id {
	u16 vendor, device; /* device may be PCI_ANY_ID */
};

struct pci_driver {
	struct list_head list;	  /* [bus_mutex] */
	const char *name;	  /* [const] */
	const struct pci_id *ids; /* [const] ends with vendor 0 */
	/* Take the device. Returns: 0 or -errno (it stays without a driver). Context: sleeps. */
	int (*probe)(struct pci_dev *dev);
	/* Give it back, quiet and with nothing allocated. Context: sleeps. */
	void (*remove)(struct pci_dev *dev);
};

/* Scan the buses. Called once at boot, after mm. Context: sleeps. */
void pci_init(void);
/* Offer the driver every matching device that has none; later undo that. Context: sleeps. */
void pci_register_driver(struct pci_driver *drv);
void pci_unregister_driver(struct pci_driver *drv);

/* Configuration space, `offset` aligned to the width. Context: any. */
u8 pci_read8(const struct pci_dev *dev, u8 offset);
u16 pci_read16(const struct pci_dev *dev, u8 offset);
u32 pci_read32(const struct pci_dev *dev, u8 offset);
void pci_write16(const struct pci_dev *dev, u8 offset, u16 val);

/* The next capability of this id after `from` (0: from the start). Returns: its offset, or 0. A
 * list that loops or leaves its range ends. */
u8 pci_find_capability(const struct pci_dev *dev, u8 id, u8 from);
/* Let the device decode its BARs, and read and write memory by itself; and stop the latter. */
void pci_enable_device(const struct pci_dev *dev);
void pci_set_master(const struct pci_dev *dev);
void pci_clear_master(const struct pci_dev *dev);
/* Map a range of a memory BAR uncached. Returns: NULL when it is not within one, or no memory. */
volatile u8 *must_check pci_iomap(const struct pci_dev *dev, u8 bar, u64 offset, u64 len);

/* INTx: the handler shares the line. Returns: 0 or -errno. Undone by irq_free. */
int must_check pci_request_intx(struct pci_dev *dev, irq_handler_t handler, void *data);

/* Switch MSI-X on with every entry masked. Returns: usable entries (> 0), or -errno (-ENODEV: the
 * device has none). */
int must_check pci_msix_enable(struct pci_dev *dev);
/* Route entry `index` to a vector of its own. Returns: 0 or -errno. */
int must_check pci_msix_request(struct pci_dev *dev, u16 index, irq_handler_t handler, void *data);
/* Free all vectors and switch MSI-X off; nothing to do if it is off. */
void pci_msix_disable(struct pci_dev *dev);
