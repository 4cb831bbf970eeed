/*
 * The legacy PCI transport (0.9.5): registers in an I/O BAR, the ring by its page number.
 * Source: virtio-1.2 §4.1.4.10 (legacy interface), §2.7.2 (ring layout).
 * Also there: devices of before 2016
 */
#include "drivers/virtio/virtio_pci_common.h"

#include "kernel/arch/io.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/errno.h"

#define LEGACY_MIN_PORTS 24

static u16 reg(struct virtio_device *vdev, u32 offset)
{
	return (u16)(to_virtio_pci(vdev)->port + offset);
}

static u8 legacy_get_status(struct virtio_device *vdev)
{
	return inb(reg(vdev, VIRTIO_LEGACY_STATUS));
}

static void legacy_set_status(struct virtio_device *vdev, u8 status)
{
	outb(reg(vdev, VIRTIO_LEGACY_STATUS), status);
}

static u64 legacy_get_features(struct virtio_device *vdev)
{
	return inl(reg(vdev, VIRTIO_LEGACY_DEVICE_FEATURES));
}

static void legacy_set_features(struct virtio_device *vdev, u64 features)
{
	outl(reg(vdev, VIRTIO_LEGACY_DRIVER_FEATURES), (u32)features);
}

/* The vector registers push the configuration back while MSI-X is on. */
static u16 config_reg(struct virtio_device *vdev, u32 offset)
{
	bool msix = to_virtio_pci(vdev)->pdev->msix_cap != 0;

	return reg(vdev, (msix ? VIRTIO_LEGACY_CONFIG_MSIX : VIRTIO_LEGACY_CONFIG) + offset);
}

/* Legacy configuration is read byte by byte: it has the guest's byte order and any width works. */
static void legacy_get_config(struct virtio_device *vdev, u32 offset, void *buf, u32 len)
{
	for (u32 i = 0; i < len; i++)
		((u8 *)buf)[i] = inb(config_reg(vdev, offset + i));
}

static void legacy_set_config8(struct virtio_device *vdev, u32 offset, u8 val)
{
	outb(config_reg(vdev, offset), val);
}

static u32 legacy_queue_max_size(struct virtio_device *vdev, u16 index)
{
	outw(reg(vdev, VIRTIO_LEGACY_QUEUE_SELECT), index);
	return inw(reg(vdev, VIRTIO_LEGACY_QUEUE_SIZE));
}

static int legacy_config_vector(struct virtio_pci *vp, u16 vector)
{
	outw(reg(&vp->vdev, VIRTIO_LEGACY_CONFIG_VECTOR), vector);
	return inw(reg(&vp->vdev, VIRTIO_LEGACY_CONFIG_VECTOR)) == vector ? 0 : -EBUSY;
}

static int legacy_activate_queue(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_pci *vp = to_virtio_pci(vdev);
	u64 pfn = virt_to_phys(vq->desc).v >> PAGE_SHIFT;
	u16 vector = virtio_pci_queue_vector(vp, vq->index);

	if (pfn > UINT32_MAX)
		return -ERANGE;
	outw(reg(vdev, VIRTIO_LEGACY_QUEUE_SELECT), vq->index);
	outl(reg(vdev, VIRTIO_LEGACY_QUEUE_PFN), (u32)pfn);
	vq->notify = virtio_pci_notify_port;
	vq->doorbell = reg(vdev, VIRTIO_LEGACY_QUEUE_NOTIFY);
	if (vp->nr_vectors == 0)
		return 0;
	outw(reg(vdev, VIRTIO_LEGACY_QUEUE_VECTOR), vector);
	return inw(reg(vdev, VIRTIO_LEGACY_QUEUE_VECTOR)) == vector ? 0 : -EBUSY;
}

static u8 legacy_read_isr(struct virtio_pci *vp)
{
	return inb(reg(&vp->vdev, VIRTIO_LEGACY_ISR));
}

static const struct virtio_transport_ops legacy_ops = {
	.name = "pci-legacy",
	.interface = &virtio_legacy,
	.get_status = legacy_get_status,
	.set_status = legacy_set_status,
	.get_features = legacy_get_features,
	.set_features = legacy_set_features,
	.get_config = legacy_get_config,
	.set_config8 = legacy_set_config8,
	.queue_max_size = legacy_queue_max_size,
	.request_irqs = virtio_pci_request_irqs,
	.free_irqs = virtio_pci_free_irqs,
	.activate_queue = legacy_activate_queue,
	.cut_off = virtio_pci_cut_off,
};

static void legacy_exit(struct virtio_pci *vp)
{
	(void)vp; /* ports are not mapped */
}

static const struct virtio_pci_ops legacy_pci_ops = {
	.config_vector = legacy_config_vector,
	.read_isr = legacy_read_isr,
	.exit = legacy_exit,
};

int virtio_pci_legacy_init(struct virtio_pci *vp)
{
	const struct pci_bar *bar = &vp->pdev->bar[0];

	/* §4.1.2.3: transitional devices have revision 0 and the I/O BAR; modern ones lack it. */
	if (vp->pdev->device > VIRTIO_PCI_TRANS_LAST || vp->pdev->revision != 0 || !bar->io ||
	    bar->size <= LEGACY_MIN_PORTS)
		return -ENODEV;
	vp->port = (u16)bar->addr;
	vp->vdev.config_len = (u32)(bar->size - VIRTIO_LEGACY_CONFIG_MSIX);
	vp->vdev.ops = &legacy_ops;
	vp->ops = &legacy_pci_ops;
	return 0;
}
