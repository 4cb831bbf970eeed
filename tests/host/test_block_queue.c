// uses: block fake-driver text fakes
// sources: tests/host/fakes/block_world.c
/* The request queue: what reaches the driver and when: plugs, tags, full rings, elevators. */
#include "tests/host/fakes/block_world.h"
#include "tests/host/host.h"

#include "block/blk.h"
#include "kernel/arch/clock.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"

static void write_then_read(void **state)
{
	struct bio *bio = fake_bio(bdev, REQ_OP_WRITE, 16, 8, 'x');

	(void)state;
	assert_int_equal(submit_bio_wait(bio), 0);
	fake_bio_free(bio);
	assert_int_equal(d.data[16 * 512], 'x');
	bio = fake_bio(bdev, REQ_OP_READ, 16, 8, 0);
	assert_int_equal(submit_bio_wait(bio), 0);
	assert_int_equal(*(u8 *)page_address(bio->bi_io_vec[0].bv_page), 'x');
	fake_bio_free(bio);
}

static void async_waits_for_the_timer(void **state)
{
	(void)state;
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	send_bio(REQ_OP_WRITE, 8, 8, 'w');
	assert_int_equal(d.nr_requests, 0);
	fake_clock_advance(5 * NSEC_PER_MSEC);
	assert_int_equal(d.nr_requests, 1);
	drain();
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	assert_int_equal(d.nr_requests, 1);
	send_bio(REQ_OP_READ, 800, 8, 'r'); /* somebody waits: both go, the read first */
	assert_string_equal(d.trace, "WRW");
}

static void a_sleep_sends_the_plug(void **state)
{
	struct blk_plug plug;
	struct bio *bio;

	(void)state;
	blk_start_plug(&plug);
	send_bio(REQ_OP_WRITE, 80, 8, 'w');
	bio = fake_bio(bdev, REQ_OP_READ, 0, 8, 0);
	assert_int_equal(submit_bio_wait(bio), 0);
	fake_bio_free(bio);
	drain();
	assert_int_equal(ended, 1);
	send_bio(REQ_OP_READ, 80, 8, 'w');
	set_current_state(THREAD_INTERRUPTIBLE);
	schedule();
	assert_int_equal(d.nr_requests, 3);
	blk_finish_plug(&plug);
	assert_null(current_thread()->plug);
}

static void tags_bound_the_depth(void **state)
{
	struct bio *bio;

	(void)state;
	block_teardown(NULL);
	block_start(1, 5, NULL);
	for (u32 i = 0; i < 4; i++)
		send_bio(REQ_OP_READ, i * 16, 8, 'r');
	assert_int_equal(d.nr_flying, 4);
	bio = fake_bio(bdev, REQ_OP_READ | REQ_NOWAIT, 512, 8, 0);
	assert_int_equal(submit_bio_wait(bio), -EAGAIN);
	fake_bio_free(bio);
	for (u32 i = 4; i < 40; i++)
		send_bio(REQ_OP_READ, i * 16, 8, 'r');
	drain();
	assert_int_equal(ended, 40);
	assert_int_equal(d.most_flying, 4);
}

static void a_full_ring_parks_the_queue(void **state)
{
	u32 busy;

	(void)state;
	block_teardown(NULL);
	block_start(2, 32, NULL);
	d.ring_size = 2;
	for (u32 i = 0; i < 20; i++)
		send_bio(REQ_OP_READ, i * 16, 8, 'r');
	assert_int_equal(d.nr_flying, 4);
	busy = d.nr_busy;
	assert_true(busy <= 4); /* no spinning */
	fake_clock_advance(NSEC_PER_SEC);
	assert_int_equal(d.nr_busy, busy);
	drain();
	assert_int_equal(ended, 20);
	/* Full with nothing in flight: tried again, later. */
	d.ring_size = 0;
	send_bio(REQ_OP_READ, 0, 8, 'r');
	fake_clock_advance(10 * NSEC_PER_MSEC);
	d.ring_size = 2;
	fake_clock_advance(10 * NSEC_PER_MSEC);
	drain();
	assert_int_equal(ended, 21);
}

/* Tags taken for what a plug expects: used, given back when it ends or sleeps, and not hoarded. */
static void a_plug_takes_tags_together(void **state)
{
	struct blk_plug plug;

	(void)state;
	block_start(1, 9, NULL); /* eight, and the one for flushes */
	blk_start_plug_nr_ios(&plug, 100);
	send_bio(REQ_OP_READ, 0, 8, 'a');
	send_bio(REQ_OP_READ, 64, 8, 'b');
	blk_finish_plug(&plug);
	assert_int_equal(d.nr_flying, 2);
	/* The other six are free for who has no plug. */
	for (sector_t i = 0; i < 6; i++)
		send_bio(REQ_OP_READ, 512 + i * 64, 8, 'c');
	assert_int_equal(d.nr_flying, 8);
	drain();
	/* More than there are tags: it sends what it has, and waits. */
	blk_start_plug_nr_ios(&plug, 20);
	for (sector_t i = 0; i < 20; i++)
		send_bio(REQ_OP_READ, i * 64, 8, 'd');
	blk_finish_plug(&plug);
	drain();
	assert_int_equal(ended, 28);
	/* Asleep for something else it holds none: or a frozen queue would never run dry. */
	blk_start_plug_nr_ios(&plug, 5);
	send_bio(REQ_OP_READ, 0, 8, 'e');
	assert_int_equal(elevator_switch(d.q, "none"), 0);
	send_bio(REQ_OP_READ, 64, 8, 'f');
	blk_finish_plug(&plug);
	drain();
	assert_int_equal(ended, 30);
}

static void deadline_sorts_and_forgets_none(void **state)
{
	static const u32 sectors[] = {800, 80, 400, 1600, 8, 960};

	(void)state;
	block_teardown(NULL);
	block_start(1, 64, NULL);
	assert_int_equal(elevator_switch(d.q, "deadline"), 0);
	assert_int_equal(elevator_switch(d.q, "bfq"), -EINVAL);
	d.ring_size = 1;
	send_bio(REQ_OP_READ, 2000, 8, 'x');
	for (u32 i = 0; i < 6; i++)
		send_bio(REQ_OP_READ, sectors[i], 8, (char)('0' + i));
	send_bio(REQ_OP_WRITE, 100, 8, 'w');
	drain();
	/* From the oldest (nothing lies above 2000) upwards, again from the oldest, and the
	 * rest. */
	assert_memory_equal(order, "x", 1);
	assert_non_null(strstr(order, "053"));
	assert_non_null(strstr(order, "12"));
	assert_int_equal(ended, 8);
	ended = 0;
	memset(order, 0, sizeof(order));
	send_bio(REQ_OP_WRITE, 1000, 8, 'x');
	fake_clock_advance(5 * NSEC_PER_MSEC);
	for (u32 i = 0; i < 8; i++) {
		send_bio(REQ_OP_READ, 1500 + i * 16, 8, 'r'); /* the first finds the ring full */
		if (i == 0)
			send_bio(REQ_OP_WRITE, 2000, 8, 'w');
	}
	for (u32 i = 0; i < 80; i++) { /* reads keep coming */
		send_bio(REQ_OP_READ, i * 16, 8, 'r');
		fake_disk_complete_one(&d);
		fake_run_pending();
	}
	assert_non_null(strchr(order, 'w'));
	drain();
}

static void elevator_switches_under_load(void **state)
{
	(void)state;
	for (u32 i = 0; i < 200; i++) {
		send_bio(i % 3 ? REQ_OP_READ : REQ_OP_WRITE, fake_random(250) * 8, 8, 'r');
		if (i % 20 == 0)
			assert_int_equal(elevator_switch(d.q, i % 40 ? "none" : "deadline"), 0);
	}
	drain();
	assert_int_equal(ended, 200);
	assert_string_equal(elevator_name(d.q), "none");
}

static void the_driver_asks(void **state)
{
	char *buf = kmalloc(20, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);

	(void)state;
	assert_int_equal(blk_execute_drv(d.q, NULL, page_address(page), 20), 0);
	assert_memory_equal(page_address(page), "SSSS", 4);
	put_page(page);
	kfree(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(write_then_read),
		T(async_waits_for_the_timer),
		T(a_sleep_sends_the_plug),
		T(tags_bound_the_depth),
		T(a_full_ring_parks_the_queue),
		cmocka_unit_test_teardown(a_plug_takes_tags_together, block_teardown),
		T(deadline_sorts_and_forgets_none),
		T(elevator_switches_under_load),
		T(the_driver_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
