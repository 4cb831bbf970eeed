/* The hidden cases of the elevator and of tags. */
#include "queue_kit.h"

/* How many of the reads that were piled up left before the first write. */
static u32 reads_first(u32 count)
{
	u32 n = 0;

	while (n < count && !op_is_write(d.flying[n + 1]->cmd_flags))
		n++;
	return n;
}

CASE(sweep_wrap)
{
	u32 above = 5 + lab_random(5), below = 3 + lab_random(3);

	block_start(1, 64, NULL);
	send_bio(REQ_OP_READ, 64 * STRIDE, 8, 'r'); /* the sweep stands here */
	drain();
	d.ring_size = 1;
	send_bio(REQ_OP_READ, 64 * STRIDE + 8, 1, 'x');
	send_bio(REQ_OP_READ, 64 * STRIDE + 10, 1, 'x');
	for (u32 i = 0; i < below; i++)
		send_bio(REQ_OP_READ, i * STRIDE, 8, 'r');
	for (u32 i = above; i-- > 0;)
		send_bio(REQ_OP_READ, (70 + i) * STRIDE, 8, 'r');
	release(above + below);
	for (u32 i = 0; i < above + below; i++) {
		sector_t wanted = i < above ? (70 + i) * STRIDE : (i - above) * STRIDE;

		CHECK(d.flying[i + 1]->sector == wanted,
		      "the sweep stood at sector %u: sector %lu should leave as number %u, and %lu did",
		      64 * STRIDE, (unsigned long)wanted, i,
		      (unsigned long)d.flying[i + 1]->sector);
	}
	finish(above + below + 3);
}

/* What lies at the position itself is next; of one sector, the first that came leaves first. */
CASE(sweep_ties)
{
	block_start(1, 64, NULL);
	pile_up(); /* the last of it ends at sector 3 */
	for (u32 i = 3; i > 0; i--)
		send_bio(REQ_OP_READ, 40, i, 'r');
	send_bio(REQ_OP_READ, 3, 1, 'r');
	release(4);
	CHECK(d.flying[1]->sector == 3, "the sweep stands at sector 3, and sector %lu leaves first",
	      (unsigned long)d.flying[1]->sector);
	for (u32 i = 3; i > 0; i--)
		CHECK(d.flying[5 - i]->data_len == i * SECTOR_SIZE,
		      "three reads of one sector do not leave in the order of their arrival");
	finish(6);
	/* The next of the sweep is the first of those that are alike. */
	block_start(1, 64, NULL);
	pile_up();
	for (u32 i = 3; i > 0; i--)
		send_bio(REQ_OP_READ, 40, i, 'r');
	release(3);
	CHECK(d.flying[1]->data_len == 3 * SECTOR_SIZE,
	      "of three reads of one sector the one that came first does not leave first");
	finish(5);
}

CASE(reads_before_writes)
{
	block_start(1, 64, NULL);
	pile_up();
	for (u32 i = 0; i < 5; i++)
		send_bio(REQ_OP_WRITE, (1 + i) * STRIDE, 8, 'w');
	for (u32 i = 0; i < 5; i++)
		send_bio(REQ_OP_READ, (40 + i) * STRIDE, 8, 'r');
	release(10);
	CHECK(reads_first(10) == 5, "5 reads wait, and %u of them left before the first write",
	      reads_first(10));
	for (u32 i = 7; i <= 10; i++)
		CHECK(d.flying[i - 1]->sector < d.flying[i]->sector, "the writes are not sorted");
	finish(12);
}

/* Writes wait for a running batch and two more, not for all reads. */
CASE(starvation)
{
	u32 first;

	block_start(1, 128, NULL);
	pile_up();
	for (u32 i = 0; i < 4; i++)
		send_bio(REQ_OP_WRITE, (1 + i) * STRIDE, 8, 'w');
	for (u32 i = 0; i < 80; i++)
		send_bio(REQ_OP_READ, (10 + i) * STRIDE, 8, 'r');
	release(84);
	first = reads_first(84);
	CHECK(first <= 48,
	      "%u reads left before the first write: it waits for 3 batches of 16 at most", first);
	CHECK(first >= 32, "a write left after %u reads: two batches of reads go before it", first);
	/* Then the reads go on, for as long as they may again. */
	for (u32 i = first + 1; i <= first + 4; i++)
		CHECK(op_is_write(d.flying[i]->cmd_flags),
		      "the batch of writes ended after %u of 4", i - first - 1);
	CHECK(!op_is_write(d.flying[first + 5]->cmd_flags), "more writes left than there were");
	finish(86);
}

/* Writes that never end get their two turns counted anew each time. */
CASE(starvation_again)
{
	u32 turns = 0, run = 0;

	block_start(1, 128, NULL);
	pile_up();
	for (u32 i = 0; i < 30; i++)
		send_bio(REQ_OP_WRITE, (1 + i) * STRIDE, 8, 'w');
	for (u32 i = 0; i < 80; i++)
		send_bio(REQ_OP_READ, (40 + i) * STRIDE, 8, 'r');
	release(110);
	for (u32 i = 1; i <= 110; i++) {
		bool write = op_is_write(d.flying[i]->cmd_flags);

		if (write && !op_is_write(d.flying[i - 1]->cmd_flags))
			turns++;
		run = write ? run + 1 : 0;
		CHECK(run <= 16 || i > 94,
		      "%u writes left in a row while reads waited; a batch has 16", run);
	}
	CHECK(turns == 2, "30 writes beside 80 reads had %u turns, and two of at most 16 were due",
	      turns);
	finish(112);
}

/* One read below the sweep waits for so long; then 50 come above it. Returns: as which of these 51
 * it leaves, from 1. */
static u32 place_of_old_read(u64 age_ns)
{
	const sector_t old = 3 * STRIDE;
	u32 at = 1;

	block_start(1, 128, NULL);
	send_bio(REQ_OP_READ, 20 * STRIDE, 8, 'r');
	drain();
	d.ring_size = 1;
	send_bio(REQ_OP_READ, 20 * STRIDE + 8, 1, 'x');
	send_bio(REQ_OP_READ, 20 * STRIDE + 10, 1, 'x');
	send_bio(REQ_OP_READ, old, 8, 'o');
	fake_clock_advance(age_ns);
	for (u32 i = 0; i < 50; i++)
		send_bio(REQ_OP_READ, (30 + i) * STRIDE, 8, 'r');
	release(51);
	while (at <= 51 && d.flying[at]->sector != old)
		at++;
	finish(54);
	return at;
}

/* The oldest of a direction waits no longer than its time and the running batch. */
CASE(expired)
{
	for (u32 i = 0; i < 3; i++) {
		u32 ms = 500 + i * lab_random(500), at = place_of_old_read(ms * NSEC_PER_MSEC);

		CHECK(at <= 17,
		      "a read that is %u ms old left as number %u, behind more than a batch", ms,
		      at);
	}
}

/* Before its time the order of sectors counts. */
CASE(not_expired)
{
	u32 at = place_of_old_read(400 * NSEC_PER_MSEC);

	CHECK(at == 51, "a read that is 400 ms old broke the sweep: it left as number %u of 51",
	      at);
}

/* --- tags ----------------------------------------------------------------------------- */

CASE(tags_once)
{
	struct request *got[32];
	u16 depth = (u16)(3 + lab_random(20));
	LIST_HEAD(list);

	block_start(1, depth, NULL);
	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < depth - 1u; i++) {
			got[i] = blk_mq_get_request(d.q, REQ_OP_READ);
			CHECK(got[i] && !IS_ERR(got[i]), "tag %u of %u is free, and was refused", i,
			      depth - 1);
			for (u32 j = 0; j < i; j++)
				CHECK(got[i] != got[j], "one tag was given twice");
			list_add_tail(&got[i]->list, &list);
		}
		CHECK(d.q->tags_used == depth - 1, "%u tags are in use, the queue says %u",
		      depth - 1, d.q->tags_used);
		CHECK(!blk_mq_get_request(d.q, REQ_OP_READ),
		      "all tags are in use, and one was given");
		blk_mq_put_requests(d.q, &list, 0);
		CHECK(list_empty(&list), "blk_mq_put_requests() leaves the caller's list empty");
		CHECK(d.q->tags_used == 0, "all tags came back, the queue says %u", d.q->tags_used);
	}
	finish(0);
}

CASE(tags_refused)
{
	struct request *rq;
	LIST_HEAD(list);

	block_start(1, 8, NULL);
	d.q->freeze_depth = 1;
	CHECK(!blk_mq_get_request(d.q, REQ_OP_READ), "a frozen queue gave a tag");
	d.q->freeze_depth = 0;
	d.q->dying = true;
	rq = blk_mq_get_request(d.q, REQ_OP_READ);
	CHECK(IS_ERR(rq) && PTR_ERR(rq) == -EIO, "a queue that is dying says -EIO, and gave %p",
	      (void *)rq);
	d.q->dying = false;
	for (u32 i = 0; i < 2; i++) {
		rq = blk_mq_get_request(d.q, REQ_OP_READ);
		CHECK(rq && !IS_ERR(rq), "the queue is well again, and refuses");
		list_add_tail(&rq->list, &list);
	}
	blk_mq_put_requests(d.q, &list, 0);
	finish(0);
}

static u32 wakeups;

static bool count_wakeup(struct wait_queue_entry *wait)
{
	(void)wait;
	wakeups++;
	return false;
}

/* Who waits for a tag is woken when some come back, once for all of them. */
CASE(tags_wake)
{
	struct wait_queue_entry wait = {.func = count_wakeup};
	u32 count = 2 + lab_random(5);
	struct request *rq;
	LIST_HEAD(list);

	block_start(1, 8, NULL);
	wakeups = 0;
	for (u32 i = 0; i < count; i++) {
		rq = blk_mq_get_request(d.q, REQ_OP_READ);
		CHECK(rq && !IS_ERR(rq), "tag %u of 7 is free, and was refused", i);
		list_add_tail(&rq->list, &list);
	}
	add_wait_queue(&d.q->tag_wq, &wait);
	CHECK(wakeups == 0, "no tag came back, and who waits was woken");
	blk_mq_put_requests(d.q, &list, 0);
	CHECK(wakeups == 1, "%u tags came back together, and who waits was woken %u times", count,
	      wakeups);
	remove_wait_queue(&d.q->tag_wq, &wait);
	finish(0);
}

CASE(tags_nowait)
{
	struct bio *bio;

	block_start(1, 5, NULL);
	for (u32 i = 0; i < 4; i++)
		send_bio(REQ_OP_READ, i * STRIDE, 8, 'r');
	CHECK(d.nr_flying == 4, "of 4 tags %u are in flight", d.nr_flying);
	bio = fake_bio(bdev, REQ_OP_READ | REQ_NOWAIT, 512, 8, 0);
	CHECK(submit_bio_wait(bio) == -EAGAIN,
	      "no tag is free: a bio that does not wait gets -EAGAIN");
	fake_bio_free(bio);
	finish(4);
}

CASE(tags_batch)
{
	struct blk_plug plug;

	block_start(1, 64, NULL);
	blk_start_plug_nr_ios(&plug, 10);
	send_bio(REQ_OP_READ, 0, 8, 'r');
	CHECK(d.q->tags_used == 10, "a plug that expects 10 takes 10 tags at once, not %u",
	      d.q->tags_used);
	for (u32 i = 1; i < 4; i++)
		send_bio(REQ_OP_READ, i * STRIDE, 8, 'r');
	CHECK(d.q->tags_used == 10, "the plug has tags, and %u are in use", d.q->tags_used);
	blk_finish_plug(&plug);
	CHECK(d.q->tags_used == 4, "the plug ended with 4 requests, and %u tags are in use",
	      d.q->tags_used);
	finish(4);
	block_start(1, 64, NULL);
	blk_start_plug_nr_ios(&plug, 100);
	send_bio(REQ_OP_READ, 0, 8, 'r');
	CHECK(d.q->tags_used == 16, "a plug takes 16 tags at most at once, not %u", d.q->tags_used);
	blk_finish_plug(&plug);
	finish(1);
}

/* More bios than tags, under a plug: it sends what it has, and waits. */
CASE(tags_plugged)
{
	struct blk_plug plug;

	block_start(1, 9, NULL);
	blk_start_plug_nr_ios(&plug, 40);
	for (u32 i = 0; i < 40; i++)
		send_bio(REQ_OP_READ, i * STRIDE, 8, 'r');
	blk_finish_plug(&plug);
	CHECK(d.most_flying == 8, "8 tags: at most %u requests were in flight", d.most_flying);
	finish(40);
}

/* A plug's tags are of one queue; the other queue's bio takes one of its own. */
CASE(tags_queues)
{
	struct fake_disk other;
	struct block_device *second;
	struct blk_plug plug;

	block_start(1, 32, NULL);
	second = second_disk(&other, 32);
	blk_start_plug_nr_ios(&plug, 8);
	send_bio(REQ_OP_READ, 0, 8, 'r');
	read_second(second, 0);
	CHECK(d.q->tags_used == 8, "the plug took 8 tags of vda, and %u are in use",
	      d.q->tags_used);
	CHECK(other.q->tags_used == 1, "vdb has one request, and %u tags in use",
	      other.q->tags_used);
	blk_finish_plug(&plug);
	CHECK(d.nr_flying == 1 && other.nr_flying == 1,
	      "one read for each of two disks; %u and %u arrived", d.nr_flying, other.nr_flying);
	remove_second(&other, second);
	finish(1);
}
