/*
 * The buddy allocator's lists. Pure logic, run by the host tests as it is.
 *
 * Memory is looked at in chunks of the largest order. The struct pages of a chunk that is all
 * free are written only when the chunk is first used: at boot that saves touching the page array
 * of memory that nobody wants yet.
 *
 * Locks: the caller's lock guards all of it.
 */
#pragma once

#include "kernel/mm/page.h"

#define MAX_ORDER 10u
#define CHUNK_FRAMES (1ull << MAX_ORDER)

enum chunk_state {
	CHUNK_NONE, /* no memory: its struct pages are never read */
	CHUNK_LAZY, /* free from the start: only the first struct page is written */
	CHUNK_READY,
};

struct buddy {
	struct page *map; /* [const] one struct page for each frame */
	u8 *chunks; /* [lock] enum chunk_state */
	u64 nr_frames; /* [const] whole chunks */
	u64 nr_free; /* [lock] frames */
	struct list_head free[MAX_ORDER + 1]; /* [lock] blocks by order */
};

void buddy_init(struct buddy *b, struct page *map, u8 *chunks, u64 nr_frames);
/* Add the free frames [start, end); frames of the same chunks that are never added stay reserved. */
void buddy_add_range(struct buddy *b, u64 start, u64 end);
/* Returns: the head of a block with flags clear and order set, or NULL. */
struct page *buddy_alloc(struct buddy *b, unsigned int order);
void buddy_free(struct buddy *b, struct page *page, unsigned int order);
