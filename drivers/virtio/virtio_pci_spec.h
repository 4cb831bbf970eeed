/*
 * virtio over PCI: ids, capabilities, registers. Source: virtio-1.2 §4.1, legacy §4.1.4.10.
 * Data only.
 * Also there: registers of the transport
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/types.h"

#define VIRTIO_PCI_VENDOR      0x1af4
#define VIRTIO_PCI_TRANS_FIRST 0x1000 /* transitional: the subsystem id is the device id */
#define VIRTIO_PCI_TRANS_LAST  0x103f
#define VIRTIO_PCI_MODERN_BASE 0x1040 /* plus the device id */
#define VIRTIO_PCI_MODERN_LAST 0x107f

/* §4.1.4: the vendor capability, byte offsets. */
#define VIRTIO_PCI_CAP_LEN	   2
#define VIRTIO_PCI_CAP_TYPE	   3
#define VIRTIO_PCI_CAP_BAR	   4
#define VIRTIO_PCI_CAP_OFFSET	   8
#define VIRTIO_PCI_CAP_LENGTH	   12
#define VIRTIO_PCI_CAP_SIZE	   16
#define VIRTIO_PCI_CAP_NOTIFY_MULT 16 /* only in the notify capability */

#define VIRTIO_PCI_CAP_COMMON_CFG 1
#define VIRTIO_PCI_CAP_NOTIFY_CFG 2
#define VIRTIO_PCI_CAP_ISR_CFG	  3
#define VIRTIO_PCI_CAP_DEVICE_CFG 4

#define VIRTIO_MSI_NO_VECTOR 0xffff

/* §4.1.4.3 */
struct virtio_pci_common_cfg {
	le32_t device_feature_select;
	le32_t device_feature;
	le32_t driver_feature_select;
	le32_t driver_feature;
	le16_t config_msix_vector;
	le16_t num_queues;
	u8 device_status;
	u8 config_generation;
	le16_t queue_select; /* the fields below are of this queue */
	le16_t queue_size;
	le16_t queue_msix_vector;
	le16_t queue_enable;
	le16_t queue_notify_off;
	le64_t queue_desc;
	le64_t queue_driver;
	le64_t queue_device;
};
static_assert(sizeof(struct virtio_pci_common_cfg) == 56, "virtio-1.2 §4.1.4.3");

/* Legacy registers in the I/O BAR. */
#define VIRTIO_LEGACY_DEVICE_FEATURES 0
#define VIRTIO_LEGACY_DRIVER_FEATURES 4
#define VIRTIO_LEGACY_QUEUE_PFN	      8 /* in 4096-byte units */
#define VIRTIO_LEGACY_QUEUE_SIZE      12
#define VIRTIO_LEGACY_QUEUE_SELECT    14
#define VIRTIO_LEGACY_QUEUE_NOTIFY    16
#define VIRTIO_LEGACY_STATUS	      18
#define VIRTIO_LEGACY_ISR	      19
#define VIRTIO_LEGACY_CONFIG_VECTOR   20 /* these two only while MSI-X is on */
#define VIRTIO_LEGACY_QUEUE_VECTOR    22
#define VIRTIO_LEGACY_CONFIG	      20 /* device configuration, with MSI-X off */
#define VIRTIO_LEGACY_CONFIG_MSIX     24
