/*
 * Page faults: pages come in or are copied when they are touched, also by the kernel for a program.
 *
 * Invariants: those of kernel/vm/mm.h. A page of the page cache has a mapping; an anonymous page
 * has none, so one that nobody else has any more is known by: no mapping and one reference.
 * Also there: programs' memory
 */
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/rlimit.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vm/mm.h"

#define STACK_GUARD_GAP (256 * PAGE_SIZE)

static u64 make_pte(const struct page *page, const struct vma *vma, bool own)
{
	return page_to_phys(page).v | PTE_U | PTE_A | (vma->prot ? PTE_P : 0) |
	       (own ? PTE_OWN : 0) | (own && vma->prot & PROT_WRITE ? PTE_W | PTE_D : 0) |
	       (vma->prot & PROT_EXEC ? 0 : PTE_NX);
}

/* The page-cache page behind a file mapping. -EIO past the end of the file, as SIGBUS wants. */
static struct page *must_check file_page(const struct vma *vma, u64 va)
{
	struct address_space *mapping = vma->file->f_mapping;
	pgoff_t index = (vma->offset + (va - vma->start)) >> PAGE_SHIFT;
	u64 size = (u64)READ_ONCE(mapping->host->i_size);

	return index < DIV_ROUND_UP(size, PAGE_SIZE) ? read_mapping_page(mapping, index) :
						       ERR_PTR(-EIO);
}

/* First touch of a page. */
static int must_check fault_missing(struct mm *mm, const struct vma *vma, u64 va, bool write)
{
	struct page *page = NULL, *source = NULL;
	int err;

	/* What is shared was filled when it was mapped: there is no more of it. */
	if (vma->shared && !vma->file)
		return -EIO;
	if (vma->file) {
		source = file_page(vma, va);
		if (IS_ERR(source))
			return (int)PTR_ERR(source);
		if (!write)
			page = source;
	}
	if (!page) {
		page = new_private_page(source);
		if (source)
			put_page(source);
		if (!page)
			return -ENOMEM;
	}
	err = mm_map_page(mm, va, make_pte(page, vma, page != source));
	if (err)
		put_page(page);
	return err;
}

/* Write to a page that is mapped read-only: keep it when it is the program's own, take it over when
 * nobody else has it, else copy. */
static int must_check fault_cow(struct vma *vma, u64 va, u64 *pte)
{
	struct page *old = pte_page(*pte), *page = old;

	if (!vma->shared && !(*pte & PTE_OWN) && (old->mapping || page_count(old) > 1)) {
		page = new_private_page(old);
		if (!page)
			return -ENOMEM;
	}
	*pte = make_pte(page, vma, true);
	tlb_flush_page(va);
	if (page != old)
		put_page(old);
	return 0;
}

/* Let the stack reach down to va, by RLIMIT_STACK and with Linux's gap to what lies below. */
static bool expand_stack(struct vma *vma, u64 va)
{
	const struct vma *prev = vma_prev(vma);
	u64 guard = prev && prev->prot && !prev->grows_down ? STACK_GUARD_GAP : 0;

	if (!vma->grows_down || vma->end - va > rlimit(RLIMIT_STACK) ||
	    (prev && (va < prev->end || va - prev->end < guard)) ||
	    !may_expand(vma->mm, vma->start - va, false))
		return false;
	vma_set_range(vma, va, vma->end);
	return true;
}

int mm_fault_locked(struct mm *mm, u64 addr, bool write, bool exec)
{
	u64 va = ALIGN_DOWN(addr, PAGE_SIZE);
	struct vma *vma = find_vma(mm, va);
	u64 *pte;

	if (!vma || (vma->start > va && !expand_stack(vma, va)))
		return -EFAULT;
	if (!vma->prot || (write && !(vma->prot & PROT_WRITE)) ||
	    (exec && !(vma->prot & PROT_EXEC)))
		return -EACCES;
	pte = pgtable_walk(mm->pml4, va, false);
	if (!pte || !*pte)
		return fault_missing(mm, vma, va, write);
	if (write && !(*pte & PTE_W))
		return fault_cow(vma, va, pte);
	/* Another thread brought it in meanwhile, or the TLB was behind the tables. */
	*pte |= PTE_A;
	tlb_flush_page(va);
	return 0;
}

int mm_fault(struct mm *mm, u64 addr, bool write, bool exec)
{
	if (addr < USER_MIN || addr >= USER_MAX)
		return -EFAULT;
	MM_GUARD(mm);
	return mm_fault_locked(mm, addr, write, exec);
}

int mm_populate(struct mm *mm, const struct vma *vma)
{
	struct mm_stats stats;
	int err = 0;

	mm_get_stats(&stats);
	if ((vma->end - vma->start) >> PAGE_SHIFT > stats.total_pages)
		return -ENOMEM;
	for (u64 va = vma->start; va < vma->end && !err; va += PAGE_SIZE) {
		struct page *page = new_private_page(NULL);

		err = page ? mm_map_page(mm, va, make_pte(page, vma, true)) : -ENOMEM;
		if (page && err)
			put_page(page);
	}
	return err;
}

size_t mm_access(struct mm *mm, u64 addr, void *buf, size_t len, bool write)
{
	size_t done = 0, n;

	MM_GUARD(mm);
	for (; done < len; done += n) {
		u64 va = addr + done, offset = va % PAGE_SIZE;
		char *to, *from = (char *)buf + done;

		n = min(len - done, PAGE_SIZE - offset);
		if (va < USER_MIN || va >= USER_MAX || mm_fault_locked(mm, va, write, false))
			break;
		to = (char *)page_address(pte_page(*pgtable_walk(mm->pml4, va, false))) + offset;
		if (!write)
			memcpy(from, to, n);
		else if (buf)
			memcpy(to, from, n);
		else
			memset(to, 0, n);
	}
	return done;
}
