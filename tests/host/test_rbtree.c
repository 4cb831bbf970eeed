// sources: kernel/lib/rbtree.c
/* The balanced tree against a sorted array: order, balance, and what its nodes tell of subtrees. */
#include "tests/host/host.h"

#include "kernel/lib/rbtree.h"

#define KEYS  600u
#define STEPS 60000

struct item {
	struct rb_node node;
	u32 key;
	u64 sum; /* of the keys of the subtree */
};

static struct item items[KEYS];
static bool present[KEYS];

static u64 sum_of(const struct rb_node *n)
{
	return n ? rb_entry(n, struct item, node)->sum : 0;
}

static void add_up(struct rb_node *n)
{
	struct item *item = rb_entry(n, struct item, node);

	item->sum = item->key + sum_of(n->left) + sum_of(n->right);
}

static struct rb_root root = {NULL, add_up};

static void insert(struct item *item)
{
	struct rb_node **link = &root.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = item->key < rb_entry(parent, struct item, node)->key ? &parent->left :
									      &parent->right;
	}
	rb_link_node(&item->node, parent, link);
	rb_insert(&item->node, &root);
}

/* Returns: the height. */
static u32 verify_subtree(const struct rb_node *n, const struct rb_node *parent)
{
	u32 left, right;

	if (!n)
		return 0;
	assert_ptr_equal(n->parent, parent);
	left = verify_subtree(n->left, n);
	right = verify_subtree(n->right, n);
	assert_true(left <= right + 1 && right <= left + 1);
	assert_int_equal(n->height, max(left, right) + 1);
	assert_int_equal(sum_of(n),
			 rb_entry(n, struct item, node)->key + sum_of(n->left) + sum_of(n->right));
	return n->height;
}

static void verify(void)
{
	const struct rb_node *n = rb_first(&root), *last = NULL;

	(void)verify_subtree(root.node, NULL);
	for (u32 i = 0; i < KEYS; i++) {
		if (!present[i])
			continue;
		assert_non_null(n);
		assert_int_equal(rb_entry(n, struct item, node)->key, i);
		assert_ptr_equal(rb_prev(n), last);
		last = n;
		n = rb_next(n);
	}
	assert_null(n);
}

static void random_insertions_and_erasures(void **state)
{
	(void)state;
	srandom(host_seed(1));
	for (int i = 0; i < STEPS; i++) {
		/* Few and many by turns. */
		u32 key = (u32)random() % KEYS;
		bool grow = random() % 8 < (i / 5000 % 2 ? 3 : 5);

		if (grow == present[key])
			continue;
		items[key].key = key;
		if (grow)
			insert(&items[key]);
		else
			rb_erase(&items[key].node, &root);
		present[key] = grow;
		if (i % 20 == 0)
			verify();
	}
	for (u32 i = 0; i < KEYS; i++)
		if (present[i]) {
			rb_erase(&items[i].node, &root);
			present[i] = false;
			verify();
		}
	assert_null(root.node);
}

/* In ascending order, the worst for a tree that does not balance. */
static void stays_low(void **state)
{
	(void)state;
	for (u32 i = 0; i < KEYS; i++) {
		items[i].key = i;
		insert(&items[i]);
		present[i] = true;
	}
	verify();
	assert_true(root.node->height <= 13); /* 1.44 * log2(602) */
	/* A changed key that keeps its place. */
	rb_propagate(&items[17].node, &root);
	verify();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_insertions_and_erasures),
		cmocka_unit_test(stays_low),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
