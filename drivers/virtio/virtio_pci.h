/*
 * virtio over PCI.
 * Also there: the device is set up
 */
#pragma once

/* Register with the PCI bus: every virtio device on it is bound. After pci_init(). */
void virtio_pci_init(void);
