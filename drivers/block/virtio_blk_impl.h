/*
 * virtio_blk's own structures: a disk, its rings, a request on its way.
 *
 * Down, in the thread that submits or unplugs, in the softirq after a completion, or in a timer:
 *	blk_mq_run_queue()					calls the next with interrupts off
 *		virtblk_queue_rqs() > virtblk_add_req()		each request of a list
 *			build()					header, data, status byte
 *			virtqueue_add()				the device may look at it
 *		virtblk_commit_rqs()				once for each ring
 *			virtqueue_kick_prepare()		must the device be told?
 *			virtqueue_notify()			then it is
 *			virtblk_drain()				what is finished by now
 * Up, from the interrupt to the sleeper:
 *	virtio_queue_interrupt() > virtblk_done() > virtblk_drain()
 *		take_batch() > virtqueue_get()			each finished request
 *		request_result()				the status byte becomes 0 or -errno
 *		blk_mq_complete_requests()			the softirq is raised
 *	blk_done_softirq() > finish_requests()
 *		bio_endio() > end_page_read() > unlock_page()	who waited wakes
 *		blk_mq_put_requests()				tags are free again
 *
 * Invariants:
 * 1. A request's header and status byte are the device's from virtqueue_add() until its token is
 *    back, or the device has been reset.
 * 2. `failed` never goes back to false while the disk exists: every later request gets -EIO.
 * 3. A request is completed by exactly one of: the drain of its ring, the failure of the device.
 *
 * Lock order: vq->lock alone. Nothing of the block layer that takes a lock is called under it.
 * Path: hop 11
 */
#pragma once

#include "block/blkdev.h"
#include "block/genhd.h"
#include "drivers/block/virtio_blk_spec.h"
#include "drivers/virtio/virtio.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/workqueue.h"

#define VIRTBLK_MAX_SEGMENTS 254u
#define VIRTBLK_MAX_SECTORS  2560u /* of one request: 1280 KiB, as Linux */
#define VIRTBLK_MAX_DEPTH    512u

struct virtio_blk;

/* A ring with the request context that belongs to it. */
struct virtblk_queue {
	struct virtio_blk *vblk; /* [const] */
	struct virtqueue *vq;	 /* [const] */
	bool silent;		 /* [atomic] somebody looks again: no interrupts */
	struct scatterlist sg[VIRTBLK_MAX_SEGMENTS + 2]; /* [vq->lock] of the next request */
};

struct virtio_blk {
	struct virtio_device *vdev;   /* [const] */
	struct gendisk *disk;	      /* [const] */
	struct request_queue *queue;  /* [const] */
	u32 index;		      /* [const] which letter */
	bool failed;		      /* [atomic] */
	u16 nr_queues;		      /* [const] */
	u32 depth;		      /* [const] */
	struct virtblk_queue *queues; /* [const] nr_queues of them */
	struct work config_work, fail_work;
};

/* A request's private part (rq->pdu); the device reads hdr and range and writes status. */
struct virtblk_req {
	struct virtio_blk_outhdr hdr;
	struct virtio_blk_range range;
	u8 status;		       /* [device: untrusted] */
	u32 written;		       /* bytes, as the used ring says: valid when it is back */
	paddr_t hdr_addr, status_addr; /* [const] as the device sees them */
};
#define VIRTBLK_STATUS_UNWRITTEN 0xff

extern const struct blk_mq_ops virtblk_mq_ops;

/* The interrupt's way to it. Context: interrupt. */
void virtblk_done(struct virtqueue *vq);
/* The device lied or died: reset it and end everything in flight with -EIO. Context: sleeps. */
void virtblk_fail(struct virtio_blk *vblk);

/* Read the device's configuration into limits. Returns: 0 or -errno with a message. */
int must_check virtblk_read_limits(struct virtio_blk *vblk, struct queue_limits *lim);
/* Returns: 0, or -errno with a message (nonsense). */
int must_check virtblk_read_capacity(struct virtio_blk *vblk, sector_t *sectors);
