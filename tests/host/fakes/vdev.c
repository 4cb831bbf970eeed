#include "tests/host/fakes/vdev.h"
#include "tests/host/host.h"

#include "drivers/virtio/virtio_pci_spec.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"

/* --- the rings, as the device sees them ------------------------------------------------------ */

static void *mem(u64 pa)
{
	return phys_to_virt(PADDR(pa));
}

static u16 avail_read(struct vdev_queue *q, u32 index)
{
	return le16_to_cpu(READ_ONCE(((le16_t *)mem(q->avail))[index]));
}

static struct virtq_used *used_of(struct vdev_queue *q)
{
	return mem(q->used);
}

static bool accepted(const struct vdev *d, u32 bit)
{
	return (d->accepted >> bit) & 1;
}

static void set_avail_event(struct vdev *d, struct vdev_queue *q, u16 idx)
{
	if (accepted(d, VIRTIO_F_EVENT_IDX))
		*(le16_t *)(void *)&used_of(q)->ring[q->size] = cpu_to_le16(idx);
}

static void fetch(struct vdev *d, u16 index)
{
	struct vdev_queue *q = &d->q[index];
	u16 limit = 0;

	if (!q->enabled || !q->kicked)
		return;
	q->kicked = false;
	while (q->seen != avail_read(q, 1) && limit++ < q->size) {
		u16 head = avail_read(q, 2 + (q->seen & (q->size - 1)));

		ASSERT(head < q->size && d->nr_pending < VDEV_PENDING);
		d->pending[d->nr_pending].queue = index;
		d->pending[d->nr_pending++].head = head;
		q->seen++;
		q->fetched++;
	}
	set_avail_event(d, q, q->seen);
}

struct chain {
	struct virtq_desc d[1100];
	u32 n, out;
	u64 in_bytes;
};

static void walk(struct vdev *d, struct vdev_queue *q, u16 head, struct chain *c)
{
	struct virtq_desc *table = mem(q->desc);
	u32 limit = q->size, i = head;

	c->n = c->out = 0;
	c->in_bytes = 0;
	if (le16_to_cpu(table[head].flags) & VIRTQ_DESC_F_INDIRECT) {
		u32 len = le32_to_cpu(table[head].len);

		ASSERT(accepted(d, VIRTIO_F_INDIRECT_DESC) && len % 16 == 0 && len > 0);
		table = mem(le64_to_cpu(table[head].addr));
		limit = len / 16;
		i = 0;
	}
	for (;;) {
		struct virtq_desc desc = table[i];
		u16 flags = le16_to_cpu(desc.flags);

		ASSERT(c->n < limit && c->n < ARRAY_SIZE(c->d));
		ASSERT(!(flags & VIRTQ_DESC_F_INDIRECT));
		c->d[c->n++] = desc;
		if (flags & VIRTQ_DESC_F_WRITE) {
			c->in_bytes += le32_to_cpu(desc.len);
		} else {
			ASSERT(c->out == c->n - 1); /* readable ones come first */
			c->out++;
		}
		if (!(flags & VIRTQ_DESC_F_NEXT))
			break;
		i = le16_to_cpu(desc.next);
		ASSERT(i < limit);
	}
	if (c->n > d->longest_chain)
		d->longest_chain = c->n;
}

/* --- requests
 * ---------------------------------------------------------------------------------- */

static u8 transfer(struct vdev *d, const struct chain *c, u64 sector, bool write)
{
	u64 at = sector * 512;

	for (u32 i = 1; i + 1 < c->n; i++) {
		u32 len = le32_to_cpu(c->d[i].len);
		u8 *p = mem(le64_to_cpu(c->d[i].addr));

		if (at + len > sizeof(d->data))
			return VIRTIO_BLK_S_IOERR;
		memcpy(write ? d->data + at : p, write ? p : d->data + at, len);
		at += len;
	}
	return VIRTIO_BLK_S_OK;
}

static u8 clear_range(struct vdev *d, const struct chain *c)
{
	const struct virtio_blk_range *r = mem(le64_to_cpu(c->d[1].addr));
	u64 first = le64_to_cpu(r->sector), n = le32_to_cpu(r->num_sectors);

	if (first + n > VDEV_SECTORS)
		return VIRTIO_BLK_S_IOERR;
	memset(d->data + first * 512, 0, n * 512);
	return VIRTIO_BLK_S_OK;
}

static u8 execute(struct vdev *d, const struct chain *c)
{
	const struct virtio_blk_outhdr *hdr = mem(le64_to_cpu(c->d[0].addr));

	ASSERT(c->n >= 2 && c->out >= 1 && le32_to_cpu(c->d[0].len) == sizeof(*hdr));
	ASSERT(le32_to_cpu(c->d[c->n - 1].len) == 1);
	switch (le32_to_cpu(hdr->type)) {
	case VIRTIO_BLK_T_IN:
		return transfer(d, c, le64_to_cpu(hdr->sector), false);
	case VIRTIO_BLK_T_OUT:
		return transfer(d, c, le64_to_cpu(hdr->sector), true);
	case VIRTIO_BLK_T_FLUSH:
		ASSERT(c->n == 2);
		d->flushes++;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		ASSERT(le32_to_cpu(c->d[1].len) == VIRTIO_BLK_ID_BYTES);
		memcpy(mem(le64_to_cpu(c->d[1].addr)), d->serial, VIRTIO_BLK_ID_BYTES);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return clear_range(d, c);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

static void push_used(struct vdev_queue *q, u32 id, u32 len)
{
	used_of(q)->ring[q->used_idx & (q->size - 1)] =
		(struct virtq_used_elem){cpu_to_le32(id), cpu_to_le32(len)};
	q->used_idx++;
	used_of(q)->idx = cpu_to_le16(q->used_idx);
}

static bool wants_interrupt(struct vdev *d, struct vdev_queue *q, u16 old)
{
	u16 event = avail_read(q, 2 + q->size);

	if (!accepted(d, VIRTIO_F_EVENT_IDX))
		return !(avail_read(q, 0) & VIRTQ_AVAIL_F_NO_INTERRUPT);
	return (u16)(q->used_idx - event - 1) < (u16)(q->used_idx - old);
}

static void tell(struct vdev *d, u16 index, u16 head, struct chain *c, u8 status)
{
	struct vdev_queue *q = &d->q[index];
	u8 *status_byte = mem(le64_to_cpu(c->d[c->n - 1].addr));
	enum vdev_lie lie = d->lie;
	u32 len = (u32)c->in_bytes;

	if (lie < LIE_FEATURES_REFUSED)
		d->lie = LIE_NONE;
	if (lie != LIE_STATUS_UNWRITTEN)
		*status_byte = lie == LIE_STATUS_3 ? 3 : status;
	switch (lie) {
	case LIE_NEVER:
		return;
	case LIE_NEEDS_RESET:
		d->status |= VIRTIO_STATUS_NEEDS_RESET;
		vdev_config_changed(d);
		return;
	case LIE_ID_RANGE:
		push_used(q, 0xfffffff0u, len);
		return;
	case LIE_ID_NO_HEAD: /* a middle descriptor, or a free one */
		push_used(q, (head + q->size - 1) % q->size, len);
		return;
	case LIE_USED_AHEAD:
		q->used_idx = (u16)(q->used_idx + q->size);
		break;
	case LIE_USED_BACK:
		q->used_idx = (u16)(q->used_idx - 2);
		break;
	case LIE_LEN:
		len++;
		break;
	case LIE_LEN_SHORT:
		len = 0;
		break;
	case LIE_TWICE:
		push_used(q, head, len);
		break;
	default:
		break;
	}
	push_used(q, head, len);
}

void vdev_interrupt_queue(struct vdev *d, u16 index)
{
	d->interrupts++;
	d->isr |= VIRTIO_ISR_QUEUE;
	if (d->kind >= VDEV_MMIO)
		fake_irq_gsi(d->gsi);
	else if (fake_pci_msix_on(&d->pci))
		fake_irq_msix(&d->pci, d->q[index].vector);
	else
		fake_irq_gsi(irq_pci_gsi(0, d->pci.slot, 1, 0));
}

void vdev_config_changed(struct vdev *d)
{
	d->generation++;
	d->isr |= VIRTIO_ISR_CONFIG;
	if (d->kind >= VDEV_MMIO)
		fake_irq_gsi(d->gsi);
	else if (fake_pci_msix_on(&d->pci))
		fake_irq_msix(&d->pci, d->config_vector);
	else
		fake_irq_gsi(irq_pci_gsi(0, d->pci.slot, 1, 0));
}

bool vdev_finish_one(struct vdev *d)
{
	static struct chain c;
	u32 pick = 0;
	u16 queue, head, old;
	u8 status;

	for (u16 i = 0; i < d->nr_queues; i++)
		fetch(d, i);
	if (d->nr_pending == 0)
		return false;
	d->random = d->random * 1664525 + 1013904223;
	if (d->reorder)
		pick = (d->random >> 8) % d->nr_pending;
	queue = d->pending[pick].queue;
	head = d->pending[pick].head;
	d->pending[pick] = d->pending[--d->nr_pending];
	walk(d, &d->q[queue], head, &c);
	status = execute(d, &c);
	old = d->q[queue].used_idx;
	tell(d, queue, head, &c, status);
	d->done++;
	/* The driver may reset the device from within. */
	if (d->q[queue].used_idx != old && wants_interrupt(d, &d->q[queue], old))
		vdev_interrupt_queue(d, queue);
	return true;
}

bool vdev_step(struct vdev *d)
{
	return !d->manual && vdev_finish_one(d);
}

void vdev_init(struct vdev *d, enum vdev_kind kind)
{
	bool legacy = kind == VDEV_LEGACY || kind == VDEV_MMIO_LEGACY;

	memset(d, 0, sizeof(*d));
	d->kind = kind;
	d->max_size = 128;
	d->msix_entries = VDEV_QUEUES + 1;
	d->nr_queues = 1;
	d->random = 1;
	d->gsi = 5;
	strcpy(d->serial, "fake-0123456789abcd");
	d->offered = VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX) |
		     VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) |
		     VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) | VIRTIO_BIT(VIRTIO_BLK_F_TOPOLOGY) |
		     VIRTIO_BIT(VIRTIO_BLK_F_CONFIG_WCE) | VIRTIO_BIT(VIRTIO_BLK_F_MQ) |
		     VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) | VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES) |
		     /* what no driver here knows: */
		     VIRTIO_BIT(24) | VIRTIO_BIT(30) | VIRTIO_BIT(4) | VIRTIO_BIT(15);
	if (!legacy)
		d->offered |= VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(34) | VIRTIO_BIT(40);
	d->config.capacity = cpu_to_le64(VDEV_SECTORS);
	d->config.seg_max = cpu_to_le32(126);
	d->config.blk_size = cpu_to_le32(512);
	d->config.topology.physical_block_exp = 3;
	d->config.topology.min_io_size = cpu_to_le16(8);
	d->config.writeback = 1;
	d->config.num_queues = cpu_to_le16(1);
	d->config.max_discard_sectors = cpu_to_le32(1024);
	d->config.max_discard_seg = cpu_to_le32(1);
	d->config.discard_sector_alignment = cpu_to_le32(8);
	d->config.max_write_zeroes_sectors = cpu_to_le32(1024);
}
