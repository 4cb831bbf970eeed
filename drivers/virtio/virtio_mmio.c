/*
 * The MMIO transport, modern (version 2) and legacy (version 1). Source: virtio-1.2 §4.2.
 * Also there: another transport
 */
#include "drivers/virtio/virtio_mmio.h"

#include "drivers/virtio/virtio.h"
#include "drivers/virtio/virtio_mmio_spec.h"
#include "kernel/arch/io.h"
#include "kernel/arch/irq.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"

#define MMIO_MIN_SIZE  0x200u
#define MMIO_MAX_SIZE  0x10000u
#define ISR_MAX_ROUNDS 64

struct virtio_mmio {
	struct virtio_device vdev;
	volatile u8 *regs; /* [const] */
	u64 size;	   /* [const] bytes */
	u32 irq;	   /* [const] GSI */
};

static struct virtio_mmio *to_mmio(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_mmio, vdev);
}

static u32 rd(struct virtio_device *vdev, u32 offset)
{
	return mmio_read32(to_mmio(vdev)->regs + offset);
}

static void wr(struct virtio_device *vdev, u32 offset, u32 val)
{
	mmio_write32(to_mmio(vdev)->regs + offset, val);
}

static u8 mmio_get_status(struct virtio_device *vdev)
{
	return (u8)rd(vdev, VIRTIO_MMIO_STATUS);
}

static void mmio_set_status(struct virtio_device *vdev, u8 status)
{
	wr(vdev, VIRTIO_MMIO_STATUS, status);
}

static u32 read_features(struct virtio_device *vdev, u32 half)
{
	wr(vdev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
	return rd(vdev, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void write_features(struct virtio_device *vdev, u32 half, u32 features)
{
	wr(vdev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
	wr(vdev, VIRTIO_MMIO_DRIVER_FEATURES, features);
}

static u64 modern_get_features(struct virtio_device *vdev)
{
	u64 low = read_features(vdev, 0);

	return low | (u64)read_features(vdev, 1) << 32;
}

static u64 legacy_get_features(struct virtio_device *vdev)
{
	return read_features(vdev, 0);
}

static void modern_set_features(struct virtio_device *vdev, u64 features)
{
	write_features(vdev, 0, (u32)features);
	write_features(vdev, 1, (u32)(features >> 32));
}

static void legacy_set_features(struct virtio_device *vdev, u64 features)
{
	write_features(vdev, 0, (u32)features);
	/* §4.2.4: page numbers are in units that the driver chooses, before any queue. */
	wr(vdev, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE_SIZE);
}

static u32 mmio_config_generation(struct virtio_device *vdev)
{
	return rd(vdev, VIRTIO_MMIO_CONFIG_GENERATION);
}

static void mmio_get_config(struct virtio_device *vdev, u32 offset, void *buf, u32 len)
{
	virtio_read_regs(to_mmio(vdev)->regs + VIRTIO_MMIO_CONFIG + offset, buf, len);
}

static void mmio_set_config8(struct virtio_device *vdev, u32 offset, u8 val)
{
	mmio_write8(to_mmio(vdev)->regs + VIRTIO_MMIO_CONFIG + offset, val);
}

static u32 mmio_queue_max_size(struct virtio_device *vdev, u16 index)
{
	wr(vdev, VIRTIO_MMIO_QUEUE_SEL, index);
	return rd(vdev, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static enum irq_return mmio_interrupt(void *data)
{
	struct virtio_device *vdev = data;
	u32 isr, seen = 0;

	/* Until none is left: the line may be edge-triggered at the interrupt controller. */
	for (u32 i = 0; i < ISR_MAX_ROUNDS && (isr = rd(vdev, VIRTIO_MMIO_INTERRUPT_STATUS)); i++) {
		wr(vdev, VIRTIO_MMIO_INTERRUPT_ACK, isr);
		seen |= isr;
		virtio_isr_interrupt(vdev, isr);
	}
	return seen ? IRQ_HANDLED : IRQ_NONE;
}

static int mmio_request_irqs(struct virtio_device *vdev, u16 nr)
{
	int err = irq_request_gsi(to_mmio(vdev)->irq, mmio_interrupt, vdev);

	(void)nr;
	irq_set_name(mmio_interrupt, vdev, vdev->name);
	return err;
}

static void mmio_free_irqs(struct virtio_device *vdev)
{
	irq_free(mmio_interrupt, vdev);
}

static void mmio_notify(struct virtqueue *vq)
{
	mmio_write32((volatile void *)vq->doorbell, vq->index);
}

static void write_addr(struct virtio_device *vdev, u32 offset, const void *part)
{
	mmio_write64(to_mmio(vdev)->regs + offset, virt_to_phys(part).v);
}

static void select_queue(struct virtio_device *vdev, struct virtqueue *vq)
{
	vq->notify = mmio_notify;
	vq->doorbell = (u64)(to_mmio(vdev)->regs + VIRTIO_MMIO_QUEUE_NOTIFY);
	wr(vdev, VIRTIO_MMIO_QUEUE_SEL, vq->index);
	wr(vdev, VIRTIO_MMIO_QUEUE_NUM, vq->size);
}

static int modern_activate_queue(struct virtio_device *vdev, struct virtqueue *vq)
{
	select_queue(vdev, vq);
	write_addr(vdev, VIRTIO_MMIO_QUEUE_DESC, vq->desc);
	write_addr(vdev, VIRTIO_MMIO_QUEUE_DRIVER, vq->avail);
	write_addr(vdev, VIRTIO_MMIO_QUEUE_DEVICE, vq->used);
	wr(vdev, VIRTIO_MMIO_QUEUE_READY, 1);
	return rd(vdev, VIRTIO_MMIO_QUEUE_READY) == 1 ? 0 : -EBUSY;
}

static int legacy_activate_queue(struct virtio_device *vdev, struct virtqueue *vq)
{
	u64 pfn = virt_to_phys(vq->desc).v >> PAGE_SHIFT;

	select_queue(vdev, vq);
	if (pfn > UINT32_MAX)
		return -ERANGE;
	wr(vdev, VIRTIO_MMIO_QUEUE_ALIGN, VIRTQUEUE_ALIGN);
	wr(vdev, VIRTIO_MMIO_QUEUE_PFN, (u32)pfn);
	return 0;
}

static void mmio_cut_off(struct virtio_device *vdev)
{
	printk("%s: no way to keep it from memory\n", vdev->name);
}

/* What both versions share. */
#define MMIO_OPS                                                                  \
	.get_status = mmio_get_status, .set_status = mmio_set_status,             \
	.get_config = mmio_get_config, .set_config8 = mmio_set_config8,           \
	.queue_max_size = mmio_queue_max_size, .request_irqs = mmio_request_irqs, \
	.free_irqs = mmio_free_irqs, .cut_off = mmio_cut_off

static const struct virtio_transport_ops mmio_ops = {
	MMIO_OPS,
	.name = "mmio",
	.interface = &virtio_modern,
	.get_features = modern_get_features,
	.set_features = modern_set_features,
	.config_generation = mmio_config_generation,
	.activate_queue = modern_activate_queue,
};

static const struct virtio_transport_ops mmio_legacy_ops = {
	MMIO_OPS,
	.name = "mmio-legacy",
	.interface = &virtio_legacy,
	.get_features = legacy_get_features,
	.set_features = legacy_set_features,
	.activate_queue = legacy_activate_queue,
};

static int mmio_probe(u64 addr, u64 size, u32 irq)
{
	struct virtio_mmio *vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	u32 version;
	int err = -ENOMEM;

	if (!vm)
		return -ENOMEM;
	vm->size = size;
	vm->irq = irq;
	vm->regs = ioremap(PADDR(addr), size);
	if (!vm->regs)
		goto err_free;
	err = -ENODEV;
	version = mmio_read32(vm->regs + VIRTIO_MMIO_VERSION);
	vm->vdev.id = mmio_read32(vm->regs + VIRTIO_MMIO_DEVICE_ID);
	if (mmio_read32(vm->regs + VIRTIO_MMIO_MAGIC) != VIRTIO_MMIO_MAGIC_VALUE ||
	    (version != 1 && version != 2) || vm->vdev.id == 0)
		goto err_unmap;
	vm->vdev.ops = version == 1 ? &mmio_legacy_ops : &mmio_ops;
	vm->vdev.config_len = (u32)(size - VIRTIO_MMIO_CONFIG);
	virtio_register_device(&vm->vdev);
	return 0;

err_unmap:
	iounmap(vm->regs, vm->size);
err_free:
	kfree(vm);
	return err;
}

/* A number with Linux's suffixes K and M. */
static int parse_size(const char *s, u64 *val, const char **end)
{
	int err = kstrtou64(s, 0, val, end);

	if (err)
		return err;
	if (**end == 'K' || **end == 'k' || **end == 'M') {
		u32 shift = **end == 'M' ? 20 : 10;

		if (*val >> (64 - shift))
			return -ERANGE;
		*val <<= shift;
		(*end)++;
	}
	return 0;
}

/* SIZE@ADDRESS:IRQ[:ID] */
static int parse_device(const char *s, u64 *size, u64 *addr, u64 *irq)
{
	if (parse_size(s, size, &s) || *s++ != '@')
		return -EINVAL;
	if (kstrtou64(s, 0, addr, &s) || *s++ != ':')
		return -EINVAL;
	if (kstrtou64(s, 0, irq, &s) || (*s != '\0' && *s != ':'))
		return -EINVAL;
	if (*size < MMIO_MIN_SIZE || *size > MMIO_MAX_SIZE || *addr + *size < *addr ||
	    *irq > UINT32_MAX)
		return -EINVAL;
	return 0;
}

void virtio_mmio_init(void)
{
	const char *s;

	for (u32 i = 0; (s = cmdline_get_nth("virtio_mmio.device", i)) != NULL; i++) {
		u64 size, addr, irq;
		int err = parse_device(s, &size, &addr, &irq);

		if (!err)
			err = mmio_probe(addr, size, (u32)irq);
		/* An empty slot is no error: QEMU announces all that it has. */
		if (err && err != -ENODEV)
			printk("virtio_mmio.device=%s: error %d\n", s, err);
	}
}
