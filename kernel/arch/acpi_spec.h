/*
 * The ACPI tables that we read. Source: ACPI 6.4 chapter 5. Data only.
 * Also there: tables of the firmware
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision; /* from 2 on the second line exists */
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 checksum2;
	u8 reserved[3];
} __packed;
static_assert(sizeof(struct acpi_rsdp) == 36, "acpi_rsdp");

struct acpi_header {
	char signature[4];
	u32 length; /* with this header */
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} __packed;
static_assert(sizeof(struct acpi_header) == 36, "acpi_header");

struct acpi_fadt {
	struct acpi_header h;
	u32 facs, dsdt;
	u8 reserved, pm_profile;
	u16 sci_int;
	u32 smi_cmd;
	u8 acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
	u32 pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt;
} __packed; /* what follows is not read */
static_assert(sizeof(struct acpi_fadt) == 72, "acpi_fadt");
static_assert(__builtin_offsetof(struct acpi_fadt, pm1a_cnt) == 64, "acpi_fadt");

#define PM1_SLP_EN (1u << 13)

struct acpi_madt {
	struct acpi_header h;
	u32 lapic;
	u32 flags;
} __packed;
static_assert(sizeof(struct acpi_madt) == 44, "acpi_madt");

struct madt_entry {
	u8 type, length;
} __packed;
static_assert(sizeof(struct madt_entry) == 2, "madt_entry");

#define MADT_IOAPIC 1
struct madt_ioapic {
	struct madt_entry e;
	u8 id, reserved;
	u32 address, gsi_base;
} __packed;
static_assert(sizeof(struct madt_ioapic) == 12, "madt_ioapic");

#define MADT_OVERRIDE 2
struct madt_override {
	struct madt_entry e;
	u8 bus, source;
	u32 gsi;
	u16 flags; /* bits 0-1 polarity (3: low), bits 2-3 trigger (3: level) */
} __packed;
static_assert(sizeof(struct madt_override) == 10, "madt_override");
