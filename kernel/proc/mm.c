#include "kernel/proc/mm.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"

static bool vma_can_merge(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->prot == b->prot && !a->file && !b->file && !a->shared &&
	       !b->shared;
}

static void vma_free(struct vma *vma)
{
	if (vma->file)
		fput(vma->file);
	kfree(vma);
}

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
	return mm;
}

void mm_put(struct mm *mm)
{
	struct vma *vma, *tmp;

	if (!atomic_dec_and_test(&mm->refs))
		return;
	list_for_each_entry_safe(vma, tmp, &mm->vmas, list) {
		mm_unmap_pages(mm, vma->start, vma->end);
		list_del(&vma->list);
		vma_free(vma);
	}
	ASSERT(mm->rss == 0);
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

/* Insert in order and join with neighbours of the same kind. */
static void vma_insert(struct mm *mm, struct vma *vma)
{
	struct vma *pos;

	list_for_each_entry(pos, &mm->vmas, list)
		if (pos->start >= vma->end)
			break;
	list_add_tail(&vma->list, &pos->list);
	if (vma->list.prev != &mm->vmas) {
		struct vma *prev = list_prev_entry(vma, list);

		if (vma_can_merge(prev, vma)) {
			prev->end = vma->end;
			list_del(&vma->list);
			kfree(vma);
			vma = prev;
		}
	}
	if (vma->list.next != &mm->vmas) {
		struct vma *next = list_next_entry(vma, list);

		if (vma_can_merge(vma, next)) {
			vma->end = next->end;
			list_del(&next->list);
			kfree(next);
		}
	}
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

/* Highest gap of len bytes below MMAP_TOP, or 0. */
static u64 find_gap(struct mm *mm, u64 len)
{
	u64 top = MMAP_TOP;
	struct vma *vma;

	list_for_each_entry_reverse(vma, &mm->vmas, list) {
		if (vma->start >= top)
			continue;
		if (vma->end <= top && top - vma->end >= len)
			return top - len;
		top = vma->start;
	}
	return top >= len + USER_MIN ? top - len : 0;
}

static bool range_ok(u64 addr, u64 len)
{
	return IS_ALIGNED(addr, PAGE_SIZE) && addr >= USER_MIN && len <= USER_MAX &&
	       addr <= USER_MAX - len;
}

static int must_check unmap_locked(struct mm *mm, u64 addr, u64 len)
{
	struct vma *vma, *tmp;
	int err = vma_split(mm, addr);

	if (!err)
		err = vma_split(mm, addr + len);
	if (err)
		return err;
	list_for_each_entry_safe(vma, tmp, &mm->vmas, list) {
		if (vma->end <= addr)
			continue;
		if (vma->start >= addr + len)
			break;
		mm_unmap_pages(mm, vma->start, vma->end);
		list_del(&vma->list);
		vma_free(vma);
	}
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

/* Where the mapping goes: as asked with MAP_FIXED, at the hint when free, else the highest gap. */
static s64 must_check choose_address(struct mm *mm, u64 addr, u64 len, u32 flags)
{
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!range_ok(addr, len))
			return IS_ALIGNED(addr, PAGE_SIZE) ? -ENOMEM : -EINVAL;
		if (flags & MAP_FIXED_NOREPLACE)
			return range_is_free(mm, addr, len) ? (s64)addr : -EEXIST;
		int err = unmap_locked(mm, addr, len);

		return err ? err : (s64)addr;
	}
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	if (addr && range_ok(addr, len) && range_is_free(mm, addr, len))
		return (s64)addr;
	addr = find_gap(mm, len);
	return addr ? (s64)addr : -ENOMEM;
}

static int must_check check_map_args(u64 len, u32 prot, u32 flags, const struct file *file,
				     u64 offset)
{
	bool shared = (flags & MAP_TYPE) == MAP_SHARED;

	if (len == 0 || !IS_ALIGNED(offset, PAGE_SIZE))
		return -EINVAL;
	if (!shared && (flags & MAP_TYPE) != MAP_PRIVATE)
		return -EINVAL;
	if (!file)
		return 0;
	if (!file->f_readable)
		return -EACCES;
	if (!S_ISREG(file->f_inode->i_mode) && !S_ISBLK(file->f_inode->i_mode))
		return -ENODEV;
	/* Pages of files are written by write(2) only; a shared view of them can be read. */
	if (shared && (prot & PROT_WRITE))
		return -ENODEV;
	return offset + len < offset ? -EOVERFLOW : 0;
}

/* Shared anonymous memory is filled at once, so that fork shares the very pages. */
static int must_check populate_shared(struct mm *mm, u64 start, u64 end, u32 prot)
{
	u64 flags = PTE_P | PTE_U | PTE_A | PTE_D | (prot & PROT_WRITE ? PTE_W : 0) |
		    (prot & PROT_EXEC ? 0 : PTE_NX);

	for (u64 va = start; va < end; va += PAGE_SIZE) {
		struct page *page = alloc_page(GFP_KERNEL | GFP_ZERO);

		if (!page)
			return -ENOMEM;
		if (mm_map_page(mm, va, page_to_phys(page).v | flags) < 0) {
			put_page(page);
			return -ENOMEM;
		}
	}
	return 0;
}

static s64 must_check map_locked(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags,
				 struct file *file, u64 offset)
{
	struct vma *vma = kzalloc(sizeof(*vma), GFP_KERNEL);
	s64 at;

	if (!vma)
		return -ENOMEM;
	at = choose_address(mm, addr, len, flags);
	if (at < 0) {
		kfree(vma);
		return at;
	}
	vma->start = (u64)at;
	vma->end = vma->start + len;
	vma->prot = prot;
	vma->shared = (flags & MAP_TYPE) == MAP_SHARED;
	vma->file = file ? get_file(file) : NULL;
	vma->offset = offset;
	vma_insert(mm, vma);
	if ((flags & MAP_TYPE) == MAP_SHARED && !file) {
		int err = populate_shared(mm, (u64)at, (u64)at + len, prot);

		if (err) {
			if (unmap_locked(mm, (u64)at, len))
				printk("mm: no memory to undo a mapping\n");
			return err;
		}
	}
	return at;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 offset)
{
	int err = check_map_args(len, prot, flags, file, offset);
	s64 at;

	if (err)
		return err;
	if (len > USER_MAX)
		return -ENOMEM;
	len = ALIGN_UP(len, PAGE_SIZE);
	mutex_lock(&mm->lock);
	at = map_locked(mm, addr, len, prot, flags, file, offset);
	mutex_unlock(&mm->lock);
	return at;
}

int mm_unmap(struct mm *mm, u64 addr, u64 len)
{
	int err;

	if (len == 0 || len > USER_MAX || !range_ok(addr, ALIGN_UP(len, PAGE_SIZE)))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = unmap_locked(mm, addr, ALIGN_UP(len, PAGE_SIZE));
	mutex_unlock(&mm->lock);
	return err;
}

/* Is every byte of the range mapped? */
static bool range_is_mapped(struct mm *mm, u64 addr, u64 end)
{
	while (addr < end) {
		struct vma *vma = mm_find_vma(mm, addr);

		if (!vma)
			return false;
		addr = vma->end;
	}
	return true;
}

/* Take rights away at once; given rights come by faults, which know about copy-on-write. */
static int restrict_pte(u64 *pte, u64 va, void *arg)
{
	u32 prot = *(u32 *)arg;

	if (!(prot & PROT_WRITE))
		*pte &= ~PTE_W;
	*pte = prot & PROT_EXEC ? *pte & ~PTE_NX : *pte | PTE_NX;
	if (prot == 0) /* keep the page, but let user mode fault on it */
		*pte &= ~PTE_U;
	else
		*pte |= PTE_U;
	tlb_flush_page(va);
	return 0;
}

int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot)
{
	struct vma *vma;
	int err;

	len = ALIGN_UP(len, PAGE_SIZE);
	if (!range_ok(addr, len))
		return IS_ALIGNED(addr, PAGE_SIZE) ? -ENOMEM : -EINVAL;
	if (len == 0)
		return 0;
	mutex_lock(&mm->lock);
	err = range_is_mapped(mm, addr, addr + len) ? 0 : -ENOMEM;
	if (!err)
		err = vma_split(mm, addr);
	if (!err)
		err = vma_split(mm, addr + len);
	if (err)
		goto out;
	list_for_each_entry(vma, &mm->vmas, list) {
		if (vma->end <= addr || vma->start >= addr + len)
			continue;
		if (vma->shared && vma->file && (prot & PROT_WRITE)) {
			err = -EACCES;
			break;
		}
		vma->prot = prot;
		(void)pgtable_for_each(mm->pml4, vma->start, vma->end, restrict_pte, &prot);
	}
out:
	mutex_unlock(&mm->lock);
	return err;
}

int mm_zap(struct mm *mm, u64 addr, u64 len)
{
	struct vma *vma;

	len = ALIGN_UP(len, PAGE_SIZE);
	if (!range_ok(addr, len))
		return -EINVAL;
	mutex_lock(&mm->lock);
	list_for_each_entry(vma, &mm->vmas, list)
		if (!vma->shared && vma->start < addr + len && vma->end > addr)
			mm_unmap_pages(mm, max(vma->start, addr), min(vma->end, addr + len));
	mutex_unlock(&mm->lock);
	return 0;
}

u64 mm_brk(struct mm *mm, u64 addr)
{
	u64 old_end, new_end, result;

	mutex_lock(&mm->lock);
	result = mm->brk;
	if (addr < mm->brk_start || addr > USER_MAX)
		goto out;
	old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
	new_end = ALIGN_UP(addr, PAGE_SIZE);
	if (new_end > old_end) {
		if (!range_is_free(mm, old_end, new_end - old_end) ||
		    map_locked(mm, old_end, new_end - old_end, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_FIXED, NULL, 0) < 0)
			goto out;
	} else if (new_end < old_end && unmap_locked(mm, new_end, old_end - new_end)) {
		goto out;
	}
	mm->brk = result = addr;
out:
	mutex_unlock(&mm->lock);
	return result;
}

u64 mm_total_bytes(struct mm *mm)
{
	struct vma *vma;
	u64 total = 0;

	mutex_lock(&mm->lock);
	list_for_each_entry(vma, &mm->vmas, list)
		total += vma->end - vma->start;
	mutex_unlock(&mm->lock);
	return total;
}
