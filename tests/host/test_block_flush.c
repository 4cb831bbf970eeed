// uses: block fake-driver text fakes
// sources: tests/host/fakes/block_world.c
/* Flushes before and after writes, zeroes and discards. */
#include "tests/host/fakes/block_world.h"
#include "tests/host/host.h"

#include "kernel/lib/err.h"

static void flush_sequences(void **state)
{
	(void)state;
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'a');
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'b');
	drain();
	assert_string_equal(d.trace, "W"); /* no cache: stripped */
	assert_int_equal(ended, 2);

	blk_queue_write_cache(d.q, true, false);
	memset(d.trace, 0, sizeof(d.trace));
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'c');
	drain();
	assert_string_equal(d.trace, "FWF");
	assert_int_equal(d.durable[0], 'c');

	blk_queue_write_cache(d.q, true, true);
	d.has_fua = true;
	memset(d.trace, 0, sizeof(d.trace));
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'd');
	send_bio(REQ_OP_WRITE | REQ_FUA, 8, 8, 'e');
	drain();
	assert_int_equal(d.kinds[REQ_OP_FLUSH], 3);
	assert_int_equal(d.durable[0], 'd');
	assert_int_equal(d.durable[8 * 512], 'e');
}

static void a_later_flush_waits_for_the_next(void **state)
{
	(void)state;
	blk_queue_write_cache(d.q, true, false);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, '1');
	for (char c = '2'; c < '6'; c++)
		send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, c);
	assert_int_equal(d.nr_flying, 1);
	drain();
	assert_int_equal(d.nr_flushes, 2); /* one for the first, one for all others */
	assert_string_equal(order, "12345");
	d.fail_flushes = 1;
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 8, 'w');
	drain();
	assert_int_equal(last_status, -EIO);
	assert_int_equal(d.kinds[REQ_OP_WRITE], 0); /* not written after a failed flush */
	d.fail_flushes = 1;
	send_bio(REQ_OP_WRITE | REQ_FUA, 0, 8, 'w');
	drain();
	assert_int_equal(errors, 2);
}

static void zeroes_and_discards(void **state)
{
	(void)state;
	memset(d.data, 1, DISK_BYTES);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(flush_sequences),
		T(a_later_flush_waits_for_the_next),
		T(zeroes_and_discards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
