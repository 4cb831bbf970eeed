/*
 * The split virtqueue's layout in memory. Source: virtio-1.2 §2.7. Data only.
 * Path: hop 12
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/types.h"

#define VIRTQ_DESC_F_NEXT	   1
#define VIRTQ_DESC_F_WRITE	   2
#define VIRTQ_DESC_F_INDIRECT	   4
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1
#define VIRTQ_USED_F_NO_NOTIFY	   1

/* §2.7.5: a piece of a buffer. */
struct virtq_desc {
	le64_t addr; /* physical */
	le32_t len;  /* bytes */
	le16_t flags;
	le16_t next;
};
static_assert(sizeof(struct virtq_desc) == 16, "virtio-1.2 §2.7.5");

/* §2.7.6: heads that the driver offers. ring[size] is followed by used_event. */
struct virtq_avail {
	le16_t flags;
	le16_t idx;
	le16_t ring[];
};
static_assert(sizeof(struct virtq_avail) == 4, "virtio-1.2 §2.7.6");

/* §2.7.8: a head that the device has finished, and how many bytes it wrote. */
struct virtq_used_elem {
	le32_t id;
	le32_t len;
};
static_assert(sizeof(struct virtq_used_elem) == 8, "virtio-1.2 §2.7.8");

/* ring[size] is followed by avail_event. */
struct virtq_used {
	le16_t flags;
	le16_t idx;
	struct virtq_used_elem ring[];
};
static_assert(sizeof(struct virtq_used) == 4, "virtio-1.2 §2.7.8");
