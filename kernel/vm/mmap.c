/*
 * Mappings are made, changed and taken away: mmap, munmap, mprotect, brk. Invariants:
 * kernel/vm/mm.h.
 * Also there: programs' memory
 */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/rlimit.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vm/mm.h"

/* Where the mapping goes: as asked with MAP_FIXED, at the hint when free, else the highest gap. */
static s64 must_check choose_address(struct mm *mm, u64 addr, u64 len, u32 flags)
{
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	int err;

	if (!fixed)
		addr = ALIGN_DOWN(addr, PAGE_SIZE);
	err = check_range(addr, &len);
	if (fixed && err)
		return err;
	if (!err && range_is_free(mm, addr, len))
		return (s64)addr;
	if (flags & MAP_FIXED_NOREPLACE)
		return -EEXIST;
	if (fixed) {
		err = unmap_locked(mm, addr, len);
		return err ? err : (s64)addr;
	}
	addr = vma_find_gap(mm, len);
	return addr ? (s64)addr : -ENOMEM;
}

static s64 must_check map_locked(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags,
				 struct file *file, u64 offset)
{
	struct vma *vma;
	u64 replaced = flags & MAP_FIXED ? vma_bytes(mm, addr, addr + len, NULL) : 0;
	s64 at;
	int err;

	if (mm->map_count > MAX_MAP_COUNT ||
	    !may_expand(mm, len - replaced, (flags & MAP_TYPE) == MAP_PRIVATE && prot & PROT_WRITE))
		return -ENOMEM;
	vma = kmalloc(sizeof(*vma), GFP_KERNEL);
	if (!vma)
		return -ENOMEM;
	at = choose_address(mm, addr, len, flags);
	if (at < 0) {
		kfree(vma);
		return at;
	}
	*vma = (struct vma){.start = (u64)at,
			    .end = (u64)at + len,
			    .prot = prot,
			    .shared = (flags & MAP_TYPE) == MAP_SHARED,
			    .file = file ? get_file(file) : NULL,
			    .offset = offset};
	vma_link(mm, vma);
	/* Shared anonymous memory is filled at once, so that fork shares the very pages. */
	if ((flags & MAP_TYPE) == MAP_SHARED && !file) {
		err = mm_populate(mm, vma);
		if (err) {
			vma_drop(vma);
			return err;
		}
	}
	vma_merge_range(mm, vma->start, vma->end);
	return at;
}

static int must_check check_map_args(u32 prot, u32 flags, const struct file *file, u64 offset,
				     u64 len)
{
	bool shared = (flags & MAP_TYPE) == MAP_SHARED;

	if (len == 0 || !IS_ALIGNED(offset, PAGE_SIZE) ||
	    (!shared && (flags & MAP_TYPE) != MAP_PRIVATE))
		return -EINVAL;
	if (len > USER_MAX)
		return -ENOMEM;
	if (!file)
		return 0;
	if (!file->f_readable || (shared && prot & PROT_WRITE && !file->f_writable))
		return -EACCES;
	/* Pages of files are written by write(2) only; a shared view of them can be read. */
	if ((!S_ISREG(file->f_inode->i_mode) && !S_ISBLK(file->f_inode->i_mode)) ||
	    (shared && prot & PROT_WRITE))
		return -ENODEV;
	return offset > (u64)INT64_MAX || len > (u64)INT64_MAX - offset ? -EOVERFLOW : 0;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 offset)
{
	int err = check_map_args(prot, flags, file, offset, len);

	if (err)
		return err;
	MM_GUARD(mm);
	return map_locked(mm, addr, ALIGN_UP(len, PAGE_SIZE), prot, flags, file, offset);
}

int mm_map_stack(struct mm *mm)
{
	struct vma *vma = kmalloc(sizeof(*vma), GFP_KERNEL);

	if (!vma)
		return -ENOMEM;
	*vma = (struct vma){.start = STACK_TOP - STACK_INITIAL,
			    .end = STACK_TOP,
			    .prot = PROT_READ | PROT_WRITE,
			    .grows_down = true};
	MM_GUARD(mm);
	vma_link(mm, vma);
	return 0;
}

int mm_unmap(struct mm *mm, u64 addr, u64 len)
{
	if (len == 0 || check_range(addr, &len))
		return -EINVAL;
	MM_GUARD(mm);
	return unmap_locked(mm, addr, len);
}

/* Take rights away at once; given rights come by faults, which know about copy-on-write. */
static int restrict_pte(u64 *pte, u64 va, void *arg)
{
	u32 prot = *(u32 *)arg;

	if (!(prot & PROT_WRITE))
		*pte &= ~PTE_W;
	*pte = prot & PROT_EXEC ? *pte & ~PTE_NX : *pte | PTE_NX;
	*pte = prot ? *pte | PTE_P : *pte & ~PTE_P; /* none: not even for the kernel's copies */
	tlb_flush_page(va);
	return 0;
}

/* Becomes data when it can be written. */
static bool not_yet_data(const struct vma *vma)
{
	return !vma->shared && !vma->grows_down && !vma_is_data(vma);
}

int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot)
{
	struct vma *vma;
	int err = check_range(addr, &len);

	if (err)
		return err;
	MM_GUARD(mm);
	if (!range_is_mapped(mm, addr, addr + len))
		return -ENOMEM;
	if (prot & PROT_WRITE && !data_allowed(mm, vma_bytes(mm, addr, addr + len, not_yet_data)))
		return -ENOMEM;
	err = vma_split_around(mm, addr, len);
	if (err)
		return err;
	for (vma = find_vma(mm, addr); vma && vma->start < addr + len; vma = vma_next(vma)) {
		if (vma->shared && vma->file && prot & PROT_WRITE)
			return -EACCES;
		vma->prot = prot;
		(void)pgtable_for_each(mm->pml4, vma->start, vma->end, restrict_pte, &prot);
	}
	vma_merge_range(mm, addr, addr + len);
	return 0;
}

u64 mm_brk(struct mm *mm, u64 addr)
{
	u64 old_end, new_end;

	MM_GUARD(mm);
	old_end = ALIGN_UP(mm->layout.brk, PAGE_SIZE);
	new_end = ALIGN_UP(addr, PAGE_SIZE);
	if (addr < mm->layout.brk_start || addr > USER_MAX ||
	    addr - mm->layout.brk_start > rlimit(RLIMIT_DATA))
		return mm->layout.brk;
	if (new_end > old_end && map_locked(mm, old_end, new_end - old_end, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_FIXED_NOREPLACE, NULL, 0) < 0)
		return mm->layout.brk;
	if (new_end < old_end && unmap_locked(mm, new_end, old_end - new_end))
		return mm->layout.brk;
	return mm->layout.brk = addr;
}
