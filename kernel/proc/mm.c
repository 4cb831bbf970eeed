/* Mappings: mmap, munmap, mprotect, mremap, brk. Invariants: kernel/proc/mm.h. */
#include "kernel/proc/mm.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"

struct mm *mm_create(void)
{
	struct mm *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return NULL;
	mm->pml4 = pgtable_create();
	if (mm->pml4.v == 0) {
		kfree(mm);
		return NULL;
	}
	atomic_set(&mm->refs, 1);
	mutex_init(&mm->lock);
	INIT_LIST_HEAD(&mm->vmas);
	aio_table_init(&mm->aio);
	return mm;
}

static void vma_drop(struct mm *mm, struct vma *vma)
{
	mm_unmap_pages(mm, vma->start, vma->end);
	mm->total_bytes -= vma->end - vma->start;
	list_del(&vma->list);
	if (vma->file)
		fput(vma->file);
	kfree(vma);
}

void mm_put(struct mm *mm)
{
	struct vma *vma, *tmp;

	if (!atomic_dec_and_test(&mm->refs))
		return;
	exit_aio(&mm->aio);
	list_for_each_entry_safe(vma, tmp, &mm->vmas, list)
		vma_drop(mm, vma);
	ASSERT(mm->rss == 0 && mm->total_bytes == 0);
	pgtable_destroy(mm->pml4);
	if (mm->exe) {
		allow_write_access(mm->exe->f_inode);
		fput(mm->exe);
	}
	kfree(mm);
}

struct vma *mm_find_vma(struct mm *mm, u64 addr)
{
	struct vma *vma;

	list_for_each_entry(vma, &mm->vmas, list)
		if (addr < vma->end)
			return addr >= vma->start ? vma : NULL;
	return NULL;
}

/* Join with the next one if both are private anonymous memory of the same kind. */
static void vma_merge_next(struct mm *mm, struct vma *vma)
{
	struct vma *next = list_next_entry(vma, list);

	if (&vma->list == &mm->vmas || &next->list == &mm->vmas || vma->end != next->start ||
	    vma->prot != next->prot || vma->file || next->file || vma->shared || next->shared)
		return;
	vma->end = next->end;
	list_del(&next->list);
	kfree(next);
}

static void vma_insert(struct mm *mm, struct vma *vma)
{
	struct vma *pos;

	list_for_each_entry(pos, &mm->vmas, list)
		if (pos->start >= vma->end)
			break;
	list_add_tail(&vma->list, &pos->list);
	mm->total_bytes += vma->end - vma->start;
	vma_merge_next(mm, vma);
	vma_merge_next(mm, list_prev_entry(vma, list));
}

/* Cut so that a VMA boundary lies at addr. Returns: 0 or -ENOMEM. */
static int must_check vma_split(struct mm *mm, u64 addr)
{
	struct vma *vma = mm_find_vma(mm, addr), *tail;

	if (!vma || vma->start == addr)
		return 0;
	tail = kmalloc(sizeof(*tail), GFP_KERNEL);
	if (!tail)
		return -ENOMEM;
	*tail = *vma;
	tail->start = addr;
	tail->offset += addr - vma->start;
	if (tail->file)
		get_file(tail->file);
	vma->end = addr;
	list_add(&tail->list, &vma->list);
	return 0;
}

static int must_check split_around(struct mm *mm, u64 addr, u64 len)
{
	int err = vma_split(mm, addr);

	return err ? err : vma_split(mm, addr + len);
}

/* Highest gap of len bytes below MMAP_TOP, or 0. */
static u64 find_gap(struct mm *mm, u64 len)
{
	u64 top = MMAP_TOP;
	struct vma *vma;

	list_for_each_entry_reverse(vma, &mm->vmas, list) {
		if (vma->end <= top && top - vma->end >= len)
			return top - len;
		top = min(top, vma->start);
	}
	return top >= len + USER_MIN ? top - len : 0;
}

/* Round the length up to pages. Returns: 0, -EINVAL (alignment), -ENOMEM (outside). */
static int must_check check_range(u64 addr, u64 *len)
{
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (*len > USER_MAX || addr < USER_MIN || addr > USER_MAX - ALIGN_UP(*len, PAGE_SIZE))
		return -ENOMEM;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	return 0;
}

static bool range_is_free(struct mm *mm, u64 addr, u64 len)
{
	struct vma *vma;

	list_for_each_entry(vma, &mm->vmas, list)
		if (vma->start < addr + len && vma->end > addr)
			return false;
	return true;
}

static bool range_is_mapped(struct mm *mm, u64 addr, u64 end)
{
	struct vma *vma;

	for (; addr < end; addr = vma->end) {
		vma = mm_find_vma(mm, addr);
		if (!vma)
			return false;
	}
	return true;
}

static int must_check unmap_locked(struct mm *mm, u64 addr, u64 len)
{
	struct vma *vma, *tmp;
	int err = split_around(mm, addr, len);

	if (err)
		return err;
	list_for_each_entry_safe(vma, tmp, &mm->vmas, list)
		if (vma->start >= addr && vma->end <= addr + len)
			vma_drop(mm, vma);
	return 0;
}

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
	addr = find_gap(mm, len);
	return addr ? (s64)addr : -ENOMEM;
}

static s64 must_check map_locked(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags,
				 struct file *file, u64 offset)
{
	struct vma *vma = kmalloc(sizeof(*vma), GFP_KERNEL);
	s64 at;
	int err;

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
	vma_insert(mm, vma);
	/* Shared anonymous memory is filled at once, so that fork shares the very pages. */
	if ((flags & MAP_TYPE) == MAP_SHARED && !file) {
		err = mm_populate(mm, vma);
		if (err) {
			vma_drop(mm, vma);
			return err;
		}
	}
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
	if (!file->f_readable)
		return -EACCES;
	/* Pages of files are written by write(2) only; a shared view of them can be read. */
	if ((!S_ISREG(file->f_inode->i_mode) && !S_ISBLK(file->f_inode->i_mode)) ||
	    (shared && prot & PROT_WRITE))
		return -ENODEV;
	return offset + len < offset ? -EOVERFLOW : 0;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 offset)
{
	int err = check_map_args(prot, flags, file, offset, len);

	if (err)
		return err;
	MM_GUARD(mm);
	return map_locked(mm, addr, ALIGN_UP(len, PAGE_SIZE), prot, flags, file, offset);
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

int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot)
{
	struct vma *vma;
	int err = check_range(addr, &len);

	if (err)
		return err;
	MM_GUARD(mm);
	if (!range_is_mapped(mm, addr, addr + len))
		return -ENOMEM;
	err = split_around(mm, addr, len);
	if (err)
		return err;
	list_for_each_entry(vma, &mm->vmas, list) {
		if (vma->end <= addr || vma->start >= addr + len)
			continue;
		if (vma->shared && vma->file && prot & PROT_WRITE)
			return -EACCES;
		vma->prot = prot;
		(void)pgtable_for_each(mm->pml4, vma->start, vma->end, restrict_pte, &prot);
	}
	return 0;
}

int mm_zap(struct mm *mm, u64 addr, u64 len)
{
	struct vma *vma;

	if (check_range(addr, &len))
		return -EINVAL;
	MM_GUARD(mm);
	list_for_each_entry(vma, &mm->vmas, list)
		if (!vma->shared && vma->start < addr + len && vma->end > addr)
			mm_unmap_pages(mm, max(vma->start, addr), min(vma->end, addr + len));
	return 0;
}

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

/* Give the pages of a private mapping a new place with more room after them. */
static s64 must_check remap_move(struct mm *mm, const struct vma *vma, u64 old, u64 old_len,
				 u64 new_len)
{
	s64 at = map_locked(mm, 0, new_len, vma->prot, MAP_PRIVATE, vma->file,
			    vma->offset + (old - vma->start));
	struct move there = {mm, (u64)at - old}, back = {mm, old - (u64)at};
	int err;

	if (at < 0)
		return at;
	err = pgtable_for_each(mm->pml4, old, old + old_len, move_pte, &there);
	if (!err) {
		if (unmap_locked(mm, old, old_len))
			printk("mm: no memory to take an old mapping away: it stays, empty\n");
		return at;
	}
	/* The tables are there, so the way back cannot fail. */
	(void)pgtable_for_each(mm->pml4, (u64)at, (u64)at + old_len, move_pte, &back);
	return unmap_locked(mm, (u64)at, new_len) ? -ENOMEM : err;
}

s64 mm_remap(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags)
{
	u64 grow = ALIGN_UP(new_len, PAGE_SIZE) - ALIGN_UP(old_len, PAGE_SIZE);
	struct vma *vma;
	int err;

	if (new_len == 0 || old_len == 0 || new_len > USER_MAX || flags & ~MREMAP_MAYMOVE ||
	    check_range(old, &old_len))
		return -EINVAL;
	new_len = ALIGN_UP(new_len, PAGE_SIZE);
	MM_GUARD(mm);
	vma = mm_find_vma(mm, old);
	if (!vma || old + old_len > vma->end)
		return -EFAULT;
	if (new_len <= old_len) {
		err = new_len < old_len ? unmap_locked(mm, old + new_len, old_len - new_len) : 0;
		return err ? err : (s64)old;
	}
	if (vma->shared)
		return -EINVAL;
	if (old + old_len == vma->end && USER_MAX - vma->end >= grow &&
	    range_is_free(mm, vma->end, grow)) {
		vma->end += grow;
		mm->total_bytes += grow;
		vma_merge_next(mm, vma);
		return (s64)old;
	}
	return flags & MREMAP_MAYMOVE ? remap_move(mm, vma, old, old_len, new_len) : -ENOMEM;
}

u64 mm_brk(struct mm *mm, u64 addr)
{
	u64 old_end, new_end;

	MM_GUARD(mm);
	old_end = ALIGN_UP(mm->layout.brk, PAGE_SIZE);
	new_end = ALIGN_UP(addr, PAGE_SIZE);
	if (addr < mm->layout.brk_start || addr > USER_MAX)
		return mm->layout.brk;
	if (new_end > old_end && map_locked(mm, old_end, new_end - old_end, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_FIXED_NOREPLACE, NULL, 0) < 0)
		return mm->layout.brk;
	if (new_end < old_end && unmap_locked(mm, new_end, old_end - new_end))
		return mm->layout.brk;
	return mm->layout.brk = addr;
}
