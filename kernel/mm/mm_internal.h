/*
 * What the files of kernel/mm tell each other and nobody else.
 * Also there: inside this folder
 */
#pragma once

#include "kernel/mm/page.h"

/* page.c: take over the free memory that boot found. */
void page_alloc_init(struct page *map, u8 *chunks, u64 nr_frames);
void page_alloc_add(u64 start_pfn, u64 end_pfn);
/* Count an allocation for mm_fail_after. Returns: must it fail? */
bool should_fail_alloc(void);

/* page.c: pages by use, as those who take them count them. */
enum vm_stat_item { NR_SLAB, NR_PAGETABLE, NR_VM_STAT_ITEMS };
extern u64 vm_stat[NR_VM_STAT_ITEMS]; /* [atomic] */
static inline void mod_vm_stat(enum vm_stat_item item, s64 pages)
{
	__atomic_fetch_add(&vm_stat[item], (u64)pages, __ATOMIC_RELAXED);
}

/* pgtable.c. Map a page (level 0) or 2 MiB (level 1) into the kernel's half. `alloc` gives zeroed
 * tables. Returns: 0 or -ENOMEM. */
int must_check pgtable_map_kernel(u64 va, u64 pa, u64 flags, unsigned int level,
				  u64 (*alloc)(void));
void pgtable_unmap_kernel(u64 va);
/* The page mapped at va, which is mapped. */
struct page *pgtable_kernel_page(u64 va);
/* Build va's top-level entry. Returns: 0 or -ENOMEM. */
int must_check pgtable_reserve_kernel(u64 va, u64 (*alloc)(void));
/* From boot's tables to these; from here on tables are reached through the direct map. */
void pgtable_activate(void);
u64 pgtable_alloc_atomic(void);
