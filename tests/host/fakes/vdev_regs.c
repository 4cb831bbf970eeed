/* The fake virtio device's registers: modern PCI, legacy PCI, MMIO of both versions. */
#include "tests/host/fakes/vdev.h"
#include "tests/host/host.h"

#include "drivers/virtio/virtio_mmio_spec.h"
#include "drivers/virtio/virtio_pci_spec.h"
#include "kernel/lib/assert.h"

/* Where a modern device's blocks lie in its BAR. */
#define COMMON_AT   0x0000
#define ISR_AT	    0x1000
#define CONFIG_AT   0x2000
#define NOTIFY_AT   0x3000
#define NOTIFY_MULT 4

static struct vdev_queue *selected(struct vdev *d)
{
	static struct vdev_queue none;

	none = (struct vdev_queue){0};
	return d->queue_select < d->nr_queues ? &d->q[d->queue_select] : &none;
}

static u32 queue_max(struct vdev *d)
{
	if (d->queue_select >= d->nr_queues || d->lie == LIE_QUEUE_SIZE_0)
		return 0;
	if (d->lie == LIE_QUEUE_SIZE_3)
		return 3;
	return d->lie == LIE_QUEUE_SIZE_32768 ? 32768 : d->max_size;
}

static void reset(struct vdev *d)
{
	if (d->lie == LIE_NO_RESET && d->was_ready)
		return;
	memset(d->q, 0, sizeof(d->q));
	for (u16 i = 0; i < VDEV_QUEUES; i++)
		d->q[i].vector = VIRTIO_MSI_NO_VECTOR;
	d->status = 0;
	d->accepted = 0;
	d->isr = 0;
	d->nr_pending = 0;
	d->was_ready = false;
	d->config_vector = VIRTIO_MSI_NO_VECTOR;
}

static void write_status(struct vdev *d, u8 val)
{
	if (val == 0) {
		reset(d);
		return;
	}
	if ((val & VIRTIO_STATUS_FEATURES_OK) &&
	    (d->lie == LIE_FEATURES_REFUSED || (d->accepted & ~d->offered) ||
	     (d->offered & ~d->accepted & VIRTIO_BIT(VIRTIO_F_ACCESS_PLATFORM))))
		val &= (u8)~VIRTIO_STATUS_FEATURES_OK;
	if (val & VIRTIO_STATUS_FEATURES_OK && d->lie == LIE_FEATURES_TAKEN_BACK)
		d->offered &= ~VIRTIO_BIT(VIRTIO_F_EVENT_IDX);
	if (val & VIRTIO_STATUS_DRIVER_OK)
		d->was_ready = true;
	d->status = val;
}

static u32 read_features(struct vdev *d, u32 select)
{
	return select < 2 ? (u32)(d->offered >> 32 * select) : 0;
}

static void write_features(struct vdev *d, u32 select, u32 val)
{
	ASSERT(!(d->status & VIRTIO_STATUS_FEATURES_OK));
	if (select == 0)
		d->accepted = (d->accepted & ~0xffffffffull) | val;
	else if (select == 1)
		d->accepted = (d->accepted & 0xffffffffull) | (u64)val << 32;
	ASSERT(!(d->accepted & ~d->offered));
}

static void kick(struct vdev *d, u32 index)
{
	ASSERT(d->status & VIRTIO_STATUS_DRIVER_OK);
	if (index < d->nr_queues && d->q[index].enabled) {
		d->q[index].kicked = true;
		d->q[index].kicks++;
	}
}

static u8 read_isr(struct vdev *d)
{
	u8 isr = d->isr;

	d->isr = 0;
	return isr;
}

static u32 get(const void *block, size_t size, u32 offset, u32 width)
{
	u32 val = 0;

	if (offset + width <= size)
		memcpy(&val, (const u8 *)block + offset, width);
	return val;
}

static void set_half(u64 *field, u32 offset, u32 val)
{
	*field = offset & 4 ? (*field & 0xffffffffull) | (u64)val << 32 :
			      (*field & ~0xffffffffull) | val;
}

/* Legacy: the parts follow from the first page (virtio-1.2 §2.7.2). */
static void set_pfn(struct vdev *d, u64 pfn, u32 size)
{
	struct vdev_queue *q = selected(d);

	q->size = size;
	q->desc = pfn << 12;
	q->avail = q->desc + 16ull * size;
	q->used = (q->avail + 6 + 2ull * size + 4095) & ~4095ull;
	q->enabled = pfn != 0;
}

static u16 take_vector(struct vdev *d, u32 val)
{
	if (d->lie == LIE_VECTOR && val != VIRTIO_MSI_NO_VECTOR)
		return VIRTIO_MSI_NO_VECTOR;
	return (u16)(val < d->msix_entries ? val : VIRTIO_MSI_NO_VECTOR);
}

/* --- modern PCI ------------------------------------------------------------------------------ */

#define OFFSET(field) offsetof(struct virtio_pci_common_cfg, field)

static u32 common_read(struct vdev *d, u32 offset)
{
	struct vdev_queue *q = selected(d);

	switch (offset) {
	case OFFSET(device_feature):
		return read_features(d, d->feature_select);
	case OFFSET(config_msix_vector):
		return d->config_vector;
	case OFFSET(num_queues):
		return d->nr_queues;
	case OFFSET(device_status):
		return d->status;
	case OFFSET(config_generation):
		return d->lie == LIE_GENERATION ? d->generation++ : d->generation;
	case OFFSET(queue_size):
		return q->size ? q->size : queue_max(d);
	case OFFSET(queue_msix_vector):
		return q->vector;
	case OFFSET(queue_enable):
		return q->enabled;
	case OFFSET(queue_notify_off):
		/* Not the queue's index: the driver must ask. */
		return d->lie == LIE_NOTIFY_OFF ? 0xffffu : 7u - d->queue_select;
	default:
		return 0;
	}
}

static void common_write(struct vdev *d, u32 offset, u32 val)
{
	struct vdev_queue *q = selected(d);

	if (offset >= OFFSET(queue_desc)) {
		u64 *field[] = {&q->desc, &q->avail, &q->used};

		if (offset < sizeof(struct virtio_pci_common_cfg))
			set_half(field[(offset - OFFSET(queue_desc)) / 8], offset, val);
		return;
	}
	switch (offset) {
	case OFFSET(device_feature_select):
		d->feature_select = val;
		break;
	case OFFSET(driver_feature_select):
		d->driver_select = val;
		break;
	case OFFSET(driver_feature):
		write_features(d, d->driver_select, val);
		break;
	case OFFSET(config_msix_vector):
		d->config_vector = take_vector(d, val);
		break;
	case OFFSET(device_status):
		write_status(d, (u8)val);
		break;
	case OFFSET(queue_select):
		d->queue_select = (u16)val;
		break;
	case OFFSET(queue_size):
		q->size = val;
		break;
	case OFFSET(queue_msix_vector):
		ASSERT(!q->enabled);
		q->vector = take_vector(d, val);
		break;
	case OFFSET(queue_enable):
		ASSERT(val == 1 && q->desc && q->avail && q->used &&
		       d->status & VIRTIO_STATUS_FEATURES_OK);
		q->enabled = true;
		break;
	default:
		break;
	}
}

static u32 modern_read(void *dev, u32 offset, u32 width)
{
	struct vdev *d = dev;

	if (offset < ISR_AT)
		return common_read(d, offset);
	if (offset < CONFIG_AT)
		return read_isr(d);
	return get(&d->config, sizeof(d->config), offset - CONFIG_AT, width);
}

static void modern_write(void *dev, u32 offset, u32 val, u32 width)
{
	struct vdev *d = dev;

	if (offset < ISR_AT) {
		common_write(d, offset, val);
	} else if (offset >= NOTIFY_AT) {
		ASSERT(width == 2 && (offset - NOTIFY_AT) / NOTIFY_MULT == 7 - val);
		kick(d, val);
	} else if (offset == CONFIG_AT + offsetof(struct virtio_blk_config, writeback)) {
		d->config.writeback = (u8)val;
	}
}

/* --- legacy PCI
 * -------------------------------------------------------------------------------- */

static u32 legacy_read(void *dev, u32 offset, u32 width)
{
	struct vdev *d = dev;
	u32 config = fake_pci_msix_on(&d->pci) ? 24 : 20;

	if (offset >= config)
		return get(&d->config, sizeof(d->config), offset - config, width);
	switch (offset) {
	case VIRTIO_LEGACY_DEVICE_FEATURES:
		return read_features(d, 0);
	case VIRTIO_LEGACY_QUEUE_PFN:
		return (u32)(selected(d)->desc >> 12);
	case VIRTIO_LEGACY_QUEUE_SIZE:
		return queue_max(d);
	case VIRTIO_LEGACY_STATUS:
		return d->status;
	case VIRTIO_LEGACY_ISR:
		return read_isr(d);
	case VIRTIO_LEGACY_CONFIG_VECTOR:
		return d->config_vector;
	case VIRTIO_LEGACY_QUEUE_VECTOR:
		return selected(d)->vector;
	default:
		return 0;
	}
}

static void legacy_write(void *dev, u32 offset, u32 val, u32 width)
{
	struct vdev *d = dev;
	u32 config = fake_pci_msix_on(&d->pci) ? 24 : 20;

	(void)width;
	if (offset == config + offsetof(struct virtio_blk_config, writeback))
		d->config.writeback = (u8)val;
	if (offset >= config)
		return;
	switch (offset) {
	case VIRTIO_LEGACY_DRIVER_FEATURES:
		write_features(d, 0, val);
		break;
	case VIRTIO_LEGACY_QUEUE_PFN:
		set_pfn(d, val, queue_max(d));
		break;
	case VIRTIO_LEGACY_QUEUE_SELECT:
		d->queue_select = (u16)val;
		break;
	case VIRTIO_LEGACY_QUEUE_NOTIFY:
		kick(d, val);
		break;
	case VIRTIO_LEGACY_STATUS:
		write_status(d, (u8)val);
		break;
	case VIRTIO_LEGACY_CONFIG_VECTOR:
		d->config_vector = take_vector(d, val);
		break;
	case VIRTIO_LEGACY_QUEUE_VECTOR:
		selected(d)->vector = take_vector(d, val);
		break;
	default:
		break;
	}
}

/* --- MMIO
 * ---------------------------------------------------------------------------------------- */

static u32 mmio_read(void *dev, u32 offset, u32 width)
{
	struct vdev *d = dev;

	if (offset >= VIRTIO_MMIO_CONFIG)
		return get(&d->config, sizeof(d->config), offset - VIRTIO_MMIO_CONFIG, width);
	ASSERT(width == 4);
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return VIRTIO_MMIO_MAGIC_VALUE;
	case VIRTIO_MMIO_VERSION:
		return d->kind == VDEV_MMIO ? 2 : 1;
	case VIRTIO_MMIO_DEVICE_ID:
		return VIRTIO_ID_BLOCK;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return read_features(d, d->feature_select);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue_max(d);
	case VIRTIO_MMIO_QUEUE_READY:
		return selected(d)->enabled;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return d->isr;
	case VIRTIO_MMIO_STATUS:
		return d->status;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return d->lie == LIE_GENERATION ? d->generation++ : d->generation;
	default:
		return 0;
	}
}

static void mmio_write_queue(struct vdev *d, u32 offset, u32 val)
{
	struct vdev_queue *q = selected(d);

	switch (offset & ~7u) {
	case VIRTIO_MMIO_QUEUE_DESC:
		set_half(&q->desc, offset, val);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER:
		set_half(&q->avail, offset, val);
		break;
	case VIRTIO_MMIO_QUEUE_DEVICE:
		set_half(&q->used, offset, val);
		break;
	default:
		break;
	}
}

static void mmio_write(void *dev, u32 offset, u32 val, u32 width)
{
	struct vdev *d = dev;

	if (offset == VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, writeback))
		d->config.writeback = (u8)val;
	if (offset >= VIRTIO_MMIO_CONFIG)
		return;
	ASSERT(width == 4);
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		d->feature_select = val;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_features(d, d->driver_select, val);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		d->driver_select = val;
		break;
	case VIRTIO_MMIO_GUEST_PAGE_SIZE:
		d->page_size = val;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		d->queue_select = (u16)val;
		break;
	case VIRTIO_MMIO_QUEUE_NUM:
		selected(d)->size = val;
		break;
	case VIRTIO_MMIO_QUEUE_PFN:
		ASSERT(d->kind == VDEV_MMIO_LEGACY && d->page_size == 4096);
		set_pfn(d, val, selected(d)->size);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		ASSERT(d->kind == VDEV_MMIO);
		selected(d)->enabled = val;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		kick(d, val);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		d->isr &= (u8)~val;
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(d, (u8)val);
		break;
	default:
		mmio_write_queue(d, offset, val);
		break;
	}
}

/* --- on the bus
 * ------------------------------------------------------------------------------------ */

static void add_cap(struct vdev *d, u8 type, u8 bar, u32 offset, u32 len)
{
	u8 cap[20] = {0x09, 0, type == VIRTIO_PCI_CAP_NOTIFY_CFG ? 20 : 16, type, bar};

	memcpy(cap + 8, &offset, 4);
	memcpy(cap + 12, &len, 4);
	cap[16] = NOTIFY_MULT;
	fake_pci_add_cap(&d->pci, cap, sizeof(cap));
}

void vdev_plug(struct vdev *d, u8 bus, u8 slot)
{
	struct fake_bar modern = {
		.size = 0x4000, .wide = true, .read = modern_read, .write = modern_write};
	struct fake_bar legacy = {
		.size = 128, .io = true, .read = legacy_read, .write = legacy_write};
	struct fake_bar mmio = {.size = 0x200, .read = mmio_read, .write = mmio_write};

	d->pci.dev = d;
	reset(d);
	if (d->kind >= VDEV_MMIO) {
		fake_mmio_add(d, mmio, VDEV_MMIO_ADDR + 0x200ull * slot);
		return;
	}
	fake_pci_add(&d->pci, bus, slot, VIRTIO_PCI_VENDOR,
		     d->kind == VDEV_MODERN ? 0x1042 : 0x1001, 0);
	d->pci.config[0x2e] = VIRTIO_ID_BLOCK;
	if (d->kind == VDEV_MODERN)
		d->pci.config[0x08] = 1;
	else
		fake_pci_set_bar(&d->pci, 0, legacy, 0xc000u + 0x80u * slot);
	if (d->msix_entries)
		fake_pci_add_msix(&d->pci, 1, 0xfe000000u + 0x1000u * slot, d->msix_entries);
	if (d->kind == VDEV_LEGACY)
		return;
	fake_pci_set_bar(&d->pci, 4, modern, 0x800000000ull + 0x4000u * slot);
	/* One in an I/O BAR first: an alternative that a driver may leave out. */
	add_cap(d, VIRTIO_PCI_CAP_COMMON_CFG, 0, 0, 56);
	add_cap(d, VIRTIO_PCI_CAP_COMMON_CFG, 4, COMMON_AT, 56);
	add_cap(d, VIRTIO_PCI_CAP_ISR_CFG, 4, ISR_AT, 1);
	add_cap(d, VIRTIO_PCI_CAP_DEVICE_CFG, 4, CONFIG_AT, 60);
	add_cap(d, VIRTIO_PCI_CAP_NOTIFY_CFG, 4, NOTIFY_AT, 0x1000);
}
