/*
 * The IOAPICs. Source: Intel 82093AA data sheet.
 *
 * Locks: the caller's (irq.c's lock), since index and data register belong together.
 * Also there: interrupt lines are routed
 */
#include "kernel/arch/acpi.h"
#include "kernel/arch/internal.h"

#include "kernel/arch/io.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/printk.h"

#define IOREGSEL       0x00
#define IOWIN	       0x10
#define IOAPIC_VERSION 0x01
#define IOAPIC_REDIR   0x10   /* two registers a line */
#define REDIR_NMI      0x400u /* edge-triggered, active high, as ISA lines are */
#define REDIR_LOW      0x2000u
#define REDIR_LEVEL    0x8000u
#define REDIR_MASKED   0x10000u

static struct ioapic {
	volatile char *regs;
	u32 gsi_base, lines;
} ioapics[ACPI_MAX_IOAPICS];	/* [const] */
static unsigned int nr_ioapics; /* [const] */

static u32 reg_read(const struct ioapic *io, u32 reg)
{
	mmio_write32(io->regs + IOREGSEL, reg);
	return mmio_read32(io->regs + IOWIN);
}

static void reg_write(const struct ioapic *io, u32 reg, u32 v)
{
	mmio_write32(io->regs + IOREGSEL, reg);
	mmio_write32(io->regs + IOWIN, v);
}

void ioapic_init(void)
{
	for (unsigned int i = 0; i < acpi.nr_ioapics; i++) {
		struct ioapic *io = &ioapics[nr_ioapics];
		u32 version;

		io->regs = arch_map_mmio(acpi.ioapics[i].address, PAGE_SIZE);
		if (!io->regs)
			break;
		io->gsi_base = acpi.ioapics[i].gsi_base;
		version = reg_read(io, IOAPIC_VERSION);
		if (version == ~0u)
			continue; /* nobody is there */
		io->lines = (version >> 16 & 0xff) + 1;
		for (u32 line = 0; line < io->lines; line++)
			reg_write(io, IOAPIC_REDIR + 2 * line, REDIR_MASKED);
		nr_ioapics++;
	}
	if (!nr_ioapics)
		panic("irq: no IOAPIC");
}

static const struct ioapic *find(u32 gsi)
{
	for (unsigned int i = 0; i < nr_ioapics; i++)
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].lines)
			return &ioapics[i];
	return NULL;
}

bool ioapic_route(u32 gsi, u8 vector, bool level, bool low)
{
	const struct ioapic *io = find(gsi);
	u32 reg;

	if (!io)
		return false;
	reg = IOAPIC_REDIR + 2 * (gsi - io->gsi_base);
	reg_write(io, reg,
		  vector | REDIR_MASKED | (level ? REDIR_LEVEL : 0) | (low ? REDIR_LOW : 0));
	reg_write(io, reg + 1, lapic_id() << 24);
	return true;
}

void ioapic_route_nmi(u32 gsi)
{
	const struct ioapic *io = find(gsi);

	if (!io)
		return;
	reg_write(io, IOAPIC_REDIR + 2 * (gsi - io->gsi_base) + 1, lapic_id() << 24);
	reg_write(io, IOAPIC_REDIR + 2 * (gsi - io->gsi_base), REDIR_NMI);
}

void ioapic_mask(u32 gsi, bool masked)
{
	const struct ioapic *io = find(gsi);
	u32 reg = IOAPIC_REDIR + 2 * (gsi - io->gsi_base);
	u32 v = reg_read(io, reg);

	reg_write(io, reg, masked ? v | REDIR_MASKED : v & ~REDIR_MASKED);
}
