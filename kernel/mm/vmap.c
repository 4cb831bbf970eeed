/*
 * Kernel mappings made at run time: device registers and kernel stacks.
 *
 * Invariants:
 * 1. A set bit of `used` is a page of address space that is mapped, or the guard below a mapping.
 * 2. Every mapping has one unmapped page below it.
 * Also there: mappings of device registers and stacks
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/bitmap.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/pgtable.h"
#include "kernel/sched/spinlock.h"

#define VMAP_PAGES 65536u /* 256 MiB of address space */

static struct spinlock vmap_lock = SPINLOCK_INIT("vmap", LOCK_ANY);
static u64 used[BITMAP_WORDS(VMAP_PAGES)]; /* [vmap_lock] */

/* The lowest run, so that page tables that are there already are used again. */
static size_t find_run(size_t count)
{
	size_t from = 0;

	while (from < VMAP_PAGES) {
		size_t start = bitmap_find_zero(used, VMAP_PAGES, from);
		size_t end = bitmap_find_set(used, min((size_t)VMAP_PAGES, start + count), start);

		if (end - start >= count)
			return start;
		from = end;
		if (start + count > VMAP_PAGES)
			break;
	}
	return VMAP_PAGES;
}

/* Returns: the address of `count` pages with a guard page below, or 0. */
static u64 reserve_area(size_t count)
{
	size_t start = find_run(count + 1);

	if (start == VMAP_PAGES)
		return 0;
	for (size_t i = 0; i <= count; i++)
		bitmap_set(used, start + i);
	return VMAP_BASE + (start + 1) * PAGE_SIZE;
}

static void release_area(u64 va, size_t mapped, size_t count)
{
	size_t first = (va - VMAP_BASE) / PAGE_SIZE - 1;

	for (size_t i = 0; i < mapped; i++)
		pgtable_unmap_kernel(va + i * PAGE_SIZE);
	for (size_t i = 0; i <= count; i++)
		bitmap_clear(used, first + i);
}

/* Map `count` pages: of `pages` where not NULL, else those from `pa` on. Returns: 0 or address. */
static u64 map_area(struct page *const *pages, u64 pa, size_t count, u64 pte_flags)
{
	u64 flags = spin_lock_irqsave(&vmap_lock);
	u64 va = reserve_area(count);
	size_t i = 0;

	for (; va != 0 && i < count; i++) {
		u64 frame = pages ? page_to_phys(pages[i]).v : pa + i * PAGE_SIZE;

		if (pgtable_map_kernel(va + i * PAGE_SIZE, frame, pte_flags, 0,
				       pgtable_alloc_atomic) < 0)
			break;
	}
	if (va != 0 && i < count) {
		release_area(va, i, count);
		va = 0;
	}
	spin_unlock_irqrestore(&vmap_lock, flags);
	return va;
}

static void unmap_area(u64 va, size_t count)
{
	u64 flags = spin_lock_irqsave(&vmap_lock);

	release_area(va, count, count);
	spin_unlock_irqrestore(&vmap_lock, flags);
}

volatile void *ioremap(paddr_t pa, size_t size)
{
	u64 offset = pa.v % PAGE_SIZE;
	u64 va;

	if (size == 0 || size > VMAP_PAGES * PAGE_SIZE || pa.v + size < pa.v ||
	    ((pa.v + size - 1) & PAGE_MASK & ~PTE_ADDR_MASK) != 0)
		return NULL;
	va = map_area(NULL, pa.v - offset, DIV_ROUND_UP(offset + size, PAGE_SIZE),
		      PTE_W | PTE_PCD | PTE_PWT | PTE_NX);
	return va ? (volatile void *)(va + offset) : NULL;
}

void iounmap(volatile void *va, size_t size)
{
	u64 offset = (u64)va % PAGE_SIZE;

	unmap_area((u64)va - offset, DIV_ROUND_UP(offset + size, PAGE_SIZE));
}

#define STACK_PAGES_MAX 16u

void *vmap_alloc_stack(size_t size)
{
	struct page *pages[STACK_PAGES_MAX] = {NULL};
	size_t count = size / PAGE_SIZE, n;
	u64 va = 0;

	ASSERT(size % PAGE_SIZE == 0 && count <= STACK_PAGES_MAX);
	for (n = 0; n < count; n++) {
		pages[n] = alloc_page(GFP_KERNEL);
		if (!pages[n])
			goto err_pages;
	}
	va = map_area(pages, 0, count, PTE_W | PTE_NX);
	if (va == 0)
		goto err_pages;
	return (void *)va;

err_pages:
	while (n > 0)
		put_page(pages[--n]);
	return NULL;
}

void vmap_free_stack(void *stack, size_t size)
{
	struct page *pages[STACK_PAGES_MAX];
	size_t count = size / PAGE_SIZE;

	for (size_t i = 0; i < count; i++)
		pages[i] = pgtable_kernel_page((u64)stack + i * PAGE_SIZE);
	unmap_area((u64)stack, count);
	for (size_t i = 0; i < count; i++)
		put_page(pages[i]);
}
