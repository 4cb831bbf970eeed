/*
 * Plugging: holding requests back for a moment, so that their neighbours can join them.
 *
 * A thread that knows that more will follow plugs its own list. Otherwise asynchronous requests
 * stay in the elevator until a synchronous one, enough of them, a completion or the timer comes.
 * Path: hop 10 (blk_insert_request)
 */
#include "block/blk-stat.h"
#include "block/blk.h"

#include "kernel/arch/clock.h"

#define UNPLUG_THRESH 16 /* requests that the queue holds back */
#define UNPLUG_NS     (3 * NSEC_PER_MSEC)

bool blk_plug_enabled = true;

void blk_start_plug(struct blk_plug *plug)
{
	blk_start_plug_nr_ios(plug, 1);
}

void blk_start_plug_nr_ios(struct blk_plug *plug, u32 nr_ios)
{
	INIT_LIST_HEAD(&plug->requests);
	INIT_LIST_HEAD(&plug->cached);
	plug->count = 0;
	plug->nr_ios = nr_ios;
	plug->now_ns = 0;
	/* Plugs nest: the outermost one counts. */
	if (blk_plug_enabled && !current->plug)
		current->plug = plug;
}

void blk_finish_plug(struct blk_plug *plug)
{
	if (current->plug != plug)
		return;
	blk_flush_plug();
	current->plug = NULL;
}

/* Locks: q->lock held. */
static inline void elevator_insert(struct request_queue *q, struct request *rq)
{
	blk_account_start(rq);
	q->elevator->insert(q, rq);
	q->nr_elevator++;
}

void blk_send_plug(struct blk_plug *plug)
{
	struct request *rq, *tmp;
	struct request_queue *q;

	while (!list_empty(&plug->requests)) {
		q = list_first_entry(&plug->requests, struct request, list)->q;
		spin_lock_bh(&q->lock);
		list_for_each_entry_safe(rq, tmp, &plug->requests, list) {
			if (rq->q != q)
				continue;
			__list_del_entry(&rq->list);
			plug->count--;
			elevator_insert(q, rq);
		}
		spin_unlock_bh(&q->lock);
		blk_mq_run_queue(q);
	}
	plug->now_ns = 0;
}

void blk_flush_plug(void)
{
	struct blk_plug *plug = current->plug;

	if (!plug)
		return;
	blk_send_plug(plug);
	/* The tags that were taken for what did not come, all of one queue. */
	if (!list_empty(&plug->cached))
		blk_mq_put_requests(list_first_entry(&plug->cached, struct request, list)->q,
				    &plug->cached, 0);
}

void blk_insert_request(struct request *rq)
{
	struct request_queue *q = rq->q;
	bool run;

	spin_lock_bh(&q->lock);
	elevator_insert(q, rq);
	run = !blk_plug_enabled || op_is_sync(rq->cmd_flags) || q->nr_elevator >= UNPLUG_THRESH;
	if (!run && !q->plugged) {
		q->plugged = true;
		timer_mod(&q->unplug_timer, ktime_get_ns() + UNPLUG_NS);
	}
	spin_unlock_bh(&q->lock);
	if (run)
		blk_mq_run_queue(q);
}

/* --- also: nobody came for the requests that are held back ----------------------------- */

/* Also the second chance of a ring that was full with nothing in flight. */
void blk_unplug_timer(struct timer *t)
{
	struct request_queue *q = container_of(t, struct request_queue, unplug_timer);

	spin_lock_bh(&q->lock);
	for (u16 i = 0; i < q->nr_hw_queues; i++)
		if (!q->hctxs[i].in_flight)
			q->hctxs[i].stopped = false;
	spin_unlock_bh(&q->lock);
	blk_mq_run_queue(q);
}
