// uses: user-copies
// sources: kernel/lib/vsnprintf.c tests/host/fakes/printk.c tests/host/fakes/page.c
// sources: tests/host/fakes/kmalloc.c tests/host/fakes/fail.c
/* The cursor over user vectors against one flat array. */
#include "tests/host/host.h"

#include "kernel/lib/errno.h"
#include "kernel/mm/iov_iter.h"

#define SEGS 12
#define SIZE 40000u

static u8 memory[2 * SIZE], flat[SIZE], buf[SIZE];
static struct iovec iov[SEGS];

/* Random segments with gaps, some empty. Returns: their sum. */
static size_t make_vector(void)
{
	size_t at = 0, sum = 0;

	for (int i = 0; i < SEGS; i++) {
		size_t len = random() % 4 ? (size_t)random() % (SIZE / SEGS) : 0;

		at += (size_t)random() % 100;
		iov[i] = (struct iovec){(u64)(uintptr_t)&memory[at], len};
		at += len;
		sum += len;
	}
	return sum;
}

static void gather(u8 *dst)
{
	for (int i = 0; i < SEGS; i++) {
		memcpy(dst, (void *)(uintptr_t)iov[i].iov_base, iov[i].iov_len);
		dst += iov[i].iov_len;
	}
}

static void copies_and_reverts_agree_with_a_flat_array(void **state)
{
	(void)state;
	srandom(host_seed(3));
	for (int round = 0; round < 2000; round++) {
		size_t sum = make_vector(), pos = 0;
		struct iov_iter it;

		for (size_t i = 0; i < sizeof(memory); i++)
			memory[i] = (u8)random();
		gather(flat);
		iov_iter_init_user(&it, iov, SEGS);
		for (int step = 0; step < 20; step++) {
			size_t n = (size_t)random() % (SIZE / 4),
			       real = n < sum - pos ? n : sum - pos;

			assert_int_equal(iov_iter_count(&it), sum - pos);
			if (step % 2) {
				assert_int_equal(copy_from_iter(buf, n, &it), real);
				assert_memory_equal(buf, flat + pos, real);
			} else {
				memset(buf, step, n);
				assert_int_equal(copy_to_iter(buf, n, &it), real);
				memset(flat + pos, step, real);
			}
			pos += real;
			if (random() % 3 == 0) {
				size_t back = pos ? (size_t)random() % (pos + 1) : 0;

				iov_iter_revert(&it, back);
				pos -= back;
			}
		}
		gather(buf);
		assert_memory_equal(buf, flat, sum);
	}
}

static void a_hole_ends_the_copy_at_its_page(void **state)
{
	u8 *page = (u8 *)(((uintptr_t)memory + 8191) & ~4095ul);
	struct iovec one = {(u64)(uintptr_t)page - 100, 5000};
	struct iov_iter it;

	(void)state;
	fake_user_hole(page, 4096);
	iov_iter_init_user(&it, &one, 1);
	assert_int_equal(iov_iter_fault_in(&it, 100, false), 100);
	assert_int_equal(iov_iter_fault_in(&it, 5000, false), 100);
	assert_int_equal(iov_iter_fault_in(&it, 0, false), 0);
	assert_int_equal(copy_from_iter(buf, 5000, &it), 100);
	assert_int_equal(iov_iter_count(&it), 4900);
	assert_int_equal(copy_from_iter(buf, 10, &it), 0);
	assert_int_equal(copy_from_iter_inatomic(buf, 10, &it), 0);
	assert_int_equal(iov_iter_zero(10, &it), 0);
	assert_int_equal(iov_iter_fault_in(&it, 10, true), -EFAULT);
	fake_user_hole(NULL, 0);
}

static void a_kernel_buffer_and_truncation(void **state)
{
	char text[] = "0123456789";
	struct iov_iter it;

	(void)state;
	iov_iter_init_kernel(&it, text, 10);
	iov_iter_truncate(&it, 8);
	assert_int_equal(copy_from_iter(buf, 3, &it), 3);
	assert_memory_equal(buf, "012", 3);
	assert_int_equal(copy_to_iter("ab", 2, &it), 2);
	assert_int_equal(iov_iter_zero(1, &it), 1);
	iov_iter_revert(&it, 3);
	assert_int_equal(copy_from_iter(buf, 100, &it), 5);
	assert_memory_equal(buf,
			    "ab\0"
			    "67",
			    5);
	assert_int_equal(iov_iter_count(&it), 0);
	assert_string_equal(text + 6, "6789");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_and_reverts_agree_with_a_flat_array),
		cmocka_unit_test(a_hole_ends_the_copy_at_its_page),
		cmocka_unit_test(a_kernel_buffer_and_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
