/*
 * The buddy allocator's lists. Pure logic, run by the host tests as it is.
 *
 * Memory consists of chunks of the largest order. A chunk that is all free at boot joins the lists
 * only when the others are used up; its struct pages are written then. So boot does not touch the
 * page array of memory that nobody needs yet.
 *
 * Locks: the caller's lock guards all of it.
 * Also there: free pages
 */
#pragma once

#include "kernel/mm/page.h"

#define MAX_ORDER    10u
#define CHUNK_FRAMES (1ull << MAX_ORDER)

enum chunk_state {
	CHUNK_NONE, /* no memory: its struct pages are never read */
	CHUNK_LAZY, /* all free and not in the lists: its struct pages are not written yet */
	CHUNK_READY,
};

struct buddy {
	struct page *map;		      /* [const] one struct page for each frame */
	u8 *chunks;			      /* [lock] enum chunk_state */
	u64 nr_frames;			      /* [const] whole chunks */
	u64 nr_free;			      /* [lock] frames, lazy chunks included */
	u64 next_lazy;			      /* [lock] no lazy chunk lies below */
	struct list_head free[MAX_ORDER + 1]; /* [lock] blocks by order */
};

void buddy_init(struct buddy *b, struct page *map, u8 *chunks, u64 nr_frames);
/* Add the free frames [start, end); frames of the same chunks that are never added stay
 * reserved. */
void buddy_add_range(struct buddy *b, u64 start, u64 end);
/* Returns: the head of a block with flags clear and order set, or NULL. */
struct page *buddy_alloc(struct buddy *b, unsigned int order);
void buddy_free(struct buddy *b, struct page *page, unsigned int order);
