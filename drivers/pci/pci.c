/*
 * PCI: configuration space through ports 0xCF8/0xCFC, the bus scan, and drivers.
 *
 * Source: PCI Local Bus 3.0 §3.2.2.3.2 (configuration mechanism #1), §6.2.5.1 (BAR sizing).
 *
 * Lock order: bus mutex, then the port pair's spinlock.
 * Also there: devices are found at boot
 */
#include "drivers/pci/pci.h"

#include "drivers/pci/internal.h"
#include "kernel/arch/io.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/spinlock.h"

#define PCI_SLOTS     32
#define PCI_FUNCTIONS 8
#define PCI_MAX_CAPS  48 /* 4-byte steps in 192 bytes: more means a loop */

static struct mutex bus_mutex = MUTEX_INIT(bus_mutex);
LIST_HEAD(pci_devices);	   /* [const after pci_init] */
static LIST_HEAD(drivers); /* [bus_mutex] */
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

void pci_init(void)
{
	u32 count = 0;
	struct pci_dev *dev;

	pci_scan_bus(0, NULL);
	pci_assign();
	list_for_each_entry(dev, &pci_devices, list)
		count++;
	printk("pci: %u functions\n", count);
}

static bool driver_matches(const struct pci_driver *drv, const struct pci_dev *dev)
{
	for (const struct pci_id *id = drv->ids; id->vendor; id++)
		if (id->vendor == dev->vendor &&
		    (id->device == dev->device || id->device == PCI_ANY_ID))
			return true;
	return false;
}

void pci_register_driver(struct pci_driver *drv)
{
	struct pci_dev *dev;

	mutex_lock(&bus_mutex);
	list_add_tail(&drv->list, &drivers);
	list_for_each_entry(dev, &pci_devices, list) {
		int err;

		if (dev->driver || !driver_matches(drv, dev))
			continue;
		err = drv->probe(dev);
		if (err == 0)
			dev->driver = drv;
		else if (err != -ENODEV)
			printk("pci: %02x:%02x.%x: %s: error %d\n", dev->bus, dev->slot, dev->fn,
			       drv->name, err);
	}
	mutex_unlock(&bus_mutex);
}

void pci_unregister_driver(struct pci_driver *drv)
{
	struct pci_dev *dev;

	mutex_lock(&bus_mutex);
	list_for_each_entry(dev, &pci_devices, list) {
		if (dev->driver != drv)
			continue;
		drv->remove(dev);
		dev->driver = NULL;
	}
	list_del(&drv->list);
	mutex_unlock(&bus_mutex);
}
