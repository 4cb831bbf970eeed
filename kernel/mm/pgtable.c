/*
 * Page tables: walking, building and freeing them.
 *
 * Invariants:
 * 1. The kernel's top-level entries exist from boot on and never change, so that every program's
 *    tables share them by copying the top level once.
 * 2. Tables of the kernel half are never freed.
 * Also there: page tables
 */
#include "kernel/mm/pgtable.h"

#include "kernel/arch/cpu.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page.h"

#define ENTRIES	    512u
#define TOP_LEVEL   3u
#define KERNEL_HALF 256u /* first top-level entry of the kernel */

static u64 kernel_pml4[ENTRIES] __aligned(4096);
/* Where physical memory is seen: through boot's window at first, which shows 1 GiB. */
static u64 table_window = KERNEL_BASE; /* [const after boot] */

static u64 *table_at(u64 entry)
{
	return (u64 *)(table_window + (entry & PTE_ADDR_MASK));
}

static unsigned int index_at(u64 va, unsigned int level)
{
	return (unsigned int)(va >> (PAGE_SHIFT + 9 * level)) % ENTRIES;
}

static u64 table_alloc(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | GFP_ZERO);

	if (!page)
		return 0;
	mod_vm_stat(NR_PAGETABLE, 1);
	return page_to_phys(page).v;
}

static void table_free(u64 pa)
{
	mod_vm_stat(NR_PAGETABLE, -1);
	put_page(phys_to_page(PADDR(pa)));
}

u64 pgtable_alloc_atomic(void)
{
	return table_alloc(GFP_ATOMIC);
}

static u64 alloc_sleeping(void)
{
	return table_alloc(GFP_KERNEL);
}

/* The entry for va at `level` (0: of a page). Missing tables are built when alloc is not NULL. */
static u64 *walk(u64 *table, u64 va, unsigned int level, u64 flags, u64 (*alloc)(void))
{
	for (unsigned int at = TOP_LEVEL; at > level; at--) {
		u64 *entry = &table[index_at(va, at)];

		if (!(*entry & PTE_P)) {
			u64 pa = alloc ? alloc() : 0;

			if (pa == 0)
				return NULL;
			if (*entry & PTE_P) /* another thread built it while alloc slept */
				table_free(pa);
			else
				*entry = pa | flags;
		}
		table = table_at(*entry);
	}
	return &table[index_at(va, level)];
}

int pgtable_map_kernel(u64 va, u64 pa, u64 flags, unsigned int level, u64 (*alloc)(void))
{
	u64 *entry = walk(kernel_pml4, va, level, PTE_P | PTE_W, alloc);

	if (!entry)
		return -ENOMEM;
	ASSERT(!(*entry & PTE_P));
	*entry = pa | flags | PTE_P | PTE_G | (level > 0 ? PTE_PS : 0);
	return 0;
}

void pgtable_unmap_kernel(u64 va)
{
	u64 *entry = walk(kernel_pml4, va, 0, 0, NULL);

	ASSERT(entry && (*entry & PTE_P));
	*entry = 0;
	tlb_flush_page(va);
}

struct page *pgtable_kernel_page(u64 va)
{
	u64 *entry = walk(kernel_pml4, va, 0, 0, NULL);

	ASSERT(entry && (*entry & PTE_P));
	return phys_to_page(PADDR(*entry & PTE_ADDR_MASK));
}

int pgtable_reserve_kernel(u64 va, u64 (*alloc)(void))
{
	return walk(kernel_pml4, va, TOP_LEVEL - 1, PTE_P | PTE_W, alloc) ? 0 : -ENOMEM;
}

void pgtable_activate(void)
{
	write_cr3(virt_to_phys(kernel_pml4).v);
	table_window = DIRECT_MAP;
}

paddr_t pgtable_kernel(void)
{
	return virt_to_phys(kernel_pml4);
}

paddr_t pgtable_create(void)
{
	u64 pa = table_alloc(GFP_KERNEL);

	if (pa != 0)
		memcpy(table_at(pa) + KERNEL_HALF, kernel_pml4 + KERNEL_HALF,
		       (ENTRIES - KERNEL_HALF) * sizeof(u64));
	return PADDR(pa);
}

/* Free the tables below `table`, which is of `level` and of which `count` entries count. */
static void free_tables(u64 *table, unsigned int level, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!(table[i] & PTE_P))
			continue;
		if (level > 1)
			free_tables(table_at(table[i]), level - 1, ENTRIES);
		table_free(table[i] & PTE_ADDR_MASK);
	}
}

void pgtable_destroy(paddr_t pml4)
{
	ASSERT(pml4.v != 0 && (read_cr3() & PTE_ADDR_MASK) != pml4.v);
	free_tables(table_at(pml4.v), TOP_LEVEL, KERNEL_HALF);
	table_free(pml4.v);
}

u64 *pgtable_walk(paddr_t pml4, u64 va, bool alloc)
{
	ASSERT(va < USER_MAX);
	return walk(table_at(pml4.v), va, 0, PTE_P | PTE_W | PTE_U, alloc ? alloc_sleeping : NULL);
}

int pgtable_for_each(paddr_t pml4, u64 start, u64 end, int (*fn)(u64 *pte, u64 va, void *arg),
		     void *arg)
{
	u64 va = start;

	ASSERT(end <= USER_MAX);
	while (va < end) {
		u64 *table = table_at(pml4.v), *entry = NULL;
		unsigned int level;
		int ret;

		for (level = TOP_LEVEL;; level--) {
			entry = &table[index_at(va, level)];
			if (!(*entry & PTE_P) || level == 0)
				break;
			table = table_at(*entry);
		}
		if (*entry) { /* an owner may have cleared PTE_P: no access, but still a page */
			ret = fn(entry, va, arg);
			if (ret != 0)
				return ret;
		}
		va = ALIGN_DOWN(va, PAGE_SIZE << (9 * level)) + (PAGE_SIZE << (9 * level));
	}
	return 0;
}
