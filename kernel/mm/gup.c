/*
 * Pinning user pages: one walk of the current page table, with interrupts off, so that a processor
 * that unmaps the page cannot finish its TLB shootdown, and so not free it, before we hold it.
 */
#include "kernel/mm/gup.h"

#include "kernel/arch/cpu.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/pgtable.h"
#include "kernel/mm/uaccess.h"

#define PIN_TRIES 16 /* another thread may take the page away between fault and walk */

static struct page *try_pin(u64 va, bool write)
{
	u64 need = PTE_P | PTE_U | (write ? PTE_W : 0), flags = irq_save(), *pte;
	struct page *page = NULL;

	pte = pgtable_walk(PADDR(read_cr3() & PTE_ADDR_MASK), va, false);
	if (pte && (READ_ONCE(*pte) & need) == need) {
		page = phys_to_page(PADDR(*pte & PTE_ADDR_MASK));
		if (page)
			get_page(page);
	}
	irq_restore(flags);
	return page;
}

int pin_user_page(userptr_t p, bool write, struct page **page)
{
	if (!access_ok(p, 1))
		return -EFAULT;
	for (int i = 0; i < PIN_TRIES; i++) {
		*page = try_pin(p.v, write);
		if (likely(*page))
			return 0;
		if (fault_in_user(p, 1, write) < 0)
			break;
	}
	return -EFAULT;
}
