/*
 * A balanced binary tree under Linux's names (rbtree.h, rbtree_augmented.h).
 *
 * It is balanced by heights (AVL), not by colours: one walk from the changed node to the root
 * serves insertion, erasure and augmentation. The user compares keys: it walks down by itself,
 * calls rb_link_node() where it found a free place, and then rb_insert().
 *
 * Locks: the user's.
 * Also there: the tree of a program's mappings
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct rb_node {
	struct rb_node *parent, *left, *right;
	u32 height; /* of the subtree; a node without children has 1 */
};

struct rb_root {
	struct rb_node *node;
	/* [const] Compute what the node tells of its subtree, from itself and its children; may be
	 * NULL. */
	void (*augment)(struct rb_node *node);
};

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	*node = (struct rb_node){parent, NULL, NULL, 1};
	*link = node;
}
/* The node was just linked. */
void rb_insert(struct rb_node *node, struct rb_root *root);
void rb_erase(struct rb_node *node, struct rb_root *root);
/* What the node tells of its subtree changed. */
void rb_propagate(struct rb_node *node, struct rb_root *root);

/* In order; NULL at the end. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);
