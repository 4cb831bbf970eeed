// uses: block fake-driver text fakes
/* Idle polling: how long, how often, and that no ring is left silent. */
#include "tests/host/host.h"

#include "tests/host/fakes/fake_driver.h"

#include "block/blk.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"

#define WINDOW_POLLS 100 /* of 10 us: the default of 1 ms */

static struct fake_disk d;
static struct block_device *bdev;
static u32 ended;
static bool wakes; /* the end of a bio wakes a thread */

static void count_end(struct bio *bio)
{
	assert_int_equal(bio->bi_status, 0);
	ended++;
	if (wakes)
		this_cpu()->need_resched = true;
	fake_bio_free(bio);
}

static void send(sector_t sector)
{
	struct bio *bio = fake_bio(bdev, REQ_OP_READ, sector, 8, 0);

	bio->bi_end_io = count_end;
	submit_bio(bio);
}

static bool is_silent(void)
{
	for (u32 i = 0; i < MAX_RINGS; i++)
		if (d.silent[i])
			return true;
	return false;
}

/* What the idle thread does. Returns: how often it looked. */
static u32 idle(void)
{
	u32 before = d.nr_polls;

	sched_idle_hook();
	/* Or the processor would sleep through a completion. */
	assert_true(this_cpu()->need_resched || !is_silent());
	return d.nr_polls - before;
}

static void complete_after(ktime_t ns)
{
	send(8);
	fake_clock_advance(ns);
	assert_true(fake_disk_complete_one(&d));
	while (fake_run_pending())
		;
}

static int setup(void **state)
{
	(void)state;
	fake_block_init();
	fake_disk_create(&d, "vda", 1, 32, NULL);
	bdev = fake_open("vda");
	ended = d.nr_polls = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	this_cpu()->need_resched = wakes = false;
	while (fake_disk_complete_one(&d))
		;
	blkdev_put(bdev, NULL);
	fake_disk_remove(&d);
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}

static void what_ends_soon_is_found(void **state)
{
	(void)state;
	send(8);
	d.done_at_poll = WINDOW_POLLS / 2;
	/* Nothing is in flight then: it does not go on looking, but lets the ring signal. */
	assert_int_equal(idle(), WINDOW_POLLS / 2 + 1);
	assert_int_equal(ended, 1);
}

static void nothing_in_flight_nothing_to_poll(void **state)
{
	(void)state;
	assert_int_equal(idle(), 0);
}

static void a_find_prolongs_the_look(void **state)
{
	(void)state;
	send(8);
	send(800);
	d.done_at_poll = WINDOW_POLLS - 1;
	assert_between(idle(), 2 * WINDOW_POLLS - 3, 2 * WINDOW_POLLS + 2);
	assert_int_equal(ended, 1);
}

static void a_slow_disk_is_left_to_its_interrupts(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++)
		complete_after(5 * NSEC_PER_MSEC);
	send(800);
	assert_int_equal(idle(), 0);
	/* It becomes quick. */
	for (u32 i = 0; i < 40; i++)
		complete_after(10 * NSEC_PER_USEC);
	assert_true(idle() > 0);
}

static void a_thread_to_run_ends_it(void **state)
{
	(void)state;
	send(8);
	this_cpu()->need_resched = true;
	assert_int_equal(idle(), 2); /* once, and the last look */
	assert_false(is_silent());   /* who knows for how long it computes */
}

static void whom_polling_woke_is_not_interrupted_in_this_tick(void **state)
{
	(void)state;
	send(8);
	send(800);
	wakes = true;
	d.done_at_poll = 5;
	assert_int_equal(idle(), 5);
	assert_int_equal(ended, 1);
	assert_true(is_silent());
	fake_clock_advance(TICK_NS - 1); /* in which there is a tick */
	while (fake_run_pending())
		;
	assert_false(is_silent());
}

static void only_the_ring_that_was_found_done_stays_silent(void **state)
{
	teardown(state);
	fake_disk_create(&d, "vda", 2, 32, NULL);
	bdev = fake_open("vda");
	ended = 0;
	d.per_ring[0] = d.per_ring[1] = 0;
	send(8);
	send(800);
	assert_int_equal(d.per_ring[0], 1);
	assert_int_equal(d.per_ring[1], 1);
	wakes = true;
	d.done_at_poll = 1;
	(void)idle();
	assert_int_equal(ended, 1);
	assert_true(d.silent[0] != d.silent[1]);
	assert_true(d.silent[d.per_ring[0] == 0 ? 0 : 1]); /* the other's reader may wait long */
}

static void a_silent_ring_becomes_loud_before_a_halt(void **state)
{
	(void)state;
	send(8);
	send(800);
	wakes = true;
	d.done_at_poll = 1;
	(void)idle();
	this_cpu()->need_resched = wakes = false;
	assert_true(fake_disk_complete_one(&d)); /* by another way */
	while (fake_run_pending())
		;
	(void)idle(); /* which asks that nothing is silent */
}

/* blk.poll=1: on a slow disk, too, and while a thread computes. The last test: it stays so. */
static void without_interrupts_it_looks_until_all_is_back(void **state)
{
	(void)state;
	fake_clock_advance(2 * TICK_NS); /* the timer is not armed */
	(void)fake_run_pending();
	cmdline_init("blk.poll=1");
	blk_poll_init();
	for (u32 i = 0; i < 4; i++)
		complete_after(5 * NSEC_PER_MSEC);
	ended = d.nr_polls = 0;
	send(800);
	d.done_at_poll = 20 * WINDOW_POLLS;
	sched_idle_hook();
	assert_int_equal(ended, 1);
	assert_int_equal(d.nr_polls, 20 * WINDOW_POLLS);
	assert_true(is_silent());
	for (u32 i = 2; i < 5; i++) {
		send(1600);
		d.done_at_poll = 1;
		fake_clock_advance(2 * TICK_NS);
		(void)fake_run_pending();
		assert_int_equal(ended, i);
		assert_true(is_silent());
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_ends_soon_is_found),
		T(nothing_in_flight_nothing_to_poll),
		T(a_find_prolongs_the_look),
		T(a_slow_disk_is_left_to_its_interrupts),
		T(a_thread_to_run_ends_it),
		T(whom_polling_woke_is_not_interrupted_in_this_tick),
		T(only_the_ring_that_was_found_done_stays_silent),
		T(a_silent_ring_becomes_loud_before_a_halt),
		T(without_interrupts_it_looks_until_all_is_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
