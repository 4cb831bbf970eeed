/*
 * x86-64 page-table entries and the kernel's address map. Source: SDM vol. 3, chapter 4.
 * Also there: page-table entries
 */
#pragma once

#include "kernel/lib/types.h"

#define PTE_P	      0x001ull
#define PTE_W	      0x002ull
#define PTE_U	      0x004ull
#define PTE_PWT	      0x008ull
#define PTE_PCD	      0x010ull
#define PTE_A	      0x020ull
#define PTE_D	      0x040ull
#define PTE_PS	      0x080ull
#define PTE_G	      0x100ull
#define PTE_OWN	      0x200ull /* ignored by the processor: kernel/vm/mm.h */
#define PTE_NX	      (1ull << 63)
#define PTE_ADDR_MASK 0x000ffffffffff000ull

/* User space: the lower half, without the first 64 KiB and the last page. */
#define USER_MIN 0x0000000000010000ull
#define USER_MAX 0x00007ffffffff000ull
/* All physical memory, as Linux's PAGE_OFFSET: data, never executable. */
#ifdef HOST_TEST
#define DIRECT_MAP 0ull
#else
#define DIRECT_MAP 0xffff888000000000ull
#endif
/* Mappings made at run time: ioremap, kernel stacks. */
#define VMAP_BASE 0xffffc90000000000ull
#define VMAP_END  0xffffc98000000000ull
/* kernel/arch's own device mappings, in the last 2 MiB (kernel/arch/mmio.c). */
#define FIXMAP_BASE 0xffffffffffe00000ull
/* The kernel image: loaded at 1 MiB, linked here + 1 MiB. */
#define KERNEL_BASE 0xffffffff80000000ull

static inline void *phys_to_virt(paddr_t pa)
{
	return (void *)(DIRECT_MAP + pa.v);
}
/* Only for addresses in the direct map or in the kernel image. */
static inline paddr_t virt_to_phys(const void *va)
{
	u64 v = (u64)va;

	return PADDR(v >= KERNEL_BASE ? v - KERNEL_BASE : v - DIRECT_MAP);
}

#ifdef HOST_TEST
static inline void tlb_flush_page(u64 va)
{
	(void)va;
}
static inline u64 read_cr3(void)
{
	return 0;
}
static inline void write_cr3(u64 v)
{
	(void)v;
}
#else
static inline void tlb_flush_page(u64 va)
{
	__asm__ __volatile__("invlpg (%0)" ::"r"(va) : "memory");
}
static inline u64 read_cr3(void)
{
	u64 v;

	__asm__ __volatile__("mov %%cr3, %0" : "=r"(v));
	return v;
}
static inline void write_cr3(u64 v)
{
	__asm__ __volatile__("mov %0, %%cr3" ::"r"(v) : "memory");
}
#endif
