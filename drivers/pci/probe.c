/*
 * The scan of the buses: which functions answer, and what their BARs say.
 *
 * Source: PCI Local Bus 3.0 §6.1 (the header), §6.2.5.1 (BAR sizing).
 * Also there: devices are found at boot
 */
#include "drivers/pci/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"

#define PCI_SLOTS     32
#define PCI_FUNCTIONS 8

LIST_HEAD(pci_devices); /* [const after pci_init] */

/* Read one BAR and its size mask. Returns: how many slots it takes (1, or 2 for 64 bits). */
static u8 read_bar(struct pci_dev *dev, u8 index, u8 nr_bars)
{
	u8 reg = (u8)(PCI_BASE_ADDRESS_0 + index * 4);
	u32 low = pci_read32(dev, reg), high = 0, mask, mask_high = 0;
	bool io = low & PCI_BASE_ADDRESS_IO;
	bool wide = !io && (low & PCI_BASE_ADDRESS_TYPE_MASK) == PCI_BASE_ADDRESS_TYPE_64 &&
		    index + 1 < nr_bars;
	u32 bits = io ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK;
	u64 addr, size;

	pci_write32(dev, reg, 0xffffffffu);
	mask = pci_read32(dev, reg);
	pci_write32(dev, reg, low);
	if (wide) {
		high = pci_read32(dev, (u8)(reg + 4));
		pci_write32(dev, (u8)(reg + 4), 0xffffffffu);
		mask_high = pci_read32(dev, (u8)(reg + 4));
		pci_write32(dev, (u8)(reg + 4), high);
	}
	if (io)
		mask |= 0xffff0000u; /* the upper half may be hard-wired to 0 */
	addr = (u64)high << 32 | (low & bits);
	size = (u64)mask_high << 32 | (mask & bits); /* 0: no BAR here */
	if (size != 0)
		size = ~(wide ? size : size | 0xffffffffull << 32) + 1;
	if (size != 0 && addr + size > addr) /* address 0: the firmware gave it none */
		dev->bar[index] = (struct pci_bar){.addr = addr, .size = size, .io = io};
	return wide ? 2 : 1;
}

static void read_bars(struct pci_dev *dev, u8 nr_bars)
{
	u16 command = pci_read16(dev, PCI_COMMAND);

	/* While a BAR holds the size mask the device must not decode it. */
	pci_write16(dev, PCI_COMMAND, (u16)(command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)));
	for (u8 i = 0; i < nr_bars;)
		i = (u8)(i + read_bar(dev, i, nr_bars));
	pci_write16(dev, PCI_COMMAND, command);
}

/* Returns: whether the device at this address has several functions. */
static bool scan_function(u8 bus, u8 slot, u8 fn, struct pci_dev *bridge)
{
	struct pci_dev probe = {.bus = bus, .slot = slot, .fn = fn, .bridge = bridge};
	struct pci_dev *dev;
	u8 type;

	probe.vendor = pci_read16(&probe, PCI_VENDOR_ID);
	if (probe.vendor == 0xffff || probe.vendor == 0)
		return false;
	type = pci_read8(&probe, PCI_HEADER_TYPE);
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev) {
		printk("pci: no memory for %02x:%02x.%x\n", bus, slot, fn);
		return (type & PCI_HEADER_TYPE_MULTI_FUNCTION) != 0;
	}
	*dev = probe;
	dev->device = pci_read16(dev, PCI_DEVICE_ID);
	dev->revision = pci_read8(dev, PCI_REVISION_ID);
	dev->class = pci_read32(dev, PCI_REVISION_ID) >> 8;
	dev->subsystem_device = pci_read16(dev, PCI_SUBSYSTEM_ID);
	dev->irq_line = pci_read8(dev, PCI_INTERRUPT_LINE);
	dev->irq_pin = pci_read8(dev, PCI_INTERRUPT_PIN);
	list_add_tail(&dev->list, &pci_devices);
	if ((type & PCI_HEADER_TYPE_MASK) == 0) {
		read_bars(dev, PCI_BARS);
	} else if ((type & PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE) {
		u8 secondary = pci_read8(dev, PCI_SECONDARY_BUS);

		read_bars(dev, PCI_BRIDGE_BARS);
		dev->is_bridge = true;
		dev->fresh =
			!(pci_read16(dev, PCI_COMMAND) & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
		/* Firmware numbers buses downwards; anything else would be a loop. */
		if (secondary > bus)
			pci_scan_bus(secondary, dev);
	}
	return (type & PCI_HEADER_TYPE_MULTI_FUNCTION) != 0;
}

void pci_scan_bus(u8 bus, struct pci_dev *bridge)
{
	for (u8 slot = 0; slot < PCI_SLOTS; slot++)
		if (scan_function(bus, slot, 0, bridge))
			for (u8 fn = 1; fn < PCI_FUNCTIONS; fn++)
				(void)scan_function(bus, slot, fn, bridge);
}
