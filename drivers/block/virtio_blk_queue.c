/*
 * virtio_blk, the way of a request: to the ring, back from it, and what happens when it does not
 * come back. Source: virtio-1.2 §5.2.6 (device operation).
 * Path: hop 11, 13
 */
#include "drivers/block/virtio_blk_impl.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/softirq.h"

#define DRAIN_BATCH 32

static bool has_failed(struct virtio_blk *vblk)
{
	return __atomic_load_n(&vblk->failed, __ATOMIC_ACQUIRE);
}

/* What is neither read nor written: its type, and data[0] if there is any. Returns: how many pieces
 * of data, or -EOPNOTSUPP. */
static noinline int build_special(struct request *rq, struct scatterlist *data, u32 *type)
{
	struct virtblk_req *vbr = rq->pdu;

	switch (rq->cmd_flags & REQ_OP_MASK) {
	case REQ_OP_FLUSH:
		*type = VIRTIO_BLK_T_FLUSH;
		return 0;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		*type = (rq->cmd_flags & REQ_OP_MASK) == REQ_OP_DISCARD ? VIRTIO_BLK_T_DISCARD :
									  VIRTIO_BLK_T_WRITE_ZEROES;
		vbr->range.sector = cpu_to_le64(rq->sector);
		vbr->range.num_sectors = cpu_to_le32(rq->data_len >> SECTOR_SHIFT);
		vbr->range.flags = cpu_to_le32(0);
		*data = (struct scatterlist){virt_to_phys(&vbr->range), sizeof(vbr->range)};
		return 1;
	case REQ_OP_DRV_IN:
		*type = VIRTIO_BLK_T_GET_ID;
		return (int)blk_rq_map_sg(rq, data, VIRTBLK_MAX_SEGMENTS);
	default:
		return -EOPNOTSUPP;
	}
}

/* Header, range or data, status (§5.2.6). Returns: 0 or -errno. Locks: vq->lock. */
static inline int build(struct virtblk_queue *q, struct request *rq, u32 *out, u32 *in)
{
	u32 op = rq->cmd_flags & REQ_OP_MASK, type;
	struct virtblk_req *vbr = rq->pdu;
	struct scatterlist *data = &q->sg[1];
	sector_t sector = 0;
	int nr;

	if (likely(op == REQ_OP_READ || op == REQ_OP_WRITE)) {
		type = op == REQ_OP_READ ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
		sector = rq->sector;
		nr = (int)blk_rq_map_sg(rq, data, VIRTBLK_MAX_SEGMENTS);
	} else {
		nr = build_special(rq, data, &type);
		if (nr < 0)
			return nr;
	}
	vbr->hdr.type = cpu_to_le32(type);
	vbr->hdr.reserved = cpu_to_le32(0);
	vbr->hdr.sector = cpu_to_le64(sector);
	vbr->status = VIRTBLK_STATUS_UNWRITTEN;
	q->sg[0] = (struct scatterlist){vbr->hdr_addr, sizeof(vbr->hdr)};
	data[nr] = (struct scatterlist){vbr->status_addr, sizeof(vbr->status)};
	*out = *in = 1;
	*(op == REQ_OP_READ || op == REQ_OP_DRV_IN ? in : out) += (u32)nr;
	return 0;
}

/* Returns: as virtqueue_add(), or -EOPNOTSUPP. Locks: vq->lock. */
static inline int virtblk_add_req(struct virtblk_queue *q, struct request *rq)
{
	u32 out, in;
	int err = build(q, rq, &out, &in);

	return err ? err : virtqueue_add(q->vq, q->sg, out, in, rq);
}

static void virtblk_queue_rqs(struct request_queue *rq_queue, u16 hctx_idx, struct list_head *list)
{
	struct virtio_blk *vblk = blk_queue_driver_data(rq_queue);
	struct virtblk_queue *q = &vblk->queues[hctx_idx];
	bool notify = false;
	LIST_HEAD(bad);

	spin_lock(&q->vq->lock);
	while (!list_empty(list)) {
		struct request *rq = list_first_entry(list, struct request, list);
		int err = has_failed(vblk) ? -EIO : virtblk_add_req(q, rq);

		if (unlikely(err == -ENOSPC)) { /* must be kicked: nothing else makes room */
			notify = virtqueue_kick_prepare(q->vq);
			break;
		}
		__list_del_entry(&rq->list);
		rq->status = err;
		if (unlikely(err))
			list_add_tail(&rq->list, &bad);
	}
	spin_unlock(&q->vq->lock);
	if (notify)
		virtqueue_notify(q->vq);
	blk_mq_complete_requests(&bad);
}

/* 0 or -errno for what the device wrote, or did not write, as status. */
static int request_result(struct virtblk_queue *q, const struct request *rq)
{
	const struct virtblk_req *vbr = rq->pdu;
	u32 len = vbr->written, op = rq->cmd_flags & REQ_OP_MASK;
	u32 want = op == REQ_OP_READ || op == REQ_OP_DRV_IN ? rq->data_len + 1 : 1;
	u8 status = READ_ONCE(vbr->status);

	switch (status) {
	case VIRTIO_BLK_S_OK:
		/* §2.7.8.3: what lies beyond `len` was not written. */
		if (q->vq->exact_len && len < want) {
			printk("%s: sector %llu: only %u of %u bytes written\n",
			       q->vblk->disk->disk_name, (unsigned long long)rq->sector, len, want);
			return -EIO;
		}
		return 0;
	case VIRTIO_BLK_S_IOERR:
		return -EIO;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	default:
		printk("%s: sector %llu: %s status %#x\n", q->vblk->disk->disk_name,
		       (unsigned long long)rq->sector,
		       status == VIRTBLK_STATUS_UNWRITTEN ? "unwritten" : "unknown", status);
		return -EIO;
	}
}

/* Take finished requests off the ring. Returns: how many; *more when there may be others.
 * Locks: vq->lock. */
static int take_batch(struct virtblk_queue *q, struct list_head *done, bool *more)
{
	struct request *rq;
	int n = 0;
	u32 len;

	virtqueue_disable_cb(q->vq);
	for (; n < DRAIN_BATCH && (rq = virtqueue_get(q->vq, &len)) != NULL; n++) {
		((struct virtblk_req *)rq->pdu)->written = len;
		list_add_tail(&rq->list, done);
	}
	*more = n == DRAIN_BATCH;
	/* Interrupts come back only with an empty ring; what ended meanwhile brings none. */
	if (!*more && !q->silent)
		*more = !virtqueue_enable_cb(q->vq);
	return n;
}

/* Drain a ring and complete its requests. Returns: how many. Context: any. */
static int virtblk_drain(struct virtblk_queue *q)
{
	struct virtio_blk *vblk = q->vblk;
	bool more, broken;
	struct request *rq;
	LIST_HEAD(done);
	int total = 0;

	do {
		u64 flags = spin_lock_irqsave(&q->vq->lock);

		total += take_batch(q, &done, &more);
		broken = q->vq->broken;
		spin_unlock_irqrestore(&q->vq->lock, flags);
		list_for_each_entry(rq, &done, list)
			rq->status = request_result(q, rq);
		blk_mq_complete_requests(&done);
	} while (more);
	if (broken && !has_failed(vblk))
		(void)schedule_work(&vblk->fail_work);
	return total;
}

void virtblk_done(struct virtqueue *vq)
{
	(void)virtblk_drain(vq->priv);
}

/* A device may have finished before its doorbell's write is over: so we look once before we ask
 * for an interrupt. */
static void virtblk_commit_rqs(struct request_queue *rq_queue, u16 hctx_idx)
{
	struct virtio_blk *vblk = blk_queue_driver_data(rq_queue);
	struct virtblk_queue *q = &vblk->queues[hctx_idx];
	struct virtqueue *vq = q->vq;
	u64 flags = spin_lock_irqsave(&vq->lock);
	bool notify = virtqueue_kick_prepare(vq);

	if (notify)
		virtqueue_disable_cb(vq);
	spin_unlock_irqrestore(&vq->lock, flags);
	if (!notify)
		return;
	virtqueue_notify(vq);
	local_bh_disable();
	(void)virtblk_drain(q);
	local_bh_enable();
}

static int virtblk_poll(struct request_queue *rq_queue, u16 hctx_idx, bool again)
{
	struct virtio_blk *vblk = blk_queue_driver_data(rq_queue);

	struct virtblk_queue *q = &vblk->queues[hctx_idx];

	WRITE_ONCE(q->silent, again);
	return virtblk_drain(q);
}

/* --- also: failed disks ------------------------------------------------------------------ */

static struct request *detach_one(struct virtblk_queue *q)
{
	u64 flags = spin_lock_irqsave(&q->vq->lock);
	struct request *rq = virtqueue_detach_unused(q->vq);

	spin_unlock_irqrestore(&q->vq->lock, flags);
	return rq;
}

void virtblk_fail(struct virtio_blk *vblk)
{
	__atomic_store_n(&vblk->failed, true, __ATOMIC_SEQ_CST);
	for (u16 i = 0; i < vblk->nr_queues; i++) {
		struct virtqueue *vq = vblk->queues[i].vq;
		u64 flags = spin_lock_irqsave(&vq->lock);

		/* Who looks at the rings from here on sees nothing: what is in flight is ours. */
		vq->broken = true;
		spin_unlock_irqrestore(&vq->lock, flags);
	}
	/* Only a device that has been reset leaves the requests' memory alone. */
	virtio_reset_device(vblk->vdev);
	for (u16 i = 0; i < vblk->nr_queues; i++) {
		struct request *rq;

		while ((rq = detach_one(&vblk->queues[i])) != NULL) {
			rq->status = -EIO;
			blk_mq_complete_request(rq);
		}
	}
}

/* A request is too old. Perhaps only its interrupt was lost: then the ring has it, and the disk
 * goes on. */
static bool virtblk_timeout(struct request *rq, ktime_t sent)
{
	struct virtio_blk *vblk = blk_queue_driver_data(rq->q);
	struct virtblk_queue *q = &vblk->queues[rq->hctx_idx];
	u64 flags;

	if (READ_ONCE(rq->state) != RQ_DISPATCHED || READ_ONCE(rq->dispatch_ns) != sent)
		return true; /* back just now, and perhaps sent again */
	printk("%s: request without completion: operation %u, sector %llu, %u bytes, after %llu "
	       "ms\n",
	       vblk->disk->disk_name, rq->cmd_flags & REQ_OP_MASK, (unsigned long long)rq->sector,
	       rq->data_len, (unsigned long long)((ktime_get_ns() - rq->start_ns) / NSEC_PER_MSEC));
	flags = spin_lock_irqsave(&q->vq->lock);
	virtqueue_dump(q->vq);
	spin_unlock_irqrestore(&q->vq->lock, flags);
	if (virtblk_drain(q) > 0) {
		printk("%s: it was finished, but no interrupt said so\n", vblk->disk->disk_name);
		return true;
	}
	virtblk_fail(vblk);
	return true;
}

static int virtblk_init_request(struct request *rq)
{
	struct virtblk_req *vbr = rq->pdu;

	vbr->hdr_addr = virt_to_phys(&vbr->hdr);
	vbr->status_addr = virt_to_phys(&vbr->status);
	return 0;
}

const struct blk_mq_ops virtblk_mq_ops = {
	.queue_rqs = virtblk_queue_rqs,
	.commit_rqs = virtblk_commit_rqs,
	.poll = virtblk_poll,
	.timeout = virtblk_timeout,
	.init_request = virtblk_init_request,
};
