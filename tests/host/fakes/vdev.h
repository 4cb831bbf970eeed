/*
 * A virtio block device for host tests, behind any transport. It works as the specification says,
 * late or out of order if told, and tells one lie when told.
 *
 * It looks at a ring only after a notification, and then until it is empty, so that a driver which
 * forgets to notify hangs here as it would on a machine.
 */
#pragma once

#include "drivers/block/virtio_blk_spec.h"
#include "drivers/virtio/virtio_ring_spec.h"
#include "drivers/virtio/virtio_spec.h"
#include "tests/host/fakes/bus.h"

enum vdev_kind { VDEV_MODERN, VDEV_LEGACY, VDEV_TRANSITIONAL, VDEV_MMIO, VDEV_MMIO_LEGACY };

enum vdev_lie {
	LIE_NONE,
	/* told with the next completion */
	LIE_USED_AHEAD,
	LIE_USED_BACK,
	LIE_ID_RANGE,
	LIE_ID_NO_HEAD,
	LIE_TWICE,
	LIE_LEN,
	LIE_LEN_SHORT,
	LIE_STATUS_3,
	LIE_STATUS_UNWRITTEN,
	LIE_NEVER,
	LIE_NEEDS_RESET,
	/* told during initialization */
	LIE_FEATURES_REFUSED,
	LIE_FEATURES_TAKEN_BACK,
	LIE_QUEUE_SIZE_0,
	LIE_QUEUE_SIZE_3,
	LIE_QUEUE_SIZE_32768,
	LIE_NOTIFY_OFF,
	LIE_VECTOR,
	LIE_GENERATION,
	LIE_NO_RESET, /* at the next reset after DRIVER_OK */
	LIES
};

#define VDEV_QUEUES  8
#define VDEV_SECTORS 2048
#define VDEV_PENDING 2048

struct vdev_queue {
	u32 size;
	u64 desc, avail, used; /* physical */
	bool enabled, kicked;
	u16 seen, used_idx, vector;
	u64 kicks, fetched;
};

struct vdev {
	enum vdev_kind kind;
	enum vdev_lie lie;
	bool reorder; /* finish in random order */
	bool manual;  /* finish only by vdev_finish_one() */
	u64 offered, accepted;
	struct virtio_blk_config config;
	char serial[VIRTIO_BLK_ID_BYTES + 1];
	u32 max_size; /* of every queue */
	u16 msix_entries;
	u32 gsi; /* of the mmio kinds */
	struct fake_pci pci;
	/* state */
	u8 status, isr, generation;
	u32 feature_select, driver_select, page_size;
	u16 queue_select, config_vector, nr_queues;
	bool was_ready;
	struct vdev_queue q[VDEV_QUEUES];
	struct {
		u16 queue, head;
	} pending[VDEV_PENDING];
	u32 nr_pending;
	u32 random;
	u64 flushes, interrupts, done, longest_chain;
	u8 data[VDEV_SECTORS * 512];
};

/* A device with every feature and a megabyte, not on a bus yet. */
void vdev_init(struct vdev *d, enum vdev_kind kind);
/* Put it on the bus: PCI slot, or n-th MMIO place. */
void vdev_plug(struct vdev *d, u8 bus, u8 slot);
#define VDEV_MMIO_ADDR 0xfeb00000ull
/* Fetch what was notified and finish one request. Returns: whether it did anything. */
bool vdev_step(struct vdev *d);
bool vdev_finish_one(struct vdev *d);
/* Raise a configuration-change interrupt. */
void vdev_config_changed(struct vdev *d);
void vdev_interrupt_queue(struct vdev *d, u16 queue);
