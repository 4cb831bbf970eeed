/*
 * Page tables. The upper half (kernel) is shared by all; the lower half belongs to one program.
 *
 * Locks: the lower half is guarded by its owner (the address space's lock); kernel mappings by a
 * lock inside.
 * Also there: page tables
 */
#pragma once

#include "kernel/arch/pte.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* A new top level that shares the kernel half. Returns: its physical address, .v == 0 if no
 * memory. Context: may sleep. */
paddr_t must_check pgtable_create(void);
/* Free all tables of the lower half; the caller has unmapped and released the pages. */
void pgtable_destroy(paddr_t pml4);
/* The entry for a user address. alloc: build missing levels. Returns: NULL if absent (or no
 * memory). */
u64 *pgtable_walk(paddr_t pml4, u64 va, bool alloc);
/* Call fn for every user entry in [start, end) that is not 0; stops at non-zero and returns it. */
int pgtable_for_each(paddr_t pml4, u64 start, u64 end, int (*fn)(u64 *pte, u64 va, void *arg),
		     void *arg);
/* Kernel page tables, for threads without a program. */
paddr_t pgtable_kernel(void);

/* Map device registers uncached. Returns: NULL if no room or memory. Context: may sleep. */
volatile void *must_check ioremap(paddr_t pa, size_t size);
void iounmap(volatile void *va, size_t size);
/* A kernel stack with an unmapped guard page below. Returns: lowest usable address, or NULL. */
void *must_check vmap_alloc_stack(size_t size);
void vmap_free_stack(void *stack, size_t size);
