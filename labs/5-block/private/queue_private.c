/* The hidden cases of merging, plugging and flushing. */
#include "queue_kit.h"

CASE(merge_front)
{
	struct blk_plug plug;

	block_start(1, 32, NULL);
	check_reads = true;
	blk_start_plug(&plug);
	for (u32 i = 0; i < 16; i++) /* behind and before, in turns */
		send_bio(REQ_OP_READ, i % 2 ? 256 + i / 2 * 8 : 248 - i / 2 * 8, 8, 0);
	blk_finish_plug(&plug);
	CHECK(d.nr_requests == 1, "16 bios that touch, in both directions, became %u requests",
	      d.nr_requests);
	CHECK(d.flying[0]->sector == 192, "the request begins at sector %lu, its first bio at 192",
	      (unsigned long)d.flying[0]->sector);
	CHECK(d.flying[0]->nr_phys_segments >= 1 && d.flying[0]->nr_phys_segments <= 16,
	      "16 pages are %u pieces", d.flying[0]->nr_phys_segments);
	drain();
	CHECK(bdev->bd_stats.merges[0] == 15, "15 bios joined, and the statistics say %lu",
	      (unsigned long)bdev->bd_stats.merges[0]);
	CHECK(bdev->bd_stats.sectors[0] == 128, "128 sectors were read, the statistics say %lu",
	      (unsigned long)bdev->bd_stats.sectors[0]);
	finish(16);
}

/* Two bios that touch and must not become one. */
static void apart(const char *what, blk_opf_t first, blk_opf_t second)
{
	for (u32 back = 0; back < 2; back++) {
		struct blk_plug plug;

		block_start(1, 32, NULL);
		d.has_fua = true;
		blk_queue_write_cache(d.q, true, true);
		blk_queue_limits(d.q)->max_discard_sectors = 1000;
		blk_start_plug(&plug);
		send_bio(first, back ? 8 : 16, 8, 'a');
		send_bio(second, back ? 16 : 8, 8, 'b');
		blk_finish_plug(&plug);
		drain();
		CHECK(d.nr_requests - d.nr_flushes == 2, "%s joined into one request", what);
		finish(2);
	}
}

/* What is alike does join: who never joins anything is right by chance only. */
static void together(blk_opf_t opf)
{
	struct blk_plug plug;

	block_start(1, 32, NULL);
	blk_start_plug(&plug);
	send_bio(opf, 8, 8, 'a');
	send_bio(opf, 16, 8, 'b');
	blk_finish_plug(&plug);
	CHECK(d.nr_requests == 1, "two neighbours that are alike became two requests");
	finish(2);
}

CASE(merge_apart)
{
	together(REQ_OP_WRITE);
	apart("a read and a write", REQ_OP_READ, REQ_OP_WRITE);
	apart("a write and a read", REQ_OP_WRITE, REQ_OP_READ);
	apart("a write and a FUA write", REQ_OP_WRITE, REQ_OP_WRITE | REQ_FUA);
	apart("a FUA write and a write", REQ_OP_WRITE | REQ_FUA, REQ_OP_WRITE);
	apart("a write and one with a flush before it", REQ_OP_WRITE, REQ_OP_WRITE | REQ_PREFLUSH);
	apart("a write and one marked NOMERGE", REQ_OP_WRITE, REQ_OP_WRITE | REQ_NOMERGE);
	apart("one marked NOMERGE and a write", REQ_OP_WRITE | REQ_NOMERGE, REQ_OP_WRITE);
	apart("two discards", REQ_OP_DISCARD, REQ_OP_DISCARD);
}

/* A gap, an overlap and the same place are no neighbours. */
CASE(merge_touch)
{
	sector_t second[] = {17, 15, 8, 0, 23};

	together(REQ_OP_READ);
	for (u32 i = 0; i < ARRAY_SIZE(second); i++) {
		struct blk_plug plug;

		block_start(1, 32, NULL);
		blk_start_plug(&plug);
		send_bio(REQ_OP_READ, 8, 8, 'a');
		send_bio(REQ_OP_READ, second[i], second[i] ? 8 : 7, 'b');
		blk_finish_plug(&plug);
		CHECK(d.nr_requests == 2, "sectors 8 to 15 and those from %lu became one request",
		      (unsigned long)second[i]);
		finish(2);
	}
}

CASE(merge_limits)
{
	for (u32 which = 0; which < 2; which++) {
		struct queue_limits lim;
		u32 n = 2 + lab_random(3);
		struct blk_plug plug;

		block_start(1, 32, NULL);
		lim = *blk_queue_limits(d.q);
		block_teardown(NULL);
		if (which)
			lim.max_segments = (u16)n;
		else
			lim.max_sectors = n * 8;
		lim.max_segment_size_bytes = 4096;
		block_start(1, 32, &lim);
		blk_start_plug(&plug);
		for (u32 i = 0; i < 2 * n; i++)
			send_bio(REQ_OP_WRITE, i * 8, 8, 'w');
		blk_finish_plug(&plug);
		/* The fake disk checks each request; here: none is smaller than it could be. */
		drain();
		CHECK(d.nr_requests == 2,
		      "%u pages with room for %u %s in a request became %u requests", 2 * n, n,
		      which ? "pieces" : "pages", d.nr_requests);
		finish(2 * n);
	}
}

CASE(merge_off)
{
	struct blk_plug plug;

	for (u32 which = 0; which < 2; which++) {
		block_start(1, 32, NULL);
		blk_merge_enabled = which;
		d.q->nomerges = which;
		blk_start_plug(&plug);
		send_bio(REQ_OP_READ, 0, 8, 'r');
		send_bio(REQ_OP_READ, 8, 8, 'r');
		blk_finish_plug(&plug);
		blk_merge_enabled = true;
		CHECK(d.nr_requests == 2, "merging is off by %s, and two bios became one request",
		      which ? "the queue's nomerges" : "blk_merge_enabled");
		finish(2);
		/* On again it joins. */
		block_start(1, 32, NULL);
		blk_start_plug(&plug);
		send_bio(REQ_OP_READ, 0, 8, 'r');
		send_bio(REQ_OP_READ, 8, 8, 'r');
		blk_finish_plug(&plug);
		CHECK(d.nr_requests == 1, "merging is on, and two neighbours became two requests");
		finish(2);
	}
}

/* A merged request keeps who waits for it: SYNC and META of any of its bios. */
CASE(merge_flags)
{
	struct blk_plug plug;

	block_start(1, 32, NULL);
	blk_start_plug(&plug);
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	send_bio(REQ_OP_WRITE | REQ_SYNC | REQ_META, 8, 8, 'w');
	blk_finish_plug(&plug);
	drain();
	CHECK(d.nr_requests == 1, "two neighbours became %u requests", d.nr_requests);
	finish(2);
	block_start(1, 32, NULL);
	pile_up();
	send_bio(REQ_OP_WRITE, 32, 8, 'w');
	send_bio(REQ_OP_WRITE | REQ_SYNC | REQ_META, 40, 8, 'w');
	release(1);
	CHECK((d.flying[1]->cmd_flags & (REQ_SYNC | REQ_META)) == (REQ_SYNC | REQ_META),
	      "somebody waits for one of its bios, and the merged request lost SYNC or META");
	finish(4);
	block_start(1, 32, NULL);
	pile_up();
	send_bio(REQ_OP_WRITE, 32, 8, 'w');
	send_bio(REQ_OP_WRITE, 40, 8, 'w');
	fake_clock_advance(5 * NSEC_PER_MSEC);
	release(1);
	CHECK(!(d.flying[1]->cmd_flags & (REQ_SYNC | REQ_META)),
	      "nobody waits for its bios, and the merged request says SYNC or META");
	finish(4);
}

/* Only the last `scan` requests are looked at, from the end. */
CASE(merge_scan)
{
	struct bio *bio;

	block_start(1, 32, NULL);
	pile_up();
	for (u32 i = 0; i < 6; i++)
		send_bio(REQ_OP_READ, (1 + i) * STRIDE, 8, 'r');
	for (u32 scan = 3; scan <= 4; scan++) {
		bool joined;

		bio = fake_bio(bdev, REQ_OP_READ, 3 * STRIDE + 8, 4, 'r');
		bio->bi_phys_segments = 1;
		spin_lock_bh(&d.q->lock);
		joined = blk_attempt_merge(d.q, d.q->elevator->merge_list(d.q, REQ_OP_READ), bio,
					   scan);
		spin_unlock_bh(&d.q->lock);
		CHECK(joined == (scan == 4),
		      "the neighbour is the 4th from the end; with scan = %u the bio %s", scan,
		      joined ? "joined it" : "did not join it");
		if (!joined)
			fake_bio_free(bio);
		else
			bio->bi_end_io = fake_bio_free;
	}
	release(6);
	finish(8);
}

/* --- plugs ---------------------------------------------------------------------------- */

CASE(plug_sync)
{
	block_start(1, 32, NULL);
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	CHECK(d.nr_requests == 0, "nobody waits for this write, and it went at once");
	send_bio(REQ_OP_READ, 800, 8, 'r');
	CHECK(d.nr_requests == 2, "somebody waits for the read: both go, and %u of 2 did",
	      d.nr_requests);
	finish(2);
	block_start(1, 32, NULL);
	send_bio(REQ_OP_WRITE | REQ_SYNC, 0, 8, 'w');
	CHECK(d.nr_requests == 1, "somebody waits for a synchronous write, and it is held back");
	finish(1);
}

CASE(plug_threshold)
{
	block_start(1, 64, NULL);
	for (u32 i = 0; i < 15; i++)
		send_bio(REQ_OP_WRITE, i * STRIDE, 8, 'w');
	CHECK(d.nr_requests == 0, "15 writes may be held back, and %u went", d.nr_requests);
	send_bio(REQ_OP_WRITE, 15 * STRIDE, 8, 'w');
	CHECK(d.nr_requests == 16, "the 16th write sends all, and %u went", d.nr_requests);
	finish(16);
}

CASE(plug_timer)
{
	block_start(1, 64, NULL);
	for (u32 round = 0; round < 3; round++) {
		send_bio(REQ_OP_WRITE, 0, 8, 'w');
		fake_clock_advance(2 * NSEC_PER_MSEC);
		CHECK(d.nr_requests == 2 * round, "2 ms after the first, the write went already");
		/* Another one does not begin the time again. */
		send_bio(REQ_OP_WRITE, STRIDE, 8, 'w');
		fake_clock_advance(1500 * NSEC_PER_USEC);
		CHECK(d.nr_requests == 2 * round + 2,
		      "3.5 ms after the first, the writes are held back");
		drain();
	}
	finish(6);
	block_start(1, 64, NULL);
	blk_plug_enabled = false;
	send_bio(REQ_OP_WRITE, 0, 8, 'w');
	blk_plug_enabled = true;
	CHECK(d.nr_requests == 1, "plugging is off, and the write is held back");
	finish(1);
}

/* What a plug holds reaches the elevator together: the elevator can sort it. */
CASE(plug_sorted)
{
	struct blk_plug plug;

	block_start(1, 64, NULL);
	blk_start_plug(&plug);
	for (u32 i = 20; i-- > 0;)
		send_bio(REQ_OP_READ, (1 + i) * STRIDE, 8, 'r');
	CHECK(plug.count == 20, "the plug holds 20 requests and says %u", plug.count);
	blk_finish_plug(&plug);
	CHECK(d.flying[0]->start_ns == ktime_get_ns() && plug.now_ns == 0,
	      "a plug that was sent keeps its time for later requests");
	CHECK(plug.count == 0, "the plug is empty and says %u", plug.count);
	for (u32 i = 1; i < 20; i++)
		CHECK(d.flying[i - 1]->sector < d.flying[i]->sector,
		      "the elevator saw the plug's requests one by one: it did not sort them");
	finish(20);
}

CASE(plug_queues)
{
	struct fake_disk other;
	struct block_device *second;
	struct blk_plug plug;

	block_start(1, 64, NULL);
	second = second_disk(&other, 64);
	blk_start_plug(&plug);
	for (u32 i = 10; i-- > 0;) { /* by turns, and downwards */
		send_bio(REQ_OP_READ, (1 + i) * STRIDE, 8, 'r');
		read_second(second, (1 + i) * STRIDE);
	}
	blk_finish_plug(&plug);
	CHECK(d.nr_flying == 10 && other.nr_flying == 10,
	      "the plug held 10 requests for each of two disks; %u and %u arrived", d.nr_flying,
	      other.nr_flying);
	for (u32 i = 1; i < 10; i++)
		CHECK(d.flying[i - 1]->sector < d.flying[i]->sector &&
			      other.flying[i - 1]->sector < other.flying[i]->sector,
		      "a queue's requests of one plug go to its elevator together, and are sorted");
	remove_second(&other, second);
	finish(10);
}
