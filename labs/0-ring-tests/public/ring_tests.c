/* Your tests of the virtqueue. Each function is a test; all of them run, one after the other. */
#include "ring_kit.h"

CASE(an_example)
{
	struct buffer b;

	new_ring(8, false, false, 0);
	CHECK(add(&b, 1, 1) == 0, "an empty ring refuses a buffer");
	CHECK(vq->in_flight == 1, "one buffer is in flight, and in_flight is %u", vq->in_flight);
	end_ring();
}
