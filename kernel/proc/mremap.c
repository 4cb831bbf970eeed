/* mremap(2): shrink, grow in place, or move a private mapping. Source: mremap(2). */
#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/pgtable.h"
#include "kernel/proc/mm.h"

#define MREMAP_MAYMOVE 1u

/* What is known of the mapping that holds the old range. */
struct remap {
	struct mm *mm;
	u64 from, to;
	u32 prot;
	struct file *file; /* reference held, or NULL */
	u64 offset; /* bytes in the file at `from` */
};

static int must_check remap_find(struct remap *r, u64 len)
{
	struct vma *vma;
	int err = 0;

	mutex_lock(&r->mm->lock);
	vma = mm_find_vma(r->mm, r->from);
	if (!vma || r->from + len > vma->end) {
		err = -EFAULT;
	} else if (vma->shared) {
		err = -EINVAL;
	} else {
		r->prot = vma->prot;
		r->file = vma->file ? get_file(vma->file) : NULL;
		r->offset = vma->offset + (r->from - vma->start);
	}
	mutex_unlock(&r->mm->lock);
	return err;
}

static int move_pte(u64 *pte, u64 va, void *arg)
{
	struct remap *r = arg;
	int err = mm_map_page(r->mm, va - r->from + r->to, *pte);

	if (err)
		return err;
	*pte = 0;
	r->mm->rss--;
	tlb_flush_page(va);
	return 0;
}

static s64 must_check remap_move(struct remap *r, u64 old_len, u64 new_len)
{
	s64 at = mm_map(r->mm, 0, new_len, r->prot, MAP_PRIVATE, r->file, r->offset);
	int err;

	if (at < 0)
		return at;
	r->to = (u64)at;
	mutex_lock(&r->mm->lock);
	err = pgtable_for_each(r->mm->pml4, r->from, r->from + old_len, move_pte, r);
	mutex_unlock(&r->mm->lock);
	if (err)
		return err;
	err = mm_unmap(r->mm, r->from, old_len);
	return err ? err : at;
}

s64 mm_remap(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags)
{
	struct remap r = { .mm = mm, .from = old };
	s64 at;
	int err;

	old_len = ALIGN_UP(old_len, PAGE_SIZE);
	new_len = ALIGN_UP(new_len, PAGE_SIZE);
	if (!IS_ALIGNED(old, PAGE_SIZE) || new_len == 0 || old_len == 0 || (flags & ~MREMAP_MAYMOVE))
		return -EINVAL;
	if (new_len < old_len) {
		err = mm_unmap(mm, old + new_len, old_len - new_len);
		return err ? err : (s64)old;
	}
	err = remap_find(&r, old_len);
	if (err)
		return err;
	at = (s64)old;
	if (new_len > old_len) {
		at = mm_map(mm, old + old_len, new_len - old_len, r.prot,
			    MAP_PRIVATE | MAP_FIXED_NOREPLACE, r.file, r.offset + old_len);
		if (at >= 0)
			at = (s64)old;
		else
			at = flags & MREMAP_MAYMOVE ? remap_move(&r, old_len, new_len) : -ENOMEM;
	}
	if (r.file)
		fput(r.file);
	return at;
}
