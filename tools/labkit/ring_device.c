#include "tools/labkit/ring_device.h"

#include "kernel/lib/errno.h"
#include "kernel/mm/page.h"

struct ring ring;
static size_t live_before;

static void doorbell(struct virtqueue *vq)
{
	(void)vq;
	ring.notifications++;
}

struct virtqueue *ring_make(u16 size, bool indirect, bool event_idx, u16 start)
{
	live_before = fake_kmalloc_live() + fake_pages_live();
	fake_log_clear();
	ring = (struct ring){.vq = virtqueue_create("lab", 0, size, indirect, event_idx)};
	CHECK(ring.vq, "virtqueue_create() gave no ring of %u", size);
	ring.vq->notify = doorbell;
	ring.vq->avail_idx = ring.vq->kicked_idx = ring.vq->last_used = start;
	ring.vq->avail->idx = ring.vq->used->idx = cpu_to_le16(start);
	ring.seen = ring.used = start;
	return ring.vq;
}

void ring_end(void)
{
	u16 size = ring.vq->size, before = ring.vq->in_flight;

	while (virtqueue_detach_unused(ring.vq))
		;
	/* Buffers do not come back at all: other cases say so, and this one has said its part. */
	if (before && ring.vq->in_flight == before)
		return;
	CHECK(ring.vq->num_free == size, "%u of %u descriptors are free when nothing is in flight",
	      ring.vq->num_free, size);
	CHECK(ring.vq->in_flight == 0, "in_flight is %u when nothing is in flight",
	      ring.vq->in_flight);
	virtqueue_destroy(ring.vq);
	CHECK(fake_kmalloc_live() + fake_pages_live() == live_before,
	      "memory leaked: a table that virtqueue_add() allocated was not freed");
}

void ring_fill(struct ring_buffer *b, u32 out, u32 in)
{
	*b = (struct ring_buffer){.out = out, .in = in};
	for (u32 i = 0; i < out + in; i++) {
		b->sg[i] = (struct scatterlist){PADDR((u64)lab_random(0x7fffffff) << 8 |
						      lab_random(256)),
						1 + lab_random(60000)};
		b->in_bytes += i >= out ? b->sg[i].len : 0;
	}
}

int ring_add(struct ring_buffer *b, u32 out, u32 in)
{
	int err;

	ring_fill(b, out, in);
	err = virtqueue_add(ring.vq, b->sg, out, in, b);
	b->busy = err == 0;
	return err;
}

bool ring_offered(void)
{
	return le16_to_cpu(ring.vq->avail->idx) != ring.seen;
}

/* One descriptor, at place `i` of a table of `count`. Returns: its flags. */
static u16 take_piece(struct ring_chain *c, const struct virtq_desc *d)
{
	u16 flags = le16_to_cpu(d->flags);

	CHECK(c->nr < RING_PIECES && c->nr < 2u * ring.vq->size + RING_PIECES,
	      "the chain at head %u does not end", c->head);
	CHECK(!(flags & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)),
	      "a piece of the chain at head %u has flags %#x", c->head, flags);
	CHECK(flags & VIRTQ_DESC_F_WRITE || c->nr == c->out,
	      "the chain at head %u has a piece to read behind one to write (2.7.4.2)", c->head);
	c->piece[c->nr++] = (struct ring_piece){le64_to_cpu(d->addr), le32_to_cpu(d->len),
						flags & VIRTQ_DESC_F_WRITE};
	if (flags & VIRTQ_DESC_F_WRITE)
		c->in_bytes += le32_to_cpu(d->len);
	else
		c->out++;
	return flags;
}

static void walk(struct ring_chain *c, const struct virtq_desc *table, u32 i, u32 count)
{
	u16 flags;

	do {
		CHECK(i < count, "the chain at head %u goes on at descriptor %u of %u", c->head, i,
		      count);
		flags = take_piece(c, &table[i]);
		i = le16_to_cpu(table[i].next);
	} while (flags & VIRTQ_DESC_F_NEXT);
}

struct ring_chain ring_take(void)
{
	struct virtqueue *vq = ring.vq;
	struct ring_chain c = {0};
	const struct virtq_desc *d;
	u32 bytes;

	CHECK(ring_offered(), "avail->idx is %u: the device sees no new buffer",
	      le16_to_cpu(vq->avail->idx));
	c.head = le16_to_cpu(vq->avail->ring[ring.seen++ & (vq->size - 1)]);
	CHECK(c.head < vq->size, "the avail ring names head %u of %u descriptors", c.head,
	      vq->size);
	d = &vq->desc[c.head];
	if (!(le16_to_cpu(d->flags) & VIRTQ_DESC_F_INDIRECT)) {
		walk(&c, vq->desc, c.head, vq->size);
		return c;
	}
	bytes = le32_to_cpu(d->len);
	CHECK(vq->indirect,
	      "an indirect descriptor, and the feature is not negotiated (2.7.5.3.1)");
	CHECK(le16_to_cpu(d->flags) == VIRTQ_DESC_F_INDIRECT,
	      "an indirect descriptor has flags %#x beside INDIRECT (2.7.5.3.1)",
	      le16_to_cpu(d->flags));
	CHECK(bytes && bytes % sizeof(*d) == 0, "an indirect table of %u bytes", bytes);
	c.indirect = true;
	walk(&c, phys_to_virt(PADDR(le64_to_cpu(d->addr))), 0, (u32)(bytes / sizeof(*d)));
	CHECK(c.nr == bytes / sizeof(*d), "an indirect table of %u bytes holds %u pieces", bytes,
	      c.nr);
	return c;
}

void ring_compare(const struct ring_chain *c, const struct ring_buffer *b)
{
	CHECK(c->nr == b->out + b->in, "the device finds %u pieces, the buffer has %u", c->nr,
	      b->out + b->in);
	for (u32 i = 0; i < c->nr; i++) {
		CHECK(c->piece[i].addr == b->sg[i].addr.v,
		      "piece %u lies at %#llx, and the device finds %#llx", i,
		      (unsigned long long)b->sg[i].addr.v, (unsigned long long)c->piece[i].addr);
		CHECK(c->piece[i].len == b->sg[i].len,
		      "piece %u has %u bytes, and the device finds %u", i, b->sg[i].len,
		      c->piece[i].len);
		CHECK(c->piece[i].write == (i >= b->out), "piece %u is to be %s by the device", i,
		      i >= b->out ? "written" : "read");
	}
}

void ring_used_entry(u16 slot, u32 id, u32 len)
{
	ring.vq->used->ring[slot & (ring.vq->size - 1)] =
		(struct virtq_used_elem){cpu_to_le32(id), cpu_to_le32(len)};
}

void ring_used_index(u16 idx)
{
	ring.used = idx;
	ring.vq->used->idx = cpu_to_le16(idx);
}

void ring_finish(u32 id, u32 len)
{
	ring_used_entry(ring.used, id, len);
	ring_used_index((u16)(ring.used + 1));
}

void ring_set_avail_event(u16 idx)
{
	*(le16_t *)(void *)&ring.vq->used->ring[ring.vq->size] = cpu_to_le16(idx);
}

void ring_set_no_notify(bool no)
{
	ring.vq->used->flags = cpu_to_le16(no ? VIRTQ_USED_F_NO_NOTIFY : 0);
}

bool ring_wants_interrupt(u16 old)
{
	struct virtqueue *vq = ring.vq;

	if (vq->event_idx)
		return le16_to_cpu(vq->avail->ring[vq->size]) == old;
	return !(le16_to_cpu(vq->avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT);
}

bool ring_kick(void)
{
	if (!virtqueue_kick_prepare(ring.vq))
		return false;
	virtqueue_notify(ring.vq);
	return true;
}
