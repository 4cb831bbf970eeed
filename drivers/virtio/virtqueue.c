/*
 * The split virtqueue. Source: virtio-1.2 §2.7.
 *
 * Barriers come in pairs with the device's:
 *
 *	we write descriptors, ring entry      |  device reads avail->idx
 *	  [B1] smp_wmb                        |    read barrier
 *	we write avail->idx                   |  device reads ring entry, descriptors
 *
 *	we write avail->idx                   |  device writes avail_event / used->flags
 *	  [B2] smp_mb                         |    full barrier
 *	we read avail_event / used->flags     |  device reads avail->idx
 *
 *	we read used->idx                     |  device writes data, used entry
 *	  [B3] smp_rmb                        |    write barrier
 *	we read used entry, data              |  device writes used->idx
 *
 *	we write used_event / avail->flags    |  device writes used->idx
 *	  [B4] smp_mb                         |    full barrier
 *	we read used->idx                     |  device reads used_event / avail->flags
 * Path: hop 12, 13
 */
#include "drivers/virtio/virtqueue.h"

#include "kernel/arch/io.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

/* Written by us, behind the avail ring: interrupt when this used entry is there (§2.7.7). */
static le16_t *used_event(const struct virtqueue *vq)
{
	return &vq->avail->ring[vq->size];
}

/* Written by the device, behind the used ring: notify when this head is offered (§2.7.10). */
static const le16_t *avail_event(const struct virtqueue *vq)
{
	return (const le16_t *)(const void *)&vq->used->ring[vq->size];
}

static u16 ring_read(const le16_t *field)
{
	return le16_to_cpu(READ_ONCE(*field));
}

static void ring_write(le16_t *field, u16 val)
{
	WRITE_ONCE(*field, cpu_to_le16(val));
}

static void note(struct virtqueue *vq, char what, u16 head, u16 idx, u32 len)
{
	vq->history[vq->nr_events++ % VQ_HISTORY] =
		(struct vq_event){.what = what, .head = head, .idx = idx, .len = len};
}

/* Give up on the ring, with one line that says why. Locks: vq->lock. */
static printf_like(2, 3) void virtqueue_break(struct virtqueue *vq, const char *fmt, ...)
{
	char why[96];
	va_list args;

	if (vq->broken)
		return;
	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	printk("%s: broken: %s\n", vq->name, why);
	WRITE_ONCE(vq->broken, true);
}

static inline void write_desc(struct virtq_desc *d, paddr_t addr, u32 len, u32 flags, u16 next)
{
	d->addr = cpu_to_le64(addr.v);
	d->len = cpu_to_le32(len);
	d->flags = cpu_to_le16((u16)flags);
	d->next = cpu_to_le16(next);
}

/* The table of pieces that one descriptor of the ring will point to (§2.7.5.3), or NULL: then the
 * pieces take a descriptor of the ring each. */
static struct virtq_desc *get_table(struct virtqueue *vq, u16 head, u32 total)
{
	struct vq_desc_state *st = &vq->state[head];

	if (!vq->indirect || total == 1)
		return NULL;
	/* With room in plenty the ring itself is quicker for both sides than a table. */
	if (total <= VQ_DIRECT_DESCS && vq->num_free >= total + vq->size / 2u)
		return NULL;
	if (total <= VQ_INLINE_DESCS)
		return &vq->inline_tables[head * VQ_INLINE_DESCS];
	st->table = kmalloc(sizeof(struct virtq_desc) * total, GFP_ATOMIC);
	return st->table;
}

/* Write the pieces to a table, and the table to descriptor `head`. */
static void write_indirect(struct virtqueue *vq, u16 head, struct virtq_desc *table,
			   const struct scatterlist *sg, u32 out, u32 total)
{
	for (u32 i = 0, last = total - 1; i < total; i++)
		write_desc(&table[i], sg[i].addr, sg[i].len,
			   (i < out ? 0 : VIRTQ_DESC_F_WRITE) | (i < last ? VIRTQ_DESC_F_NEXT : 0),
			   (u16)(i < last ? i + 1 : 0));
	write_desc(&vq->desc[head], virt_to_phys(table), (u32)(sizeof(*table) * total),
		   VIRTQ_DESC_F_INDIRECT, 0);
}

/* Write the pieces to the ring's free descriptors, from `d` on. Returns: the last one. */
static inline u32 write_direct(struct virtqueue *vq, u32 d, const struct scatterlist *sg, u32 out,
			       u32 total)
{
	const struct scatterlist *last = sg + total - 1, *written = sg + out;
	struct virtq_desc *desc = vq->desc;

	for (; sg != last; sg++) {
		u32 next = vq->state[d].next;

		write_desc(&desc[d], sg->addr, sg->len,
			   sg < written ? VIRTQ_DESC_F_NEXT :
					  VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE,
			   (u16)next);
		d = next;
	}
	write_desc(&desc[d], sg->addr, sg->len, sg < written ? 0 : VIRTQ_DESC_F_WRITE, 0);
	return d;
}

/* The buffer at `head` goes to the device (§2.7.13): ring entry, barrier, index. */
static inline void publish(struct virtqueue *vq, u16 head, u32 in_bytes)
{
	struct virtq_avail *avail = vq->avail;
	u32 idx = vq->avail_idx;

	ring_write(&avail->ring[idx & (vq->size - 1u)], head);
	smp_wmb(); /* [B1] */
	vq->avail_idx = (u16)++idx;
	ring_write(&avail->idx, (u16)idx);
	vq->in_flight++;
	vq->nr_added++;
	note(vq, 'A', head, (u16)idx, in_bytes);
}

int virtqueue_add(struct virtqueue *vq, const struct scatterlist *sg, u32 out, u32 in, void *token)
{
	u32 total = out + in, count;
	u16 head = vq->free_head, tail = head;
	struct vq_desc_state *st = &vq->state[head];
	struct virtq_desc *table;
	u64 in_bytes = 0;

	ASSERT(token && total > 0);
	if (unlikely(vq->broken))
		return -EIO;
	for (u32 i = out; i < total; i++)
		in_bytes += sg[i].len;
	if (unlikely(in_bytes > UINT32_MAX || (!vq->indirect && total > vq->size)))
		return -EINVAL;
	if (vq->num_free == 0)
		return -ENOSPC;
	table = get_table(vq, head, total);
	count = table ? 1 : total;
	if (count >
	    vq->num_free) /* no table for want of memory; with an empty ring nobody wakes us */
		return vq->in_flight ? -ENOSPC : -ENOMEM;
	if (table)
		write_indirect(vq, head, table, sg, out, total);
	else
		tail = (u16)write_direct(vq, head, sg, out, total);
	vq->free_head = vq->state[tail].next;
	vq->num_free = (u16)(vq->num_free - count);
	st->token = token;
	st->in_bytes = (u32)in_bytes;
	st->count = (u16)count;
	st->tail = tail;
	publish(vq, head, (u32)in_bytes);
	return 0;
}

/* §2.7.10: did the index step over `event` on its way from `old` to `new`? Right across the wrap,
 * since all three count modulo 2^16. */
static bool need_event(u16 event, u16 new, u16 old)
{
	return (u16)(new - event - 1) < (u16)(new - old);
}

bool virtqueue_kick_prepare(struct virtqueue *vq)
{
	u16 old = vq->kicked_idx;
	bool need;

	if (vq->broken || old == vq->avail_idx)
		return false;
	smp_mb(); /* [B2], §2.7.13.4.1 */
	if (vq->event_idx)
		need = need_event(ring_read(avail_event(vq)), vq->avail_idx, old);
	else
		need = !(ring_read(&vq->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
	vq->kicked_idx = vq->avail_idx;
	if (need) {
		vq->nr_notified++;
		note(vq, 'N', 0, vq->avail_idx, 0);
	}
	return need;
}

void virtqueue_notify(struct virtqueue *vq)
{
	vq->notify(vq);
}

/* Put a head's descriptors back on the free list. Returns: its token. */
static inline void *detach(struct virtqueue *vq, u16 head)
{
	struct vq_desc_state *st = &vq->state[head];
	void *token = st->token;

	vq->state[st->tail].next = vq->free_head;
	vq->free_head = head;
	vq->num_free = (u16)(vq->num_free + st->count);
	vq->in_flight--;
	if (unlikely(st->table)) {
		kfree(st->table);
		st->table = NULL;
	}
	st->token = NULL;
	return token;
}

void *virtqueue_get(struct virtqueue *vq, u32 *len)
{
	const struct virtq_used_elem *elem;
	u16 used_idx, ready;
	u32 id, written;

	if (unlikely(vq->broken))
		return NULL;
	used_idx = ring_read(&vq->used->idx);
	ready = (u16)(used_idx - vq->last_used);
	if (ready == 0)
		return NULL;
	if (unlikely(ready > vq->in_flight)) {
		virtqueue_break(vq, "used index %u runs ahead: %u taken, %u in flight", used_idx,
				vq->last_used, vq->in_flight);
		return NULL;
	}
	smp_rmb(); /* [B3], §2.7.14 */
	elem = &vq->used->ring[vq->last_used & (vq->size - 1)];
	/* Read each once: the device may change them between check and use. */
	id = le32_to_cpu(READ_ONCE(elem->id));
	written = le32_to_cpu(READ_ONCE(elem->len));
	if (unlikely(id >= vq->size || !vq->state[id].token)) {
		virtqueue_break(vq, "used id %u is %s", id,
				id >= vq->size ? "out of range" : "no buffer in flight");
		return NULL;
	}
	if (unlikely(written > vq->state[id].in_bytes)) {
		virtqueue_break(vq, "used length %u of id %u, only %u may be written", written, id,
				vq->state[id].in_bytes);
		return NULL;
	}
	vq->last_used++;
	note(vq, 'U', (u16)id, vq->last_used, written);
	*len = written;
	return detach(vq, (u16)id);
}

void virtqueue_disable_cb(struct virtqueue *vq)
{
	if (vq->event_idx) /* so far away that the index cannot step over it soon */
		ring_write(used_event(vq), (u16)(vq->last_used + 0x8000));
	if (vq->event_idx || (vq->avail_flags & VIRTQ_AVAIL_F_NO_INTERRUPT))
		return;
	vq->avail_flags |= VIRTQ_AVAIL_F_NO_INTERRUPT;
	ring_write(&vq->avail->flags, vq->avail_flags);
}

bool virtqueue_enable_cb(struct virtqueue *vq)
{
	if (vq->event_idx) {
		ring_write(used_event(vq), vq->last_used);
	} else if (vq->avail_flags & VIRTQ_AVAIL_F_NO_INTERRUPT) {
		vq->avail_flags &= (u16)~VIRTQ_AVAIL_F_NO_INTERRUPT;
		ring_write(&vq->avail->flags, vq->avail_flags);
	}
	smp_mb(); /* [B4], §2.7.7.1 */
	return vq->broken || ring_read(&vq->used->idx) == vq->last_used;
}

/* --- also: a ring is made --------------------------------------------------------------- */

/* The ring's layout is the legacy one, which suits modern devices too (§2.7.2). */
static size_t used_offset(u16 size)
{
	size_t avail_end = sizeof(struct virtq_desc) * size + sizeof(struct virtq_avail) +
			   sizeof(le16_t) * (size + 1u);

	return ALIGN_UP(avail_end, (size_t)VIRTQUEUE_ALIGN);
}

static size_t ring_bytes(u16 size)
{
	return used_offset(size) + sizeof(struct virtq_used) +
	       sizeof(struct virtq_used_elem) * size + sizeof(le16_t);
}

static unsigned int order_of(size_t bytes)
{
	unsigned int order = 0;

	while ((PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

struct virtqueue *virtqueue_create(const char *name, u16 index, u16 size, bool indirect,
				   bool event_idx)
{
	struct virtqueue *vq;
	u8 *ring;

	ASSERT(size >= VIRTQUEUE_MIN && size <= VIRTQUEUE_MAX && (size & (size - 1)) == 0);
	vq = kzalloc(sizeof(*vq) + sizeof(vq->state[0]) * size, GFP_KERNEL);
	if (!vq)
		return NULL;
	vq->order = order_of(ring_bytes(size));
	vq->pages = alloc_pages(GFP_KERNEL | GFP_ZERO, vq->order);
	if (!vq->pages)
		goto err_free;
	if (indirect) {
		vq->inline_order = order_of(sizeof(struct virtq_desc) * VQ_INLINE_DESCS * size);
		vq->inline_pages = alloc_pages(GFP_KERNEL | GFP_ZERO, vq->inline_order);
		if (!vq->inline_pages)
			goto err_pages;
		vq->inline_tables = page_address(vq->inline_pages);
	}
	ring = page_address(vq->pages);
	vq->desc = (void *)ring;
	vq->avail = (void *)(ring + sizeof(struct virtq_desc) * size);
	vq->used = (void *)(ring + used_offset(size));
	vq->index = index;
	vq->size = size;
	vq->indirect = indirect;
	vq->event_idx = event_idx;
	(void)snprintf(vq->name, sizeof(vq->name), "%s.%u", name, index);
	spin_lock_init(&vq->lock, "virtqueue", LOCK_VIRTQUEUE);
	for (u16 i = 0; i < size; i++)
		vq->state[i].next = (u16)(i + 1);
	vq->num_free = size;
	return vq;

err_pages:
	free_pages(vq->pages, vq->order);
err_free:
	kfree(vq);
	return NULL;
}

void virtqueue_destroy(struct virtqueue *vq)
{
	if (!vq)
		return;
	ASSERT(vq->in_flight == 0);
	if (vq->inline_pages)
		free_pages(vq->inline_pages, vq->inline_order);
	free_pages(vq->pages, vq->order);
	kfree(vq);
}

/* --- also: a device that is gone -------------------------------------------------------- */

void *virtqueue_detach_unused(struct virtqueue *vq)
{
	if (vq->in_flight == 0)
		return NULL;
	for (u16 i = 0; i < vq->size; i++)
		if (vq->state[i].token)
			return detach(vq, i);
	return NULL;
}

void virtqueue_dump(const struct virtqueue *vq)
{
	u32 first = vq->nr_events > VQ_HISTORY ? vq->nr_events - VQ_HISTORY : 0;

	printk("%s: size %u, in flight %u, free %u; offered %u (ring says %u), taken %u, "
	       "device finished %u\n",
	       vq->name, vq->size, vq->in_flight, vq->num_free, vq->avail_idx,
	       ring_read(&vq->avail->idx), vq->last_used, ring_read(&vq->used->idx));
	printk("%s: avail flags %u, used_event %u, used flags %u, avail_event %u, notified %llu of "
	       "%llu\n",
	       vq->name, ring_read(&vq->avail->flags), ring_read(used_event(vq)),
	       ring_read(&vq->used->flags), ring_read(avail_event(vq)),
	       (unsigned long long)vq->nr_notified, (unsigned long long)vq->nr_added);
	for (u32 i = first; i < vq->nr_events; i++) {
		const struct vq_event *e = &vq->history[i % VQ_HISTORY];

		printk("%s: %c head %u index %u bytes %u\n", vq->name, e->what, e->head, e->idx,
		       e->len);
	}
}
