/*
 * PCI: configuration space through ports 0xCF8/0xCFC, capabilities, what a device may do, and its
 * memory.
 *
 * Source: PCI Local Bus 3.0 §3.2.2.3.2 (configuration mechanism #1), §6.7 (capabilities).
 * Also there: devices are found at boot
 */
#include "drivers/pci/pci.h"

#include "drivers/pci/internal.h"
#include "kernel/arch/io.h"
#include "kernel/mm/pgtable.h"
#include "kernel/sched/spinlock.h"

#define PCI_MAX_CAPS 48 /* 4-byte steps in 192 bytes: more means a loop */

/* The address port selects what the data port shows: one lock for the pair. */
static struct spinlock port_lock = SPINLOCK_INIT("pci_ports", LOCK_ANY);

static u32 config_address(const struct pci_dev *dev, u8 offset)
{
	return 0x80000000u | (u32)dev->bus << 16 | (u32)dev->slot << 11 | (u32)dev->fn << 8 |
	       (offset & 0xfcu);
}

u32 pci_read32(const struct pci_dev *dev, u8 offset)
{
	u64 flags = spin_lock_irqsave(&port_lock);
	u32 val;

	outl(PCI_CONFIG_ADDRESS, config_address(dev, offset));
	val = inl(PCI_CONFIG_DATA);
	spin_unlock_irqrestore(&port_lock, flags);
	return val;
}

u16 pci_read16(const struct pci_dev *dev, u8 offset)
{
	return (u16)(pci_read32(dev, offset) >> (offset & 2u) * 8);
}

u8 pci_read8(const struct pci_dev *dev, u8 offset)
{
	return (u8)(pci_read32(dev, offset) >> (offset & 3u) * 8);
}

void pci_write32(const struct pci_dev *dev, u8 offset, u32 val)
{
	u64 flags = spin_lock_irqsave(&port_lock);

	outl(PCI_CONFIG_ADDRESS, config_address(dev, offset));
	outl(PCI_CONFIG_DATA, val);
	spin_unlock_irqrestore(&port_lock, flags);
}

void pci_write16(const struct pci_dev *dev, u8 offset, u16 val)
{
	u64 flags = spin_lock_irqsave(&port_lock);

	outl(PCI_CONFIG_ADDRESS, config_address(dev, offset));
	outw((u16)(PCI_CONFIG_DATA + (offset & 2u)), val);
	spin_unlock_irqrestore(&port_lock, flags);
}

u8 pci_find_capability(const struct pci_dev *dev, u8 id, u8 from)
{
	u8 pos;

	if (!(pci_read16(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	pos = pci_read8(dev, from ? (u8)(from + 1) : PCI_CAPABILITY_LIST) & 0xfc;
	for (u32 n = 0; pos >= 0x40 && n < PCI_MAX_CAPS; n++) {
		if (pci_read8(dev, pos) == id)
			return pos;
		pos = pci_read8(dev, (u8)(pos + 1)) & 0xfc;
	}
	return 0;
}

static void command_change(const struct pci_dev *dev, u16 clear, u16 set)
{
	u16 command = pci_read16(dev, PCI_COMMAND);

	pci_write16(dev, PCI_COMMAND, (u16)((command & ~clear) | set));
}

void pci_enable_device(const struct pci_dev *dev)
{
	command_change(dev, 0, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

void pci_set_master(const struct pci_dev *dev)
{
	command_change(dev, 0, PCI_COMMAND_MASTER);
}

void pci_clear_master(const struct pci_dev *dev)
{
	command_change(dev, PCI_COMMAND_MASTER, 0);
}

volatile u8 *pci_iomap(const struct pci_dev *dev, u8 bar, u64 offset, u64 len)
{
	const struct pci_bar *b = &dev->bar[bar < PCI_BARS ? bar : 0];

	if (bar >= PCI_BARS || b->io || len == 0 || offset > b->size || len > b->size - offset)
		return NULL;
	return ioremap(PADDR(b->addr + offset), len);
}
