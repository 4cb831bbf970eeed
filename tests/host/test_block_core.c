// uses: block text fakes
// sources: tests/host/fakes/fake_driver.c
/* The request queue, one mechanism a test: what reaches the driver, in what order, and back. */
#include "tests/host/host.h"

#include "tests/host/fakes/fake_driver.h"

#include "block/blk.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/mempool.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"

static struct fake_disk d;
static struct block_device *bdev;
static u32 ended, errors;
static int last_status;
static char order[128], failed[128];
static bool check_reads; /* that they found their mark */

static void count_end(struct bio *bio)
{
	assert_int_equal(this_cpu()->spin_depth, 0);
	if (ended + 1 < sizeof(order))
		order[ended] = (char)(uintptr_t)bio->bi_private;
	ended++;
	if (bio->bi_status && errors + 1 < sizeof(failed))
		failed[errors] = (char)(uintptr_t)bio->bi_private;
	errors += bio->bi_status != 0;
	last_status = bio->bi_status;
	if (check_reads && !bio->bi_status && bio_op(bio) == REQ_OP_READ)
		assert_int_equal(*(char *)page_address(bio->bi_io_vec[0].bv_page),
				 (char)(uintptr_t)bio->bi_private);
	fake_bio_free(bio);
}

static void send(blk_opf_t opf, sector_t sector, u32 sectors, char mark)
{
	struct bio *bio = fake_bio(bdev, opf, sector, sectors, (u8)mark);

	bio->bi_end_io = count_end;
	bio->bi_private = (void *)(uintptr_t)mark;
	submit_bio(bio);
}

static void drain(void)
{
	fake_clock_advance(5 * NSEC_PER_MSEC); /* what a queue holds back */
	do
		while (fake_run_pending())
			;
	while (fake_disk_complete_one(&d));
}

static int start_with(u16 rings, u16 depth, const struct queue_limits *lim)
{
	fake_block_init();
	fake_disk_create(&d, "vda", rings, depth, lim);
	bdev = fake_open("vda");
	check_reads = false;
	ended = errors = 0;
	memset(order, 0, sizeof(order));
	memset(failed, 0, sizeof(failed));
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return start_with(1, 32, NULL);
}

static int teardown(void **state)
{
	(void)state;
	drain();
	blkdev_put(bdev, NULL);
	fake_disk_remove(&d);
	assert_int_equal(fake_pages_live(), 1); /* the page of zeroes */
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}

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

static void neighbours_join_in_the_plug(void **state)
{
	struct blk_plug plug;

	(void)state;
	blk_start_plug(&plug);
	for (u32 i = 0; i < 16; i++) /* front and back in turns */
		send(REQ_OP_READ, i % 2 ? 256 + i / 2 * 8 : 248 - i / 2 * 8, 8, 'r');
	assert_int_equal(d.nr_requests, 0);
	blk_finish_plug(&plug);
	assert_int_equal(d.nr_requests, 1);
	assert_int_equal(d.flying[0]->data_len, 16 * 4096);
	drain();
	assert_int_equal(ended, 16);
	assert_int_equal(bdev->bd_stats.merges[0], 15);
	assert_int_equal(bdev->bd_stats.sectors[0], 128);
}

static void what_differs_does_not_join(void **state)
{
	struct blk_plug plug;

	(void)state;
	blk_queue_write_cache(d.q, true, true);
	blk_queue_limits(d.q)->max_discard_sectors = 1000;
	blk_start_plug(&plug);
	send(REQ_OP_READ, 0, 8, 'r');
	send(REQ_OP_WRITE, 8, 8, 'w');
	send(REQ_OP_WRITE | REQ_FUA, 16, 8, 'w');
	send(REQ_OP_WRITE, 24, 8, 'w');
	send(REQ_OP_WRITE | REQ_NOMERGE, 32, 8, 'w');
	blk_finish_plug(&plug);
	assert_int_equal(d.nr_requests, 5);
	drain();
	assert_int_equal(ended, 5);
}

static void limits_bound_a_request(void **state)
{
	struct queue_limits lim;

	(void)state;
	lim = *blk_queue_limits(d.q);
	teardown(NULL);
	lim.max_segments = 3;
	lim.max_segment_size_bytes = 2048;
	lim.max_sectors = 10;
	start_with(1, 32, &lim);
	send(REQ_OP_WRITE, 0, 64, 'a'); /* checked in the fake driver */
	drain();
	assert_int_equal(ended, 1);
	assert_int_equal(errors, 0);
	assert_true(d.nr_requests >= 7);
	for (u32 i = 0; i < 64 * 512; i++)
		assert_int_equal(d.data[i], 'a');
}

static void pieces_cross_no_boundary(void **state)
{
	struct queue_limits lim;

	(void)state;
	lim = *blk_queue_limits(d.q);
	teardown(NULL);
	lim.max_segments = 4;
	lim.seg_boundary_bytes = 2048;
	start_with(1, 32, &lim);
	send(REQ_OP_WRITE, 0, 8, 'a'); /* two pieces each: checked in the fake driver */
	send(REQ_OP_WRITE, 8, 8, 'b');
	send(REQ_OP_WRITE, 16, 8, 'c');
	send(REQ_OP_WRITE, 24, 32, 'd');
	drain();
	assert_int_equal(ended, 4);
	assert_int_equal(errors, 0);
	assert_int_equal(d.nr_requests, 4); /* a + b, c and the start of d, ... */
	for (u32 i = 0; i < 56; i++)
		assert_int_equal(d.data[i * 512], i < 24 ? 'a' + (int)i / 8 : 'd');
}

static void async_waits_for_the_timer(void **state)
{
	(void)state;
	send(REQ_OP_WRITE, 0, 8, 'w');
	send(REQ_OP_WRITE, 8, 8, 'w');
	assert_int_equal(d.nr_requests, 0);
	fake_clock_advance(5 * NSEC_PER_MSEC);
	assert_int_equal(d.nr_requests, 1);
	drain();
	send(REQ_OP_WRITE, 0, 8, 'w');
	assert_int_equal(d.nr_requests, 1);
	send(REQ_OP_READ, 800, 8, 'r'); /* somebody waits: both go, the read first */
	assert_string_equal(d.trace, "WRW");
}

static void a_sleep_sends_the_plug(void **state)
{
	struct blk_plug plug;
	struct bio *bio;

	(void)state;
	blk_start_plug(&plug);
	send(REQ_OP_WRITE, 80, 8, 'w');
	bio = fake_bio(bdev, REQ_OP_READ, 0, 8, 0);
	assert_int_equal(submit_bio_wait(bio), 0);
	fake_bio_free(bio);
	drain();
	assert_int_equal(ended, 1);
	send(REQ_OP_READ, 80, 8, 'w');
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
	teardown(NULL);
	start_with(1, 5, NULL);
	for (u32 i = 0; i < 4; i++)
		send(REQ_OP_READ, i * 16, 8, 'r');
	assert_int_equal(d.nr_flying, 4);
	bio = fake_bio(bdev, REQ_OP_READ | REQ_NOWAIT, 512, 8, 0);
	assert_int_equal(submit_bio_wait(bio), -EAGAIN);
	fake_bio_free(bio);
	for (u32 i = 4; i < 40; i++)
		send(REQ_OP_READ, i * 16, 8, 'r');
	drain();
	assert_int_equal(ended, 40);
	assert_int_equal(d.most_flying, 4);
}

static void a_full_ring_parks_the_queue(void **state)
{
	u32 busy;

	(void)state;
	teardown(NULL);
	start_with(2, 32, NULL);
	d.ring_size = 2;
	for (u32 i = 0; i < 20; i++)
		send(REQ_OP_READ, i * 16, 8, 'r');
	assert_int_equal(d.nr_flying, 4);
	busy = d.nr_busy;
	assert_true(busy <= 4); /* no spinning */
	fake_clock_advance(NSEC_PER_SEC);
	assert_int_equal(d.nr_busy, busy);
	drain();
	assert_int_equal(ended, 20);
	/* Full with nothing in flight: tried again, later. */
	d.ring_size = 0;
	send(REQ_OP_READ, 0, 8, 'r');
	fake_clock_advance(10 * NSEC_PER_MSEC);
	d.ring_size = 2;
	fake_clock_advance(10 * NSEC_PER_MSEC);
	drain();
	assert_int_equal(ended, 21);
}

/* Eight bios of 8 sectors from 64, "a" to "h", that become one request: from the middle to both
 * ends. Reads find what is there, and writes are upper case. */
static void send_eight(enum req_op op)
{
	struct blk_plug plug;

	memset(d.trace, 0, sizeof(d.trace));
	memset(order, 0, sizeof(order));
	memset(failed, 0, sizeof(failed));
	ended = errors = d.nr_requests = 0;
	check_reads = true;
	for (u32 i = 0; i < 8; i++)
		memset(d.data + (64 + i * 8) * 512, 'a' + (int)i, 4096);
	blk_start_plug(&plug);
	for (u32 n = 0; n < 8; n++) {
		u32 i = n % 2 ? 4 + n / 2 : 3 - n / 2;

		send(op | REQ_SYNC, 64 + i * 8, 8,
		     (char)((op == REQ_OP_READ ? 'a' : 'A') + (int)i));
	}
	blk_finish_plug(&plug);
	assert_int_equal(d.nr_requests, 1);
}

/* The one bio that failed, and that all others did what they should. */
static void expect_failed(enum req_op op, u32 bad)
{
	const char *marks = op == REQ_OP_READ ? "abcdefgh" : "ABCDEFGH";

	assert_int_equal(ended, 8);
	assert_int_equal(errors, 1);
	assert_int_equal(failed[0], marks[bad]);
	assert_string_equal(order, marks);
	for (u32 i = 0; i < 8; i++) /* what was not written is as before */
		assert_int_equal(d.data[(64 + i * 8) * 512], i == bad ? 'a' + (int)i : marks[i]);
}

static void only_the_bad_bio_fails(void **state)
{
	static const enum req_op ops[] = {REQ_OP_READ, REQ_OP_WRITE};
	struct disk_stats stats;

	(void)state;
	for (u32 n = 0; n < 2; n++) {
		for (u32 bad = 0; bad < 8; bad++) {
			d.bad_sector = 64 + bad * 8 + bad;
			send_eight(ops[n]);
			drain();
			assert_int_equal(d.nr_requests, 1 + 8); /* all again, one by one */
			expect_failed(ops[n], bad);
		}
		/* An error that passes is nobody's. */
		d.bad_sector = 64;
		send_eight(ops[n]);
		assert_true(fake_disk_complete_one(&d));
		d.bad_sector = ~0ull;
		drain();
		assert_int_equal(ended, 8);
		assert_int_equal(errors, 0);
		/* One that comes while they go one by one is that bio's. */
		d.bad_sector = 64;
		send_eight(ops[n]);
		for (u32 i = 0; i < 6; i++) { /* the whole, and a to e */
			d.bad_sector = i ? ~0ull : 64;
			fake_run_pending();
			assert_true(fake_disk_complete_one(&d));
		}
		d.bad_sector = 64 + 5 * 8;
		drain();
		expect_failed(ops[n], 5);
		d.bad_sector = ~0ull;
		bdev_get_stats(bdev, &stats);
		assert_int_equal(stats.ios[n], 10);
		assert_int_equal(stats.merges[n], 70);
		assert_int_equal(stats.sectors[n], 640);
		assert_int_equal(stats.in_flight, 0);
	}
}

/* The same while the ring has room for one, others wait, and tags are rare. */
static void bad_bios_among_others(void **state)
{
	(void)state;
	teardown(NULL);
	start_with(1, 4, NULL);
	d.ring_size = 1;
	for (u32 op = REQ_OP_READ; op <= REQ_OP_WRITE; op++) {
		d.bad_sector = 64 + 3 * 8;
		send_eight((enum req_op)op);
		check_reads = false;
		for (u32 i = 0; i < 12; i++)
			send(op, 1000 + i * 16, 8, 'x');
		drain();
		assert_int_equal(ended, 20);
		assert_int_equal(errors, 1);
		assert_int_equal(failed[0], op == REQ_OP_READ ? 'd' : 'D');
		assert_int_equal(d.q->tags_used, 0);
	}
}

/* A bio in two requests: it fails when either part does, and only its neighbours are tried too. */
static void a_bio_in_two_requests_fails_once(void **state)
{
	struct queue_limits lim = *blk_queue_limits(d.q);
	struct blk_plug plug;

	(void)state;
	teardown(NULL);
	lim.max_sectors = 32;
	start_with(1, 32, &lim);
	for (u32 op = REQ_OP_READ; op <= REQ_OP_WRITE; op++) {
		for (u32 bad = 0; bad < 64; bad += 5) {
			memset(failed, 0, sizeof(failed));
			errors = ended = d.nr_requests = 0;
			d.bad_sector = bad;
			blk_start_plug(&plug);
			send(op | REQ_SYNC, 0, 8, 'a');
			send(op | REQ_SYNC, 8, 8, 'b');
			send(op | REQ_SYNC, 16, 40, 'c'); /* 32 of its own, and 8 with the next */
			send(op | REQ_SYNC, 56, 8, 'd');
			blk_finish_plug(&plug);
			assert_int_equal(d.nr_requests, 3);
			drain();
			assert_int_equal(ended, 4);
			assert_int_equal(errors, 1);
			assert_int_equal(failed[0], bad < 8  ? 'a' :
						    bad < 16 ? 'b' :
						    bad < 56 ? 'c' :
							       'd');
			assert_int_equal(d.nr_requests, bad < 16 || bad >= 48 ? 5 : 3);
		}
	}
}

static void flush_sequences(void **state)
{
	(void)state;
	send(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'a');
	send(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'b');
	drain();
	assert_string_equal(d.trace, "W"); /* no cache: stripped */
	assert_int_equal(ended, 2);

	blk_queue_write_cache(d.q, true, false);
	memset(d.trace, 0, sizeof(d.trace));
	send(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'c');
	drain();
	assert_string_equal(d.trace, "FWF");
	assert_int_equal(d.durable[0], 'c');

	blk_queue_write_cache(d.q, true, true);
	d.has_fua = true;
	memset(d.trace, 0, sizeof(d.trace));
	send(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'd');
	send(REQ_OP_WRITE | REQ_FUA, 8, 8, 'e');
	drain();
	assert_int_equal(d.kinds[REQ_OP_FLUSH], 3);
	assert_int_equal(d.durable[0], 'd');
	assert_int_equal(d.durable[8 * 512], 'e');
}

static void a_later_flush_waits_for_the_next(void **state)
{
	(void)state;
	blk_queue_write_cache(d.q, true, false);
	send(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, '1');
	for (char c = '2'; c < '6'; c++)
		send(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, c);
	assert_int_equal(d.nr_flying, 1);
	drain();
	assert_int_equal(d.nr_flushes, 2); /* one for the first, one for all others */
	assert_string_equal(order, "12345");
	d.fail_flushes = 1;
	send(REQ_OP_WRITE | REQ_PREFLUSH, 0, 8, 'w');
	drain();
	assert_int_equal(last_status, -EIO);
	assert_int_equal(d.kinds[REQ_OP_WRITE], 0); /* not written after a failed flush */
	d.fail_flushes = 1;
	send(REQ_OP_WRITE | REQ_FUA, 0, 8, 'w');
	drain();
	assert_int_equal(errors, 2);
}

static void a_stuck_request_is_failed(void **state)
{
	(void)state;
	send(REQ_OP_READ, 0, 8, 'r');
	fake_clock_advance(29 * NSEC_PER_SEC);
	send(REQ_OP_READ, 64, 8, 'r');
	assert_int_equal(d.nr_timeouts, 0);
	fake_clock_advance(2 * NSEC_PER_SEC);
	fake_run_pending();
	assert_int_equal(d.nr_timeouts, 1);
	assert_int_equal(errors, 2);
	fake_clock_advance(100 * NSEC_PER_SEC);
	assert_int_equal(d.nr_timeouts, 1);
}

/* Much to do on a slow disk is no hang. */
static void a_slow_disk_is_not_failed(void **state)
{
	(void)state;
	for (u32 i = 0; i < 8; i++)
		send(REQ_OP_READ, i * 64, 8, 'r');
	for (u32 i = 0; i < 8; i++) {
		fake_clock_advance(20 * NSEC_PER_SEC);
		fake_run_pending();
		assert_int_equal(ended, i);
		fake_disk_complete_one(&d);
		fake_run_pending();
	}
	assert_int_equal(d.nr_timeouts, 0);
	assert_int_equal(errors, 0);
}

/* But one that is forgotten, while later ones end. */
static void a_forgotten_request_is_failed(void **state)
{
	struct request *first;
	u32 i = 0;

	(void)state;
	send(REQ_OP_READ, 0, 8, 'r');
	while (fake_clock_advance(10 * NSEC_PER_SEC), fake_run_pending(), !d.nr_timeouts) {
		send(REQ_OP_READ, ++i * 64, 8, 'r');
		first = d.flying[0];
		d.flying[0] = d.flying[1];
		d.flying[1] = first;
		fake_disk_complete_one(&d);
		fake_run_pending();
	}
	assert_int_equal(d.nr_timeouts, 1);
	assert_int_equal(errors, 1);
	assert_between(i, 3, 7); /* that ended */
}

static bool only_time_passes(void)
{
	return false;
}

/* The watchdog looks on while a disk is removed, or the removal would wait for ever. */
static void a_disk_that_hangs_is_removed(void **state)
{
	(void)state;
	send(REQ_OP_READ, 0, 8, 'r');
	drain();
	fake_clock_advance(20 * NSEC_PER_SEC);
	send(REQ_OP_READ, 64, 8, 'r');
	fake_schedule_hook = only_time_passes;
	del_gendisk(d.disk);
	fake_schedule_hook = fake_disks_progress;
	assert_int_equal(d.nr_timeouts, 1);
	assert_int_equal(ended, 2);
	assert_int_equal(errors, 1);
	blk_cleanup_queue(d.q);
	put_disk(d.disk);
	blkdev_put(bdev, NULL);
	setup(NULL);
}

static void bad_bios_end_at_once(void **state)
{
	struct queue_limits lim = *blk_queue_limits(d.q);

	(void)state;
	send(REQ_OP_READ, DISK_SECTORS - 4, 8, 'r');
	assert_int_equal(last_status, -EIO);
	send(REQ_OP_WRITE, ~0ull - 7, 8, 'r');
	assert_int_equal(last_status, -EIO);
	d.disk->read_only = true;
	send(REQ_OP_WRITE, 0, 8, 'w');
	assert_int_equal(last_status, -EPERM);
	send(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'f');
	assert_int_equal(last_status, 0);
	assert_true(bdev_read_only(bdev));
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, true, NULL)), -EROFS);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, false, NULL), bdev);
	blkdev_put(bdev, NULL);
	d.disk->read_only = false;
	bdev_set_read_only(bdev, true); /* by a user: who has it open may finish, as on Linux */
	send(REQ_OP_WRITE, 0, 8, 'w');
	drain();
	assert_int_equal(last_status, 0);
	assert_int_equal(blkdev_issue_discard(bdev, 0, 8), -EPERM);
	assert_int_equal(blkdev_issue_zeroout(bdev, 0, 8), -EPERM);
	bdev_set_read_only(bdev, false);
	send(REQ_OP_DISCARD, 0, 0, 'd');
	assert_int_equal(last_status, 0);
	assert_int_equal(blkdev_issue_discard(bdev, 0, 8), -EOPNOTSUPP);
	d.reject = true;
	send(REQ_OP_READ, 0, 8, 'r');
	fake_run_pending();
	assert_int_equal(last_status, -EIO);
	teardown(NULL);
	lim.logical_block_size = 4096;
	start_with(1, 8, &lim);
	send(REQ_OP_READ, 1, 8, 'r');
	assert_int_equal(last_status, -EIO);
}

static void zeroes_and_discards(void **state)
{
	(void)state;
	memset(d.data, 1, sizeof(d.data));
	assert_int_equal(blkdev_issue_zeroout(bdev, 3, 1500), 0);
	assert_int_equal(d.kinds[REQ_OP_WRITE_ZEROES], 0);
	for (u32 s = 0; s < DISK_SECTORS; s++)
		assert_int_equal(d.data[s * 512 + 511], s < 3 || s >= 1503);
	blk_queue_limits(d.q)->max_write_zeroes_sectors = 100;
	blk_queue_limits(d.q)->max_discard_sectors = 64;
	d.nr_requests = 0;
	assert_int_equal(blkdev_issue_zeroout(bdev, 1600, 300), 0);
	assert_int_equal(d.nr_requests, 3);
	assert_int_equal(d.data[1899 * 512], 0);
	assert_int_equal(d.data[1900 * 512], 1);
	assert_int_equal(blkdev_issue_discard(bdev, 1900, 128), 0);
	assert_int_equal(d.kinds[REQ_OP_DISCARD], 2);
	assert_int_equal(blkdev_issue_zeroout(bdev, DISK_SECTORS, 1), -EINVAL);
}

static void deadline_sorts_and_forgets_none(void **state)
{
	static const u32 sectors[] = {800, 80, 400, 1600, 8, 960};

	(void)state;
	teardown(NULL);
	start_with(1, 64, NULL);
	assert_int_equal(elevator_switch(d.q, "deadline"), 0);
	assert_int_equal(elevator_switch(d.q, "bfq"), -EINVAL);
	d.ring_size = 1;
	send(REQ_OP_READ, 2000, 8, 'x');
	for (u32 i = 0; i < 6; i++)
		send(REQ_OP_READ, sectors[i], 8, (char)('0' + i));
	send(REQ_OP_WRITE, 100, 8, 'w');
	drain();
	/* From the oldest (nothing lies above 2000) upwards, again from the oldest, and the
	 * rest. */
	assert_memory_equal(order, "x", 1);
	assert_non_null(strstr(order, "053"));
	assert_non_null(strstr(order, "12"));
	assert_int_equal(ended, 8);
	ended = 0;
	memset(order, 0, sizeof(order));
	send(REQ_OP_WRITE, 1000, 8, 'x');
	fake_clock_advance(5 * NSEC_PER_MSEC);
	for (u32 i = 0; i < 8; i++) {
		send(REQ_OP_READ, 1500 + i * 16, 8, 'r'); /* the first finds the ring full */
		if (i == 0)
			send(REQ_OP_WRITE, 2000, 8, 'w');
	}
	for (u32 i = 0; i < 80; i++) { /* reads keep coming */
		send(REQ_OP_READ, i * 16, 8, 'r');
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
		send(i % 3 ? REQ_OP_READ : REQ_OP_WRITE, fake_random(250) * 8, 8, 'r');
		if (i % 20 == 0)
			assert_int_equal(elevator_switch(d.q, i % 40 ? "none" : "deadline"), 0);
	}
	drain();
	assert_int_equal(ended, 200);
	assert_string_equal(elevator_name(d.q), "none");
}

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
	send(REQ_OP_READ, 0, 8, 'r');
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

static u32 lines_with(const char *text)
{
	u32 n = 0;

	for (const char *at = fake_log(); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

/* A device's failure gets a line that says where, once, and not more than ten in five seconds. */
static void failures_are_told(void **state)
{
	(void)state;
	fake_clock_advance(5 * NSEC_PER_SEC);
	fake_log_clear();
	d.bad_sector = 64 + 5 * 8 + 2;
	send_eight(REQ_OP_READ);
	drain();
	assert_string_equal(fake_log(),
			    "I/O error, dev vda, sector 104 op 0x0:(READ) size 4096 errno 5\n");
	fake_log_clear();
	send(REQ_OP_DISCARD, 0, 8, 'd'); /* cannot: no failure */
	blk_queue_write_cache(d.q, true, false);
	d.fail_flushes = 1;
	send(REQ_OP_WRITE | REQ_PREFLUSH, 0, 8, 'w');
	send(REQ_OP_WRITE | REQ_PREFLUSH, 8, 8, 'x');
	drain();
	assert_int_equal(lines_with("I/O error"), 1);
	assert_int_equal(lines_with("dev vda, sector 0 op 0x2:(FLUSH) size 0 errno 5\n"), 1);
	for (u32 i = 0; i < 20; i++) {
		send(REQ_OP_WRITE | REQ_SYNC, d.bad_sector, 1, 'w');
		drain();
	}
	assert_int_equal(lines_with("sector 106 op 0x1:(WRITE) size 512 errno 5\n"), 8);
	fake_clock_advance(5 * NSEC_PER_SEC);
	fake_log_clear();
	send(REQ_OP_READ, d.bad_sector, 1, 'r');
	drain();
	assert_int_equal(lines_with("I/O error: 12 more\n"), 1);
	assert_int_equal(lines_with("(READ)"), 1);
	d.bad_sector = ~0ull;
}

static void a_removed_disk_fails_its_io(void **state)
{
	struct bio *bio;

	(void)state;
	send(REQ_OP_READ, 0, 8, 'r');
	del_gendisk(d.disk);
	assert_int_equal(ended, 1); /* waited for */
	assert_int_equal(errors, 0);
	blk_cleanup_queue(d.q);
	put_disk(d.disk);
	/* The opener still has it. */
	bio = fake_bio(bdev, REQ_OP_READ, 0, 8, 0);
	assert_int_equal(submit_bio_wait(bio), -EIO);
	fake_bio_free(bio);
	assert_int_equal(bdev_logical_block_size(bdev), 512);
	assert_int_equal(blk_lookup_devt("vda"), 0);
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, false, NULL)), -ENXIO);
	blkdev_put(bdev, NULL);
	assert_int_equal(fake_kmalloc_live(), 0);
	setup(NULL);
}

static void names_and_claims(void **state)
{
	char name[16];
	int one, two;

	(void)state;
	disk_name_format("vd", 0, name, sizeof(name));
	assert_string_equal(name, "vda");
	disk_name_format("vd", 25, name, sizeof(name));
	assert_string_equal(name, "vdz");
	disk_name_format("vd", 26, name, sizeof(name));
	assert_string_equal(name, "vdaa");
	disk_name_format("vd", 27 * 26, name, sizeof(name));
	assert_string_equal(name, "vdaaa");
	assert_int_equal(MAJOR(MKDEV(254, 70000)), 254);
	assert_int_equal(MINOR(MKDEV(254, 70000)), 70000);
	assert_int_equal(blk_lookup_devt("/dev/vda"), bdev->bd_dev);
	snprintf(name, sizeof(name), "%u:0", MAJOR(bdev->bd_dev));
	assert_int_equal(blk_lookup_devt(name), bdev->bd_dev);
	assert_int_equal(blk_lookup_devt("999:0"), 0);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, true, &one), bdev);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, true, &one), bdev);
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, true, &two)), -EBUSY);
	blkdev_put(bdev, &one);
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, true, &two)), -EBUSY);
	blkdev_put(bdev, &one);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, true, &two), bdev);
	blkdev_put(bdev, &two);
	assert_int_equal(register_blkdev(0, "a"), 254);
	assert_int_equal(register_blkdev(0, "b"), 253);
	assert_int_equal(register_blkdev(253, "c"), -EBUSY);
	unregister_blkdev(254);
	unregister_blkdev(253);
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

/* Tags taken for what a plug expects: used, given back when it ends or sleeps, and not hoarded. */
static void a_plug_takes_tags_together(void **state)
{
	struct blk_plug plug;

	(void)state;
	start_with(1, 9, NULL); /* eight, and the one for flushes */
	blk_start_plug_nr_ios(&plug, 100);
	send(REQ_OP_READ, 0, 8, 'a');
	send(REQ_OP_READ, 64, 8, 'b');
	blk_finish_plug(&plug);
	assert_int_equal(d.nr_flying, 2);
	/* The other six are free for who has no plug. */
	for (sector_t i = 0; i < 6; i++)
		send(REQ_OP_READ, 512 + i * 64, 8, 'c');
	assert_int_equal(d.nr_flying, 8);
	drain();
	/* More than there are tags: it sends what it has, and waits. */
	blk_start_plug_nr_ios(&plug, 20);
	for (sector_t i = 0; i < 20; i++)
		send(REQ_OP_READ, i * 64, 8, 'd');
	blk_finish_plug(&plug);
	drain();
	assert_int_equal(ended, 28);
	/* Asleep for something else it holds none: or a frozen queue would never run dry. */
	blk_start_plug_nr_ios(&plug, 5);
	send(REQ_OP_READ, 0, 8, 'e');
	assert_int_equal(elevator_switch(d.q, "none"), 0);
	send(REQ_OP_READ, 64, 8, 'f');
	blk_finish_plug(&plug);
	drain();
	assert_int_equal(ended, 30);
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(write_then_read),
		T(neighbours_join_in_the_plug),
		T(what_differs_does_not_join),
		T(limits_bound_a_request),
		T(pieces_cross_no_boundary),
		T(async_waits_for_the_timer),
		T(a_sleep_sends_the_plug),
		T(tags_bound_the_depth),
		T(a_full_ring_parks_the_queue),
		T(only_the_bad_bio_fails),
		T(bad_bios_among_others),
		T(a_bio_in_two_requests_fails_once),
		T(flush_sequences),
		T(a_later_flush_waits_for_the_next),
		T(a_stuck_request_is_failed),
		T(a_slow_disk_is_not_failed),
		T(a_forgotten_request_is_failed),
		T(a_disk_that_hangs_is_removed),
		T(bad_bios_end_at_once),
		T(zeroes_and_discards),
		T(deadline_sorts_and_forgets_none),
		T(elevator_switches_under_load),
		T(short_memory_uses_the_reserve),
		T(one_thread_at_a_time_uses_the_reserve_of_clones),
		T(failures_are_told),
		T(a_removed_disk_fails_its_io),
		T(names_and_claims),
		T(the_driver_asks),
		cmocka_unit_test_teardown(a_plug_takes_tags_together, teardown),
		T(no_memory_no_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
