/*
 * Balanced trees. Invariant: the heights of a node's two subtrees differ by one at most.
 * Also there: the tree of a program's mappings
 */
#include "kernel/lib/rbtree.h"

static u32 height_of(const struct rb_node *node)
{
	return node ? node->height : 0;
}

static void update(struct rb_node *node, const struct rb_root *root)
{
	node->height = max(height_of(node->left), height_of(node->right)) + 1;
	if (root->augment)
		root->augment(node);
}

/* Put `new` (or nothing) where `old` hangs. */
static void replace(struct rb_node *old, struct rb_node *new, struct rb_root *root)
{
	struct rb_node *parent = old->parent;

	if (!parent)
		root->node = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

/* Turn the edge between node and its child: the child comes up. Returns: the child. */
static struct rb_node *rotate(struct rb_node *node, bool left, struct rb_root *root)
{
	struct rb_node *child = left ? node->right : node->left;
	struct rb_node *inner = left ? child->left : child->right;

	replace(node, child, root);
	*(left ? &node->right : &node->left) = inner;
	*(left ? &child->left : &child->right) = node;
	node->parent = child;
	if (inner)
		inner->parent = node;
	update(node, root);
	update(child, root);
	return child;
}

void rb_propagate(struct rb_node *node, struct rb_root *root)
{
	for (; node; node = node->parent) {
		s64 lean = (s64)height_of(node->left) - (s64)height_of(node->right);
		struct rb_node *child = lean > 0 ? node->left : node->right;

		if (lean > 1) {
			if (height_of(child->left) < height_of(child->right))
				(void)rotate(child, true, root);
			node = rotate(node, false, root);
		} else if (lean < -1) {
			if (height_of(child->right) < height_of(child->left))
				(void)rotate(child, false, root);
			node = rotate(node, true, root);
		} else {
			update(node, root);
		}
	}
}

void rb_insert(struct rb_node *node, struct rb_root *root)
{
	rb_propagate(node, root);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *lowest = node->parent, *heir;

	if (!node->left || !node->right) {
		replace(node, node->left ? node->left : node->right, root);
		rb_propagate(lowest, root);
		return;
	}
	for (heir = node->right; heir->left;)
		heir = heir->left;
	/* The next one in order takes the node's place; the tree changed from its old place up. */
	lowest = heir;
	if (heir->parent != node) {
		lowest = heir->parent;
		replace(heir, heir->right, root);
		heir->right = node->right;
		heir->right->parent = heir;
	}
	replace(node, heir, root);
	heir->left = node->left;
	heir->left->parent = heir;
	rb_propagate(lowest, root);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *node = root->node;

	while (node && node->left)
		node = node->left;
	return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	struct rb_node *next = node->right;

	if (next) {
		while (next->left)
			next = next->left;
		return next;
	}
	for (next = node->parent; next && next->right == node; next = next->parent)
		node = next;
	return next;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	struct rb_node *prev = node->left;

	if (prev) {
		while (prev->right)
			prev = prev->right;
		return prev;
	}
	for (prev = node->parent; prev && prev->left == node; prev = prev->parent)
		node = prev;
	return prev;
}
