/*
 * ACPI tables: the MADT for interrupts, the FADT and the DSDT's \_S5 for power.
 *
 * The tables are the firmware's: lengths are checked, and a bad table is as good as none.
 * Also there: tables of the firmware
 */
#include "kernel/arch/acpi.h"

#include "kernel/arch/acpi_spec.h"
#include "kernel/arch/internal.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define TABLE_MAX      (512u << 10)
#define DEFAULT_IOAPIC 0xfec00000u

struct acpi_info acpi;

static bool sum_is_zero(const void *p, size_t len)
{
	const u8 *b = p;
	unsigned int sum = 0;

	while (len--)
		sum += *b++;
	return (sum & 0xff) == 0;
}

/* The root pointer in memory of the firmware, which the direct map shows. */
static const struct acpi_rsdp *rsdp_scan(u64 start, u64 len)
{
	const struct acpi_rsdp *r;

	for (u64 pa = start; pa < start + len; pa += 16) {
		r = phys_to_virt(PADDR(pa));
		if (memcmp(r->signature, "RSD PTR ", 8) == 0 && sum_is_zero(r, 20))
			return r;
	}
	return NULL;
}

/* ACPI 6.4 §5.2.5.1: in the first KiB of the EBDA, or between 0xe0000 and 0xfffff. */
static const struct acpi_rsdp *find_rsdp(void)
{
	const struct acpi_rsdp *rsdp = NULL;
	u16 segment;

	memcpy(&segment, phys_to_virt(PADDR(0x40e)), sizeof(segment));
	if (segment >= 0x8000 && segment < 0xa000)
		rsdp = rsdp_scan((u64)segment << 4, 1024);
	return rsdp ? rsdp : rsdp_scan(0xe0000, 0x20000);
}

/* The whole table at `pa`, or NULL. */
static const void *map_table(u64 pa)
{
	const struct acpi_header *h = arch_map_memory(pa, sizeof(*h));

	if (!h || h->length < sizeof(*h) || h->length > TABLE_MAX)
		return NULL;
	h = arch_map_memory(pa, h->length);
	if (!h || !sum_is_zero(h, h->length)) {
		printk("acpi: bad table at %#lx\n", pa);
		return NULL;
	}
	return h;
}

static void read_override(const struct madt_override *o)
{
	if (o->source >= ISA_IRQS)
		return;
	acpi.isa[o->source].gsi = o->gsi;
	acpi.isa[o->source].low = (o->flags & 3) == 3;
	acpi.isa[o->source].level = ((o->flags >> 2) & 3) == 3;
}

static void read_madt(const struct acpi_madt *madt)
{
	const char *p = (const char *)(madt + 1);
	const char *end = (const char *)madt + madt->h.length;

	while (p + sizeof(struct madt_entry) <= end) {
		const struct madt_entry *e = (const void *)p;

		if (e->length < sizeof(*e) || e->length > end - p)
			return;
		if (e->type == MADT_IOAPIC && e->length >= sizeof(struct madt_ioapic) &&
		    acpi.nr_ioapics < ACPI_MAX_IOAPICS) {
			const struct madt_ioapic *io = (const void *)p;

			acpi.ioapics[acpi.nr_ioapics++] =
				(struct acpi_ioapic){io->address, io->gsi_base};
		} else if (e->type == MADT_OVERRIDE && e->length >= sizeof(struct madt_override)) {
			read_override((const void *)p);
		}
		p += e->length;
	}
}

/* One small integer of AML (ACPI 6.4 §20.2.3): ZeroOp, OneOp, or a byte. */
static const u8 *aml_byte(const u8 *p, const u8 *end, u8 *value)
{
	if (p < end && *p <= 1) {
		*value = *p;
		return p + 1;
	}
	if (end - p >= 2 && *p == 0x0a) {
		*value = p[1];
		return p + 2;
	}
	return NULL;
}

/* Name (\_S5, Package (n) { SLP_TYPa, SLP_TYPb, ... }), found by its bytes: there is no AML
 * interpreter here. */
static void read_s5(const struct acpi_header *dsdt)
{
	const u8 *p = (const u8 *)(dsdt + 1), *end = (const u8 *)dsdt + dsdt->length;

	for (; end - p > 8; p++) {
		const u8 *q = p + 4;

		if (memcmp(p, "_S5_", 4) != 0 || *q++ != 0x12)
			continue;
		q += (*q >> 6) + 2; /* package length of 1 to 4 bytes, and the element count */
		q = aml_byte(q, end, &acpi.slp_typ_a);
		acpi.has_s5 = q && aml_byte(q, end, &acpi.slp_typ_b);
		return;
	}
}

static void read_fadt(const struct acpi_fadt *f)
{
	const struct acpi_header *dsdt;

	if (f->h.length < sizeof(*f))
		return;
	acpi.pm1a_cnt = (u16)f->pm1a_cnt;
	acpi.pm1b_cnt = (u16)f->pm1b_cnt;
	dsdt = map_table(f->dsdt);
	if (dsdt)
		read_s5(dsdt);
}

static void read_table(u64 pa)
{
	const struct acpi_header *h = map_table(pa);

	if (!h)
		return;
	if (memcmp(h->signature, "APIC", 4) == 0 && h->length >= sizeof(struct acpi_madt))
		read_madt((const void *)h);
	else if (memcmp(h->signature, "FACP", 4) == 0)
		read_fadt((const void *)h);
}

static void read_tables(void)
{
	const struct acpi_rsdp *rsdp = find_rsdp();
	const struct acpi_header *root = NULL;
	size_t entry = 8;

	if (rsdp && rsdp->revision >= 2 && rsdp->xsdt)
		root = map_table(rsdp->xsdt);
	if (rsdp && !root) {
		root = map_table(rsdp->rsdt);
		entry = 4;
	}
	for (size_t at = sizeof(*root); root && at + entry <= root->length; at += entry) {
		u64 pa = 0;

		memcpy(&pa, (const char *)root + at, entry);
		read_table(pa);
	}
}

void acpi_init(void)
{
	for (u32 i = 0; i < ISA_IRQS; i++)
		acpi.isa[i].gsi = i;
	read_tables();
	if (acpi.nr_ioapics)
		return;
	/* Without tables: MP specification 1.4 §3.6.2.3, §5.3 */
	acpi.ioapics[acpi.nr_ioapics++] = (struct acpi_ioapic){DEFAULT_IOAPIC, 0};
	acpi.isa[0].gsi = 2;
}
