// sources: kernel/mm/kmalloc.c kernel/lib/vsnprintf.c tests/host/fakes/printk.c
// sources: tests/host/fakes/page.c tests/host/fakes/sched.c tests/host/fakes/fail.c
/* The kernel heap on an arena of page frames. */
#include "tests/host/fakes/fail.h"
#include "tests/host/host.h"

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/mm_internal.h"

u64 vm_stat[NR_VM_STAT_ITEMS];

bool should_fail_alloc(void)
{
	return false; /* the fake frames count */
}

#define HELD 2000

static struct {
	u8 *p;
	size_t size;
	u8 pattern;
} held[HELD];

static size_t random_size(void)
{
	switch (random() % 8) {
	case 0:
		return (size_t)random() % 20000 + 1;
	case 1:
		return 1ul << random() % 12;
	default:
		return (size_t)random() % 300 + 1;
	}
}

static void check_and_free(size_t i)
{
	for (size_t n = 0; held[i].p && n < held[i].size; n++)
		assert_int_equal(held[i].p[n], held[i].pattern);
	kfree(held[i].p);
	held[i].p = NULL;
}

static void objects_keep_their_bytes(void **state)
{
	(void)state;
	srandom(host_seed(2));
	for (int step = 0; step < 100000; step++) {
		size_t i = (size_t)random() % HELD, size = random_size();
		u8 *p;

		check_and_free(i);
		if (random() % 4 == 0)
			continue;
		p = kmalloc(size, GFP_KERNEL);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		if (size >= 16 && size <= 4096 && (size & (size - 1)) == 0)
			assert_int_equal((uintptr_t)p % size, 0);
		held[i].p = p;
		held[i].size = size;
		held[i].pattern = (u8)random();
		memset(p, held[i].pattern, size);
	}
	for (size_t i = 0; i < HELD; i++)
		check_and_free(i);
	/* Each of the ten sizes may keep one empty slab. */
	assert_true(fake_pages_live() <= 10);
	assert_int_equal(vm_stat[NR_SLAB], fake_pages_live());
}

static void zeroed_means_zeroed(void **state)
{
	u8 *p = kmalloc(512, GFP_KERNEL);

	(void)state;
	memset(p, 0xff, 512);
	kfree(p);
	p = kcalloc(8, 64, GFP_KERNEL);
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(p[i], 0);
	kfree(p);
}

static void too_much_is_null(void **state)
{
	(void)state;
	assert_null(kmalloc((1ul << 20) + 1, GFP_KERNEL));
	assert_null(kcalloc(1ul << 33, 1ul << 33, GFP_KERNEL));
	mm_fail_after(1);
	assert_null(kmalloc(9000, GFP_KERNEL));
	kfree(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_keep_their_bytes),
		cmocka_unit_test(zeroed_means_zeroed),
		cmocka_unit_test(too_much_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
