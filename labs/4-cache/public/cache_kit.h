/* What the public and the hidden cases of this lab share: a file whose disk is the test's own. */
#pragma once

#include "tools/labkit/case.h"

#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

#define KIT_PAGES 4096u

/* One file, of which a page's bytes are all the same value. */
extern struct cache_kit {
	struct inode inode;
	struct super_block sb;
	struct address_space *m; /* the file's */
	u8 disk[KIT_PAGES];	 /* the value of each page on the disk */
	int inode_error;	 /* what writing the inode ends with */
	u32 reads, writes;	 /* calls of readpage and writepage */
	u32 unplugged;		 /* those of writepage that no plug held together */
	pgoff_t written[KIT_PAGES];
	pgoff_t bad_page;	   /* its write ends with bad_error; ~0: none */
	pgoff_t refused_page;	   /* writepage itself gives bad_error for it; ~0: none */
	int bad_error, read_error; /* 0, or what reads end with */
	bool hold;		   /* a write ends in kit_end_one(), which sleepers call, too */
	bool newest_first;	   /* the order in which held writes end */
	struct page *held[KIT_PAGES];
	u32 nr_held;
	/* Called in writepage, before and after the page is marked as under write-back. */
	void (*before_writeback)(struct page *page), (*after_writeback)(struct page *page);
	void (*on_sleep)(void);	 /* called once, when the code under test sleeps */
	void (*on_shrink)(void); /* called whenever memory is short */
	u32 nodes, fail_nodes;	 /* of the tree: in use; how many allocations fail next */
	size_t pages_before;	 /* frames in use when the kit was made */
} kit;

/* A new file of so many pages, nothing cached. */
void kit_make(u32 pages);
/* CHECK that nothing is cached, locked or referenced once the clean pages are taken away. */
void kit_end(void);
/* End the oldest held write. Returns: whether there was one. */
bool kit_end_one(void);

/* A page of the file, read in by the kit itself, unlocked; the tree alone refers to it. */
struct page *kit_page(pgoff_t index);
/* The same, filled with `value` and dirty. */
struct page *kit_dirty(pgoff_t index, u8 value);
void kit_make_dirty(struct page *page);
void kit_fill(struct page *page, u8 value);
/* An open file; what fsync of it says. */
struct file kit_open(void);
int kit_fsync(struct file *file);

/* CHECK a page's references, and that what was written is just these pages in order. */
void kit_refs(struct page *page, u32 want);
void kit_written(const pgoff_t *want, u32 count);
/* Does the tree's tag lead to the page? */
bool kit_tagged(pgoff_t index, enum radix_tag tag);
/* CHECK that a page is idle: unlocked, clean, not under write-back, one reference. */
void kit_idle(struct page *page);
