/*
 * The block device: configuration, requests. Source: virtio-1.2 §5.2. Data only.
 * Path: hop 11
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/types.h"

/* Feature bits, by number (§5.2.3). */
#define VIRTIO_BLK_F_SIZE_MAX	  1
#define VIRTIO_BLK_F_SEG_MAX	  2
#define VIRTIO_BLK_F_RO		  5
#define VIRTIO_BLK_F_BLK_SIZE	  6
#define VIRTIO_BLK_F_FLUSH	  9
#define VIRTIO_BLK_F_TOPOLOGY	  10
#define VIRTIO_BLK_F_CONFIG_WCE	  11
#define VIRTIO_BLK_F_MQ		  12
#define VIRTIO_BLK_F_DISCARD	  13
#define VIRTIO_BLK_F_WRITE_ZEROES 14

/* §5.2.4 */
struct virtio_blk_config {
	le64_t capacity; /* 512-byte sectors */
	le32_t size_max; /* bytes of a segment */
	le32_t seg_max;	 /* data segments of a request */
	struct {
		le16_t cylinders;
		u8 heads;
		u8 sectors;
	} geometry;
	le32_t blk_size; /* bytes */
	struct {
		u8 physical_block_exp; /* log2 of blocks in a physical block */
		u8 alignment_offset;   /* blocks */
		le16_t min_io_size;    /* blocks */
		le32_t opt_io_size;    /* blocks */
	} topology;
	u8 writeback; /* 1: volatile cache in use */
	u8 unused0;
	le16_t num_queues;
	le32_t max_discard_sectors;
	le32_t max_discard_seg;
	le32_t discard_sector_alignment; /* 512-byte sectors */
	le32_t max_write_zeroes_sectors;
	le32_t max_write_zeroes_seg;
	u8 write_zeroes_may_unmap;
	u8 unused1[3];
} __packed; /* what follows is not read */
static_assert(sizeof(struct virtio_blk_config) == 60, "virtio-1.2 §5.2.4");
static_assert(__builtin_offsetof(struct virtio_blk_config, blk_size) == 20, "virtio-1.2 §5.2.4");
static_assert(__builtin_offsetof(struct virtio_blk_config, writeback) == 32, "virtio-1.2 §5.2.4");
static_assert(__builtin_offsetof(struct virtio_blk_config, write_zeroes_may_unmap) == 56,
	      "virtio-1.2 §5.2.4");

/* Request types (§5.2.6). */
#define VIRTIO_BLK_T_IN		  0
#define VIRTIO_BLK_T_OUT	  1
#define VIRTIO_BLK_T_FLUSH	  4
#define VIRTIO_BLK_T_GET_ID	  8
#define VIRTIO_BLK_T_DISCARD	  11
#define VIRTIO_BLK_T_WRITE_ZEROES 13

#define VIRTIO_BLK_ID_BYTES 20

/* A request starts with this, device-readable, and ends with a status byte, device-writable. */
struct virtio_blk_outhdr {
	le32_t type;
	le32_t reserved;
	le64_t sector;
};
static_assert(sizeof(struct virtio_blk_outhdr) == 16, "virtio-1.2 §5.2.6");

/* The data of DISCARD and WRITE_ZEROES. */
struct virtio_blk_range {
	le64_t sector;
	le32_t num_sectors;
	le32_t flags;
};
static_assert(sizeof(struct virtio_blk_range) == 16, "virtio-1.2 §5.2.6");

#define VIRTIO_BLK_S_OK	    0
#define VIRTIO_BLK_S_IOERR  1
#define VIRTIO_BLK_S_UNSUPP 2
