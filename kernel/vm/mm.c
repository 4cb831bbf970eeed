/*
 * An address space before it has mappings, and single pages in its tables.
 *
 * Invariants: kernel/vm/mm.h. All other files of this folder stand on this one.
 * Also there: programs' memory
 */
#include "kernel/vm/mm.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"

struct mm *mm_create(void)
{
	struct mm *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return NULL;
	mm->pml4 = pgtable_create();
	if (mm->pml4.v == 0) {
		kfree(mm);
		return NULL;
	}
	atomic_set(&mm->refs, 1);
	atomic_set(&mm->count, 1);
	mutex_init(&mm->lock);
	aio_table_init(&mm->aio);
	return mm;
}

void mm_drop(struct mm *mm)
{
	if (atomic_dec_and_test(&mm->count))
		kfree(mm);
}

struct page *new_private_page(const struct page *old)
{
	struct page *page = alloc_page(old ? GFP_KERNEL : GFP_KERNEL | GFP_ZERO);

	if (page && old)
		memcpy(page_address(page), page_address(old), PAGE_SIZE);
	return page;
}

int mm_map_page(struct mm *mm, u64 va, u64 entry)
{
	u64 *pte = pgtable_walk(mm->pml4, va, true);

	if (!pte)
		return -ENOMEM;
	mm->rss += !*pte;
	*pte = entry;
	tlb_flush_page(va);
	return 0;
}

static int unmap_pte(u64 *pte, u64 va, void *arg)
{
	struct mm *mm = arg;
	struct page *page = pte_page(*pte);

	*pte = 0;
	mm->rss--;
	tlb_flush_page(va);
	put_page(page);
	return 0;
}

void mm_unmap_pages(struct mm *mm, u64 start, u64 end)
{
	(void)pgtable_for_each(mm->pml4, start, end, unmap_pte, mm);
}
