/*
 * Dispatch: what is queued goes to the rings of the device, in batches.
 *
 * Invariants:
 * 1. Requests that were turned away, retries and flush sequences go before those of the elevator.
 * 2. A stopped ring has a request in flight, whose completion starts it, or the timer is armed.
 *
 * Lock order: blkdev.h.
 * Path: hop 10
 */
#include "block/blk.h"

#include "kernel/arch/clock.h"

#define RING_RETRY_NS  (4 * NSEC_PER_MSEC)
#define DISPATCH_BATCH 32 /* requests on their way with interrupts off */

/* A ring that takes requests, or NULL. Batches go round, so that all rings are used. */
static struct blk_mq_hw_ctx *pick_hctx(struct request_queue *q)
{
	for (u16 i = 0; i < q->nr_hw_queues; i++) {
		u16 nr = (u16)((q->next_hctx + i) % q->nr_hw_queues);

		if (!q->hctxs[nr].stopped)
			return &q->hctxs[nr];
	}
	return NULL;
}

static struct request *next_request(struct request_queue *q)
{
	struct request *rq;

	if (!list_empty(&q->dispatch)) {
		rq = list_first_entry(&q->dispatch, struct request, list);
		__list_del_entry(&rq->list);
		return rq;
	}
	rq = q->nr_elevator ? q->elevator->dispatch(q) : NULL;
	if (rq)
		q->nr_elevator--;
	return rq;
}

/* What goes to this ring next, started. Returns: whether there is any. Locks: q->lock held. */
static bool take_batch(struct request_queue *q, struct blk_mq_hw_ctx *hctx, struct list_head *batch)
{
	u16 idx = (u16)(hctx - q->hctxs);
	struct request *rq;
	ktime_t now = 0;

	for (u32 n = 0; n < DISPATCH_BATCH && (rq = next_request(q)) != NULL; n++) {
		now = now ? now : ktime_get_ns();
		rq->hctx_idx = idx;
		rq->dispatch_ns = now;
		rq->state = RQ_DISPATCHED;
		hctx->in_flight++;
		list_add_tail(&rq->list, batch);
	}
	if (now && !timer_armed(&q->timeout_timer))
		timer_mod(&q->timeout_timer, now + q->timeout_ns);
	return now != 0;
}

/* The ring was full: the batch waits in front. `starts` is from before it was sent: when it has
 * changed, room was made meanwhile. Locks: q->lock held. */
static void turn_away(struct request_queue *q, struct list_head *batch, struct blk_mq_hw_ctx *hctx,
		      u32 starts)
{
	struct request *rq;

	list_for_each_entry(rq, batch, list) {
		rq->state = RQ_QUEUED;
		hctx->in_flight--;
	}
	list_splice_init(batch, &q->dispatch);
	if (hctx->starts != starts)
		return;
	hctx->stopped = true;
	if (!hctx->in_flight)
		timer_mod(&q->unplug_timer, ktime_get_ns() + RING_RETRY_NS);
}

void blk_mq_run_queue(struct request_queue *q)
{
	u64 commit = 0, flags;
	struct blk_mq_hw_ctx *hctx;
	LIST_HEAD(batch);
	u32 starts;
	u16 idx;

	spin_lock_bh(&q->lock);
	atomic_inc(&q->runners);
	q->plugged = false;
	while ((hctx = pick_hctx(q)) != NULL && take_batch(q, hctx, &batch)) {
		idx = (u16)(hctx - q->hctxs);
		commit |= 1ull << idx;
		starts = hctx->starts;
		spin_unlock(&q->lock);
		flags = irq_save(); /* once for all locks of the driver */
		q->ops->queue_rqs(q, idx, &batch);
		irq_restore(flags);
		spin_lock(&q->lock);
		if (!list_empty(&batch))
			turn_away(q, &batch, hctx, starts);
	}
	q->next_hctx = (u16)((q->next_hctx + 1) % q->nr_hw_queues);
	spin_unlock_bh(&q->lock);
	for (u16 nr = 0; commit; nr++, commit >>= 1)
		if (commit & 1)
			q->ops->commit_rqs(q, nr);
	atomic_dec(&q->runners);
}
