/* The real block layer over a driver of the tests. */
#pragma once

#include "tools/labkit/case.h"

#include "block/blk.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "tests/host/fakes/block_world.h"

static inline void kit_start(u16 rings, u16 depth)
{
	block_start(rings, depth, NULL);
}

static inline void kit_complete(void)
{
	CHECK(fake_disk_complete_one(&d), "the driver has no request in flight");
	fake_run_pending();
}

/* Nothing may be held when all is done. */
static inline void kit_end(void)
{
	drain();
	CHECK(d.q->tags_used == 0, "%u tags never came back", d.q->tags_used);
	CHECK(atomic_read(&d.q->runners) == 0, "the queue still counts a runner");
	for (u16 i = 0; i < d.q->nr_hw_queues; i++)
		CHECK(d.q->hctxs[i].in_flight == 0, "ring %u still counts %u in flight", i,
		      d.q->hctxs[i].in_flight);
	block_teardown(NULL);
}
