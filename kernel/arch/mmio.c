/*
 * The fixed mappings: one static page table, filled from the front, in the last 2 MiB of the
 * address space, which every page table shares through the kernel image's top-level slot.
 * Also there: mappings of device registers
 */
#include "kernel/arch/internal.h"

#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"

#define ENTRIES 512u

static u64 fix_pd[ENTRIES] __aligned(4096);
static u64 fix_pt[ENTRIES] __aligned(4096);
static unsigned int used;

static u64 *table(u64 entry)
{
	return phys_to_virt(PADDR(entry & PTE_ADDR_MASK));
}

static void hook_in(void)
{
	u64 *pdpt = table(table(read_cr3())[ENTRIES - 1]);

	ASSERT(!(pdpt[ENTRIES - 1] & PTE_P));
	fix_pd[ENTRIES - 1] = virt_to_phys(fix_pt).v | PTE_P | PTE_W;
	pdpt[ENTRIES - 1] = virt_to_phys(fix_pd).v | PTE_P | PTE_W;
}

static u64 map(u64 pa, size_t size, u64 bits)
{
	u64 offset = pa & (PAGE_SIZE - 1);
	u64 pages = (offset + size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u64 va = FIXMAP_BASE + used * PAGE_SIZE;

	/* The last page would look like an error pointer. */
	if (pages >= ENTRIES - used)
		return 0;
	if (!used)
		hook_in();
	for (u64 i = 0; i < pages; i++)
		fix_pt[used++] = ((pa & PAGE_MASK) + i * PAGE_SIZE) | bits | PTE_P | PTE_NX;
	return va + offset;
}

volatile void *arch_map_mmio(u64 pa, size_t size)
{
	return (volatile void *)map(pa, size, PTE_W | PTE_PCD | PTE_PWT);
}

const void *arch_map_memory(u64 pa, size_t size)
{
	return (const void *)map(pa, size, 0);
}
