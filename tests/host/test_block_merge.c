// uses: block fake-driver text fakes
// sources: tests/host/fakes/block_world.c
/* Which bios become one request, and how limits cut them. */
#include "tests/host/fakes/block_world.h"
#include "tests/host/host.h"

static void neighbours_join_in_the_plug(void **state)
{
	struct blk_plug plug;

	(void)state;
	blk_start_plug(&plug);
	for (u32 i = 0; i < 16; i++) /* front and back in turns */
		send_bio(REQ_OP_READ, i % 2 ? 256 + i / 2 * 8 : 248 - i / 2 * 8, 8, 'r');
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
	send_bio(REQ_OP_READ, 0, 8, 'r');
	send_bio(REQ_OP_WRITE, 8, 8, 'w');
	send_bio(REQ_OP_WRITE | REQ_FUA, 16, 8, 'w');
	send_bio(REQ_OP_WRITE, 24, 8, 'w');
	send_bio(REQ_OP_WRITE | REQ_NOMERGE, 32, 8, 'w');
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
	block_teardown(NULL);
	lim.max_segments = 3;
	lim.max_segment_size_bytes = 2048;
	lim.max_sectors = 10;
	block_start(1, 32, &lim);
	send_bio(REQ_OP_WRITE, 0, 64, 'a'); /* checked in the fake driver */
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
	block_teardown(NULL);
	lim.max_segments = 4;
	lim.seg_boundary_bytes = 2048;
	block_start(1, 32, &lim);
	send_bio(REQ_OP_WRITE, 0, 8, 'a'); /* two pieces each: checked in the fake driver */
	send_bio(REQ_OP_WRITE, 8, 8, 'b');
	send_bio(REQ_OP_WRITE, 16, 8, 'c');
	send_bio(REQ_OP_WRITE, 24, 32, 'd');
	drain();
	assert_int_equal(ended, 4);
	assert_int_equal(errors, 0);
	assert_int_equal(d.nr_requests, 4); /* a + b, c and the start of d, ... */
	for (u32 i = 0; i < 56; i++)
		assert_int_equal(d.data[i * 512], i < 24 ? 'a' + (int)i / 8 : 'd');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(neighbours_join_in_the_plug),
		T(what_differs_does_not_join),
		T(limits_bound_a_request),
		T(pieces_cross_no_boundary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
