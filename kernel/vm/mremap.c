/*
 * mremap: a mapping grows, shrinks, or gets another place. The order of checks is Linux's.
 * Also there: programs' memory
 */
#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vm/mm.h"

struct move {
	struct mm *mm;
	u64 distance;
};

static int move_pte(u64 *pte, u64 va, void *arg)
{
	struct move *move = arg;
	int err = mm_map_page(move->mm, va + move->distance, *pte);

	if (err)
		return err;
	*pte = 0;
	move->mm->rss--;
	tlb_flush_page(va);
	return 0;
}

/* Give the pages of [old, old + old_len) a new place with more room after them, which is free. */
static s64 must_check move_vma(const struct vma *vma, u64 old, u64 old_len, u64 at, u64 new_len,
			       bool keep)
{
	struct mm *mm = vma->mm;
	struct move there = {mm, at - old}, back = {mm, old - at};
	struct vma *new = kmalloc(sizeof(*new), GFP_KERNEL);
	int err;

	if (!new)
		return -ENOMEM;
	*new = *vma;
	new->start = at;
	new->end = at + new_len;
	new->offset += old - vma->start;
	if (new->file)
		get_file(new->file);
	vma_link(mm, new);
	err = pgtable_for_each(mm->pml4, old, old + old_len, move_pte, &there);
	if (err) {
		/* The tables are there, so the way back cannot fail. */
		(void)pgtable_for_each(mm->pml4, at, at + old_len, move_pte, &back);
		vma_drop(new);
		return err;
	}
	if (!keep && unmap_locked(mm, old, old_len))
		printk("mm: no memory to take an old mapping away: it stays, empty\n");
	vma_merge_range(mm, at, at + new_len);
	return (s64)at;
}

/* May the mapping at old be old_len bytes and become new_len? Returns: the VMA, or NULL and
 * *err. */
static struct vma *must_check resizable(struct mm *mm, u64 old, u64 old_len, u64 new_len, int *err)
{
	struct vma *vma = mm_find_vma(mm, old);
	u64 end;

	*err = 0;
	if (!vma || old_len > vma->end - old)
		*err = -EFAULT;
	else if (!old_len ||
		 __builtin_add_overflow(vma->offset + (old - vma->start), new_len, &end))
		*err = -EINVAL;
	else if (new_len > old_len && !may_expand(mm, new_len - old_len, vma_is_data(vma)))
		*err = -ENOMEM;
	return *err ? NULL : vma;
}

/* To a place of the caller's (MREMAP_FIXED), or leaving the old one mapped and empty. */
static s64 must_check remap_to(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags, u64 to)
{
	bool keep = flags & MREMAP_DONTUNMAP;
	const struct vma *vma;
	u64 len = new_len;
	int err;

	if (!IS_ALIGNED(to, PAGE_SIZE) || new_len > USER_MAX || to > USER_MAX - new_len ||
	    (old + old_len > to && to + new_len > old))
		return -EINVAL;
	if (mm->map_count + 2 >= MAX_MAP_COUNT - 3)
		return -ENOMEM;
	if (flags & MREMAP_FIXED) {
		err = to < USER_MIN ? -EPERM : unmap_locked(mm, to, len);
		if (err)
			return err;
	}
	if (old_len > new_len) {
		err = unmap_locked(mm, old + new_len, old_len - new_len);
		if (err)
			return err;
		old_len = new_len;
	}
	vma = resizable(mm, old, old_len, new_len, &err);
	if (!vma)
		return err;
	if (keep && vma->shared && !vma->file)
		return -EINVAL;
	if (keep && !may_expand(mm, new_len, vma_is_data(vma)))
		return -ENOMEM;
	if (!(flags & MREMAP_FIXED))
		to = to >= USER_MIN && range_is_free(mm, to, len) ? to : vma_find_gap(mm, len);
	return to ? move_vma(vma, old, old_len, to, new_len, keep) : -ENOMEM;
}

static s64 must_check remap_locked(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags,
				   u64 to)
{
	u64 grow = new_len - old_len;
	struct vma *vma;
	int err;

	if (!mm_find_vma(mm, old))
		return -EFAULT;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_to(mm, old, old_len, new_len, flags, to);
	if (new_len <= old_len) {
		if (old_len > USER_MAX - old)
			return -EINVAL;
		err = grow ? unmap_locked(mm, old + new_len, old_len - new_len) : 0;
		return err ? err : (s64)old;
	}
	vma = resizable(mm, old, old_len, new_len, &err);
	if (!vma)
		return err;
	if (old + old_len == vma->end && USER_MAX - vma->end >= grow &&
	    range_is_free(mm, vma->end, grow)) {
		vma_set_range(vma, vma->start, vma->end + grow);
		vma_merge_range(mm, vma->start, vma->end);
		return (s64)old;
	}
	to = flags & MREMAP_MAYMOVE && mm->map_count < MAX_MAP_COUNT - 3 ?
		     vma_find_gap(mm, new_len) :
		     0;
	return to ? move_vma(vma, old, old_len, to, new_len, false) : -ENOMEM;
}

s64 mm_remap(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags, u64 new_addr)
{
	bool move = flags & MREMAP_MAYMOVE;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) ||
	    (flags & MREMAP_FIXED && !move) ||
	    (flags & MREMAP_DONTUNMAP && (!move || old_len != new_len)) ||
	    !IS_ALIGNED(old, PAGE_SIZE))
		return -EINVAL;
	old_len = ALIGN_UP(old_len, PAGE_SIZE);
	new_len = ALIGN_UP(new_len, PAGE_SIZE);
	if (!new_len)
		return -EINVAL;
	MM_GUARD(mm);
	return remap_locked(mm, old, old_len, new_len, flags, new_addr);
}
