/*
 * From the pages of a file to the programs that map them, as Linux's i_mmap.
 *
 * Each address_space lists the VMAs of its file. unmap_mapping_range() goes through that list with
 * a cursor, for it sleeps in between: whoever maps meanwhile joins at the tail, behind the cursor.
 * mm->lock keeps a VMA and its page-table entries as they are, and a fault holds it from its look
 * at i_size until the entry is made: once i_size is lowered and the range unmapped, no old page is
 * seen.
 *
 * TLB: unmapping flushes each entry (invlpg). That is enough on one processor, as CR3 is written at
 * every change of the address space, so that it holds no entries of others.
 *
 * Lock order: mm.h. i_mmap_lock is a spinlock and innermost.
 * Also there: programs' memory
 */
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/vm/mm.h"

static struct mutex unmap_mutex = MUTEX_INIT(unmap_mutex);
static struct spinlock i_mmap_lock = SPINLOCK_INIT("i_mmap", LOCK_MAPPING);
static struct list_head cursor; /* [unmap_mutex, i_mmap_lock] */

void rmap_link(struct vma *vma)
{
	if (!vma->file)
		return;
	spin_lock(&i_mmap_lock);
	list_add_tail(&vma->link, &vma->file->f_mapping->i_mmap);
	spin_unlock(&i_mmap_lock);
}

void rmap_unlink(struct vma *vma)
{
	if (!vma->file)
		return;
	spin_lock(&i_mmap_lock);
	list_del(&vma->link);
	spin_unlock(&i_mmap_lock);
}

/* Move the cursor behind the next VMA. Returns: its address space with a hold, or NULL at the
 * end. */
static struct mm *next_mm(struct address_space *m)
{
	struct list_head *next;
	struct mm *mm = NULL;

	spin_lock(&i_mmap_lock);
	next = cursor.next;
	list_del(&cursor);
	if (next != &m->i_mmap) {
		list_add(&cursor, next);
		mm = list_entry(next, struct vma, link)->mm;
		atomic_inc(&mm->count);
	}
	spin_unlock(&i_mmap_lock);
	return mm;
}

/* The VMA before the cursor, if it is still one of mm, whose lock keeps it. */
static struct vma *vma_at_cursor(struct address_space *m, const struct mm *mm)
{
	struct vma *vma = NULL;

	spin_lock(&i_mmap_lock);
	if (cursor.prev != &m->i_mmap)
		vma = list_entry(cursor.prev, struct vma, link);
	if (vma && vma->mm != mm)
		vma = NULL;
	spin_unlock(&i_mmap_lock);
	return vma;
}

/* Private copies are not the file's pages. */
static int unmap_shared_pte(u64 *pte, u64 va, void *arg)
{
	if (!(*pte & PTE_OWN))
		mm_unmap_pages(arg, va, va + PAGE_SIZE);
	return 0;
}

static void unmap_part(struct vma *vma, pgoff_t start, pgoff_t end, bool even_cows)
{
	pgoff_t first = vma->offset >> PAGE_SHIFT;
	pgoff_t last = first + ((vma->end - vma->start) >> PAGE_SHIFT) - 1;
	u64 from, to;

	start = max(start, first);
	end = min(end, last);
	if (start > end)
		return;
	from = vma->start + ((start - first) << PAGE_SHIFT);
	to = vma->start + ((end - first + 1) << PAGE_SHIFT);
	if (even_cows)
		mm_unmap_pages(vma->mm, from, to);
	else
		(void)pgtable_for_each(vma->mm->pml4, from, to, unmap_shared_pte, vma->mm);
}

static void unmap_everywhere(struct address_space *m, pgoff_t start, pgoff_t end, bool even_cows)
{
	struct mm *mm;

	mutex_lock(&unmap_mutex);
	spin_lock(&i_mmap_lock);
	list_add(&cursor, &m->i_mmap);
	spin_unlock(&i_mmap_lock);
	while ((mm = next_mm(m)) != NULL) {
		struct vma *vma;

		mutex_lock(&mm->lock);
		vma = vma_at_cursor(m, mm);
		if (vma)
			unmap_part(vma, start, end, even_cows);
		mutex_unlock(&mm->lock);
		mm_drop(mm);
	}
	mutex_unlock(&unmap_mutex);
}

void rmap_init(void)
{
	unmap_mapping_hook = unmap_everywhere;
}
