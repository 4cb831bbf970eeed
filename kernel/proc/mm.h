/*
 * Address spaces of programs: page tables and the list of mappings (VMAs).
 *
 * Invariants:
 * 1. VMAs are sorted, page-aligned, do not overlap, and lie in user space.
 * 2. A page-table entry that is not 0 lies inside a VMA and holds a reference to its page. It is
 *    absent (PTE_P clear) where the VMA allows no access at all.
 * 3. A PTE_OWN entry of a private VMA names a page that no other address space and no file has. Only
 *    such an entry is writable: pages of files, and of both sides after a fork, are mapped read-only
 *    and copied at the first write. mprotect leaves PTE_OWN as it is.
 *
 * Lock order: inode->i_mutex, mm->lock, page lock.
 */
#pragma once

#include "fs/aio.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/mutex.h"

struct file;

#define PROT_READ	    0x1u
#define PROT_WRITE	    0x2u
#define PROT_EXEC	    0x4u
#define MAP_SHARED	    0x01u
#define MAP_PRIVATE	    0x02u
#define MAP_TYPE	    0x0fu
#define MAP_FIXED	    0x10u
#define MAP_ANONYMOUS	    0x20u
#define MAP_FIXED_NOREPLACE 0x100000u
#define MREMAP_MAYMOVE	    1u

#define STACK_SIZE (8ull << 20) /* RLIMIT_STACK: reserved at exec, filled by faults */
#define STACK_TOP  0x7ffffffff000ull
#define MMAP_TOP   0x7fffff000000ull
#define PIE_BASE   0x555555554000ull

struct vma {
	struct list_head list; /* [mm->lock] */
	u64 start, end;	       /* [mm->lock] */
	u32 prot;	       /* [mm->lock] PROT_* */
	bool shared;	       /* [const] */
	struct file *file;     /* [const] reference held, or NULL: anonymous */
	u64 offset;	       /* [mm->lock] bytes in the file at start, page-aligned */
};

struct mm {
	atomic_t refs; /* [atomic] */
	struct mutex lock;
	struct list_head vmas; /* [lock] */
	paddr_t pml4;	       /* [const] */
	u64 rss, total_bytes;  /* [lock] pages in the tables; bytes mapped */
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

/* mmap(2) on kernel values; file may be NULL. Returns: the address or -errno. */
s64 must_check mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file,
		      u64 offset);
int must_check mm_unmap(struct mm *mm, u64 addr, u64 len);
int must_check mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot);
s64 must_check mm_remap(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags);
/* Drop the private pages of a range (madvise DONTNEED). */
int must_check mm_zap(struct mm *mm, u64 addr, u64 len);
/* brk(2): the new break, or the old one when that is impossible. */
u64 mm_brk(struct mm *mm, u64 addr);
/* The VMA that holds addr, or NULL. Locks: mm->lock. */
struct vma *mm_find_vma(struct mm *mm, u64 addr);

/* Bring in or copy the page at addr. Returns: 0, -EFAULT (no mapping), -EACCES (not allowed), -EIO
 * (beyond the file's end) or what its read gave, -ENOMEM. Context: sleeps. */
int must_check mm_fault(struct mm *mm, u64 addr, bool write, bool exec);
/* Copy out of, or into, the memory of any program; buf NULL: write zeroes. Returns: bytes done. */
size_t mm_access(struct mm *mm, u64 addr, void *buf, size_t len, bool write);

/* Page-table work shared by the files of this folder. Locks: mm->lock. */
void mm_unmap_pages(struct mm *mm, u64 start, u64 end);
int must_check mm_map_page(struct mm *mm, u64 va, u64 entry);
int must_check mm_populate(struct mm *mm, struct vma *vma);
