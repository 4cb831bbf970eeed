/* What the public and the hidden cases of this lab share: one fake disk below the block layer. */
#pragma once

#include "tools/labkit/case.h"
#include "tests/host/fakes/block_world.h"

#include "block/blk.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"

#define STRIDE 16u /* sectors from one bio to the next that must not touch it */

/* Let requests pile up in the elevator: one is in flight and fills the ring, one was turned away.
 * They are reads, below all others. */
static inline void pile_up(void)
{
	d.ring_size = 1;
	send_bio(REQ_OP_READ, 0, 1, 'x');
	send_bio(REQ_OP_READ, 2, 1, 'x');
	CHECK(d.nr_flying == 1, "a ring for one request has %u in flight", d.nr_flying);
}

/* Now the ring takes all. Those that were piled up are d.flying[1] and above, as they came. */
static inline void release(u32 count)
{
	d.ring_size = 256;
	fake_disk_complete_one(&d);
	fake_run_pending();
	CHECK(d.nr_flying == count + 1,
	      "%u requests waited in the elevator, and %u of them came out", count,
	      d.nr_flying - 1);
}

/* A second disk beside the first: vdb. */
static inline struct block_device *second_disk(struct fake_disk *other, u16 depth)
{
	fake_disk_create(other, "vdb", 1, depth, NULL);
	return fake_open("vdb");
}

/* A read of it that nobody counts. */
static inline void read_second(struct block_device *second, sector_t sector)
{
	struct bio *bio = fake_bio(second, REQ_OP_READ, sector, 8, 'r');

	bio->bi_end_io = fake_bio_free;
	submit_bio(bio);
}

/* All of it ends, and it goes. */
static inline void remove_second(struct fake_disk *other, struct block_device *second)
{
	while (fake_disk_complete_one(other))
		fake_run_pending();
	CHECK(other->q->tags_used == 0, "vdb is idle, and %u of its tags are in use",
	      other->q->tags_used);
	blkdev_put(second, NULL);
	fake_disk_remove(other);
}

/* Everything ends, without an error and without a leak. */
static inline void finish(u32 count)
{
	drain();
	CHECK(ended == count, "%u bios were sent, and %u ended", count, ended);
	CHECK(errors == 0, "%u bios ended with an error, the last with %d", errors, last_status);
	CHECK(d.q->tags_used == 0, "%u tags are in use, and nothing is in flight", d.q->tags_used);
	block_teardown(NULL);
}
