/*
 * A PCI device's interrupts: the MSI-X table over vectors of the LAPIC, or the shared INTx line.
 *
 * Source: PCI Local Bus 3.0 §6.8.2 (MSI-X), PCI-to-PCI Bridge 1.2 §9.1 (INTx behind bridges).
 * Also there: interrupts of a PCI device
 */
#include "drivers/pci/pci.h"

#include "kernel/arch/io.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/pgtable.h"

static void flags_change(const struct pci_dev *dev, u16 clear, u16 set)
{
	u8 reg = (u8)(dev->msix_cap + PCI_MSIX_FLAGS);

	pci_write16(dev, reg, (u16)((pci_read16(dev, reg) & ~clear) | set));
}

int pci_msix_enable(struct pci_dev *dev)
{
	u8 cap = pci_find_capability(dev, PCI_CAP_ID_MSIX, 0);
	u16 entries;
	u32 table;

	if (!cap || cap > PCI_CONFIG_SIZE - 12)
		return -ENODEV;
	entries = (u16)((pci_read16(dev, (u8)(cap + PCI_MSIX_FLAGS)) & PCI_MSIX_FLAGS_QSIZE) + 1);
	if (entries > PCI_MSIX_MAX)
		entries = PCI_MSIX_MAX;
	table = pci_read32(dev, (u8)(cap + PCI_MSIX_TABLE));
	dev->msix_table = pci_iomap(dev, (u8)(table & PCI_MSIX_TABLE_BIR),
				    table & ~PCI_MSIX_TABLE_BIR, entries * PCI_MSIX_ENTRY_SIZE);
	if (!dev->msix_table)
		return -ENODEV;
	dev->msix_cap = cap;
	dev->msix_entries = entries;
	/* All masked while the table is written: an entry left by the firmware must not fire. */
	flags_change(dev, 0, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	for (u16 i = 0; i < entries; i++) {
		dev->msix_vector[i] = -1;
		mmio_write32(dev->msix_table + i * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_CTRL,
			     PCI_MSIX_ENTRY_CTRL_MASKED);
	}
	pci_write16(dev, PCI_COMMAND,
		    (u16)(pci_read16(dev, PCI_COMMAND) | PCI_COMMAND_INTX_DISABLE));
	flags_change(dev, PCI_MSIX_FLAGS_MASKALL, 0);
	return entries;
}

int pci_msix_request(struct pci_dev *dev, u16 index, irq_handler_t handler, void *data)
{
	volatile u8 *entry = dev->msix_table + index * PCI_MSIX_ENTRY_SIZE;
	u64 addr;
	u32 msg;
	int vector;

	if (!dev->msix_cap || index >= dev->msix_entries)
		return -EINVAL;
	vector = irq_alloc_msi(handler, data, &addr, &msg);
	if (vector < 0)
		return vector;
	dev->msix_vector[index] = vector;
	mmio_write64(entry + PCI_MSIX_ENTRY_ADDR, addr);
	mmio_write32(entry + PCI_MSIX_ENTRY_DATA, msg);
	mmio_write32(entry + PCI_MSIX_ENTRY_CTRL, 0);
	return 0;
}

void pci_msix_disable(struct pci_dev *dev)
{
	if (!dev->msix_cap)
		return;
	for (u16 i = 0; i < dev->msix_entries; i++) {
		mmio_write32(dev->msix_table + i * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_CTRL,
			     PCI_MSIX_ENTRY_CTRL_MASKED);
		if (dev->msix_vector[i] >= 0)
			irq_free_msi(dev->msix_vector[i]);
	}
	flags_change(dev, PCI_MSIX_FLAGS_ENABLE, 0);
	iounmap(dev->msix_table, dev->msix_entries * PCI_MSIX_ENTRY_SIZE);
	dev->msix_table = NULL;
	dev->msix_cap = 0;
}

int pci_request_intx(struct pci_dev *dev, irq_handler_t handler, void *data)
{
	const struct pci_dev *at = dev;
	u8 pin = dev->irq_pin;
	u32 gsi;

	if (pin < 1 || pin > 4)
		return -ENODEV;
	/* Each bridge turns the pins by the slot number of the device below it. */
	for (; at->bridge; at = at->bridge)
		pin = (u8)((pin - 1 + at->slot) % 4 + 1);
	gsi = irq_pci_gsi(at->bus, at->slot, pin, dev->irq_line);
	if (gsi == 0 || gsi == 0xff) {
		/* Where the wiring is the firmware's choice, 0 and 255 mean that it made none
		 * (qboot makes one); input 0 is the timer's. */
		printk("pci: %02x:%02x.%x: the firmware gave it no interrupt line\n", dev->bus,
		       dev->slot, dev->fn);
		return -ENODEV;
	}
	pci_write16(dev, PCI_COMMAND,
		    (u16)(pci_read16(dev, PCI_COMMAND) & ~PCI_COMMAND_INTX_DISABLE));
	return irq_request_gsi(gsi, handler, data);
}
