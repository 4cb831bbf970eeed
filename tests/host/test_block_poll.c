// sources: block/bio.c block/blk-core.c block/blk-mq.c block/blk-tag.c block/blk-plug.c block/blk-poll.c
// sources: block/blk-queue.c block/blk-merge.c block/blk-flush.c block/elevator.c block/deadline.c
// sources: block/genhd.c block/bdev.c block/partitions.c
// sources: kernel/lib/cmdline.c kernel/lib/bitmap.c kernel/lib/string.c kernel/lib/vsnprintf.c
// sources: tests/host/fakes/blkfake.c tests/host/fakes/printk.c tests/host/fakes/fail.c
// sources: tests/host/fakes/kmalloc.c tests/host/fakes/page.c tests/host/fakes/sched.c
/* Idle polling: how long, how often, and that no ring is left silent. */
#include "tests/host/host.h"

#include "tests/host/blkfake.h"

#include "kernel/arch/clock.h"
#include "kernel/sched/thread.h"

#define WINDOW_POLLS 20 /* of 10 us: the default 200 us */

static struct fake_disk d;
static struct block_device *bdev;
static u32 ended;

static void count_end(struct bio *bio)
{
	assert_int_equal(bio->bi_status, 0);
	ended++;
	fake_bio_free(bio);
}

static void send(sector_t sector)
{
	struct bio *bio = fake_bio(bdev, REQ_OP_READ, sector, 8, 0);

	bio->bi_end_io = count_end;
	submit_bio(bio);
}

static void idle(void)
{
	sched_idle_hook();
	for (u32 i = 0; i < MAX_RINGS; i++)
		assert_false(d.silent[i]); /* or the processor would sleep through a completion */
}

static u32 polls_of_one_idle(void)
{
	u32 before = d.nr_polls;

	idle();
	return d.nr_polls - before;
}

static int start(void **state)
{
	(void)state;
	fake_block_init();
	fake_disk_create(&d, "vda", 1, 32, NULL);
	bdev = fake_open("vda");
	ended = 0;
	/* Success: whatever failed before is forgotten. */
	send(0);
	for (u32 i = 0; !ended && i < 200; i++) {
		d.done_at_poll = 1;
		idle();
	}
	assert_int_equal(ended, 1);
	ended = d.nr_polls = d.done_at_poll = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	this_cpu()->need_resched = false;
	while (fake_disk_complete_one(&d))
		;
	blkdev_put(bdev, true, NULL);
	fake_disk_remove(&d);
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}

static void what_ends_soon_is_found(void **state)
{
	(void)state;
	send(8);
	d.done_at_poll = WINDOW_POLLS / 2;
	idle();
	assert_int_equal(ended, 1);
	/* Nothing is in flight any more: it does not go on looking, but lets the ring signal. */
	assert_int_equal(d.nr_polls, WINDOW_POLLS / 2 + 1);
}

static void nothing_in_flight_nothing_to_poll(void **state)
{
	(void)state;
	assert_int_equal(polls_of_one_idle(), 0);
}

static void a_find_prolongs_the_look(void **state)
{
	(void)state;
	send(8);
	send(800);
	d.done_at_poll = WINDOW_POLLS - 1;
	idle();
	assert_int_equal(ended, 1);
	assert_in_range(d.nr_polls, 2 * WINDOW_POLLS - 3, 2 * WINDOW_POLLS + 2);
}

static void a_slow_disk_is_polled_ever_more_rarely(void **state)
{
	u32 phases = 0;

	(void)state;
	send(8);
	assert_in_range(polls_of_one_idle(), WINDOW_POLLS, WINDOW_POLLS + 2);
	assert_int_equal(polls_of_one_idle(), 0); /* one is left out, then three, seven, ... */
	assert_true(polls_of_one_idle() > 0);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(polls_of_one_idle(), 0);
	assert_true(polls_of_one_idle() > 0);
	for (u32 i = 0; i < 650; i++)
		phases += polls_of_one_idle() > 0;
	assert_in_range(phases, 10, 13); /* one of 65, but not none */
	/* It becomes quick: from the first find on, every time. */
	d.done_at_poll = 1;
	while (!ended)
		idle();
	send(16);
	d.done_at_poll = 3;
	idle();
	assert_int_equal(ended, 2);
}

static void a_thread_to_run_ends_it(void **state)
{
	(void)state;
	send(8);
	this_cpu()->need_resched = true;
	assert_in_range(polls_of_one_idle(), 0, 2);
	this_cpu()->need_resched = false;
	assert_true(polls_of_one_idle() > 0); /* which was no failure */
}

static void many_in_flight_are_left_to_interrupts(void **state)
{
	(void)state;
	for (sector_t i = 0; i < 5; i++)
		send(i * 64);
	assert_int_equal(polls_of_one_idle(), 0);
	fake_disk_complete_one(&d);
	while (fake_run_pending())
		;
	assert_true(polls_of_one_idle() > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_ends_soon_is_found),  T(nothing_in_flight_nothing_to_poll),
		T(a_find_prolongs_the_look), T(a_slow_disk_is_polled_ever_more_rarely),
		T(a_thread_to_run_ends_it),  T(many_in_flight_are_left_to_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
