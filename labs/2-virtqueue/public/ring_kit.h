/* What the public and the hidden cases of this lab share. */
#pragma once

#include "tools/labkit/ring_device.h"

#include "kernel/lib/errno.h"

/* Add a buffer that must fit. */
static inline void must_add(struct ring_buffer *b, u32 out, u32 in)
{
	int err = ring_add(b, out, in);

	CHECK(err == 0, "virtqueue_add() of %u + %u pieces gave %d; %u of %u descriptors were free",
	      out, in, err, ring.vq->num_free, ring.vq->size);
}

/* The next finished buffer must be this one, with this length. */
static inline void must_get(struct ring_buffer *b, u32 len)
{
	u32 got = ~0u;
	void *token = virtqueue_get(ring.vq, &got);

	CHECK(token != NULL, "virtqueue_get() gave NULL, and a buffer is finished%s",
	      ring.vq->broken ? " (the ring calls itself broken)" : "");
	CHECK(token == b, "virtqueue_get() gave another buffer's token");
	CHECK(got == len, "the device wrote %u bytes, and virtqueue_get() says %u", len, got);
	b->busy = false;
}

static inline void must_get_none(void)
{
	u32 len;

	CHECK(virtqueue_get(ring.vq, &len) == NULL,
	      "virtqueue_get() gave a token, and nothing is finished");
}
