/*
 * Tags: each request in use holds one, so they bound how much is queued and in flight.
 *
 * A request gets its tag here and gives it back here, when its bios have ended.
 * Path: hop 10 (blk_mq_get_request), 14
 */
#include "block/blk-stat.h"
#include "block/blk.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"

#define TAG_BATCH 16 /* taken together for a plug that expects as many */

/* A request with a free tag, or NULL. Locks: q->lock held. */
static struct request *take_tag(struct request_queue *q)
{
	struct request *rq;

	if (list_empty(&q->idle))
		return NULL;
	rq = list_first_entry(&q->idle, struct request, list);
	__list_del_entry(&rq->list);
	q->tags_used++;
	ASSERT(rq->state == RQ_IDLE);
	rq->state = RQ_QUEUED;
	rq->retry = NULL;
	rq->part = NULL;
	rq->nr_merged = 0;
	rq->flush_steps = 0;
	rq->end_io_data = NULL;
	return rq;
}

/* As take_tag, or ERR_PTR(-EIO); NULL also when the queue is frozen. Under a plug that expects
 * more, some for those as well. */
static struct request *try_get_request(struct request_queue *q)
{
	struct blk_plug *plug = current->plug;
	struct request *rq, *more;

	spin_lock_bh(&q->lock);
	if (q->dying) {
		rq = ERR_PTR(-EIO);
		goto out;
	}
	rq = q->freeze_depth ? NULL : take_tag(q);
	if (!rq || !plug || !list_empty(&plug->cached))
		goto out;
	for (u32 n = min(plug->nr_ios, (u32)TAG_BATCH); n > 1 && (more = take_tag(q)); n--)
		list_add_tail(&more->list, &plug->cached);
out:
	spin_unlock_bh(&q->lock);
	return rq;
}

/* One that the plug has got already, or NULL. */
static inline struct request *cached_request(struct blk_plug *plug, struct request_queue *q)
{
	struct request *rq = list_first_entry(&plug->cached, struct request, list);

	if (list_empty(&plug->cached) || rq->q != q)
		return NULL;
	__list_del_entry(&rq->list);
	return rq;
}

/* Requests of one plug share one start time. */
struct request *blk_mq_get_request(struct request_queue *q, blk_opf_t opf)
{
	struct blk_plug *plug = current->plug;
	struct request *rq = plug ? cached_request(plug, q) : NULL;
	ktime_t now;

	if (!rq) {
		rq = try_get_request(q);
		if (!rq || IS_ERR(rq))
			return rq;
	}
	now = plug && plug->now_ns ? plug->now_ns : ktime_get_ns();
	if (plug) {
		plug->now_ns = now;
		plug->nr_ios -= plug->nr_ios > 0;
	}
	rq->cmd_flags = opf;
	rq->start_ns = now;
	return rq;
}

/* The wakeup is under the lock: once it is released, the queue may be freed by who waited. */
void blk_mq_put_requests(struct request_queue *q, struct list_head *list, ktime_t now)
{
	struct request *rq;

	spin_lock_bh(&q->lock);
	list_for_each_entry(rq, list, list) {
		blk_account_done(rq, now);
		rq->state = RQ_IDLE;
		q->tags_used--;
	}
	list_splice_init(list, &q->idle);
	/* A waiter queues itself before it looks for a tag under the lock. */
	if (!list_empty(&q->tag_wq.waiters))
		wake_up_all(&q->tag_wq);
	spin_unlock_bh(&q->lock);
}

void blk_mq_end_request(struct request *rq)
{
	LIST_HEAD(ended);

	blk_end_bios(rq);
	list_add(&rq->list, &ended);
	blk_mq_put_requests(rq->q, &ended, ktime_get_ns());
}
