/*
 * Address spaces of programs: page tables and the tree of mappings (VMAs).
 *
 * Invariants:
 * 1. VMAs are page-aligned, do not overlap, and lie in user space. The tree holds them by address.
 * 2. A page-table entry that is not 0 lies inside a VMA and holds a reference to its page. It is
 *    absent (PTE_P clear) where the VMA allows no access at all.
 * 3. A PTE_OWN entry of a private VMA names a page that no other address space and no file has.
 *    Only such an entry is writable: pages of files, and of both sides after a fork, are mapped
 *    read-only and copied at the first write. mprotect leaves PTE_OWN as it is.
 * 4. A VMA of a file is in the i_mmap list of its address_space, so that truncation finds it.
 *
 * Lock order: inode->i_mutex, unmap_mutex (rmap.c), mm->lock (parent, child), page lock.
 * Also there: programs' memory
 */
#pragma once

#include "fs/aio/aio.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/mm/page.h"
#include "kernel/sched/mutex.h"

struct file;

#define PROT_READ	    0x1u
#define PROT_WRITE	    0x2u
#define PROT_EXEC	    0x4u
#define MAP_SHARED	    0x01u
#define MAP_PRIVATE	    0x02u
#define MAP_VALIDATE	    0x03u /* shared, and no flag that is unknown */
#define MAP_TYPE	    0x0fu
#define MAP_FIXED	    0x10u
#define MAP_ANONYMOUS	    0x20u
#define MAP_FIXED_NOREPLACE 0x100000u
#define MREMAP_MAYMOVE	    1u
#define MREMAP_FIXED	    2u
#define MREMAP_DONTUNMAP    4u

#define MAX_MAP_COUNT 65530u	       /* Linux's vm.max_map_count */
#define STACK_INITIAL (33 * PAGE_SIZE) /* mapped by exec; faults let it grow to RLIMIT_STACK */
#define STACK_TOP     0x7ffffffff000ull
#define MMAP_TOP      0x7fff00000000ull
#define PIE_BASE      0x555555554000ull

struct vma {
	struct rb_node node;		 /* [mm->lock] in mm->vmas */
	u64 start, end;			 /* [mm->lock] */
	u64 sub_start, sub_end, sub_gap; /* [mm->lock] of its subtree: ends, largest gap within */
	u32 prot;			 /* [mm->lock] PROT_* */
	bool shared;			 /* [const] */
	bool grows_down;		 /* [const] the stack */
	bool dont_fork, wipe_on_fork;	 /* [mm->lock] madvise(2) */
	struct file *file;		 /* [const] reference held, or NULL: anonymous */
	u64 offset;			 /* [mm->lock] bytes in the file at start, page-aligned */
	struct mm *mm;			 /* [const] */
	struct list_head link;		 /* [i_mmap_lock] in file->f_mapping->i_mmap */
};

struct mm {
	atomic_t refs;	/* [atomic] users: the last one's end frees the memory */
	atomic_t count; /* [atomic] who may look at this structure; the users together are one */
	struct mutex lock;
	struct rb_root vmas;  /* [lock] */
	u32 map_count;	      /* [lock] of them */
	paddr_t pml4;	      /* [const] */
	u64 rss, total_bytes; /* [lock] pages in the tables; bytes mapped */
	struct {
		u64 brk_start, brk;			    /* [lock] */
		u64 arg_start, arg_end, env_start, env_end; /* [const after exec] */
	} layout;
	struct file *exe;     /* [const after exec] reference and write denial held */
	struct aio_table aio; /* asynchronous I/O ends with the address space */
};

static inline void mm_guard_end(struct mutex **lock)
{
	mutex_unlock(*lock);
}
static inline struct mutex *mm_guard_begin(struct mm *mm)
{
	mutex_lock(&mm->lock);
	return &mm->lock;
}
/* Hold mm->lock to the end of the block. */
#define MM_GUARD(mm)                           \
	struct mutex *mm_locked __maybe_unused \
		__attribute__((cleanup(mm_guard_end))) = mm_guard_begin(mm)

/* Returns: NULL if no memory. */
struct mm *must_check mm_create(void);
void mm_put(struct mm *mm); /* the last one unmaps and frees everything; may sleep */
/* Copy for fork: private pages become copy-on-write in both. Returns: ERR_PTR(-ENOMEM). */
struct mm *must_check mm_copy(struct mm *old);

/* Let go of the structure alone. Context: any thread. */
void mm_drop(struct mm *mm);

/* mmap(2) on kernel values; file may be NULL. Returns: the address or -errno. */
s64 must_check mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file,
		      u64 offset);
/* The new program's stack below STACK_TOP. */
int must_check mm_map_stack(struct mm *mm);
int must_check mm_unmap(struct mm *mm, u64 addr, u64 len);
int must_check mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot);
/* mremap(2). */
s64 must_check mm_remap(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags, u64 new_addr);
/* madvise(2). */
int must_check mm_advise(struct mm *mm, u64 addr, u64 len, u32 advice);
/* brk(2): the new break, or the old one when that is impossible. */
u64 mm_brk(struct mm *mm, u64 addr);
/* The first VMA that ends above addr / the one that holds it / the first, next, one before. NULL:
 * none.
 * Locks: mm->lock. */
struct vma *find_vma(const struct mm *mm, u64 addr);
struct vma *mm_find_vma(const struct mm *mm, u64 addr);
struct vma *vma_first(const struct mm *mm);
struct vma *vma_next(const struct vma *vma);
struct vma *vma_prev(const struct vma *vma);

/* Bring in or copy the page at addr. Returns: 0, -EFAULT (no mapping), -EACCES (not allowed), -EIO
 * (beyond the file's end) or what its read gave, -ENOMEM. Context: sleeps. */
int must_check mm_fault(struct mm *mm, u64 addr, bool write, bool exec);
/* Copy out of, or into, the memory of any program; buf NULL: write zeroes. Returns: bytes done. */
size_t mm_access(struct mm *mm, u64 addr, void *buf, size_t len, bool write);

/* Page-table work shared by the files of this folder. Locks: mm->lock. */
static inline struct page *pte_page(u64 pte)
{
	return phys_to_page(PADDR(pte & PTE_ADDR_MASK));
}
/* A private copy of `old`, or with NULL a page of zeroes. Returns: NULL if no memory. */
struct page *must_check new_private_page(const struct page *old);
void mm_unmap_pages(struct mm *mm, u64 start, u64 end);
int must_check mm_map_page(struct mm *mm, u64 va, u64 entry);
/* A page of zeroes everywhere in the VMA. */
int must_check mm_populate(struct mm *mm, const struct vma *vma);
/* mm_fault by a caller that holds mm->lock. */
int must_check mm_fault_locked(struct mm *mm, u64 addr, bool write, bool exec);

/* VMAs, kernel/vm/vma.c. Locks: mm->lock. */
void vma_link(struct mm *mm, struct vma *vma); /* into the tree and the file's list; counts it */
void vma_set_range(struct vma *vma, u64 start, u64 end); /* of a linked one */
void vma_drop(struct vma *vma);				 /* out of everything, with its pages */
struct vma *vma_take_first(struct mm *mm); /* the same, but file and memory are the caller's */
/* Join neighbours of the same kind from start to end: some VMAs are gone then. */
void vma_merge_range(struct mm *mm, u64 start, u64 end);
/* Cut so that VMA boundaries lie at both ends. Returns: 0 or -ENOMEM. */
int must_check vma_split_around(struct mm *mm, u64 addr, u64 len);
/* Highest gap of len bytes below MMAP_TOP, or 0. */
u64 vma_find_gap(const struct mm *mm, u64 len);
bool range_is_free(const struct mm *mm, u64 addr, u64 len);
bool range_is_mapped(const struct mm *mm, u64 addr, u64 end);
/* How much of [start, end) is mapped by those VMAs that count (NULL: all). */
u64 vma_bytes(const struct mm *mm, u64 start, u64 end, bool (*counts)(const struct vma *vma));
/* Round the length up to pages. Returns: 0, -EINVAL (alignment), -ENOMEM (outside). */
int must_check check_range(u64 addr, u64 *len);
int must_check unmap_locked(struct mm *mm, u64 addr, u64 len);
/* May the program map so much more, by RLIMIT_AS and, if it is data, RLIMIT_DATA? */
bool may_expand(const struct mm *mm, u64 bytes, bool data);
bool data_allowed(const struct mm *mm, u64 bytes); /* the latter alone */
/* What RLIMIT_DATA counts: private and writable, but no stack. */
static inline bool vma_is_data(const struct vma *vma)
{
	return !vma->shared && vma->prot & PROT_WRITE && !vma->grows_down;
}

/* The reverse way, kernel/vm/rmap.c: from a file's pages to those who map them. */
void rmap_init(void);
void rmap_link(struct vma *vma);
void rmap_unlink(struct vma *vma);
