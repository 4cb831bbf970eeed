/*
 * The modern PCI transport: capabilities point to register blocks in memory BARs.
 * Source: virtio-1.2 §4.1.3 (access widths), §4.1.4 (capabilities), §4.1.5 (initialization).
 * Also there: the device is set up
 */
#include "drivers/virtio/virtio_pci_common.h"

#include "kernel/arch/io.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pgtable.h"

#define COMMON(vp, field) ((vp)->common.base + offsetof(struct virtio_pci_common_cfg, field))

static u8 modern_get_status(struct virtio_device *vdev)
{
	return mmio_read8(COMMON(to_virtio_pci(vdev), device_status));
}

static void modern_set_status(struct virtio_device *vdev, u8 status)
{
	mmio_write8(COMMON(to_virtio_pci(vdev), device_status), status);
}

static u64 modern_get_features(struct virtio_device *vdev)
{
	struct virtio_pci *vp = to_virtio_pci(vdev);
	u64 features;

	mmio_write32(COMMON(vp, device_feature_select), 0);
	features = mmio_read32(COMMON(vp, device_feature));
	mmio_write32(COMMON(vp, device_feature_select), 1);
	return features | (u64)mmio_read32(COMMON(vp, device_feature)) << 32;
}

static void modern_set_features(struct virtio_device *vdev, u64 features)
{
	struct virtio_pci *vp = to_virtio_pci(vdev);

	mmio_write32(COMMON(vp, driver_feature_select), 0);
	mmio_write32(COMMON(vp, driver_feature), (u32)features);
	mmio_write32(COMMON(vp, driver_feature_select), 1);
	mmio_write32(COMMON(vp, driver_feature), (u32)(features >> 32));
}

static u32 modern_config_generation(struct virtio_device *vdev)
{
	return mmio_read8(COMMON(to_virtio_pci(vdev), config_generation));
}

static void modern_get_config(struct virtio_device *vdev, u32 offset, void *buf, u32 len)
{
	virtio_read_regs(to_virtio_pci(vdev)->config.base + offset, buf, len);
}

static void modern_set_config8(struct virtio_device *vdev, u32 offset, u8 val)
{
	mmio_write8(to_virtio_pci(vdev)->config.base + offset, val);
}

static u32 modern_queue_max_size(struct virtio_device *vdev, u16 index)
{
	struct virtio_pci *vp = to_virtio_pci(vdev);

	if (index >= mmio_read16(COMMON(vp, num_queues)))
		return 0;
	mmio_write16(COMMON(vp, queue_select), index);
	return mmio_read16(COMMON(vp, queue_size));
}

static int modern_config_vector(struct virtio_pci *vp, u16 vector)
{
	mmio_write16(COMMON(vp, config_msix_vector), vector);
	return mmio_read16(COMMON(vp, config_msix_vector)) == vector ? 0 : -EBUSY;
}

/* §4.1.5.1.3; the vector before queue_enable, and read back: the device may refuse it. */
static int modern_activate_queue(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_pci *vp = to_virtio_pci(vdev);
	u16 vector = virtio_pci_queue_vector(vp, vq->index);
	u64 offset;

	mmio_write16(COMMON(vp, queue_select), vq->index);
	offset = (u64)mmio_read16(COMMON(vp, queue_notify_off)) * vp->notify_mult;
	if (offset + sizeof(u16) > vp->notify.len || offset % sizeof(u16) != 0)
		return -EINVAL;
	mmio_write16(COMMON(vp, queue_size), vq->size);
	if (mmio_read16(COMMON(vp, queue_size)) != vq->size)
		return -EINVAL;
	mmio_write16(COMMON(vp, queue_msix_vector), vector);
	if (mmio_read16(COMMON(vp, queue_msix_vector)) != vector)
		return -EBUSY;
	mmio_write64(COMMON(vp, queue_desc), virt_to_phys(vq->desc).v);
	mmio_write64(COMMON(vp, queue_driver), virt_to_phys(vq->avail).v);
	mmio_write64(COMMON(vp, queue_device), virt_to_phys(vq->used).v);
	vq->notify = virtio_pci_notify_mmio;
	vq->doorbell = (u64)(vp->notify.base + offset);
	mmio_write16(COMMON(vp, queue_enable), 1);
	return 0;
}

static u8 modern_read_isr(struct virtio_pci *vp)
{
	return mmio_read8(vp->isr.base);
}

static const struct virtio_transport_ops modern_ops = {
	.name = "pci",
	.interface = &virtio_modern,
	.get_status = modern_get_status,
	.set_status = modern_set_status,
	.get_features = modern_get_features,
	.set_features = modern_set_features,
	.config_generation = modern_config_generation,
	.get_config = modern_get_config,
	.set_config8 = modern_set_config8,
	.queue_max_size = modern_queue_max_size,
	.request_irqs = virtio_pci_request_irqs,
	.free_irqs = virtio_pci_free_irqs,
	.activate_queue = modern_activate_queue,
	.cut_off = virtio_pci_cut_off,
};

/* Map the first capability of a type that lies in a memory BAR, long enough and aligned; further
 * ones of the type are alternatives (§4.1.4.1). */
static u8 map_region(struct virtio_pci *vp, u8 type, u64 min_len, u32 align,
		     struct virtio_pci_region *region)
{
	struct pci_dev *pdev = vp->pdev;
	u8 pos = pci_find_capability(pdev, PCI_CAP_ID_VNDR, 0);

	for (u32 n = 0; pos && n < 64; n++, pos = pci_find_capability(pdev, PCI_CAP_ID_VNDR, pos)) {
		u64 offset, len;

		if (pos > PCI_CONFIG_SIZE - VIRTIO_PCI_CAP_SIZE - 4 ||
		    pci_read8(pdev, (u8)(pos + VIRTIO_PCI_CAP_LEN)) < VIRTIO_PCI_CAP_SIZE ||
		    pci_read8(pdev, (u8)(pos + VIRTIO_PCI_CAP_TYPE)) != type)
			continue;
		offset = pci_read32(pdev, (u8)(pos + VIRTIO_PCI_CAP_OFFSET));
		len = pci_read32(pdev, (u8)(pos + VIRTIO_PCI_CAP_LENGTH));
		if (len < min_len || offset % align != 0)
			continue;
		region->base = pci_iomap(pdev, pci_read8(pdev, (u8)(pos + VIRTIO_PCI_CAP_BAR)),
					 offset, len);
		region->len = len;
		if (region->base)
			return pos;
	}
	return 0;
}

static void unmap_region(struct virtio_pci_region *region)
{
	if (region->base)
		iounmap(region->base, region->len);
	region->base = NULL;
}

static void modern_exit(struct virtio_pci *vp)
{
	unmap_region(&vp->common);
	unmap_region(&vp->notify);
	unmap_region(&vp->isr);
	unmap_region(&vp->config);
}

static const struct virtio_pci_ops modern_pci_ops = {
	.config_vector = modern_config_vector,
	.read_isr = modern_read_isr,
	.exit = modern_exit,
};

int virtio_pci_modern_init(struct virtio_pci *vp)
{
	u8 notify;

	notify = map_region(vp, VIRTIO_PCI_CAP_NOTIFY_CFG, sizeof(u16), 2, &vp->notify);
	if (!notify ||
	    !map_region(vp, VIRTIO_PCI_CAP_COMMON_CFG, sizeof(struct virtio_pci_common_cfg), 4,
			&vp->common) ||
	    !map_region(vp, VIRTIO_PCI_CAP_ISR_CFG, 1, 1, &vp->isr)) {
		modern_exit(vp);
		return -ENODEV;
	}
	if (map_region(vp, VIRTIO_PCI_CAP_DEVICE_CFG, 1, 4, &vp->config))
		vp->vdev.config_len = (u32)vp->config.len;
	vp->notify_mult = pci_read32(vp->pdev, (u8)(notify + VIRTIO_PCI_CAP_NOTIFY_MULT));
	vp->vdev.ops = &modern_ops;
	vp->ops = &modern_pci_ops;
	return 0;
}
