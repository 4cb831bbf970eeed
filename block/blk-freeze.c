/*
 * A queue stands still: no new request gets a tag, and all that have one end. Or it dies.
 * Also there: a disk's elevator is changed, or the disk goes
 */
#include "block/blk.h"

#include "kernel/lib/assert.h"

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
