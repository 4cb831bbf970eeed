/*
 * The tree of an address space's mappings: finding, cutting, joining them, the gaps between, and
 * how much there may be.
 *
 * Each VMA knows of its subtree the lowest and highest address and the largest gap within, so that
 * a place for a new mapping is found without looking at all of them.
 * Also there: programs' memory
 */
#include "fs/file.h"
#include "fs/rlimit.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/vm/mm.h"

static struct vma *vma_of(struct rb_node *node)
{
	return node ? rb_entry(node, struct vma, node) : NULL;
}

struct vma *vma_first(const struct mm *mm)
{
	return vma_of(rb_first(&mm->vmas));
}

struct vma *vma_next(const struct vma *vma)
{
	return vma_of(rb_next(&vma->node));
}

struct vma *vma_prev(const struct vma *vma)
{
	return vma_of(rb_prev(&vma->node));
}

struct vma *find_vma(const struct mm *mm, u64 addr)
{
	struct rb_node *node = mm->vmas.node;
	struct vma *best = NULL;

	while (node) {
		struct vma *vma = vma_of(node);

		if (vma->end > addr)
			best = vma;
		node = vma->end > addr ? node->left : node->right;
	}
	return best;
}

struct vma *mm_find_vma(const struct mm *mm, u64 addr)
{
	struct vma *vma = find_vma(mm, addr);

	return vma && vma->start <= addr ? vma : NULL;
}

bool range_is_free(const struct mm *mm, u64 addr, u64 len)
{
	const struct vma *vma = find_vma(mm, addr);

	return !vma || vma->start >= addr + len;
}

bool range_is_mapped(const struct mm *mm, u64 addr, u64 end)
{
	const struct vma *vma = find_vma(mm, addr);

	for (; addr < end; vma = vma_next(vma)) {
		if (!vma || vma->start > addr)
			return false;
		addr = vma->end;
	}
	return true;
}

static void augment(struct rb_node *node)
{
	struct vma *vma = vma_of(node);
	const struct vma *left = vma_of(node->left), *right = vma_of(node->right);

	vma->sub_start = left ? left->sub_start : vma->start;
	vma->sub_end = right ? right->sub_end : vma->end;
	vma->sub_gap = left ? max(left->sub_gap, vma->start - left->sub_end) : 0;
	if (right) {
		vma->sub_gap = max(vma->sub_gap, right->sub_gap);
		vma->sub_gap = max(vma->sub_gap, right->sub_start - vma->end);
	}
}

/* The highest gap of len bytes within [floor, ceiling), in which the subtree lies; 0: none. */
static u64 highest_gap(struct rb_node *node, u64 floor, u64 ceiling, u64 len)
{
	const struct vma *vma = vma_of(node);
	u64 top = min(ceiling, MMAP_TOP), at;

	if (floor >= MMAP_TOP)
		return 0;
	if (!vma)
		return top >= floor && top - floor >= len ? top - len : 0;
	if (vma->sub_gap < len && vma->sub_start - floor < len &&
	    (top < vma->sub_end || top - vma->sub_end < len))
		return 0;
	at = highest_gap(node->right, vma->end, ceiling, len);
	return at ? at : highest_gap(node->left, floor, vma->start, len);
}

u64 vma_find_gap(const struct mm *mm, u64 len)
{
	return highest_gap(mm->vmas.node, USER_MIN, USER_MAX, len);
}

void vma_link(struct mm *mm, struct vma *vma)
{
	struct rb_node **link = &mm->vmas.node, *parent = NULL;

	mm->vmas.augment = augment;
	while (*link) {
		parent = *link;
		link = vma->start < vma_of(parent)->start ? &parent->left : &parent->right;
	}
	rb_link_node(&vma->node, parent, link);
	rb_insert(&vma->node, &mm->vmas);
	vma->mm = mm;
	mm->map_count++;
	mm->total_bytes += vma->end - vma->start;
	rmap_link(vma);
}

static void vma_unlink(struct vma *vma)
{
	struct mm *mm = vma->mm;

	rmap_unlink(vma);
	mm->total_bytes -= vma->end - vma->start;
	mm->map_count--;
	rb_erase(&vma->node, &mm->vmas);
}

void vma_set_range(struct vma *vma, u64 start, u64 end)
{
	vma->mm->total_bytes += (end - start) - (vma->end - vma->start);
	vma->start = start;
	vma->end = end;
	rb_propagate(&vma->node, &vma->mm->vmas);
}

void vma_drop(struct vma *vma)
{
	mm_unmap_pages(vma->mm, vma->start, vma->end);
	vma_unlink(vma);
	if (vma->file)
		fput(vma->file);
	kfree(vma);
}

struct vma *vma_take_first(struct mm *mm)
{
	struct vma *vma = vma_first(mm);

	if (vma) {
		mm_unmap_pages(mm, vma->start, vma->end);
		vma_unlink(vma);
	}
	return vma;
}

/* Are these neighbours private anonymous memory of the same kind? */
static bool can_merge(const struct vma *a, const struct vma *b)
{
	return a && b && a->end == b->start && a->prot == b->prot && !a->file && !b->file &&
	       !a->shared && !b->shared && a->grows_down == b->grows_down &&
	       a->dont_fork == b->dont_fork && a->wipe_on_fork == b->wipe_on_fork;
}

void vma_merge_range(struct mm *mm, u64 start, u64 end)
{
	struct vma *vma = find_vma(mm, start - 1), *next;

	for (; vma && vma->start <= end; vma = next) {
		for (next = vma_next(vma); can_merge(vma, next); next = vma_next(vma)) {
			u64 joined = next->end;

			vma_unlink(next);
			kfree(next);
			vma_set_range(vma, vma->start, joined);
		}
	}
}

/* Cut so that a VMA boundary lies at addr. */
static int must_check vma_split(struct mm *mm, u64 addr)
{
	struct vma *vma = mm_find_vma(mm, addr), *tail;

	if (!vma || vma->start == addr)
		return 0;
	if (mm->map_count >= MAX_MAP_COUNT)
		return -ENOMEM;
	tail = kmalloc(sizeof(*tail), GFP_KERNEL);
	if (!tail)
		return -ENOMEM;
	*tail = *vma;
	tail->start = addr;
	tail->offset += addr - vma->start;
	if (tail->file)
		get_file(tail->file);
	vma_set_range(vma, vma->start, addr);
	vma_link(mm, tail);
	return 0;
}

int vma_split_around(struct mm *mm, u64 addr, u64 len)
{
	int err = vma_split(mm, addr);

	return err ? err : vma_split(mm, addr + len);
}

int unmap_locked(struct mm *mm, u64 addr, u64 len)
{
	struct vma *vma, *next;
	int err = vma_split_around(mm, addr, len);

	if (err)
		return err;
	for (vma = find_vma(mm, addr); vma && vma->start < addr + len; vma = next) {
		next = vma_next(vma);
		vma_drop(vma);
	}
	return 0;
}

int check_range(u64 addr, u64 *len)
{
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (*len > USER_MAX || addr < USER_MIN || addr > USER_MAX - ALIGN_UP(*len, PAGE_SIZE))
		return -ENOMEM;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	return 0;
}

u64 vma_bytes(const struct mm *mm, u64 start, u64 end, bool (*counts)(const struct vma *vma))
{
	u64 bytes = 0;

	for (const struct vma *vma = find_vma(mm, start); vma && vma->start < end;
	     vma = vma_next(vma))
		if (!counts || counts(vma))
			bytes += min(end, vma->end) - max(start, vma->start);
	return bytes;
}

bool data_allowed(const struct mm *mm, u64 bytes)
{
	u64 limit = rlimit(RLIMIT_DATA);

	/* The walk over all mappings is only for whom the limit was set. */
	return limit == RLIM_INFINITY || (vma_bytes(mm, 0, USER_MAX, vma_is_data) + bytes) >>
						 PAGE_SHIFT <= limit >> PAGE_SHIFT;
}

bool may_expand(const struct mm *mm, u64 bytes, bool data)
{
	return (mm->total_bytes + bytes) >> PAGE_SHIFT <= rlimit(RLIMIT_AS) >> PAGE_SHIFT &&
	       (!data || data_allowed(mm, bytes));
}
