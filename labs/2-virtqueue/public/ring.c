/* The public cases: one of each kind. The hidden ones go to the edges. */
#include "ring_kit.h"

CASE(add_one)
{
	struct ring_buffer b;
	struct ring_chain c;

	ring_make(8, false, false, 0);
	must_add(&b, 1, 0);
	c = ring_take();
	ring_compare(&c, &b);
	CHECK(!ring_offered(), "one buffer was added, and the device sees more");
	CHECK(ring.vq->in_flight == 1, "in_flight is %u with one buffer in flight",
	      ring.vq->in_flight);
	CHECK(ring.vq->num_free == 7, "num_free is %u, one of 8 descriptors is in use",
	      ring.vq->num_free);
}

CASE(add_chain)
{
	static struct ring_buffer b[3];
	struct ring_chain c;

	ring_make(16, false, false, 0);
	for (u32 i = 0; i < 3; i++)
		must_add(&b[i], 1 + i, 3 - i);
	for (u32 i = 0; i < 3; i++) {
		c = ring_take();
		ring_compare(&c, &b[i]);
	}
	CHECK(ring.vq->num_free == 4, "num_free is %u, 12 of 16 descriptors are in use",
	      ring.vq->num_free);
}

CASE(get_one)
{
	struct ring_buffer b;
	struct ring_chain c;

	ring_make(8, false, false, 0);
	must_add(&b, 1, 2);
	must_get_none();
	c = ring_take();
	ring_finish(c.head, b.in_bytes);
	must_get(&b, b.in_bytes);
	must_get_none();
	ring_end();
}

CASE(get_order)
{
	static struct ring_buffer b[4];
	struct ring_chain c[4];
	u32 order[4] = {2, 0, 3, 1};

	ring_make(16, false, false, 0);
	for (u32 round = 0; round < 20; round++) {
		for (u32 i = 0; i < 4; i++) {
			must_add(&b[i], 1 + lab_random(2), 1 + lab_random(2));
			c[i] = ring_take();
			ring_compare(&c[i], &b[i]);
		}
		for (u32 i = 0; i < 4; i++)
			ring_finish(c[order[i]].head, i);
		for (u32 i = 0; i < 4; i++)
			must_get(&b[order[i]], i);
	}
	ring_end();
}

CASE(kick_plain)
{
	static struct ring_buffer b[3];

	ring_make(8, false, false, 0);
	CHECK(!ring_kick(), "a notification, and nothing was added");
	must_add(&b[0], 1, 0);
	CHECK(ring_kick(), "no notification for a buffer that the device wants to be told of");
	CHECK(!ring_kick(), "a second notification for the same buffer");
	ring_set_no_notify(true);
	must_add(&b[1], 1, 0);
	CHECK(!ring_kick(), "a notification that the device has forbidden (NO_NOTIFY)");
	ring_set_no_notify(false);
	must_add(&b[2], 1, 0);
	CHECK(ring_kick(), "no notification after NO_NOTIFY was taken back");
	CHECK(ring.notifications == 2, "the doorbell was rung %u times, not 2", ring.notifications);
}
