/*
 * Pinning user pages: one walk of the current page table, with interrupts off, so that a processor
 * that unmaps the page cannot finish its TLB shootdown, and so not free it, before we hold it.
 */
#include "kernel/mm/gup.h"

#include "kernel/arch/cpu.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"

#define TOP_SHIFT 39 /* of the address bits that index the top-level table */
#define PIN_TRIES 16 /* another thread may take the page away between fault and walk */

static struct page *try_pin(u64 va, bool write)
{
	u64 need = PTE_P | PTE_U | (write ? PTE_W : 0), flags = irq_save();
	u64 entry = read_cr3() | PTE_P;
	struct page *page = NULL;

	for (int shift = TOP_SHIFT; shift >= PAGE_SHIFT && (entry & PTE_P); shift -= 9) {
		const u64 *table = phys_to_virt(PADDR(entry & PTE_ADDR_MASK));

		entry = READ_ONCE(table[(va >> shift) % 512]);
	}
	if ((entry & need) == need) {
		page = phys_to_page(PADDR(entry & PTE_ADDR_MASK));
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
