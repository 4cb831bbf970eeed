/*
 * madvise: what the advice changes is done; what it only speeds up on Linux is accepted.
 * Also there: programs' memory
 */
#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vm/mm.h"

enum {
	MADV_NORMAL,
	MADV_RANDOM,
	MADV_SEQUENTIAL,
	MADV_WILLNEED,
	MADV_DONTNEED,
	MADV_FREE = 8,
	MADV_REMOVE,
	MADV_DONTFORK,
	MADV_DOFORK,
	MADV_MERGEABLE,
	MADV_UNMERGEABLE,
	MADV_HUGEPAGE,
	MADV_NOHUGEPAGE,
	MADV_DONTDUMP,
	MADV_DODUMP,
	MADV_WIPEONFORK,
	MADV_KEEPONFORK,
	MADV_COLD,
	MADV_PAGEOUT,
	MADV_POPULATE_READ,
	MADV_POPULATE_WRITE,
	MADV_DONTNEED_LOCKED,
};

static bool advice_is_known(u32 advice)
{
	return advice <= MADV_DONTNEED || (advice >= MADV_FREE && advice <= MADV_DONTNEED_LOCKED);
}

static int zero_pte(u64 *pte, u64 va, void *arg)
{
	(void)va;
	(void)arg;
	memset(page_address(pte_page(*pte)), 0, PAGE_SIZE);
	return 0;
}

/* Shared anonymous memory has no other place than its pages: they stay, with zeroes in them. */
static int must_check remove_pages(const struct vma *vma, u64 start, u64 end)
{
	if (vma->file || !vma->shared)
		return vma->file ? -EACCES : -EINVAL;
	if (!(vma->prot & PROT_WRITE))
		return -EACCES;
	return pgtable_for_each(vma->mm->pml4, start, end, zero_pte, NULL);
}

static int must_check populate(const struct vma *vma, u64 start, u64 end, bool write)
{
	int err = 0;

	for (u64 va = start; va < end && !err; va += PAGE_SIZE)
		err = mm_fault_locked(vma->mm, va, write, false);
	return err == -EACCES ? -EINVAL : err == -EIO ? -EFAULT : err;
}

/* What is kept with the VMA, which is cut first. */
static int must_check set_flag(struct mm *mm, u64 start, u64 end, u32 advice)
{
	int err = vma_split_around(mm, start, end - start);
	struct vma *vma = mm_find_vma(mm, start);

	if (err)
		return err;
	if (advice == MADV_DONTFORK || advice == MADV_DOFORK)
		vma->dont_fork = advice == MADV_DONTFORK;
	else
		vma->wipe_on_fork = advice == MADV_WIPEONFORK;
	vma_merge_range(mm, start, end);
	return 0;
}

/* [start, end) lies within the VMA, which may be gone afterwards. */
static int must_check advise_part(struct vma *vma, u64 start, u64 end, u32 advice)
{
	switch (advice) {
	case MADV_FREE:
		if (vma->file || vma->shared)
			return -EINVAL;
		break;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		if (vma->file || !vma->shared)
			mm_unmap_pages(vma->mm, start, end);
		break;
	case MADV_REMOVE:
		return remove_pages(vma, start, end);
	case MADV_WIPEONFORK:
		if (vma->file || vma->shared)
			return -EINVAL;
		return set_flag(vma->mm, start, end, advice);
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_KEEPONFORK:
		return set_flag(vma->mm, start, end, advice);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return populate(vma, start, end, advice == MADV_POPULATE_WRITE);
	default:
		break;
	}
	return 0;
}

/* Holes are an error, but only after all that is mapped got the advice (populating stops). */
int mm_advise(struct mm *mm, u64 addr, u64 len, u32 advice)
{
	bool stop = advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE, hole = false;
	u64 end;
	int err = 0;

	if (!advice_is_known(advice) || !IS_ALIGNED(addr, PAGE_SIZE) ||
	    len > ALIGN_UP(len, PAGE_SIZE) ||
	    __builtin_add_overflow(addr, ALIGN_UP(len, PAGE_SIZE), &end))
		return -EINVAL;
	MM_GUARD(mm);
	while (addr < end && !err && !(hole && stop)) {
		struct vma *vma = find_vma(mm, addr);
		u64 part_end = vma ? min(vma->end, end) : end;

		if (!vma || vma->start > addr) {
			hole = true;
			addr = vma ? min(vma->start, end) : end;
			continue;
		}
		err = advise_part(vma, addr, part_end, advice);
		addr = part_end;
	}
	return err ? err : hole ? -ENOMEM : 0;
}
