#include "tests/host/fakes/bus.h"
#include "tests/host/host.h"

#include "drivers/pci/pci_regs.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/io.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/pgtable.h"

#define MAX_FUNCTIONS 8
#define MAX_REGIONS   4
#define MAX_HANDLERS  64
/* Mapped registers are numbers, not memory: who dereferences one crashes. */
#define MMIO_COOKIE 0x4000000000000000ull

int fake_msi_left = -1;
u32 fake_irq_claimed;

static struct fake_pci *functions[MAX_FUNCTIONS];
static u32 nr_functions, address_port, mappings;
static struct {
	void *dev;
	struct fake_bar bar;
	u64 addr;
} regions[MAX_REGIONS];
static u32 nr_regions;
static struct {
	irq_handler_t handler;
	void *data;
	u32 gsi; /* UINT32_MAX: message-signalled */
} handlers[MAX_HANDLERS];

void fake_bus_reset(void)
{
	nr_functions = nr_regions = address_port = 0;
	fake_msi_left = -1;
}

/* --- configuration space ------------------------------------------------------------------- */

static u16 get16(const struct fake_pci *f, u32 offset)
{
	return (u16)(f->config[offset] | f->config[offset + 1] << 8);
}

static u32 get32(const struct fake_pci *f, u32 offset)
{
	return get16(f, offset) | (u32)get16(f, offset + 2) << 16;
}

static void put(struct fake_pci *f, u32 offset, u32 val, u32 width)
{
	for (u32 i = 0; i < width; i++)
		f->config[offset + i] = (u8)(val >> 8 * i);
}

void fake_pci_add(struct fake_pci *f, u8 bus, u8 slot, u16 vendor, u16 device, u8 header)
{
	ASSERT(nr_functions < MAX_FUNCTIONS);
	functions[nr_functions++] = f;
	f->bus = bus;
	f->slot = slot;
	put(f, PCI_VENDOR_ID, vendor, 2);
	put(f, PCI_DEVICE_ID, device, 2);
	f->config[PCI_HEADER_TYPE] = header;
	f->config[PCI_INTERRUPT_PIN] = 1;
	f->config[PCI_INTERRUPT_LINE] = (u8)(8 + slot % 8);
}

void fake_pci_set_bar(struct fake_pci *f, u32 index, struct fake_bar bar, u64 addr)
{
	f->bar[index] = bar;
	put(f, PCI_BASE_ADDRESS_0 + index * 4, (u32)addr | (bar.io ? 1 : 0) | (bar.wide ? 4 : 0),
	    4);
	if (bar.wide)
		put(f, PCI_BASE_ADDRESS_0 + index * 4 + 4, (u32)(addr >> 32), 4);
}

u8 fake_pci_add_cap(struct fake_pci *f, const u8 *cap, u8 len)
{
	u8 at = 0x40, link = PCI_CAPABILITY_LIST;

	put(f, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	while (f->config[link]) {
		at = f->config[link];
		link = (u8)(at + 1);
		at = (u8)(at + 0x18);
	}
	memcpy(f->config + at, cap, len);
	f->config[at + 1] = 0;
	f->config[link] = at;
	return at;
}

static u32 msix_read(void *dev, u32 offset, u32 width)
{
	struct fake_pci *f = dev;

	return width == 4 && offset / 4 < ARRAY_SIZE(f->msix) ? f->msix[offset / 4] : 0;
}

static void msix_write(void *dev, u32 offset, u32 val, u32 width)
{
	struct fake_pci *f = dev;

	if (width == 4 && offset / 4 < ARRAY_SIZE(f->msix))
		f->msix[offset / 4] = val;
}

void fake_pci_add_msix(struct fake_pci *f, u32 bar, u64 addr, u16 entries)
{
	struct fake_bar b = {.size = 4096, .read = msix_read, .write = msix_write};
	u8 cap[12] = {PCI_CAP_ID_MSIX, 0, (u8)(entries - 1), (u8)((entries - 1) >> 8), (u8)bar};

	fake_pci_set_bar(f, bar, b, addr);
	fake_pci_add_cap(f, cap, sizeof(cap));
}

bool fake_pci_is_master(const struct fake_pci *f)
{
	return get16(f, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

static u8 msix_cap(const struct fake_pci *f)
{
	u8 at = f->config[PCI_CAPABILITY_LIST] & 0xfc;

	for (u32 n = 0; at >= 0x40 && n < 48; n++, at = f->config[at + 1] & 0xfc)
		if (f->config[at] == PCI_CAP_ID_MSIX)
			return at;
	return 0;
}

bool fake_pci_msix_on(const struct fake_pci *f)
{
	u8 cap = msix_cap(f);

	return cap && (get16(f, cap + 2u) & PCI_MSIX_FLAGS_ENABLE);
}

static struct fake_pci *selected(void)
{
	for (u32 i = 0; i < nr_functions; i++) {
		struct fake_pci *f = functions[i];
		u8 bus = f->above ? f->above->config[PCI_SECONDARY_BUS] : f->bus;

		if (f->above && bus == 0)
			continue;
		if (address_port >> 31 && bus == (u8)(address_port >> 16) &&
		    f->slot == (address_port >> 11 & 31) && f->fn == (address_port >> 8 & 7))
			return f;
	}
	return NULL;
}

static void write_bar(struct fake_pci *f, u32 index, u32 val)
{
	struct fake_bar *b = &f->bar[index];
	bool high = index > 0 && f->bar[index - 1].wide;
	u64 size = high ? f->bar[index - 1].size : b->size;

	if (val == 0xffffffffu && get16(f, PCI_COMMAND) & 3)
		f->sized = true;
	if (high)
		val &= (u32)(~(size - 1) >> 32);
	else
		val = size ? ((val & (u32) ~(size - 1)) | (b->io ? 1 : 0) | (b->wide ? 4 : 0)) : 0;
	put(f, PCI_BASE_ADDRESS_0 + index * 4, val, 4);
}

static void config_write(struct fake_pci *f, u32 offset, u32 val, u32 width)
{
	if (offset == PCI_COMMAND)
		put(f, offset, val & 0x7ff, 2);
	else if (f->config[PCI_HEADER_TYPE] == PCI_HEADER_TYPE_BRIDGE &&
		 offset >= PCI_PRIMARY_BUS && offset < PCI_IO_BASE_UPPER16 + 4)
		put(f, offset, val, width);
	else if (offset >= 0x10 && offset < 0x28 && width == 4)
		write_bar(f, (offset - 0x10) / 4, val);
	else if (msix_cap(f) && offset == msix_cap(f) + 2u)
		put(f, offset, (val & 0xc000) | (get16(f, offset) & 0x7ff), 2);
}

/* --- ports and registers -------------------------------------------------------------------- */

static u64 bar_addr(const struct fake_pci *f, u32 i)
{
	u64 addr = get32(f, PCI_BASE_ADDRESS_0 + i * 4) & ~15ull;

	return addr | (f->bar[i].wide ? (u64)get32(f, PCI_BASE_ADDRESS_0 + i * 4 + 4) << 32 : 0);
}

/* What decodes this address. Returns: NULL when nothing does. */
static const struct fake_bar *decode(u64 addr, bool io, void **dev, u32 *offset)
{
	u16 bit = io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

	for (u32 n = 0; n < nr_functions; n++) {
		struct fake_pci *f = functions[n];

		for (u32 i = 0; i < 6; i++) {
			struct fake_bar *b = &f->bar[i];
			u64 base = bar_addr(f, i);

			if (!b->size || b->io != io || !(get16(f, PCI_COMMAND) & bit) ||
			    addr - base >= b->size)
				continue;
			*dev = b->read == msix_read ? f : f->dev;
			*offset = (u32)(addr - base);
			return b;
		}
	}
	for (u32 i = 0; i < nr_regions && !io; i++) {
		if (addr - regions[i].addr >= regions[i].bar.size)
			continue;
		*dev = regions[i].dev;
		*offset = (u32)(addr - regions[i].addr);
		return &regions[i].bar;
	}
	return NULL;
}

void fake_mmio_add(void *dev, struct fake_bar bar, u64 addr)
{
	ASSERT(nr_regions < MAX_REGIONS);
	regions[nr_regions].dev = dev;
	regions[nr_regions].bar = bar;
	regions[nr_regions++].addr = addr;
}

static u32 bus_read(u64 addr, bool io, u32 width)
{
	const struct fake_bar *b;
	void *dev;
	u32 offset;

	ASSERT(addr % width == 0);
	b = decode(addr, io, &dev, &offset);
	return b ? b->read(dev, offset, width) : 0xffffffffu;
}

static void bus_write(u64 addr, bool io, u32 val, u32 width)
{
	const struct fake_bar *b;
	void *dev;
	u32 offset;

	ASSERT(addr % width == 0);
	b = decode(addr, io, &dev, &offset);
	if (b)
		b->write(dev, offset, val, width);
}

u32 inl(u16 port)
{
	if (port == PCI_CONFIG_DATA)
		return selected() ? get32(selected(), address_port & 0xfc) : 0xffffffffu;
	return bus_read(port, true, 4);
}

void outl(u16 port, u32 v)
{
	if (port == PCI_CONFIG_ADDRESS)
		address_port = v;
	else if (port == PCI_CONFIG_DATA && selected())
		config_write(selected(), address_port & 0xfc, v, 4);
	else
		bus_write(port, true, v, 4);
}

void outw(u16 port, u16 v)
{
	if ((port & ~3) == PCI_CONFIG_DATA && selected())
		config_write(selected(), (address_port & 0xfc) + (port & 3u), v, 2);
	else
		bus_write(port, true, v, 2);
}

u8 inb(u16 port)
{
	return (u8)bus_read(port, true, 1);
}
u16 inw(u16 port)
{
	return (u16)bus_read(port, true, 2);
}
void outb(u16 port, u8 v)
{
	bus_write(port, true, v, 1);
}

static u64 physical(const volatile void *addr)
{
	ASSERT((u64)addr >= MMIO_COOKIE);
	return (u64)addr - MMIO_COOKIE;
}

u8 mmio_read8(const volatile void *addr)
{
	return (u8)bus_read(physical(addr), false, 1);
}
u16 mmio_read16(const volatile void *addr)
{
	return (u16)bus_read(physical(addr), false, 2);
}
u32 mmio_read32(const volatile void *addr)
{
	return bus_read(physical(addr), false, 4);
}
void mmio_write8(volatile void *addr, u8 v)
{
	bus_write(physical(addr), false, v, 1);
}
void mmio_write16(volatile void *addr, u16 v)
{
	bus_write(physical(addr), false, v, 2);
}
void mmio_write32(volatile void *addr, u32 v)
{
	bus_write(physical(addr), false, v, 4);
}

volatile void *ioremap(paddr_t pa, size_t size)
{
	if (size == 0 || pa.v + size < pa.v || pa.v + size > 1ull << 52)
		return NULL;
	mappings++;
	return (volatile void *)(MMIO_COOKIE + pa.v);
}

void iounmap(volatile void *va, size_t size)
{
	ASSERT((u64)va >= MMIO_COOKIE && size > 0 && mappings > 0);
	mappings--;
}

u32 fake_ioremap_live(void)
{
	return mappings;
}

/* --- interrupts ----------------------------------------------------------------------------- */

static int add_handler(irq_handler_t handler, void *data, u32 gsi)
{
	for (int i = 0; i < MAX_HANDLERS; i++) {
		if (handlers[i].handler)
			continue;
		handlers[i].handler = handler;
		handlers[i].data = data;
		handlers[i].gsi = gsi;
		return i;
	}
	return -ENOMEM;
}

int irq_request_gsi(u32 gsi, irq_handler_t handler, void *data)
{
	int ret = add_handler(handler, data, gsi);

	return ret < 0 ? ret : 0;
}

void irq_set_name(irq_handler_t handler, void *data, const char *name)
{
	(void)handler;
	(void)data;
	(void)name;
}

void irq_free(irq_handler_t handler, void *data)
{
	for (u32 i = 0; i < MAX_HANDLERS; i++)
		if (handlers[i].handler == handler && handlers[i].data == data)
			handlers[i].handler = NULL;
}

int irq_alloc_msi(irq_handler_t handler, void *data, u64 *msg_addr, u32 *msg_data)
{
	int vector;

	if (fake_msi_left == 0)
		return -ENOSPC;
	if (fake_msi_left > 0)
		fake_msi_left--;
	vector = add_handler(handler, data, UINT32_MAX);
	if (vector < 0)
		return vector;
	*msg_addr = 0xfee00000;
	*msg_data = (u32)vector;
	return vector;
}

void irq_free_msi(int vector)
{
	ASSERT(vector >= 0 && vector < MAX_HANDLERS && handlers[vector].handler);
	handlers[vector].handler = NULL;
}

u32 irq_pci_gsi(u8 bus, u8 slot, u8 pin, u8 line)
{
	(void)bus;
	(void)line;
	return 20u + (slot + pin - 1u) % 4;
}

static void call_handler(u32 i)
{
	u64 flags = irq_save();

	fake_cpu.irq_depth++;
	if (handlers[i].handler && handlers[i].handler(handlers[i].data) == IRQ_HANDLED)
		fake_irq_claimed++;
	fake_cpu.irq_depth--;
	irq_restore(flags);
}

void fake_irq_msix(struct fake_pci *f, u16 entry)
{
	const u32 *e = f->msix;

	if (entry >= FAKE_MSIX_ENTRIES || !fake_pci_msix_on(f) || !fake_pci_is_master(f))
		return;
	e += entry * 4;
	if ((e[3] & 1) || e[2] >= MAX_HANDLERS)
		return;
	call_handler(e[2]);
}

void fake_irq_gsi(u32 gsi)
{
	for (u32 i = 0; i < MAX_HANDLERS; i++)
		if (handlers[i].handler && handlers[i].gsi == gsi)
			call_handler(i);
}

u32 fake_irq_live(void)
{
	u32 n = 0;

	for (u32 i = 0; i < MAX_HANDLERS; i++)
		n += handlers[i].handler != NULL;
	return n;
}
