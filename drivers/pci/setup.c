/*
 * What a firmware like qboot leaves undone: numbers of buses, windows of bridges, addresses of
 * BARs.
 *
 * What the firmware did set up stays as it is, and nothing is put on top of it: only BARs without
 * an address get one, and only bridges that were switched off get windows (qboot numbers the buses,
 * but opens no bridge). A bus gets a number only if those above it had none either. A BAR for which
 * there is no room ends with size 0, as one that does not exist.
 *
 * Where there is room:
 * - Memory below 4 GiB: from the end of RAM (the loader's map) up to the IOAPIC at 0xfec00000. Both
 *   host bridges that we know, the i440FX and the Q35, hand what lies there on to PCI (their data
 *   sheets: "PCI memory address range"), except for the Q35's memory-mapped configuration space,
 *   which a register of its own places. From the top down, as what firmware hides (graphics, SMM)
 *   follows upon RAM. Ranges that the loader's map reserves stay free.
 * - Above 4 GiB, for 64-bit BARs on the root bus that found no room: from the end of RAM on, and no
 *   higher than 36 bits, which each x86-64 processor can address.
 * - Ports: from 0xc000 up, where SeaBIOS puts them too: a PC's own devices lie below.
 *
 * Source: PCI Local Bus 3.0 §6.2.5.1, PCI-to-PCI Bridge 1.2 §3.2.5.
 * Also there: devices are found at boot
 */
#include "drivers/pci/internal.h"
#include "kernel/arch/bootinfo.h"
#include "kernel/lib/printk.h"

#define MEM_END	     0xfec00000ull
#define HIGH_END     (1ull << 36)
#define PORTS_START  0xc000ull
#define PORTS_END    0x10000ull
#define MEM_GRANULE  (1ull << 20) /* of a bridge's windows */
#define PORT_GRANULE (1ull << 12)
#define ALIGN_BITS   36u

struct range {
	u64 start, end;
};

/* --- bus numbers ---------------------------------------------------------------------------- */

static bool wants_number(const struct pci_dev *dev)
{
	return dev->is_bridge && pci_read8(dev, PCI_SECONDARY_BUS) <= dev->bus;
}

static struct pci_dev *next_bridge(const struct pci_dev *above)
{
	struct pci_dev *dev;

	list_for_each_entry(dev, &pci_devices, list)
		if (dev->bridge == above && wants_number(dev))
			return dev;
	return NULL;
}

static void set_numbers(const struct pci_dev *bridge, u8 secondary, u8 subordinate)
{
	u32 timer = pci_read32(bridge, PCI_PRIMARY_BUS) & 0xff000000u;

	pci_write32(bridge, PCI_PRIMARY_BUS,
		    timer | (u32)subordinate << 16 | (u32)secondary << 8 | bridge->bus);
}

/* Depth first, so that the buses behind a bridge are one range: number the first bridge without
 * one, look what is behind it, go on there; with none left, close the range and go back up. */
static void number_buses(void)
{
	struct pci_dev *at = NULL, *dev;
	u32 last = 0;

	list_for_each_entry(dev, &pci_devices, list)
		if (dev->is_bridge && !wants_number(dev))
			last = max(last, (u32)pci_read8(dev, PCI_SUBORDINATE_BUS));
	for (;;) {
		dev = last < 0xff ? next_bridge(at) : NULL;
		if (dev) {
			set_numbers(dev, (u8)++last,
				    0xff); /* all numbers, while it is looked behind */
			pci_scan_bus((u8)last, dev);
			at = dev;
		} else if (at) {
			set_numbers(at, pci_read8(at, PCI_SECONDARY_BUS), (u8)last);
			at = at->bridge;
		} else {
			break;
		}
	}
}

/* --- which addresses are taken --------------------------------------------------------------- */

/* If [at, at + size) meets the range, remember the lowest start of such. */
static void meet(u64 at, u64 size, u64 start, u64 end, u64 *lowest)
{
	if (start < end && at < end && start < at + size)
		*lowest = min(*lowest, start);
}

static void meet_device(const struct pci_dev *dev, bool io, u64 at, u64 size, u64 *lowest)
{
	u32 mem = pci_read32(dev, PCI_MEMORY_BASE), pref = pci_read32(dev, PCI_PREF_MEMORY_BASE);
	u16 ports = pci_read16(dev, PCI_IO_BASE);

	for (u32 i = 0; i < PCI_BARS; i++)
		if (dev->bar[i].addr && dev->bar[i].io == io)
			meet(at, size, dev->bar[i].addr, dev->bar[i].addr + dev->bar[i].size,
			     lowest);
	if (!dev->is_bridge)
		return;
	if (dev->window[io].addr)
		meet(at, size, dev->window[io].addr, dev->window[io].addr + dev->window[io].size,
		     lowest);
	if (dev->fresh)
		return;
	/* A window of the firmware's: its base is above its limit when it is closed. */
	if (io) {
		meet(at, size, (ports & 0xf0u) << 8, (ports & 0xf000u) + PORT_GRANULE, lowest);
		return;
	}
	meet(at, size, (mem & 0xfff0ull) << 16, (mem & 0xfff00000ull) + MEM_GRANULE, lowest);
	meet(at, size, (u64)pci_read32(dev, PCI_PREF_BASE_UPPER32) << 32 | (pref & 0xfff0ull) << 16,
	     ((u64)pci_read32(dev, PCI_PREF_LIMIT_UPPER32) << 32 | (pref & 0xfff00000ull)) +
		     MEM_GRANULE,
	     lowest);
}

/* The start of what is in the way of [at, at + size), or ~0. */
static u64 conflict(bool io, u64 at, u64 size)
{
	u64 lowest = ~0ull;
	const struct pci_dev *dev;

	list_for_each_entry(dev, &pci_devices, list) {
		meet_device(dev, io, at, size, &lowest);
		if (!io && dev->vendor == 0x8086 && dev->device == Q35_HOST) {
			u32 bar = pci_read32(dev, Q35_PCIEXBAR);
			u64 start = (u64)pci_read32(dev, Q35_PCIEXBAR + 4) << 32 |
				    (bar & ~0x3ffffffu);

			if (bar & 1)
				meet(at, size, start, start + (0x10000000ull >> (bar >> 1 & 3)),
				     &lowest);
		}
	}
	for (u32 i = 0; i < bootinfo.nr_regions && !io; i++)
		meet(at, size, bootinfo.regions[i].start, bootinfo.regions[i].end, &lowest);
	return lowest;
}

/* The highest free place of the room. Returns: 0 if there is none. */
static u64 find_room(struct range room, bool io, u64 size, u64 align)
{
	u64 end = room.end, at, taken;

	for (;;) {
		if (end < size || (at = ALIGN_DOWN(end - size, align)) < room.start)
			return 0;
		taken = conflict(io, at, size);
		if (taken == ~0ull)
			return at;
		end = taken;
	}
}

/* Where RAM ends below `limit`. */
static u64 ram_end(u64 limit)
{
	u64 end = 0;

	for (u32 i = 0; i < bootinfo.nr_regions; i++)
		if (bootinfo.regions[i].usable && bootinfo.regions[i].start < limit)
			end = max(end, bootinfo.regions[i].end);
	return end;
}

static u64 find_place(bool io, bool wide, u64 size, u64 align)
{
	struct range low = {ram_end(MEM_END), MEM_END}, ports = {PORTS_START, PORTS_END};
	struct range high = {max(1ull << 32, ram_end(HIGH_END)), HIGH_END};
	u64 at = find_room(io ? ports : low, io, size, align);

	return at || !wide ? at : find_room(high, io, size, align);
}

/* --- addresses ------------------------------------------------------------------------------ */

static bool is_wide(const struct pci_dev *dev, u8 bar)
{
	u32 low = pci_read32(dev, (u8)(PCI_BASE_ADDRESS_0 + bar * 4));

	return !(low & PCI_BASE_ADDRESS_IO) &&
	       (low & PCI_BASE_ADDRESS_TYPE_MASK) == PCI_BASE_ADDRESS_TYPE_64;
}

static void set_bar(struct pci_dev *dev, u8 bar, u64 addr)
{
	u8 reg = (u8)(PCI_BASE_ADDRESS_0 + bar * 4);
	u16 command = pci_read16(dev, PCI_COMMAND);

	dev->bar[bar].addr = addr;
	/* Not decoded with half of an address. */
	pci_write16(dev, PCI_COMMAND, (u16)(command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)));
	pci_write32(dev, reg, (u32)addr);
	if (is_wide(dev, bar))
		pci_write32(dev, (u8)(reg + 4), (u32)(addr >> 32));
	pci_write16(dev, PCI_COMMAND, command);
}

static void set_windows(const struct pci_dev *bridge)
{
	const struct pci_window *mem = &bridge->window[false], *ports = &bridge->window[true];
	u32 mem_regs = 0x0000fff0, io_regs = 0x00f0; /* closed: base above limit */

	if (mem->addr)
		mem_regs = ((u32)(mem->addr + mem->size - 1) & 0xfff00000u) |
			   ((u32)mem->addr >> 16 & 0xfff0u);
	if (ports->addr)
		io_regs = ((u32)(ports->addr + ports->size - 1) & 0xf000u) |
			  ((u32)ports->addr >> 8 & 0xf0u);
	pci_write32(bridge, PCI_MEMORY_BASE, mem_regs);
	/* Memory that may be prefetched goes through the other window as well. */
	pci_write32(bridge, PCI_PREF_MEMORY_BASE, 0x0000fff0);
	pci_write32(bridge, PCI_PREF_BASE_UPPER32, 0);
	pci_write32(bridge, PCI_PREF_LIMIT_UPPER32, 0);
	pci_write16(bridge, PCI_IO_BASE, (u16)io_regs);
	pci_write32(bridge, PCI_IO_BASE_UPPER16, 0);
	pci_enable_device(bridge);
	pci_set_master(bridge);
}

/* Lay out what wants a place behind `bridge`, from `base` on and the largest alignment first; with
 * `place`, give it out. Returns: the size of it all. */
static u64 lay_out(const struct pci_dev *bridge, bool io, u64 base, bool place, u64 *align)
{
	u64 at = base, unit;
	struct pci_dev *dev;

	*align = io ? PORT_GRANULE : MEM_GRANULE;
	for (u32 bit = ALIGN_BITS; bit-- > 0;) {
		unit = 1ull << bit;
		list_for_each_entry(dev, &pci_devices, list) {
			struct pci_window *w = &dev->window[io];

			if (dev->bridge != bridge)
				continue;
			for (u8 i = 0; i < PCI_BARS; i++) {
				if (dev->bar[i].io != io || dev->bar[i].addr ||
				    dev->bar[i].size != unit)
					continue;
				at = ALIGN_UP(at, unit);
				*align = max(*align, unit);
				if (place)
					set_bar(dev, i, at);
				at += unit;
			}
			if (!w->size || w->align != unit)
				continue;
			at = ALIGN_UP(at, unit);
			*align = max(*align, unit);
			if (place)
				w->addr = at;
			at += w->size;
		}
	}
	return at == base ? 0 : ALIGN_UP(at, io ? PORT_GRANULE : MEM_GRANULE) - base;
}

/* On the root bus each thing finds a place of its own, around what is there. */
static void place_on_root(bool io)
{
	struct pci_dev *dev;

	for (u32 bit = ALIGN_BITS; bit-- > 0;)
		list_for_each_entry(dev, &pci_devices, list) {
			struct pci_window *w = &dev->window[io];

			for (u8 i = 0; i < PCI_BARS && !dev->bridge; i++) {
				struct pci_bar *b = &dev->bar[i];
				u64 at;

				if (b->io != io || b->addr || b->size != 1ull << bit)
					continue;
				at = find_place(io, is_wide(dev, i), b->size, b->size);
				if (at)
					set_bar(dev, i, at);
			}
			if (!dev->bridge && w->size && w->align == 1ull << bit)
				w->addr = find_place(io, false, w->size, w->align);
		}
}

/* Forget BARs without a place, so that nobody touches address 0. */
static void forget_rest(void)
{
	struct pci_dev *dev;

	list_for_each_entry(dev, &pci_devices, list)
		for (u8 i = 0; i < PCI_BARS; i++) {
			if (!dev->bar[i].size || dev->bar[i].addr)
				continue;
			printk("pci: %02x:%02x.%x: no room for BAR %u of %#llx bytes\n", dev->bus,
			       dev->slot, dev->fn, i, (unsigned long long)dev->bar[i].size);
			dev->bar[i].size = 0;
		}
}

void pci_assign(void)
{
	struct pci_dev *dev;

	number_buses();
	/* A bridge comes after those above it in the list: sizes are summed from the end, places
	 * are given from the start. */
	list_for_each_entry_reverse(dev, &pci_devices, list)
		for (u32 io = 0; io < 2 && dev->fresh; io++)
			dev->window[io].size = lay_out(dev, io, 0, false, &dev->window[io].align);
	place_on_root(false);
	place_on_root(true);
	list_for_each_entry(dev, &pci_devices, list) {
		for (u32 io = 0; io < 2; io++)
			if (dev->window[io].addr)
				(void)lay_out(dev, io, dev->window[io].addr, true,
					      &dev->window[io].align);
		if (dev->fresh)
			set_windows(dev);
	}
	forget_rest();
}
