// sources: kernel/lib/string.c kernel/lib/bitmap.c kernel/lib/cmdline.c kernel/lib/radix_tree.c
// sources: tests/host/fakes/printk.c tests/host/fakes/fail.c tests/host/fakes/kmalloc.c
/* kernel/lib: what the C library has too is compared with it, the rest with a plain model. */
#include "tests/host/host.h"

#include "kernel/lib/errseq.h"
#include "kernel/lib/bitmap.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

/* The kernel's own under another name, beside the C library's. */
#define vsnprintf kernel_vsnprintf
#define snprintf  kernel_snprintf
#include "kernel/lib/vsnprintf.c"
#undef vsnprintf
#undef snprintf

static u64 random_state; /* 0: nothing was asked for yet */

static u64 random_u64(void)
{
	if (!random_state)
		random_state = 88172645463325252ull + host_seed(0);
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* --- formats ------------------------------------------------------------------------------ */

static void formats_are_the_c_librarys(void **state)
{
	static const char flags[] = "-0#", kinds[] = "dux";
	static const char *const lengths[] = {"", "l", "ll", "z"};

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char fmt[32] = "<%", ours[128], theirs[128];
		size_t n = 2, size = random_u64() % 4 ? sizeof(ours) : random_u64() % 12;
		u64 value = random_u64() >> random_u64() % 64;
		int a, b;

		for (int f = 0; f < 3; f++)
			if (random_u64() % 4 == 0)
				fmt[n++] = flags[f];
		if (random_u64() % 2)
			n += (size_t)sprintf(fmt + n, "%d", (int)(random_u64() % 30 + 1));
		sprintf(fmt + n, "%s%c>", lengths[random_u64() % 4], kinds[random_u64() % 3]);
		memset(ours, 'x', sizeof(ours));
		memset(theirs, 'x', sizeof(theirs));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		a = kernel_snprintf(ours, size, fmt, value);
		b = snprintf(theirs, size, fmt, value);
#pragma GCC diagnostic pop
		if (a != b || memcmp(ours, theirs, sizeof(ours)) != 0)
			fail_msg("%s of %#lx in %zu: '%s' (%d), C library '%s' (%d)", fmt, value,
				 size, ours, a, theirs, b);
	}
}

static void text_formats(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(kernel_snprintf(buf, 64, "%s|%8s|%-8s", "abc", "abc", "abc"), 21);
	assert_string_equal(buf, "abc|     abc|abc     ");
	kernel_snprintf(buf, 64, "%c%%%5c%-3c|", 'x', 'y', 'z');
	assert_string_equal(buf, "x%    yz  |");
	assert_int_equal(kernel_snprintf(buf, 4, "%s", "abcdef"), 6);
	assert_string_equal(buf, "abc");
	assert_int_equal(kernel_snprintf(NULL, 0, "%d", 1234), 4);
}

/* --- strings ------------------------------------------------------------------------------ */

static void strscpy_cuts_and_says_so(void **state)
{
	char buf[4];

	(void)state;
	assert_int_equal(strscpy(buf, "abc", sizeof(buf)), 3);
	assert_int_equal(strscpy(buf, "abcd", sizeof(buf)), -E2BIG);
	assert_string_equal(buf, "abc");
	assert_int_equal(strscpy(buf, "", sizeof(buf)), 0);
}

static void numbers_are_parsed_within_range(void **state)
{
	const char *end;
	u64 value;

	(void)state;
	assert_int_equal(kstrtou64("18446744073709551615", 10, &value, NULL), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(kstrtou64("18446744073709551616", 10, &value, NULL), -ERANGE);
	assert_int_equal(kstrtou64("0x1fG", 0, &value, &end), 0);
	assert_int_equal(value, 0x1f);
	assert_string_equal(end, "G");
	assert_int_equal(kstrtou64("0755", 0, &value, NULL), 0);
	assert_int_equal(value, 0755);
	assert_int_equal(kstrtou64("x", 10, &value, NULL), -EINVAL);
	assert_int_equal(kstrtou64("", 0, &value, NULL), -EINVAL);
	assert_int_equal(kstrtou64("12 ", 10, &value, NULL), -EINVAL);
}

static void command_line_is_parsed_as_linux_does(void **state)
{
	(void)state;
	cmdline_init("build/ringlet.elf root=/dev/vda ro  console=tty0 console=ttyS0 name=\"a b\" "
		     "blk.merge=0 size=64 root=/dev/vdb -- ro=no");
	assert_string_equal(cmdline_get("root"), "/dev/vdb");
	assert_string_equal(cmdline_get("ro"), "");
	assert_string_equal(cmdline_get("name"), "a b");
	assert_null(cmdline_get("missing"));
	assert_string_equal(cmdline_get_nth("console", 0), "tty0");
	assert_string_equal(cmdline_get_nth("console", 1), "ttyS0");
	assert_null(cmdline_get_nth("console", 2));
	assert_false(cmdline_bool("blk.merge", true));
	assert_true(cmdline_bool("ro", false));
	assert_true(cmdline_bool("missing", true));
	assert_int_equal(cmdline_u64("size", 1), 64);
	assert_int_equal(cmdline_u64("missing", 7), 7);
}

/* --- bitmaps and the radix tree ----------------------------------------------------------- */

static void bitmap_agrees_with_a_model(void **state)
{
	enum { BITS = 200 };
	u64 map[BITMAP_WORDS(BITS)] = {0};
	bool model[BITS] = {false};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t bit = random_u64() % BITS, from = random_u64() % (BITS + 1);
		size_t zero = from, set = from;

		model[bit] = random_u64() % 2;
		if (model[bit])
			bitmap_set(map, bit);
		else
			bitmap_clear(map, bit);
		while (zero < BITS && model[zero])
			zero++;
		while (set < BITS && !model[set])
			set++;
		assert_int_equal(bitmap_test(map, bit), model[bit]);
		assert_int_equal(bitmap_find_zero(map, BITS, from), zero);
		assert_int_equal(bitmap_find_set(map, BITS, from), set);
	}
}

static void *node_alloc(size_t size)
{
	return kzalloc(size, GFP_ATOMIC);
}

#define KEYS 12

struct model {
	u64 key;
	bool present, dirty;
};

static void check_tree(const struct radix_tree *tree, struct model *model)
{
	unsigned int present = 0, dirty = 0;
	void *items[KEYS];
	u64 found[KEYS];

	for (int i = 0; i < KEYS; i++) {
		present += model[i].present;
		dirty += model[i].dirty;
		assert_ptr_equal(radix_tree_lookup(tree, model[i].key),
				 model[i].present ? &model[i] : NULL);
		found[0] = ~model[i].key;
		(void)radix_tree_gang_lookup_tag(tree, model[i].key, items, found, 1,
						 RADIX_TAG_DIRTY);
		assert_int_equal(found[0] == model[i].key, model[i].dirty);
	}
	assert_int_equal(radix_tree_tagged(tree, RADIX_TAG_DIRTY), dirty != 0);
	assert_int_equal(radix_tree_gang_lookup_tag(tree, 0, items, found, KEYS, RADIX_TAG_DIRTY),
			 dirty);
	assert_int_equal(radix_tree_gang_lookup(tree, 0, items, found, KEYS), present);
	for (unsigned int i = 0; i < present; i++) {
		assert_true(((struct model *)items[i])->key == found[i]);
		assert_true(i == 0 || found[i - 1] < found[i]);
	}
}

static void random_change(struct radix_tree *tree, struct model *m)
{
	switch (random_u64() % 4) {
	case 0:
		assert_int_equal(radix_tree_insert(tree, m->key, m), m->present ? -EEXIST : 0);
		m->present = true;
		break;
	case 1:
		assert_ptr_equal(radix_tree_delete(tree, m->key), m->present ? m : NULL);
		m->present = m->dirty = false;
		break;
	case 2:
		radix_tree_tag_set(tree, m->key, RADIX_TAG_DIRTY);
		m->dirty = m->present;
		break;
	default:
		radix_tree_tag_clear(tree, m->key, RADIX_TAG_DIRTY);
		m->dirty = false;
	}
}

/* Many short lives of a tree, for it grows and its tags move up only while it is young. */
static void radix_tree_agrees_with_a_model(void **state)
{
	(void)state;
	radix_tree_set_allocator(node_alloc, kfree);
	for (int life = 0; life < 1000; life++) {
		struct radix_tree tree = RADIX_TREE_INIT;
		struct model model[KEYS] = {0};

		for (int i = 0; i < KEYS; i++) /* distinct, from 0 to far beyond a node's reach */
			model[i].key = ((random_u64() >> random_u64() % 64) & ~15ull) + (u64)i;
		for (int round = 0; round < 100; round++) {
			random_change(&tree, &model[random_u64() % KEYS]);
			check_tree(&tree, model);
		}
		for (int i = 0; i < KEYS; i++)
			radix_tree_delete(&tree, model[i].key);
		assert_int_equal(fake_kmalloc_live(), 0);
	}
}

static void radix_tree_without_memory_stays_whole(void **state)
{
	int item, failures = 0, err = -ENOMEM;

	(void)state;
	radix_tree_set_allocator(node_alloc, kfree);
	for (u32 n = 1; n < 64 && err; n++) {
		struct radix_tree tree = RADIX_TREE_INIT;

		assert_int_equal(radix_tree_insert(&tree, 3, &item), 0);
		mm_fail_after(n);
		err = radix_tree_insert(&tree, 1ull << 60, &item);
		mm_fail_after(0);
		failures += err == -ENOMEM;
		assert_ptr_equal(radix_tree_lookup(&tree, 3), &item);
		assert_ptr_equal(radix_tree_lookup(&tree, 1ull << 60), err ? NULL : &item);
		assert_ptr_equal(radix_tree_delete(&tree, 1ull << 60), err ? NULL : &item);
		assert_ptr_equal(radix_tree_delete(&tree, 3), &item);
		assert_int_equal(fake_kmalloc_live(), 0);
	}
	assert_int_equal(err, 0);
	assert_true(failures > 5);
}

static void each_cursor_is_told_of_an_error_once(void **state)
{
	struct errseq e = {0};
	u32 before = errseq_sample(&e), late, next;

	(void)state;
	assert_int_equal(errseq_check_and_advance(&e, &before), 0);
	errseq_set(&e, -EIO);
	late = errseq_sample(&e); /* nobody was told yet: it is for him, too */
	assert_int_equal(errseq_check(&e, before), -EIO);
	assert_int_equal(errseq_check_and_advance(&e, &before), -EIO);
	assert_int_equal(errseq_check_and_advance(&e, &before), 0);
	assert_int_equal(errseq_check_and_advance(&e, &late), -EIO);
	next = errseq_sample(&e);
	assert_int_equal(errseq_check_and_advance(&e, &next), 0);
	assert_int_equal(errseq_take(&e), 0);
	errseq_set(&e, -EIO); /* the same error again is a new one */
	errseq_set(&e, -ENOSPC);
	assert_int_equal(errseq_take(&e), -ENOSPC);
	assert_int_equal(errseq_take(&e), 0);
	assert_int_equal(errseq_check_and_advance(&e, &before), -ENOSPC);
	assert_int_equal(errseq_check_and_advance(&e, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cursor_is_told_of_an_error_once),
		cmocka_unit_test(formats_are_the_c_librarys),
		cmocka_unit_test(text_formats),
		cmocka_unit_test(strscpy_cuts_and_says_so),
		cmocka_unit_test(numbers_are_parsed_within_range),
		cmocka_unit_test(command_line_is_parsed_as_linux_does),
		cmocka_unit_test(bitmap_agrees_with_a_model),
		cmocka_unit_test(radix_tree_agrees_with_a_model),
		cmocka_unit_test(radix_tree_without_memory_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
