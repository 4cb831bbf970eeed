/*
 * What we keep of the ACPI tables: interrupt routing, and how to turn the machine off.
 * Also there: tables of the firmware
 */
#pragma once

#include "kernel/lib/types.h"

#define ACPI_MAX_IOAPICS 4
#define ISA_IRQS	 16u

struct acpi_ioapic {
	u32 address, gsi_base;
};

/* Filled by acpi_init(), constant afterwards; zero where the machine does not say. */
struct acpi_info {
	unsigned int nr_ioapics;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	struct {
		u32 gsi;
		bool level, low;
	} isa[ISA_IRQS];
	u16 pm1a_cnt, pm1b_cnt; /* ports; 0: none */
	bool has_s5;
	u8 slp_typ_a, slp_typ_b;
};

extern struct acpi_info acpi;

/* Read the tables. Context: once, after mm_init. */
void acpi_init(void);
