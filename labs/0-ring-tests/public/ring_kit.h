/*
 * A device for your tests: it does what you tell it, and checks nothing. To find what is wrong is
 * your part.
 *
 * A test is CASE(name) { ... CHECK(condition, "what is wrong"); }. Each begins with new_ring().
 */
#pragma once

#include "tools/labkit/case.h"

#include "drivers/virtio/virtqueue.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/page.h"

static struct virtqueue *vq;

/* An empty ring, whose indices all begin with `start`. */
static inline void new_ring(u16 size, bool indirect, bool event_idx, u16 start)
{
	fake_log_clear();
	vq = virtqueue_create("test", 0, size, indirect, event_idx);
	CHECK(vq, "no ring");
	vq->avail_idx = vq->kicked_idx = vq->last_used = start;
	vq->avail->idx = vq->used->idx = cpu_to_le16(start);
}

/* All buffers come back, and the ring goes. */
static inline void end_ring(void)
{
	while (virtqueue_detach_unused(vq))
		;
	virtqueue_destroy(vq);
}

/* --- what the device reads --- */

static inline u16 avail_idx(void)
{
	return le16_to_cpu(vq->avail->idx);
}
static inline u16 avail_entry(u16 idx) /* the head that was offered as the idx-th */
{
	return le16_to_cpu(vq->avail->ring[idx & (vq->size - 1)]);
}
static inline const struct virtq_desc *desc(u16 i)
{
	return &vq->desc[i & (vq->size - 1)];
}
static inline const struct virtq_desc *table_of(const struct virtq_desc *d) /* an indirect one's */
{
	return phys_to_virt(PADDR(le64_to_cpu(d->addr)));
}
static inline u16 flags_of(const struct virtq_desc *d)
{
	return le16_to_cpu(d->flags);
}
static inline bool wants_interrupt(u16 old) /* for the used entry `old`, the first is `start` */
{
	if (vq->event_idx)
		return le16_to_cpu(vq->avail->ring[vq->size]) == old;
	return !(le16_to_cpu(vq->avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/* --- what the device writes --- */

static inline void write_used(u16 idx, u32 id, u32 len) /* the entry alone */
{
	vq->used->ring[idx & (vq->size - 1)] =
		(struct virtq_used_elem){cpu_to_le32(id), cpu_to_le32(len)};
}
static inline void set_used_idx(u16 idx)
{
	vq->used->idx = cpu_to_le16(idx);
}
static inline void finish(u32 id, u32 len) /* both: a buffer is finished */
{
	u16 idx = le16_to_cpu(vq->used->idx);

	write_used(idx, id, len);
	set_used_idx((u16)(idx + 1));
}
static inline void want_no_notify(bool no)
{
	vq->used->flags = cpu_to_le16(no ? VIRTQ_USED_F_NO_NOTIFY : 0);
}
static inline void want_notify_at(u16 idx)
{
	*(le16_t *)(void *)&vq->used->ring[vq->size] = cpu_to_le16(idx);
}

/* A buffer of pieces with addresses and lengths of its own; its address is its token. */
struct buffer {
	struct scatterlist sg[64];
};
static inline int add(struct buffer *b, u32 out, u32 in)
{
	for (u32 i = 0; i < out + in; i++)
		b->sg[i] = (struct scatterlist){PADDR(0x100000ull * (1 + lab_random(1000)) + i),
						16 + lab_random(4000)};
	return virtqueue_add(vq, b->sg, out, in, b);
}
