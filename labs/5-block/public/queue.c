/* The public cases: one of each step. The hidden ones go to the edges. */
#include "queue_kit.h"

CASE(merge_back)
{
	u32 count = 4 + lab_random(8);
	sector_t start = lab_random(500);
	struct blk_plug plug;

	block_start(1, (u16)(20 + lab_random(40)), NULL);
	blk_start_plug(&plug);
	for (u32 i = 0; i < count; i++)
		send_bio(REQ_OP_READ, start + i * 8, 8, 'r');
	blk_finish_plug(&plug);
	CHECK(d.nr_requests == 1, "%u neighbours under a plug became %u requests, and 1 is enough",
	      count, d.nr_requests);
	CHECK(d.flying[0]->sector == start && d.flying[0]->data_len == count * 4096,
	      "the request covers %u bytes from sector %lu, the bios %u bytes from sector %lu",
	      d.flying[0]->data_len, (unsigned long)d.flying[0]->sector, count * 4096,
	      (unsigned long)start);
	finish(count);
}

CASE(plug_hold)
{
	block_start(1, 32, NULL);
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	send_bio(REQ_OP_WRITE, STRIDE, 8, 'w');
	CHECK(d.nr_requests == 0, "nobody waits for these writes, and %u went to the disk at once",
	      d.nr_requests);
	fake_clock_advance(5 * NSEC_PER_MSEC);
	CHECK(d.nr_requests == 2, "after 5 ms %u of 2 writes have gone to the disk", d.nr_requests);
	finish(2);
}

CASE(sweep)
{
	u32 count = 12, slot[12];

	block_start(1, 64, NULL);
	pile_up();
	for (u32 i = 0; i < count; i++) { /* a permutation */
		u32 j = lab_random(i + 1);

		slot[i] = slot[j];
		slot[j] = i;
	}
	for (u32 i = 0; i < count; i++)
		send_bio(REQ_OP_READ, (1 + slot[i]) * STRIDE, 8, 'r');
	release(count);
	for (u32 i = 2; i <= count; i++)
		CHECK(d.flying[i - 1]->sector < d.flying[i]->sector,
		      "sector %lu leaves before sector %lu", (unsigned long)d.flying[i - 1]->sector,
		      (unsigned long)d.flying[i]->sector);
	finish(count + 2);
}

CASE(tags_depth)
{
	u16 depth = (u16)(4 + lab_random(12));

	block_start(1, depth, NULL);
	for (u32 i = 0; i < 60; i++)
		send_bio(REQ_OP_READ, i * STRIDE, 8, 'r');
	finish(60);
	CHECK(d.most_flying == depth - 1u,
	      "of %u tags one is the flush's, and at most %u requests were in flight", depth,
	      d.most_flying);
}

CASE(flush_sequence)
{
	block_start(1, 32, NULL);
	blk_queue_write_cache(d.q, true, false);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'c');
	drain();
	CHECK(!strcmp(d.trace, "FWF"), "the disk saw %s, and FWF was to come (F flush, W write)",
	      d.trace);
	CHECK(d.durable[0] == 'c', "the bio has ended, and a power cut would lose its data");
	finish(1);
}
