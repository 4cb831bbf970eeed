// uses: block fake-driver text fakes
// sources: tests/host/fakes/block_world.c
/* Requests that fail or never end: who is told, how often, and what goes again. */
#include "tests/host/fakes/block_world.h"
#include "tests/host/host.h"

#include "block/blk.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"

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

		send_bio(op | REQ_SYNC, 64 + i * 8, 8,
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
	block_teardown(NULL);
	block_start(1, 4, NULL);
	d.ring_size = 1;
	for (u32 op = REQ_OP_READ; op <= REQ_OP_WRITE; op++) {
		d.bad_sector = 64 + 3 * 8;
		send_eight((enum req_op)op);
		check_reads = false;
		for (u32 i = 0; i < 12; i++)
			send_bio(op, 1000 + i * 16, 8, 'x');
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
	block_teardown(NULL);
	lim.max_sectors = 32;
	block_start(1, 32, &lim);
	for (u32 op = REQ_OP_READ; op <= REQ_OP_WRITE; op++) {
		for (u32 bad = 0; bad < 64; bad += 5) {
			memset(failed, 0, sizeof(failed));
			errors = ended = d.nr_requests = 0;
			d.bad_sector = bad;
			blk_start_plug(&plug);
			send_bio(op | REQ_SYNC, 0, 8, 'a');
			send_bio(op | REQ_SYNC, 8, 8, 'b');
			send_bio(op | REQ_SYNC, 16, 40,
				 'c'); /* 32 of its own, and 8 with the next */
			send_bio(op | REQ_SYNC, 56, 8, 'd');
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

static void bad_bios_end_at_once(void **state)
{
	struct queue_limits lim = *blk_queue_limits(d.q);

	(void)state;
	send_bio(REQ_OP_READ, DISK_SECTORS - 4, 8, 'r');
	assert_int_equal(last_status, -EIO);
	send_bio(REQ_OP_WRITE, ~0ull - 7, 8, 'r');
	assert_int_equal(last_status, -EIO);
	d.disk->read_only = true;
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	assert_int_equal(last_status, -EPERM);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'f');
	assert_int_equal(last_status, 0);
	assert_true(bdev_read_only(bdev));
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, true, NULL)), -EROFS);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, false, NULL), bdev);
	blkdev_put(bdev, NULL);
	d.disk->read_only = false;
	bdev_set_read_only(bdev, true); /* by a user: who has it open may finish, as on Linux */
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	drain();
	assert_int_equal(last_status, 0);
	assert_int_equal(blkdev_issue_discard(bdev, 0, 8), -EPERM);
	assert_int_equal(blkdev_issue_zeroout(bdev, 0, 8), -EPERM);
	bdev_set_read_only(bdev, false);
	send_bio(REQ_OP_DISCARD, 0, 0, 'd');
	assert_int_equal(last_status, 0);
	assert_int_equal(blkdev_issue_discard(bdev, 0, 8), -EOPNOTSUPP);
	d.reject = true;
	send_bio(REQ_OP_READ, 0, 8, 'r');
	fake_run_pending();
	assert_int_equal(last_status, -EIO);
	block_teardown(NULL);
	lim.logical_block_size = 4096;
	block_start(1, 8, &lim);
	send_bio(REQ_OP_READ, 1, 8, 'r');
	assert_int_equal(last_status, -EIO);
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
	/* The count of what earlier tests have left untold comes with this one. */
	fake_clock_advance(5 * NSEC_PER_SEC);
	d.bad_sector = 0;
	send_bio(REQ_OP_READ, 0, 8, 'r');
	drain();
	fake_clock_advance(5 * NSEC_PER_SEC);
	fake_log_clear();
	d.bad_sector = 64 + 5 * 8 + 2;
	send_eight(REQ_OP_READ);
	drain();
	assert_string_equal(fake_log(),
			    "I/O error, dev vda, sector 104 op 0x0:(READ) size 4096 errno 5\n");
	fake_log_clear();
	send_bio(REQ_OP_DISCARD, 0, 8, 'd'); /* cannot: no failure */
	blk_queue_write_cache(d.q, true, false);
	d.fail_flushes = 1;
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 8, 'w');
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 8, 8, 'x');
	drain();
	assert_int_equal(lines_with("I/O error"), 1);
	assert_int_equal(lines_with("dev vda, sector 0 op 0x2:(FLUSH) size 0 errno 5\n"), 1);
	for (u32 i = 0; i < 20; i++) {
		send_bio(REQ_OP_WRITE | REQ_SYNC, d.bad_sector, 1, 'w');
		drain();
	}
	assert_int_equal(lines_with("sector 106 op 0x1:(WRITE) size 512 errno 5\n"), 8);
	fake_clock_advance(5 * NSEC_PER_SEC);
	fake_log_clear();
	send_bio(REQ_OP_READ, d.bad_sector, 1, 'r');
	drain();
	assert_int_equal(lines_with("I/O error: 12 more\n"), 1);
	assert_int_equal(lines_with("(READ)"), 1);
	d.bad_sector = ~0ull;
}

static void a_stuck_request_is_failed(void **state)
{
	(void)state;
	send_bio(REQ_OP_READ, 0, 8, 'r');
	fake_clock_advance(29 * NSEC_PER_SEC);
	send_bio(REQ_OP_READ, 64, 8, 'r');
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
		send_bio(REQ_OP_READ, i * 64, 8, 'r');
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
	send_bio(REQ_OP_READ, 0, 8, 'r');
	while (fake_clock_advance(10 * NSEC_PER_SEC), fake_run_pending(), !d.nr_timeouts) {
		send_bio(REQ_OP_READ, ++i * 64, 8, 'r');
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_the_bad_bio_fails),
		T(bad_bios_among_others),
		T(a_bio_in_two_requests_fails_once),
		T(bad_bios_end_at_once),
		T(failures_are_told),
		T(a_stuck_request_is_failed),
		T(a_slow_disk_is_not_failed),
		T(a_forgotten_request_is_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
