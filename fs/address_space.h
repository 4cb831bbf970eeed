/*
 * An address space: the pages of one file or block device in memory, by index, and the operations
 * that read and write them. fs/cache/pagemap.h has the rules and the functions.
 * Path: hop 4
 */
#pragma once

#include "kernel/lib/errseq.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/types.h"
#include "kernel/sched/spinlock.h"

struct inode;
struct iov_iter;
struct kiocb;
struct page;

/* All are called with the page locked, may sleep, return 0 or -errno. */
struct address_space_operations {
	/* Start reading; unlocks the page when done, PG_UPTODATE on success, PG_ERROR on failure.
	 * Returns an error only when nothing was started (page unlocked then too). */
	int (*readpage)(struct inode *inode, struct page *page);
	/* Start writing a page whose dirty bit was just cleared; set PG_WRITEBACK, unlock. */
	int (*writepage)(struct page *page);
	/* Make [pos, pos+len) of the page writable: blocks allocated, old bytes read where only a
	 * part is overwritten. *pagep locked, referenced. On failure nothing is kept. */
	int (*write_begin)(struct inode *inode, loff_t pos, u32 len, struct page **pagep);
	/* `copied` bytes are in: mark dirty, raise i_size, unlock and put. Returns: bytes taken. */
	int (*write_end)(struct inode *inode, loff_t pos, u32 len, u32 copied, struct page *page);
	/* O_DIRECT: user pages to bios. NULL: not supported (-EINVAL at open). */
	ssize_t (*direct_IO)(struct kiocb *iocb, struct iov_iter *iter, bool write);
};

struct address_space {
	struct inode *host;			      /* [const] */
	const struct address_space_operations *a_ops; /* [const] */
	struct spinlock tree_lock;
	struct radix_tree pages;       /* [tree_lock] */
	u64 nrpages;		       /* [tree_lock] */
	struct errseq wb_err;	       /* [atomic] write errors: each open file reports each once */
	struct list_head private_list; /* [buffer_lock] metadata buffers that fsync writes too */
	struct list_head i_mmap;       /* [i_mmap_lock] who maps it */
};

/* --- also: pages of mapped files ---------------------------------------------------------- */

/* Take the pages [start, end] out of every program that maps them: the next touch of each is a
 * fault. even_cows: private copies, too. kernel/vm sets the hook once at boot; it is called only
 * while i_mmap is not empty. Context: sleeps; no page lock and no mm->lock is held. */
extern void (*unmap_mapping_hook)(struct address_space *m, pgoff_t start, pgoff_t end,
				  bool even_cows);
static inline void unmap_mapping_range(struct address_space *m, pgoff_t start, pgoff_t end,
				       bool even_cows)
{
	if (!list_empty(&m->i_mmap))
		unmap_mapping_hook(m, start, end, even_cows);
}
