/*
 * virtio over PCI, what both interfaces share: the doorbell, interrupts, and a device that must
 * be cut off.
 * Source: virtio-1.2 §4.1.4.5 (ISR), §4.1.5.1.2 (MSI-X vectors).
 * Path: hop 12 (virtio_pci_notify_mmio), 13 (msix_interrupt)
 */
#include "drivers/virtio/virtio_pci_common.h"

#include "kernel/arch/io.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsnprintf.h"

void virtio_pci_notify_mmio(struct virtqueue *vq)
{
	mmio_write16((volatile void *)vq->doorbell, vq->index);
}

void virtio_pci_notify_port(struct virtqueue *vq)
{
	outw((u16)vq->doorbell, vq->index);
}

u16 virtio_pci_queue_vector(const struct virtio_pci *vp, u16 queue)
{
	if (vp->nr_vectors == 0)
		return VIRTIO_MSI_NO_VECTOR;
	return (u16)(1 + queue % (vp->nr_vectors - 1));
}

static enum irq_return msix_interrupt(void *data)
{
	struct virtio_pci_vector *v = data;
	struct virtio_device *vdev = &v->vp->vdev;

	if (v->index == 0) {
		virtio_config_interrupt(vdev);
		return IRQ_HANDLED;
	}
	for (u16 q = 0; q < VIRTIO_MAX_QUEUES; q++)
		if (virtio_pci_queue_vector(v->vp, q) == v->index)
			virtio_queue_interrupt(vdev, q);
	return IRQ_HANDLED;
}

static enum irq_return intx_interrupt(void *data)
{
	struct virtio_pci *vp = data;
	struct virtio_device *vdev = &vp->vdev;
	/* Acknowledges: before the rings are drained, so that what comes later interrupts again. */
	u8 isr = vp->ops->read_isr(vp);

	virtio_isr_interrupt(vdev, isr);
	return isr ? IRQ_HANDLED : IRQ_NONE;
}

/* --- also: vectors are asked for, or the line ------------------------------------------- */

/* As Linux calls them: configuration changes, and queues. */
static void name_vector(struct virtio_pci_vector *v)
{
	char name[VIRTIO_NAME_LEN + 16];

	if (v->index == 0)
		snprintf(name, sizeof(name), "%s-config", v->vp->vdev.name);
	else
		snprintf(name, sizeof(name), "%s-req.%u", v->vp->vdev.name, v->index - 1u);
	irq_set_name(msix_interrupt, v, name);
}

/* Returns: 0, or -errno when INTx must do. */
static int request_msix(struct virtio_pci *vp, u16 nr)
{
	int entries, err = 0;
	u16 got = 0;

	if (!cmdline_bool("virtio.msix", true))
		return -ENODEV;
	entries = pci_msix_enable(vp->pdev);
	if (entries < 0)
		return entries;
	while (got < nr + 1 && got < entries) {
		vp->vectors[got] = (struct virtio_pci_vector){.vp = vp, .index = got};
		if (pci_msix_request(vp->pdev, got, msix_interrupt, &vp->vectors[got]) != 0)
			break;
		name_vector(&vp->vectors[got]);
		got++;
	}
	/* Configuration changes need one of their own: with MSI-X there is no ISR to tell. */
	if (got < 2)
		err = -ENOSPC;
	vp->nr_vectors = err ? 0 : got;
	if (!err)
		err = vp->ops->config_vector(vp, 0);
	if (err) {
		vp->nr_vectors = 0;
		pci_msix_disable(vp->pdev);
	}
	return err;
}

int virtio_pci_request_irqs(struct virtio_device *vdev, u16 nr)
{
	struct virtio_pci *vp = to_virtio_pci(vdev);
	int err = request_msix(vp, nr);

	if (err) {
		err = pci_request_intx(vp->pdev, intx_interrupt, vp);
		vp->intx = err == 0;
		irq_set_name(intx_interrupt, vp, vdev->name);
	}
	return err;
}

void virtio_pci_free_irqs(struct virtio_device *vdev)
{
	struct virtio_pci *vp = to_virtio_pci(vdev);

	if (vp->intx)
		irq_free(intx_interrupt, vp);
	vp->intx = false;
	pci_msix_disable(vp->pdev);
	vp->nr_vectors = 0;
}

void virtio_pci_cut_off(struct virtio_device *vdev)
{
	pci_clear_master(to_virtio_pci(vdev)->pdev);
}
