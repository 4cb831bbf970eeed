/*
 * virtio over PCI: a device is found, and driven by the modern or the legacy interface.
 * Source: virtio-1.2 §4.1.1 to §4.1.2 (ids).
 * Also there: the device is set up
 */
#include "drivers/virtio/virtio_pci.h"

#include "drivers/virtio/virtio_pci_common.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

static int init_transport(struct virtio_pci *vp)
{
	bool prefer_legacy = cmdline_bool("virtio.legacy", false);
	int err = -ENODEV;

	if (prefer_legacy)
		err = virtio_pci_legacy_init(vp);
	if (err == -ENODEV)
		err = virtio_pci_modern_init(vp);
	if (err == -ENODEV && !prefer_legacy)
		err = virtio_pci_legacy_init(vp);
	return err;
}

static int virtio_pci_probe(struct pci_dev *pdev)
{
	struct virtio_pci *vp;
	int err;

	if (pdev->device < VIRTIO_PCI_TRANS_FIRST || pdev->device > VIRTIO_PCI_MODERN_LAST)
		return -ENODEV;
	vp = kzalloc(sizeof(*vp), GFP_KERNEL);
	if (!vp)
		return -ENOMEM;
	vp->pdev = pdev;
	vp->vdev.id = pdev->device <= VIRTIO_PCI_TRANS_LAST ?
			      pdev->subsystem_device :
			      (u32)(pdev->device - VIRTIO_PCI_MODERN_BASE);
	pci_enable_device(pdev);
	err = init_transport(vp);
	if (err) {
		printk("pci: %02x:%02x.%x: virtio device %u without a usable interface\n",
		       pdev->bus, pdev->slot, pdev->fn, vp->vdev.id);
		kfree(vp);
		return err;
	}
	pdev->driver_data = vp;
	/* Firmware may have left the device running: reset it before it can reach memory, and do
	 * not count on its having set the bit, nor on its having left it clear. */
	pci_clear_master(pdev);
	virtio_reset_device(&vp->vdev);
	pci_set_master(pdev);
	virtio_register_device(&vp->vdev);
	return 0;
}

static void virtio_pci_remove(struct pci_dev *pdev)
{
	struct virtio_pci *vp = pdev->driver_data;

	virtio_unregister_device(&vp->vdev);
	pci_clear_master(pdev);
	vp->ops->exit(vp);
	kfree(vp);
	pdev->driver_data = NULL;
}

static const struct pci_id virtio_pci_ids[] = {
	{VIRTIO_PCI_VENDOR, PCI_ANY_ID},
	{0, 0},
};

static struct pci_driver virtio_pci_driver = {
	.name = "virtio-pci",
	.ids = virtio_pci_ids,
	.probe = virtio_pci_probe,
	.remove = virtio_pci_remove,
};

void virtio_pci_init(void)
{
	pci_register_driver(&virtio_pci_driver);
}
