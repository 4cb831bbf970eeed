/*
 * What the boot loader told us. Source: Multiboot 0.6.96 §3.3.
 * Also there: what the boot loader left
 */
#pragma once

#include "kernel/lib/types.h"

#define BOOT_MAX_REGIONS 64

struct mem_region {
	u64 start, end; /* bytes, end exclusive */
	bool usable;
};

/* Filled by arch_boot_init(), constant afterwards. */
struct bootinfo {
	struct mem_region regions[BOOT_MAX_REGIONS]; /* by ascending start; may overlap */
	unsigned int nr_regions;
	const char *cmdline;	      /* valid until mm_init: kernel/lib/cmdline.c keeps a copy */
	u64 kernel_start, kernel_end; /* physical bytes of the image, bss included */
};

extern struct bootinfo bootinfo;

/* Read the multiboot information. `magic` and `info_pa` are eax and ebx at entry; panics with one
 * line if the loader was not a multiboot one. */
void arch_boot_init(u32 magic, u32 info_pa);
