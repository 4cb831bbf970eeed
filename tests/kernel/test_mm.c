/* Memory: page frames, the heap, protections of the kernel's own mapping. */
#include "tests/kernel/ktest.h"

#include "kernel/arch/pte.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"

#define MUCH_MEMORY (1u << 18) /* pages; more takes seconds to fill */

static u64 free_pages_now(void)
{
	struct mm_stats stats;

	mm_get_stats(&stats);
	return stats.free_pages;
}

KTEST(mm, pages_of_every_order_are_aligned_and_come_back)
{
	u64 before = free_pages_now();

	for (unsigned int order = 0; order <= 8; order++) {
		struct page *page = alloc_pages(GFP_KERNEL | GFP_ZERO, order);
		const u8 *data;

		KEXPECT(page);
		KEXPECT(IS_ALIGNED(page_to_phys(page).v, PAGE_SIZE << order));
		KEXPECT(phys_to_page(page_to_phys(page)) == page);
		data = page_address(page);
		KEXPECT(virt_to_page(data) == page);
		KEXPECT(data[0] == 0 && data[(PAGE_SIZE << order) - 1] == 0);
		free_pages(page, order);
	}
	KEXPECT(free_pages_now() == before);
}

KTEST(mm, all_memory_can_be_taken_and_given_back)
{
	struct page *page;
	LIST_HEAD(taken);
	u64 before = free_pages_now(), count = 0;

	for (page = alloc_pages(GFP_ATOMIC, 4); page; page = alloc_pages(GFP_ATOMIC, 4)) {
		list_add(&page->lru, &taken);
		count++;
	}
	while (!list_empty(&taken)) {
		page = list_first_entry(&taken, struct page, lru);
		list_del_init(&page->lru);
		free_pages(page, 4);
	}
	KEXPECT(count > 100);
	KEXPECT(free_pages_now() == before);
}

KTEST(mm, kmalloc_gives_separate_aligned_memory)
{
	static const size_t sizes[] = {1, 16, 33, 96, 100, 192, 512, 1000, 2048, 4096, 70000};
	u8 *blocks[ARRAY_SIZE(sizes)];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = kmalloc(sizes[i], GFP_KERNEL);
		KEXPECT(blocks[i] && IS_ALIGNED((u64)blocks[i], 16));
		memset(blocks[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		KEXPECT(blocks[i][0] == i + 1 && blocks[i][sizes[i] - 1] == i + 1);
		kfree(blocks[i]);
	}
	kfree(NULL);
	KEXPECT(!kmalloc(64ul << 20, GFP_KERNEL));
}

KTEST(mm, a_chosen_allocation_fails)
{
	void *first = kmalloc(64, GFP_KERNEL), *second;

	kfree(first); /* its slab has room now: a new one would count too */
	mm_fail_after(2);
	first = kmalloc(64, GFP_KERNEL);
	second = kmalloc(64, GFP_KERNEL);
	mm_fail_after(0);
	KEXPECT(first && !second);
	kfree(first);
}

KTEST(mm, user_tables_share_the_kernel_half_and_go_away)
{
	u64 before = free_pages_now(), *pte;
	paddr_t pml4 = pgtable_create();

	KEXPECT(pml4.v);
	KEXPECT(!pgtable_walk(pml4, 0x400000, false));
	pte = pgtable_walk(pml4, 0x400000, true);
	KEXPECT(pte && *pte == 0);
	KEXPECT(pgtable_walk(pml4, 0x400000, false) == pte);
	pgtable_destroy(pml4);
	KEXPECT(free_pages_now() == before);
}

/* The entry that maps a kernel address, of whatever size; 0: none. */
static u64 kernel_entry(u64 va)
{
	u64 *table = phys_to_virt(PADDR(read_cr3() & PTE_ADDR_MASK));

	for (unsigned int shift = 39; shift >= PAGE_SHIFT; shift -= 9) {
		u64 entry = table[(va >> shift) & 511];

		if (!(entry & PTE_P) || shift == PAGE_SHIFT || (entry & PTE_PS && shift < 39))
			return entry;
		table = phys_to_virt(PADDR(entry & PTE_ADDR_MASK));
	}
	return 0;
}

KTEST(mm, text_is_not_writable_and_data_not_executable)
{
	static int data;
	static const int constant = 1;
	u64 text = kernel_entry((u64)kernel_entry);

	KEXPECT(text & PTE_P && !(text & PTE_W) && !(text & PTE_NX));
	KEXPECT(kernel_entry((u64)&data) & PTE_NX);
	KEXPECT(kernel_entry((u64)&data) & PTE_W);
	KEXPECT(!(kernel_entry((u64)&constant) & PTE_W));
	KEXPECT(kernel_entry((u64)&constant) & PTE_NX);
	KEXPECT(kernel_entry(DIRECT_MAP + 0x200000) & PTE_NX);
	KEXPECT(!(text & PTE_U));
}

KTEST(mm, the_heap_runs_out_and_comes_back)
{
	void **object, **chain = NULL;
	u64 before, count = 0;

	if (free_pages_now() > MUCH_MEMORY) {
		ktest_skip("takes too long with so much memory");
		return;
	}
	kfree(kmalloc(64, GFP_KERNEL));
	before = free_pages_now();
	while ((object = kmalloc(1 << 16, GFP_KERNEL)) != NULL) {
		*object = (void *)chain;
		chain = object;
		count++;
	}
	while ((object = kmalloc(2048, GFP_KERNEL)) != NULL) {
		*object = (void *)chain;
		chain = object;
	}
	object = kmalloc(2048, GFP_ATOMIC); /* from the reserve */
	kfree((void *)object);
	while (chain) {
		void **next = *chain;

		kfree((void *)chain);
		chain = next;
	}
	KEXPECT(object && count > 0);
	KEXPECT(free_pages_now() + 2 >= before); /* two sizes may keep a slab */
}

static struct page *cached; /* [the test's thread] a list by page->private */

static size_t drop_cached(size_t nr_pages, gfp_t gfp)
{
	size_t freed = 0;

	(void)gfp;
	for (; cached && freed < nr_pages; freed++) {
		struct page *page = cached;

		cached = page->private;
		put_page(page);
	}
	return freed;
}

KTEST(mm, caches_shrink_before_memory_runs_out)
{
	static struct shrinker shrinker = {.shrink = drop_cached};
	u64 before = free_pages_now(), count = 0;
	struct page *page, *taken = NULL;

	if (free_pages_now() > MUCH_MEMORY) {
		ktest_skip("takes too long with so much memory");
		return;
	}
	if (!shrinker.list.next)
		shrinker_register(&shrinker);
	while (!mm_is_low() && (page = alloc_page(GFP_KERNEL)) != NULL) {
		page->private = cached;
		cached = page;
	}
	while (count < before / 2 && (page = alloc_page(GFP_KERNEL)) != NULL) {
		page->private = taken;
		taken = page;
		count++;
	}
	while (taken) {
		page = taken;
		taken = page->private;
		put_page(page);
	}
	(void)drop_cached(~0ul, GFP_KERNEL);
	KEXPECT(count == before / 2);
	KEXPECT(free_pages_now() == before);
}

KTEST(mm, a_stack_has_a_guard_below)
{
	u64 size = 4 * PAGE_SIZE, stack = (u64)vmap_alloc_stack(size);

	KEXPECT(stack);
	memset((void *)stack, 0x5a, size);
	KEXPECT(kernel_entry(stack) & PTE_NX);
	KEXPECT(!(kernel_entry(stack - PAGE_SIZE) & PTE_P));
	vmap_free_stack((void *)stack, size);
	KEXPECT(!(kernel_entry(stack) & PTE_P));
}

KTEST(mm, stacks_take_no_page_tables_for_good)
{
	u64 size = 4 * PAGE_SIZE;
	struct mm_stats before, after;

	vmap_free_stack(vmap_alloc_stack(size), size);
	mm_get_stats(&before);
	for (int i = 0; i < 300; i++) /* more address space than two page tables map */
		vmap_free_stack(vmap_alloc_stack(size), size);
	mm_get_stats(&after);
	KEXPECT(after.pagetable_pages == before.pagetable_pages);
}

KTEST(mm, device_registers_are_mapped_uncached)
{
	volatile void *va = ioremap(PADDR(0xfee00030), 4); /* the local APIC's version */
	u64 entry;

	KEXPECT(va);
	entry = kernel_entry((u64)va);
	KEXPECT((entry & PTE_ADDR_MASK) == 0xfee00000 && entry & PTE_PCD && entry & PTE_NX);
	iounmap(va, 4);
	KEXPECT(!(kernel_entry((u64)va) & PTE_P));
	KEXPECT(!ioremap(PADDR(~0xfffull), 4));
}
