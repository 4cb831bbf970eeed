// uses: block fake-driver text fakes
// sources: tests/host/fakes/block_world.c
/* The block layer without memory: the reserves of bios and clones. */
#include "tests/host/fakes/block_world.h"
#include "tests/host/host.h"

#include "kernel/lib/err.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/mempool.h"
#include "kernel/sched/thread.h"

static void short_memory_uses_the_reserve(void **state)
{
	struct bio *held[192], *bio;

	(void)state;
	for (u32 i = 0; i < 192; i++) {
		mm_fail_after(1);
		held[i] = bio_alloc(bdev, 4, REQ_OP_READ, GFP_NOFS);
		assert_non_null(held[i]);
	}
	mm_fail_after(1);
	assert_null(bio_alloc(bdev, 4, REQ_OP_READ, GFP_ATOMIC));
	mm_fail_after(1);
	assert_null(bio_alloc(bdev, 64, REQ_OP_READ, GFP_KERNEL));
	for (u32 i = 0; i < 192; i++)
		bio_put(held[i]);
	mm_fail_after(1);
	bio = bio_alloc(bdev, 1, REQ_OP_READ, GFP_KERNEL);
	assert_non_null(bio);
	bio_put(bio);
}

static struct thread second_thread;
static u32 waits;

/* The second thread waits: the first one sends what it made. */
static bool first_sends(void)
{
	waits++;
	fake_set_current(NULL);
	mempool_release(&bio_clones);
	fake_set_current(&second_thread);
	return true;
}

/* Two that each had made a part of their clones would wait for each other. */
static void one_thread_at_a_time_uses_the_reserve_of_clones(void **state)
{
	struct bio *bio = fake_bio(bdev, REQ_OP_READ, 0, 8, 0), *made[3];

	(void)state;
	fake_schedule_hook = first_sends;
	for (u32 i = 0; i < 3; i++) {
		mm_fail_after(1);
		made[i] = bio_alloc_clone(bio);
		assert_int_equal(waits, i == 2);
		if (i == 1)
			fake_set_current(&second_thread);
	}
	mempool_release(&bio_clones);
	for (u32 i = 0; i < 3; i++)
		bio_put(made[i]);
	/* A mirror that is rebuilt makes them outside of submit_bio; what sends them ends it. */
	fake_set_current(NULL);
	mm_fail_after(1);
	made[0] = bio_alloc_clone(bio);
	send_bio(REQ_OP_READ, 0, 8, 'r');
	fake_set_current(&second_thread);
	mm_fail_after(1);
	made[1] = bio_alloc_clone(bio);
	mempool_release(&bio_clones);
	assert_int_equal(waits, 1);
	fake_set_current(NULL);
	fake_schedule_hook = fake_disks_progress;
	bio_put(made[0]);
	bio_put(made[1]);
	fake_bio_free(bio);
}

static void no_memory_no_queue(void **state)
{
	static const struct blk_mq_ops no_ops = {0};

	(void)state;
	for (u32 n = 1; n < 4; n++) {
		size_t live = fake_kmalloc_live();

		mm_fail_after(n);
		assert_int_equal(PTR_ERR(blk_mq_init_queue(&no_ops, 1, 4, 8, NULL)), -ENOMEM);
		assert_int_equal(fake_kmalloc_live(), live);
	}
	mm_fail_after(0);
	assert_int_equal(PTR_ERR(blk_mq_init_queue(&no_ops, 0, 4, 8, NULL)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(short_memory_uses_the_reserve),
		T(one_thread_at_a_time_uses_the_reserve_of_clones),
		T(no_memory_no_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
