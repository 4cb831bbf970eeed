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

/* All may sleep, and return 0 or -errno where no bytes are told. */
struct address_space_operations {
	/* Read a locked page; unlock it when done, with PG_UPTODATE or, on failure, PG_ERROR.
	 * Returns an error only when nothing was started (page unlocked then too). */
	int (*readpage)(struct inode *inode, struct page *page);
	/* Write a locked page whose dirty bit was just cleared: set PG_WRITEBACK, unlock. */
	int (*writepage)(struct page *page);
	/* Find and lock the page, and make [pos, pos+len) writable: blocks allocated, old bytes
	 * read where a part is overwritten. *pagep is referenced. On failure nothing is kept. */
	int (*write_begin)(struct inode *inode, loff_t pos, u32 len, struct page **pagep);
	/* `copied` bytes are in: mark dirty, raise i_size, unlock and put. Returns: bytes. */
	int (*write_end)(struct inode *inode, loff_t pos, u32 len, u32 copied, struct page *page);
	/* O_DIRECT: user pages to bios. Returns: bytes. NULL: -EINVAL at open. */
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
