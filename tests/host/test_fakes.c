// uses: fakes
// sources: tests/host/fakes/uaccess.c
/* The fakes keep the promises that the other host tests rest on. */
#include "tests/host/host.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/workqueue.h"

static void nth_allocation_fails(void **state)
{
	void *a, *b;

	(void)state;
	mm_fail_after(2);
	a = kmalloc(64, GFP_KERNEL);
	b = kmalloc(64, GFP_KERNEL);
	assert_non_null(a);
	assert_null(b);
	assert_int_equal((uintptr_t)a % 64, 0);
	assert_int_equal(fake_kmalloc_live(), 1);
	kfree(a);
	assert_int_equal(fake_kmalloc_live(), 0);
}

static void pages_translate_both_ways(void **state)
{
	struct page *page = alloc_pages(GFP_KERNEL | GFP_ZERO, 2);
	u8 *va;

	(void)state;
	assert_non_null(page);
	va = page_address(page);
	assert_ptr_equal(virt_to_page(va + 3 * PAGE_SIZE), page + 3);
	assert_ptr_equal(phys_to_page(page_to_phys(page + 1)), page + 1);
	assert_int_equal(va[4 * PAGE_SIZE - 1], 0);
	assert_int_equal(fake_pages_live(), 4);
	free_pages(page, 2);
	assert_int_equal(fake_pages_live(), 0);
}

static struct completion done;
static void finish(struct timer *t)
{
	(void)t;
	complete(&done);
}

static void a_sleep_lets_time_pass(void **state)
{
	struct timer t;
	ktime_t start = ktime_get_ns();

	(void)state;
	init_completion(&done);
	timer_init(&t, finish);
	timer_mod(&t, start + 5000);
	wait_for_completion(&done);
	assert_int_equal(ktime_get_ns() - start, 5000);
	assert_false(timer_armed(&t));
}

static int works_run;
static void count_work(struct work *w)
{
	(void)w;
	works_run++;
}

static void work_runs_once(void **state)
{
	struct work w;

	(void)state;
	work_init(&w, count_work);
	assert_true(schedule_work(&w));
	assert_false(schedule_work(&w));
	assert_true(fake_run_pending());
	assert_false(fake_run_pending());
	assert_int_equal(works_run, 1);
}

static void a_hole_faults(void **state)
{
	char user[8] = "abcdefg", buf[8];

	(void)state;
	fake_user_hole(user + 4, 2);
	assert_int_equal(copy_from_user(buf, USERPTR(user), 8), -EFAULT);
	assert_int_equal(copy_from_user_inatomic(buf, USERPTR(user), 8), 4);
	assert_int_equal(strncpy_from_user(buf, USERPTR(user), 8), -EFAULT);
	fake_user_hole(NULL, 0);
	assert_int_equal(strncpy_from_user(buf, USERPTR(user), 8), 7);
	assert_int_equal(strncpy_from_user(buf, USERPTR(user), 7), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nth_allocation_fails),
		cmocka_unit_test(pages_translate_both_ways),
		cmocka_unit_test(a_sleep_lets_time_pass),
		cmocka_unit_test(work_runs_once),
		cmocka_unit_test(a_hole_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
