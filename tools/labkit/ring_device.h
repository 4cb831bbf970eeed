/*
 * The device's side of one virtqueue, for the cases of labs: it walks chains as a device would, and
 * CHECKs each field against virtio-1.2 §2.7. What the driver may do wrong ends the case with a
 * sentence.
 */
#pragma once

#include "tools/labkit/case.h"

#include "drivers/virtio/virtqueue.h"

#define RING_PIECES 64

struct ring_piece {
	u64 addr;
	u32 len;
	bool write;
};

/* A chain as the device found it. */
struct ring_chain {
	u16 head;
	bool indirect;
	u32 nr, out, in_bytes;
	struct ring_piece piece[RING_PIECES];
};

/* A buffer that a case has put up; its address is the token. */
struct ring_buffer {
	bool busy;
	u32 out, in, in_bytes;
	struct scatterlist sg[RING_PIECES];
};

extern struct ring {
	struct virtqueue *vq;
	u16 seen, used;	   /* the device's indices */
	u32 notifications; /* doorbell rings */
} ring;

/* A new ring, and a device without a past. `start`: what all indices begin with. */
struct virtqueue *ring_make(u16 size, bool indirect, bool event_idx, u16 start);
/* Give back all buffers and the ring; CHECKs that nothing leaked. */
void ring_end(void);

/* Fill a buffer with pieces of random addresses and lengths. */
void ring_fill(struct ring_buffer *b, u32 out, u32 in);
/* Fill it and add it. Returns: what virtqueue_add() did. */
int ring_add(struct ring_buffer *b, u32 out, u32 in);
/* Does the device see a buffer that it has not taken? */
bool ring_offered(void);
/* Take the next: CHECKs that there is one and that its chain is sound. */
struct ring_chain ring_take(void);
/* CHECK that a chain is this buffer, piece by piece. */
void ring_compare(const struct ring_chain *c, const struct ring_buffer *b);
/* Finish: a used entry, then the index. */
void ring_finish(u32 id, u32 len);
/* The two halves of it. */
void ring_used_entry(u16 slot, u32 id, u32 len);
void ring_used_index(u16 idx);
/* What the device tells of notifications. */
void ring_set_avail_event(u16 idx);
void ring_set_no_notify(bool no);
/* What the driver tells of interrupts: does the used entry `old` (0 the first) raise one? */
bool ring_wants_interrupt(u16 old);
/* One kick as a driver does it. Returns: whether the doorbell was rung. */
bool ring_kick(void);
