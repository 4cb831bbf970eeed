/*
 * Numbers of the virtio core. Source: virtio-1.2 §2.1 (status), §5 (device ids), §6 (features).
 * Data only: shared with host tests.
 * Also there: numbers of virtio
 */
#pragma once

#define VIRTIO_ID_BLOCK 2

#define VIRTIO_STATUS_ACKNOWLEDGE 0x01
#define VIRTIO_STATUS_DRIVER	  0x02
#define VIRTIO_STATUS_DRIVER_OK	  0x04
#define VIRTIO_STATUS_FEATURES_OK 0x08
#define VIRTIO_STATUS_NEEDS_RESET 0x40
#define VIRTIO_STATUS_FAILED	  0x80

/* Feature bits, by number. */
#define VIRTIO_F_INDIRECT_DESC	 28
#define VIRTIO_F_EVENT_IDX	 29
#define VIRTIO_F_VERSION_1	 32
#define VIRTIO_F_ACCESS_PLATFORM 33

#define VIRTIO_BIT(feature) (1ull << (feature))

/* Bits of the interrupt status of PCI and MMIO (§4.1.4.5, §4.2.2). */
#define VIRTIO_ISR_QUEUE  0x01
#define VIRTIO_ISR_CONFIG 0x02
