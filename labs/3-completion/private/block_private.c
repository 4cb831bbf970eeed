/* The hidden cases of step 3. */
#include "block_kit.h"

CASE(soft_many)
{
	kit_start(4, 64);
	d.random_order = true;
	for (u32 i = 0; i < 60; i++)
		send_bio(REQ_OP_WRITE | REQ_SYNC, i * 16, 8, (char)('A' + i));
	drain();
	CHECK(ended == 60 && errors == 0, "60 were in flight, and %u ended, %u with an error",
	      ended, errors);
	for (u32 i = 0; i < 60; i++)
		CHECK(d.data[i * 16 * 512] == 'A' + i, "write %u is not on the disk", i);
	kit_end();
}

CASE(soft_tags)
{
	kit_start(2, 4);
	for (u32 i = 0; i < 200; i++)
		send_bio(REQ_OP_READ | REQ_SYNC, lab_random(100) * 16, 8, 'r');
	drain();
	CHECK(ended == 200, "200 bios went through 4 tags, and %u ended", ended);
	kit_end();
}

CASE(soft_restart)
{
	kit_start(1, 32);
	d.ring_size = 2;
	for (u32 i = 0; i < 10; i++)
		send_bio(REQ_OP_READ | REQ_SYNC, i * 16, 8, 'r');
	CHECK(d.nr_flying == 2, "a ring of two holds %u", d.nr_flying);
	for (u32 i = 0; i < 10; i++) {
		CHECK(d.nr_flying > 0,
		      "the ring was full, and its completions do not start it again");
		kit_complete();
	}
	CHECK(ended == 10, "10 bios were sent, and %u ended", ended);
	kit_end();
}

/* Each completion counts as a restart: who fills the ring meanwhile looks whether one came. */
CASE(soft_starts)
{
	u32 count = 1 + lab_random(10), before;

	kit_start(2, 32);
	before = d.q->hctxs[0].starts + d.q->hctxs[1].starts;
	for (u32 i = 0; i < count; i++)
		send_bio(REQ_OP_READ | REQ_SYNC, i * 16, 8, 'r');
	drain();
	CHECK(d.q->hctxs[0].starts + d.q->hctxs[1].starts - before == count,
	      "%u requests came back, and the rings count %u restarts", count,
	      d.q->hctxs[0].starts + d.q->hctxs[1].starts - before);
	kit_end();
}

CASE(soft_error)
{
	u32 bad = lab_random(8);
	struct blk_plug plug;

	kit_start(1, 32);
	d.bad_sector = 64 + bad * 8;
	blk_start_plug(&plug);
	for (u32 i = 0; i < 8; i++)
		send_bio(REQ_OP_WRITE | REQ_SYNC, 64 + i * 8, 8, (char)('a' + i));
	blk_finish_plug(&plug);
	CHECK(d.nr_requests == 1, "eight neighbours make one request, not %u", d.nr_requests);
	drain();
	CHECK(ended == 8, "of 8 bios %u ended", ended);
	CHECK(errors == 1 && failed[0] == (char)('a' + bad),
	      "one bad sector failed %u of eight merged bios", errors);
	send_bio(REQ_OP_WRITE | REQ_SYNC, d.bad_sector, 8, 'x');
	drain();
	CHECK(ended == 9 && errors == 2 && last_status == -EIO,
	      "a write of a bad sector ended with %d", last_status);
	kit_end();
}

CASE(soft_flush)
{
	kit_start(1, 32);
	blk_queue_write_cache(d.q, true, false);
	memset(d.trace, 0, sizeof(d.trace));
	send_bio(REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH | REQ_FUA, 64, 8, 'x');
	drain();
	CHECK(strcmp(d.trace, "FWF") == 0, "a write between two flushes came as %s", d.trace);
	CHECK(ended == 1 && errors == 0, "it ended %u times, %u with an error", ended, errors);
	memset(d.trace, 0, sizeof(d.trace));
	send_bio(REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH, 64, 8, 'y');
	drain();
	CHECK(strcmp(d.trace, "FW") == 0, "a write behind a flush came as %s", d.trace);
	CHECK(ended == 2 && errors == 0,
	      "its data was the last step, and of 2 bios %u ended, %u with an error", ended,
	      errors);
	d.fail_writes = true;
	memset(d.trace, 0, sizeof(d.trace));
	send_bio(REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH | REQ_FUA, 64, 8, 'x');
	drain();
	CHECK(ended == 3 && errors == 1, "its write failed, and %u ended, %u with an error", ended,
	      errors);
	CHECK(strcmp(d.trace, "FW") == 0, "after a failed write there is no second flush: %s",
	      d.trace);
	kit_end();
}

/* The end of a sequence and a plain read come back together; a sequence waits for its next step. */
CASE(soft_steps)
{
	kit_start(1, 32);
	blk_queue_write_cache(d.q, true, false);
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 64, 8, 'w');
	kit_complete(); /* the flush: now the data is in flight */
	send_bio(REQ_OP_READ | REQ_SYNC, 128, 8, 'r');
	fake_bh_disable();
	while (fake_disk_complete_one(&d))
		;
	fake_bh_enable();
	CHECK(ended == 2, "a write's last step and a read came back together, and %u of 2 ended",
	      ended);
	send_bio(REQ_OP_WRITE | REQ_FUA, 64, 8, 'w');
	send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'f');
	CHECK(d.nr_flying == 2, "a write and a flush are in flight, not %u requests", d.nr_flying);
	kit_complete(); /* the write: its flush waits for the one that runs */
	CHECK(!list_empty(&d.q->flush_pending), "a FUA write waits for no flush");
	CHECK(list_first_entry(&d.q->flush_pending, struct request, list)->state == RQ_QUEUED,
	      "a request that waits for its next step is RQ_QUEUED");
	drain();
	CHECK(ended == 4 && errors == 0, "of 4 bios %u ended, %u with an error", ended, errors);
	kit_end();
}

/* A flush request ends once: ended twice, it would end those who wait for the next one. */
CASE(soft_once)
{
	u32 later = 2 + lab_random(5);

	kit_start(1, 32);
	blk_queue_write_cache(d.q, true, false);
	for (u32 i = 0; i <= later; i++)
		send_bio(REQ_OP_WRITE | REQ_PREFLUSH, 0, 0, 'f');
	kit_complete();
	CHECK(ended == 1, "one flush is done for one bio, %u more wait for the next, and %u ended",
	      later, ended);
	kit_complete();
	CHECK(ended == later + 1, "two flushes are done for %u bios, and %u ended", later + 1,
	      ended);
	kit_end();
}

CASE(soft_disks)
{
	static struct fake_disk other;
	struct block_device *mine, *second;

	kit_start(1, 32);
	fake_disk_create(&other, "vdb", 1, 32, NULL);
	mine = bdev;
	second = fake_open("vdb");
	for (u32 i = 0; i < 12; i++) {
		bdev = i % 2 ? second : mine;
		send_bio(REQ_OP_READ | REQ_SYNC, i * 16, 8, 'r');
	}
	bdev = mine;
	fake_bh_disable();
	while (fake_disk_complete_one(&d))
		(void)fake_disk_complete_one(&other);
	fake_bh_enable();
	CHECK(ended == 12 && errors == 0, "of 12 on two disks %u ended", ended);
	CHECK(other.q->tags_used == 0 && other.q->hctxs[0].in_flight == 0,
	      "the other disk's tags did not come back to it");
	blkdev_put(second, NULL);
	fake_disk_remove(&other);
	kit_end();
}

CASE(soft_time)
{
	u64 ns = (1 + lab_random(3)) * NSEC_PER_MSEC;
	ktime_t sent;

	kit_start(1, 32);
	d.q->service_ns = 0;
	send_bio(REQ_OP_READ | REQ_SYNC, 0, 8, 'r');
	sent = d.flying[0]->dispatch_ns;
	fake_clock_advance(ns);
	kit_complete();
	CHECK(d.q->last_done_ns == ktime_get_ns() && d.q->last_done_sent_ns == sent,
	      "the watchdog does not learn when a request ended last, and when that was sent");
	CHECK(d.q->service_ns == ns / 8, "service_ns is %llu after one request of %llu ns",
	      (unsigned long long)d.q->service_ns, (unsigned long long)ns);
	d.q->service_ns = 16 * ns;
	send_bio(REQ_OP_READ | REQ_SYNC, 0, 8, 'r');
	fake_clock_advance(8 * ns);
	kit_complete();
	CHECK(d.q->service_ns == 15 * ns,
	      "service_ns was %llu, a request took %llu ns, and now it is %llu",
	      (unsigned long long)(16 * ns), (unsigned long long)(8 * ns),
	      (unsigned long long)d.q->service_ns);
	kit_end();
}
