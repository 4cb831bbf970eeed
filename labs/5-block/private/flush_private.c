/* The hidden cases of flushes, and a random mix of everything. */
#include "queue_kit.h"

static void begin(bool cache, bool fua)
{
	block_start(1, 32, NULL);
	blk_queue_write_cache(d.q, cache, fua);
	d.has_fua = fua;
}

static void saw(const char *wanted, const char *what)
{
	drain();
	CHECK(!strcmp(d.trace, wanted), "%s: the disk saw '%s', and '%s' was to come", what,
	      d.trace, wanted);
}

CASE(flush_policy)
{
	begin(false, false);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'a');
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'b');
	saw("W", "without a cache nothing needs a flush");
	finish(2);
	begin(true, false);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 8, 'a');
	saw("FW", "PREFLUSH");
	finish(1);
	begin(true, false);
	send_bio(REQ_OP_WRITE | REQ_FUA, 0, 8, 'a');
	saw("WF", "FUA on a disk without it");
	CHECK(d.durable[0] == 'a', "the FUA write has ended, and a power cut would lose it");
	finish(1);
	begin(true, true);
	send_bio(REQ_OP_WRITE | REQ_FUA, 0, 8, 'b');
	saw("W", "FUA on a disk that has it");
	CHECK(d.durable[0] == 'b', "the FUA flag did not reach the disk");
	finish(1);
	begin(true, true);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'c');
	saw("FW", "PREFLUSH and FUA on a disk that has FUA");
	finish(1);
	begin(true, false);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 0, 'd');
	saw("F", "a flush without data");
	finish(1);
}

/* Who comes while a flush runs waits for the next one: the running one may have passed it by. */
CASE(flush_shared)
{
	u32 later = 2 + lab_random(10);

	begin(true, false);
	for (u32 i = 0; i <= later; i++)
		send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, (char)('a' + i));
	CHECK(d.nr_flying == 1, "one flush runs at a time, and %u do", d.nr_flying);
	drain();
	CHECK(d.nr_flushes == 2,
	      "one flush for the first and one for %u that came meanwhile; the disk saw %u", later,
	      d.nr_flushes);
	for (u32 i = 0; i <= later; i++)
		CHECK(order[i] == (char)('a' + i), "they ended as %s", order);
	finish(later + 1);
}

/* The queue's own flush request is queued, then idle again: others look at its state. */
CASE(flush_state)
{
	begin(true, false);
	pile_up();
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'f');
	CHECK(blk_flush_rq(d.q)->state == RQ_QUEUED, "the flush request waits, and its state is %d",
	      (int)blk_flush_rq(d.q)->state);
	d.ring_size = 256;
	drain();
	CHECK(blk_flush_rq(d.q)->state == RQ_IDLE,
	      "the flush has ended, and its request's state is %d", (int)blk_flush_rq(d.q)->state);
	finish(3);
}

/* A write that ended while a flush ran is covered by the next one only. */
CASE(flush_covers)
{
	begin(true, false);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, '1');
	send_bio(REQ_OP_WRITE | REQ_FUA, 64, 8, 'w');
	drain();
	CHECK(d.durable[64 * 512] == 'w',
	      "a FUA write ended, and no flush behind it had covered it");
	CHECK(d.nr_flushes == 2, "%u flushes ran, and two were needed", d.nr_flushes);
	finish(2);
}

CASE(flush_fails)
{
	begin(true, false);
	d.fail_flushes = 1;
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 8, 'w');
	drain();
	CHECK(ended == 1 && last_status == -EIO,
	      "the flush before the write failed, the bio got %d", last_status);
	CHECK(d.kinds[REQ_OP_WRITE] == 0, "the flush before it failed, and the write was sent");
	d.fail_flushes = 1;
	send_bio(REQ_OP_WRITE | REQ_FUA, 0, 8, 'w');
	drain();
	CHECK(ended == 2 && errors == 2, "the flush behind a FUA write failed, the bio got %d",
	      last_status);
	/* All that one flush served get its error; the next begins anew. */
	for (char c = '1'; c < '5'; c++)
		send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, c);
	d.fail_flushes = 2;
	drain();
	CHECK(errors == 6, "two flushes failed for 4 who asked, and %u were told", errors - 2);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, 8, 'z');
	drain();
	CHECK(ended == 7 && last_status == 0, "the next flush is well, and the bio got %d",
	      last_status);
	CHECK(d.durable[0] == 'z', "the write after failed flushes is not durable");
	CHECK(d.q->tags_used == 0, "%u tags are lost", d.q->tags_used);
	block_teardown(NULL);
}

CASE(write_fails)
{
	begin(true, false);
	d.bad_sector = 3;
	send_bio(REQ_OP_WRITE | REQ_FUA, 0, 8, 'w');
	drain();
	CHECK(ended == 1 && last_status == -EIO,
	      "the write of a sequence failed, and the bio got %d", last_status);
	CHECK(d.q->tags_used == 0, "%u tags are lost", d.q->tags_used);
	d.bad_sector = ~0ull;
	send_bio(REQ_OP_WRITE | REQ_FUA, 0, 8, 'x');
	drain();
	CHECK(last_status == 0 && d.durable[0] == 'x',
	      "the sequence after a failed one gave %d, or its data is not durable", last_status);
	block_teardown(NULL);
}

CASE(flush_statistics)
{
	begin(true, false);
	for (u32 i = 0; i < 3; i++) {
		send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'f');
		drain();
	}
	CHECK(bdev->bd_stats.ios[3] == 3, "3 flushes ran, and the statistics say %lu",
	      (unsigned long)bdev->bd_stats.ios[3]);
	finish(3);
}

/* Plain, FUA and PREFLUSH writes in one plug, round after round, that end in any order. */
CASE(mix)
{
	u32 sent = 0;

	block_start(1, (u16)(4 + lab_random(40)), NULL);
	blk_queue_write_cache(d.q, true, false);
	d.random_order = true;
	for (u32 round = 0; round < 30; round++) {
		u8 mark = (u8)('a' + round % 26);
		bool fua[32];
		struct blk_plug plug;

		blk_start_plug_nr_ios(&plug, lab_random(20));
		for (u32 i = 0; i < 32; i++) {
			fua[i] = lab_random(6) == 0;
			send_bio(REQ_OP_WRITE | (fua[i] ? REQ_FUA : 0) |
					 (lab_random(8) ? 0 : REQ_PREFLUSH),
				 i * 8, 8, (char)mark);
			sent++;
		}
		blk_finish_plug(&plug);
		drain();
		CHECK(ended == sent, "%u of %u bios ended", ended, sent);
		for (u32 i = 0; i < 32; i++) {
			CHECK(d.data[i * 4096] == mark && d.data[i * 4096 + 4095] == mark,
			      "sector %u was written, and has other data", i * 8);
			CHECK(!fua[i] || d.durable[i * 4096] == mark,
			      "the FUA write to sector %u is not durable", i * 8);
		}
	}
	finish(sent);
}
