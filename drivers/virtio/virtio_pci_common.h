/*
 * virtio over PCI: what the modern and the legacy interface share.
 *
 * Interrupts, best first: MSI-X entry 0 for configuration changes and one for each queue; fewer
 * entries, shared by queues in turn; INTx with the ISR register.
 * Path: hop 13
 */
#pragma once

#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio.h"
#include "drivers/virtio/virtio_pci_spec.h"

struct virtio_pci;

struct virtio_pci_vector {
	struct virtio_pci *vp; /* [const] */
	u16 index;	       /* [const] MSI-X entry */
};

struct virtio_pci_region {
	volatile u8 *base; /* mapped; NULL: absent */
	u64 len;	   /* bytes */
};

/* What an interface does in its own way, beside its virtio_transport_ops. */
struct virtio_pci_ops {
	/* Write the MSI-X entry for configuration changes. Returns: 0, or -EBUSY: the device did
	 * not take it. */
	int (*config_vector)(struct virtio_pci *vp, u16 vector);
	/* Reading the ISR acknowledges INTx. Context: interrupt. */
	u8 (*read_isr)(struct virtio_pci *vp);
	/* Undo init; does nothing where there is nothing to undo. */
	void (*exit)(struct virtio_pci *vp);
};

struct virtio_pci {
	struct virtio_device vdev;
	const struct virtio_pci_ops *ops; /* [const] */
	struct pci_dev *pdev;		  /* [const] */
	u16 nr_vectors; /* [const while irqs are requested] MSI-X entries in use, 0: INTx */
	bool intx;	/* [const while irqs are requested] */
	struct virtio_pci_vector vectors[VIRTIO_MAX_QUEUES + 1];
	/* modern */
	struct virtio_pci_region common, notify, isr, config; /* [const] */
	u32 notify_mult;				      /* [const] bytes */
	/* legacy */
	u16 port; /* [const] */
};

static inline struct virtio_pci *to_virtio_pci(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_pci, vdev);
}

/* Ring a queue's doorbell: of the modern interface, and of the legacy one. */
void virtio_pci_notify_mmio(struct virtqueue *vq);
void virtio_pci_notify_port(struct virtqueue *vq);

/* virtio_pci_common.c, shared parts of both virtio_transport_ops. */
int must_check virtio_pci_request_irqs(struct virtio_device *vdev, u16 nr);
void virtio_pci_free_irqs(struct virtio_device *vdev);
void virtio_pci_cut_off(struct virtio_device *vdev);
/* The MSI-X entry of a queue, or VIRTIO_MSI_NO_VECTOR with INTx. */
u16 virtio_pci_queue_vector(const struct virtio_pci *vp, u16 queue);

/* virtio_pci_modern.c, virtio_pci_legacy.c */
/* Fill vp, with its ops, for a device that has this interface. Returns: 0, -ENODEV when it has not,
 * or another -errno. */
int must_check virtio_pci_modern_init(struct virtio_pci *vp);
int must_check virtio_pci_legacy_init(struct virtio_pci *vp);
