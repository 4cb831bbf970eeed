/*
 * Tags: each request in use holds one, so they bound how much is queued and in flight.
 *
 * Who finds none sleeps until one is free. Its own plugged requests hold tags too, so they are sent
 * first; those that the queue holds back as well.
 * Path: hop 10
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

static noinline struct request *wait_for_request(struct request_queue *q, blk_opf_t opf)
{
	struct request *rq = try_get_request(q);

	if (rq)
		return rq;
	if (opf & REQ_NOWAIT)
		return ERR_PTR(-EAGAIN);
	blk_flush_plug();
	blk_mq_run_queue(q);
	wait_event(&q->tag_wq, (rq = try_get_request(q)) != NULL);
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

/* Requests of one plug have one time. */
struct request *blk_mq_get_request(struct request_queue *q, blk_opf_t opf)
{
	struct blk_plug *plug = current->plug;
	struct request *rq = plug ? cached_request(plug, q) : NULL;
	ktime_t now;

	if (!rq) {
		rq = wait_for_request(q, opf);
		if (IS_ERR(rq))
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

static bool all_tags_free(struct request_queue *q)
{
	bool free;

	spin_lock_bh(&q->lock);
	free = q->tags_used == 0;
	spin_unlock_bh(&q->lock);
	return free;
}

void blk_mq_freeze_queue(struct request_queue *q)
{
	spin_lock_bh(&q->lock);
	q->freeze_depth++;
	spin_unlock_bh(&q->lock);
	blk_flush_plug();
	blk_mq_run_queue(q);
	wait_event(&q->tag_wq, all_tags_free(q));
}

void blk_mq_unfreeze_queue(struct request_queue *q)
{
	spin_lock_bh(&q->lock);
	ASSERT(q->freeze_depth > 0);
	q->freeze_depth--;
	wake_up_all(&q->tag_wq);
	spin_unlock_bh(&q->lock);
}

void blk_queue_dying(struct request_queue *q)
{
	spin_lock_bh(&q->lock);
	q->dying = true;
	wake_up_all(&q->tag_wq);
	spin_unlock_bh(&q->lock);
}
