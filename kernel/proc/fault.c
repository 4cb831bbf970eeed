/*
 * Page-table work of programs: faults, copy-on-write, and the copy that fork makes.
 *
 * Invariants: those of kernel/proc/mm.h. A page of the page cache has a mapping; an anonymous page
 * has none, so "mine alone" is: no mapping and one reference.
 */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pagemap.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/proc/mm.h"

static struct page *pte_page(u64 pte) { return phys_to_page(PADDR(pte & PTE_ADDR_MASK)); }

static u64 pte_flags(const struct vma *vma, bool writable)
{
	return PTE_P | PTE_A | (vma->prot ? PTE_U : 0) |
	       (writable && (vma->prot & PROT_WRITE) ? PTE_W | PTE_D : 0) |
	       (vma->prot & PROT_EXEC ? 0 : PTE_NX);
}

int mm_map_page(struct mm *mm, u64 va, u64 entry)
{
	u64 *pte = pgtable_walk(mm->pml4, va, true);

	if (!pte)
		return -ENOMEM;
	if (!(*pte & PTE_P))
		mm->rss++;
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

/* A private copy of `old`, or a page of zeroes. */
static struct page *must_check new_private_page(const struct page *old)
{
	struct page *page = alloc_page(old ? GFP_KERNEL : GFP_KERNEL | GFP_ZERO);

	if (page && old)
		memcpy(page_address(page), page_address(old), PAGE_SIZE);
	return page;
}

/* The page-cache page behind a file mapping. -EIO past the end of the file, as SIGBUS wants. */
static struct page *must_check file_page(const struct vma *vma, u64 va)
{
	struct address_space *mapping = vma->file->f_mapping;
	pgoff_t index = (vma->offset + (va - vma->start)) >> PAGE_SHIFT;
	u64 size = (u64)READ_ONCE(mapping->host->i_size);

	if (index >= DIV_ROUND_UP(size, PAGE_SIZE))
		return ERR_PTR(-EIO);
	return read_mapping_page(mapping, index);
}

/* First touch of a page. */
static int must_check fault_missing(struct mm *mm, struct vma *vma, u64 va, bool write)
{
	struct page *page, *source = NULL;
	bool writable = write;
	int err;

	if (vma->file) {
		source = file_page(vma, va);
		if (IS_ERR(source))
			return (int)PTR_ERR(source);
	}
	if (source && !write) {
		page = source;
	} else {
		page = new_private_page(source);
		if (source)
			put_page(source);
		if (!page)
			return -ENOMEM;
		writable = true;
	}
	err = mm_map_page(mm, va, page_to_phys(page).v | pte_flags(vma, writable));
	if (err)
		put_page(page);
	return err;
}

/* Write to a page that is mapped read-only: take it over when nobody else has it, else copy. */
static int must_check fault_cow(struct mm *mm, struct vma *vma, u64 va, u64 *pte)
{
	struct page *old = pte_page(*pte), *page;
	int err;

	if (vma->shared || (!old->mapping && page_count(old) == 1)) {
		*pte = page_to_phys(old).v | pte_flags(vma, true);
		tlb_flush_page(va);
		return 0;
	}
	page = new_private_page(old);
	if (!page)
		return -ENOMEM;
	err = mm_map_page(mm, va, page_to_phys(page).v | pte_flags(vma, true));
	put_page(err ? page : old);
	return err;
}

static int must_check fault_locked(struct mm *mm, u64 addr, bool write, bool exec)
{
	u64 va = ALIGN_DOWN(addr, PAGE_SIZE);
	struct vma *vma = mm_find_vma(mm, va);
	u64 *pte;

	if (!vma)
		return -EFAULT;
	if ((write && !(vma->prot & PROT_WRITE)) || (exec && !(vma->prot & PROT_EXEC)) ||
	    vma->prot == 0)
		return -EACCES;
	pte = pgtable_walk(mm->pml4, va, false);
	if (!pte || !(*pte & PTE_P))
		return fault_missing(mm, vma, va, write);
	if (write && !(*pte & PTE_W))
		return fault_cow(mm, vma, va, pte);
	/* Another thread brought it in meanwhile, or the TLB was behind the tables. */
	*pte |= PTE_A | PTE_U;
	tlb_flush_page(va);
	return 0;
}

int mm_fault(struct mm *mm, u64 addr, bool write, bool exec)
{
	int err;

	if (addr < USER_MIN || addr >= USER_MAX)
		return -EFAULT;
	mutex_lock(&mm->lock);
	err = fault_locked(mm, addr, write, exec);
	mutex_unlock(&mm->lock);
	return err;
}

struct copy_arg {
	struct mm *to;
	bool shared;
};

static int copy_pte(u64 *pte, u64 va, void *arg)
{
	struct copy_arg *copy = arg;
	struct page *page = pte_page(*pte);
	int err;

	if (!copy->shared)
		*pte &= ~PTE_W;
	get_page(page);
	err = mm_map_page(copy->to, va, *pte);
	if (err)
		put_page(page);
	return err;
}

static int must_check copy_vma(struct mm *mm, struct mm *old, const struct vma *from)
{
	struct copy_arg arg = { mm, from->shared };
	struct vma *vma = kmalloc(sizeof(*vma), GFP_KERNEL);

	if (!vma)
		return -ENOMEM;
	*vma = *from;
	if (vma->file)
		get_file(vma->file);
	list_add_tail(&vma->list, &mm->vmas);
	return pgtable_for_each(old->pml4, from->start, from->end, copy_pte, &arg);
}

struct mm *mm_copy(struct mm *old)
{
	struct mm *mm = mm_create();
	struct vma *vma;
	int err = 0;

	if (!mm)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&old->lock);
	list_for_each_entry(vma, &old->vmas, list) {
		err = copy_vma(mm, old, vma);
		if (err)
			break;
	}
	mm->brk_start = old->brk_start;
	mm->brk = old->brk;
	mm->arg_start = old->arg_start;
	mm->arg_end = old->arg_end;
	mm->env_start = old->env_start;
	mm->env_end = old->env_end;
	mm->stack_top = old->stack_top;
	if (old->exe && !deny_write_access(old->exe->f_inode))
		mm->exe = get_file(old->exe);
	/* Entries of `old` lost their write bit. */
	write_cr3(read_cr3());
	mutex_unlock(&old->lock);
	if (err) {
		mm_put(mm);
		return ERR_PTR(err);
	}
	return mm;
}

size_t mm_read_remote(struct mm *mm, u64 addr, void *buf, size_t len)
{
	size_t done = 0;

	mutex_lock(&mm->lock);
	while (done < len) {
		u64 va = addr + done;
		size_t n = min(len - done, PAGE_SIZE - (va & (PAGE_SIZE - 1)));
		u64 *pte = pgtable_walk(mm->pml4, ALIGN_DOWN(va, PAGE_SIZE), false);

		if (!pte || !(*pte & PTE_P))
			break;
		memcpy((char *)buf + done,
		       (char *)page_address(pte_page(*pte)) + (va & (PAGE_SIZE - 1)), n);
		done += n;
	}
	mutex_unlock(&mm->lock);
	return done;
}
