/*
 * Pinning user pages: one walk of the current page table with interrupts off. A processor that
 * unmaps the page waits for this one in its TLB shootdown, so it cannot free the page before the
 * pin holds it.
 * Also there: direct I/O pins a program's pages
 */
#include "kernel/mm/gup.h"

#include "kernel/arch/cpu.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"

#define PIN_TRIES 16 /* another thread may take the page away between fault and walk */

/* The entry for va in the table that `above` points to; `shift`: of the address bits that index
 * it. */
static inline u64 entry_below(u64 above, u64 va, int shift)
{
	const u64 *table = phys_to_virt(PADDR(above & PTE_ADDR_MASK));

	return above & PTE_P ? READ_ONCE(table[(va >> shift) % 512]) : 0;
}

/* A present entry of a program leads to memory. */
static inline struct page *try_pin(u64 va, bool write)
{
	u64 need = PTE_P | PTE_U | (write ? PTE_W : 0), entry;
	struct page *page = NULL;

	irq_disable();
	entry = entry_below(read_cr3() | PTE_P, va, 39);
	entry = entry_below(entry, va, 30);
	entry = entry_below(entry, va, 21);
	entry = entry_below(entry, va, 12);
	if (likely((entry & need) == need)) {
		page = pfn_to_page((entry & PTE_ADDR_MASK) >> PAGE_SHIFT);
		get_page(page);
	}
	irq_enable();
	return page;
}

/* Bring it in first. */
static noinline int fault_and_pin(userptr_t p, bool write, struct page **page)
{
	for (int i = 0; i < PIN_TRIES; i++) {
		if (fault_in_user(p, 1, write) < 0)
			break;
		*page = try_pin(p.v, write);
		if (*page)
			return 0;
	}
	return -EFAULT;
}

int pin_user_page(userptr_t p, bool write, struct page **page)
{
	if (!access_ok(p, 1))
		return -EFAULT;
	*page = try_pin(p.v, write);
	return likely(*page) ? 0 : fault_and_pin(p, write, page);
}
