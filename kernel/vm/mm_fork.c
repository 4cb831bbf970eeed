/*
 * Whole address spaces: the copy that fork makes, and the end.
 *
 * Invariants: kernel/vm/mm.h.
 * Also there: programs' memory
 */
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vm/mm.h"

/* Files are put without mm->lock: who truncates one of them may wait for it. */
static void unmap_all(struct mm *mm)
{
	struct vma *vma;

	for (;;) {
		{
			MM_GUARD(mm);
			vma = vma_take_first(mm);
		}
		if (!vma)
			return;
		if (vma->file)
			fput(vma->file);
		kfree(vma);
	}
}

void mm_put(struct mm *mm)
{
	if (!atomic_dec_and_test(&mm->refs))
		return;
	exit_aio(&mm->aio);
	unmap_all(mm);
	ASSERT(mm->rss == 0 && mm->total_bytes == 0 && mm->map_count == 0);
	pgtable_destroy(mm->pml4);
	if (mm->exe) {
		allow_write_access(mm->exe->f_inode);
		fput(mm->exe);
	}
	mm_drop(mm);
}

struct copy_arg {
	struct mm *to;
	bool shared;
};

/* A page of its own that somebody else holds is pinned for I/O (kernel/mm/gup.h): it stays the
 * parent's, and the child gets a copy at once. All other private pages are shared until a write. */
static int copy_pte(u64 *pte, u64 va, void *arg)
{
	struct copy_arg *copy = arg;
	struct page *page = pte_page(*pte);
	int err;

	if (!copy->shared && *pte & PTE_OWN && page_count(page) > 1) {
		page = new_private_page(page);
		if (!page)
			return -ENOMEM;
	} else {
		if (!copy->shared)
			*pte &= ~(PTE_W | PTE_OWN);
		get_page(page);
	}
	err = mm_map_page(copy->to, va, page_to_phys(page).v | (*pte & ~PTE_ADDR_MASK));
	if (err)
		put_page(page);
	return err;
}

static int must_check copy_vma(struct mm *mm, struct mm *old, const struct vma *from)
{
	struct copy_arg arg = {mm, from->shared};
	struct vma *vma;

	if (from->dont_fork)
		return 0;
	vma = kmalloc(sizeof(*vma), GFP_KERNEL);
	if (!vma)
		return -ENOMEM;
	*vma = *from;
	if (vma->file)
		get_file(vma->file);
	vma_link(mm, vma);
	if (from->wipe_on_fork)
		return 0;
	return pgtable_for_each(old->pml4, from->start, from->end, copy_pte, &arg);
}

struct mm *mm_copy(struct mm *old)
{
	struct mm *mm = mm_create();
	int err = 0;

	if (!mm)
		return ERR_PTR(-ENOMEM);
	MM_GUARD(old);
	mutex_lock(&mm->lock); /* truncation may meet it already */
	for (const struct vma *vma = vma_first(old); vma && !err; vma = vma_next(vma))
		err = copy_vma(mm, old, vma);
	mutex_unlock(&mm->lock);
	write_cr3(read_cr3()); /* entries of `old` lost their write bit */
	if (err) {
		mm_put(mm);
		return ERR_PTR(err);
	}
	mm->layout = old->layout;
	if (old->exe && !deny_write_access(old->exe->f_inode))
		mm->exe = get_file(old->exe);
	return mm;
}
