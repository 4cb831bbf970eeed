/*
 * The radix tree. A node of level n covers 64^(n+1) indices; masks tell which slots are in use.
 *
 * Invariants:
 * 1. No node is empty. The tree may be higher than its items need: it shrinks when it is empty.
 * 2. A tag's bit in an inner node is set exactly when some item below it has the tag.
 * Also there: the index of the page cache
 */
#include "kernel/lib/radix_tree.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define SHIFT	   6
#define SLOTS	   64u
#define MAX_HEIGHT 11	      /* 64 bits / 6, rounded up */
#define PRESENT	   RADIX_TAGS /* the mask of used slots, kept like a tag */

struct radix_node {
	u64 masks[RADIX_TAGS + 1];
	void *slots[SLOTS];
};

struct path {
	struct radix_node *nodes[MAX_HEIGHT]; /* by level, 0 the leaf's */
};

static void *(*node_alloc)(size_t size);    /* [const after boot] zeroed */
static void (*node_free)(const void *node); /* [const after boot] */

void radix_tree_set_allocator(void *(*alloc)(size_t size), void (*release)(const void *p))
{
	node_alloc = alloc;
	node_free = release;
}

static unsigned int slot_of(u64 index, unsigned int level)
{
	return (unsigned int)(index >> (level * SHIFT)) % SLOTS;
}

/* Can a tree of this height hold the index? */
static bool fits(u64 index, unsigned int height)
{
	return height >= MAX_HEIGHT || (height > 0 && index >> (height * SHIFT) == 0);
}

static void set_slot(struct radix_node *node, unsigned int slot, void *item)
{
	node->slots[slot] = item;
	node->masks[PRESENT] |= 1ull << slot;
}

static void clear_slot(struct radix_node *node, unsigned int slot)
{
	node->slots[slot] = NULL;
	for (unsigned int i = 0; i <= PRESENT; i++)
		node->masks[i] &= ~(1ull << slot);
}

/* Fill path from the root down. Returns: the lowest level that exists, or height if none. */
static unsigned int walk(const struct radix_tree *tree, u64 index, struct path *path)
{
	struct radix_node *node = tree->root;
	unsigned int level = tree->height;

	while (level > 0 && node) {
		path->nodes[--level] = node;
		if (level > 0)
			node = node->slots[slot_of(index, level)];
	}
	return level;
}

/* Free the empty nodes of a path from `level` up. */
static void prune(struct radix_tree *tree, struct path *path, u64 index, unsigned int level)
{
	for (; level < tree->height && path->nodes[level]->masks[PRESENT] == 0; level++) {
		node_free(path->nodes[level]);
		if (level + 1 < tree->height)
			clear_slot(path->nodes[level + 1], slot_of(index, level + 1));
		else
			tree->root = NULL;
	}
	if (!tree->root)
		tree->height = 0;
}

/* Add levels on top until the index fits. */
static int grow(struct radix_tree *tree, u64 index)
{
	while (!tree->root && !fits(index, tree->height))
		tree->height++;
	while (!fits(index, tree->height)) {
		struct radix_node *root = node_alloc(sizeof(*root));

		if (!root)
			return -ENOMEM;
		set_slot(root, 0, tree->root);
		for (unsigned int tag = 0; tag < RADIX_TAGS; tag++)
			if (tree->root->masks[tag] != 0)
				root->masks[tag] = 1;
		tree->root = root;
		tree->height++;
	}
	return 0;
}

int radix_tree_insert(struct radix_tree *tree, u64 index, void *item)
{
	struct path path;
	unsigned int level, slot;
	int err;

	ASSERT(item != NULL);
	err = grow(tree, index);
	if (err < 0)
		return err;
	level = walk(tree, index, &path);
	while (level > 0) {
		struct radix_node *node = node_alloc(sizeof(*node));

		if (!node) {
			if (tree->root)
				prune(tree, &path, index, level);
			else
				tree->height = 0;
			return -ENOMEM;
		}
		if (level == tree->height)
			tree->root = node;
		else
			set_slot(path.nodes[level], slot_of(index, level), node);
		path.nodes[--level] = node;
	}
	slot = slot_of(index, 0);
	if (path.nodes[0]->slots[slot])
		return -EEXIST;
	set_slot(path.nodes[0], slot, item);
	return 0;
}

/* The path to an item that exists. Returns: the item or NULL. */
static void *find(const struct radix_tree *tree, u64 index, struct path *path)
{
	if (!fits(index, tree->height) || walk(tree, index, path) != 0)
		return NULL;
	return path->nodes[0]->slots[slot_of(index, 0)];
}

void *radix_tree_lookup(const struct radix_tree *tree, u64 index)
{
	struct path path;

	return find(tree, index, &path);
}

void *radix_tree_delete(struct radix_tree *tree, u64 index)
{
	struct path path;
	void *item = find(tree, index, &path);

	if (!item)
		return NULL;
	for (unsigned int tag = 0; tag < RADIX_TAGS; tag++)
		radix_tree_tag_clear(tree, index, (enum radix_tag)tag);
	clear_slot(path.nodes[0], slot_of(index, 0));
	prune(tree, &path, index, 0);
	return item;
}

void radix_tree_tag_set(struct radix_tree *tree, u64 index, enum radix_tag tag)
{
	struct path path;

	if (!find(tree, index, &path))
		return;
	for (unsigned int level = 0; level < tree->height; level++)
		path.nodes[level]->masks[tag] |= 1ull << slot_of(index, level);
}

void radix_tree_tag_clear(struct radix_tree *tree, u64 index, enum radix_tag tag)
{
	struct path path;

	if (!find(tree, index, &path))
		return;
	for (unsigned int level = 0; level < tree->height; level++) {
		path.nodes[level]->masks[tag] &= ~(1ull << slot_of(index, level));
		if (path.nodes[level]->masks[tag] != 0)
			break;
	}
}

bool radix_tree_tagged(const struct radix_tree *tree, enum radix_tag tag)
{
	return tree->root && tree->root->masks[tag] != 0;
}

struct gang {
	void **items;
	u64 *indices;
	u64 first;
	unsigned int n, max, mask;
};

/* Take the items from g->first on below a node of `level` whose first index is `base`. */
static void collect(struct gang *g, const struct radix_node *node, unsigned int level, u64 base)
{
	for (u64 left = node->masks[g->mask]; left && g->n < g->max; left &= left - 1) {
		unsigned int slot = (unsigned int)__builtin_ctzll(left);
		u64 start = base | (u64)slot << (level * SHIFT);
		u64 end = start | ((1ull << (level * SHIFT)) - 1);

		if (end < g->first)
			continue;
		if (level > 0) {
			collect(g, node->slots[slot], level - 1, start);
			continue;
		}
		if (g->indices)
			g->indices[g->n] = start;
		g->items[g->n++] = node->slots[slot];
	}
}

static unsigned int gang(const struct radix_tree *tree, u64 first, void **items, u64 *indices,
			 unsigned int max, unsigned int mask)
{
	struct gang g = {items, indices, first, 0, max, mask};

	if (tree->root)
		collect(&g, tree->root, tree->height - 1, 0);
	return g.n;
}

unsigned int radix_tree_gang_lookup(const struct radix_tree *tree, u64 first, void **items,
				    u64 *indices, unsigned int max)
{
	return gang(tree, first, items, indices, max, PRESENT);
}

unsigned int radix_tree_gang_lookup_tag(const struct radix_tree *tree, u64 first, void **items,
					u64 *indices, unsigned int max, enum radix_tag tag)
{
	return gang(tree, first, items, indices, max, tag);
}
