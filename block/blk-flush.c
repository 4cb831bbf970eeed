/*
 * Flushes: REQ_PREFLUSH and REQ_FUA on a device with a volatile cache, as a sequence of steps
 *
 *	PREFLUSH  flush what was written before
 *	DATA      the write itself, if it has data
 *	POSTFLUSH flush the write, for FUA on a device that has none
 *
 * Without a cache both flags are stripped.
 *
 * Invariants:
 * 1. One flush is under way at a time, by the queue's own flush request. Who asks meanwhile waits
 *    for the next one: the current one may have passed his data by.
 * 2. A request of a sequence carries one bio, never merges, and keeps its tag to the end.
 * Also there: flushes of the disk's own cache
 */
#include "block/blk.h"

#include "kernel/arch/clock.h"

#define STEP_PREFLUSH  1u
#define STEP_DATA      2u
#define STEP_POSTFLUSH 4u

u8 blk_flush_policy(struct request_queue *q, struct bio *bio)
{
	u8 steps = 0;

	if (!READ_ONCE(q->write_cache) && (bio->bi_opf & (REQ_PREFLUSH | REQ_FUA)))
		bio->bi_opf = (bio->bi_opf & ~(REQ_PREFLUSH | REQ_FUA)) | REQ_SYNC;
	if (bio->bi_opf & REQ_PREFLUSH)
		steps |= STEP_PREFLUSH;
	if ((bio->bi_opf & REQ_FUA) && !READ_ONCE(q->fua) && bio->bi_iter.bi_size)
		steps |= STEP_POSTFLUSH;
	if (steps && bio->bi_iter.bi_size)
		steps |= STEP_DATA;
	return steps;
}

/* Send the flush request if somebody waits for one. Locks: q->lock held. */
static void kick_flush(struct request_queue *q)
{
	struct request *rq = blk_flush_rq(q);

	if (q->flush_busy || list_empty(&q->flush_pending))
		return;
	list_splice_tail_init(&q->flush_pending, &q->flush_running);
	q->flush_busy = true;
	rq->cmd_flags = REQ_OP_FLUSH | REQ_SYNC;
	rq->status = 0;
	rq->part = list_first_entry(&q->flush_running, struct request, list)->part;
	rq->state = RQ_QUEUED;
	list_add_tail(&rq->list, &q->dispatch);
}

bool blk_flush_next_step(struct request *rq)
{
	struct request_queue *q = rq->q;

	if (!rq->flush_steps)
		return false;
	if ((rq->flush_steps & STEP_PREFLUSH) || rq->flush_steps == STEP_POSTFLUSH)
		list_add_tail(&rq->list, &q->flush_pending);
	else
		list_add_tail(&rq->list, &q->dispatch);
	kick_flush(q);
	return true;
}

bool blk_flush_data_done(struct request *rq)
{
	rq->flush_steps &= (u8)~STEP_DATA;
	return blk_flush_next_step(rq);
}

/* Flushes count for the whole disk only, as in Linux. Locks: q->lock held. */
static void account_flush(const struct request *flush_rq)
{
	struct disk_stats *stats = &flush_rq->part->bd_disk->part[0]->bd_stats;

	stats->ios[3]++;
	stats->time_ns[3] += ktime_get_ns() - flush_rq->dispatch_ns;
}

/* The flush request is back: all that it served go on, or end with its error. */
void blk_flush_end_io(struct request *flush_rq)
{
	struct request_queue *q = flush_rq->q;
	struct request *rq, *tmp;
	int status = flush_rq->status;
	LIST_HEAD(served);
	LIST_HEAD(ended);

	spin_lock_bh(&q->lock);
	flush_rq->state = RQ_IDLE;
	list_splice_tail_init(&q->flush_running, &served);
	if (!list_empty(&served))
		account_flush(flush_rq);
	list_for_each_entry_safe(rq, tmp, &served, list) {
		list_del(&rq->list);
		/* A pre-flush comes first; without one it was the post-flush. */
		if (rq->flush_steps & STEP_PREFLUSH)
			rq->flush_steps &= (u8)~STEP_PREFLUSH;
		else
			rq->flush_steps = 0;
		rq->status = status;
		if (status || !blk_flush_next_step(rq))
			list_add_tail(&rq->list, &ended);
	}
	q->flush_busy = false;
	kick_flush(q);
	spin_unlock_bh(&q->lock);
	list_for_each_entry_safe(rq, tmp, &ended, list) {
		list_del(&rq->list);
		blk_mq_end_request(rq);
	}
}
