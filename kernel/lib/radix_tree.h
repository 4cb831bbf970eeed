/*
 * A radix tree from a 64-bit index to a pointer, with two tags an entry (the page cache's index).
 *
 * 64 slots a node. Locks: the caller's lock guards the tree. Nodes come from the allocator set at
 * boot, which may fail.
 * Also there: the index of the page cache
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

enum radix_tag { RADIX_TAG_DIRTY, RADIX_TAG_WRITEBACK, RADIX_TAGS };

struct radix_node;
struct radix_tree {
	struct radix_node *root; /* [caller's lock] */
	unsigned int height;	 /* [caller's lock] levels; 0 is empty */
};

#define RADIX_TREE_INIT \
	{               \
		NULL, 0 \
	}

/* Where nodes come from: zeroed memory without sleeping, and its release. Set once by mm_init. */
void radix_tree_set_allocator(void *(*alloc)(size_t size), void (*release)(const void *p));
/* Returns: 0, -EEXIST or -ENOMEM. Context: does not sleep. */
int must_check radix_tree_insert(struct radix_tree *tree, u64 index, void *item);
void *radix_tree_lookup(const struct radix_tree *tree, u64 index);
/* Returns: the item removed, or NULL. Empty nodes are freed. */
void *radix_tree_delete(struct radix_tree *tree, u64 index);
void radix_tree_tag_set(struct radix_tree *tree, u64 index, enum radix_tag tag);
void radix_tree_tag_clear(struct radix_tree *tree, u64 index, enum radix_tag tag);
bool radix_tree_tagged(const struct radix_tree *tree, enum radix_tag tag);
/* Up to `max` items with index >= first in order, into items[] and (if not NULL) indices[].
 * Returns: how many. */
unsigned int radix_tree_gang_lookup(const struct radix_tree *tree, u64 first, void **items,
				    u64 *indices, unsigned int max);
unsigned int radix_tree_gang_lookup_tag(const struct radix_tree *tree, u64 first, void **items,
					u64 *indices, unsigned int max, enum radix_tag tag);
