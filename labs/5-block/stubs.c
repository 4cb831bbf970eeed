bool blk_attempt_merge(struct request_queue *q, struct list_head *list, struct bio *bio, u32 scan)
{
	/* Step 1. These helpers are yours to use; the cast only keeps the compiler quiet. */
	(void)merging_is_on;
	(void)q;
	(void)list;
	(void)bio;
	(void)scan;
	return false;
}

void blk_send_plug(struct blk_plug *plug)
{
	/* Step 2. One by one: the elevator never sees two of them. */
	while (!list_empty(&plug->requests)) {
		struct request *first = list_first_entry(&plug->requests, struct request, list);

		__list_del_entry(&first->list);
		plug->count--;
		blk_insert_request(first);
	}
	plug->now_ns = 0;
}

void blk_flush_plug(void)
{
	/* Step 2. In step 4 the plug has tags to give back as well. */
	if (current->plug)
		blk_send_plug(current->plug);
}

void blk_insert_request(struct request *rq)
{
	/* Step 2. It holds nothing back. */
	spin_lock_bh(&rq->q->lock);
	elevator_insert(rq->q, rq);
	spin_unlock_bh(&rq->q->lock);
	blk_mq_run_queue(rq->q);
}

static void deadline_insert(struct request_queue *q, struct request *rq)
{
	struct deadline_data *dd = q->elevator_data;
	bool dir = op_is_write(rq->cmd_flags);

	/* Step 3. Neither sorted nor with a position. */
	rq->deadline_ns = rq->start_ns + expiry_ns[dir];
	list_add_tail(&rq->list, &dd->sorted[dir]);
	list_add_tail(&rq->fifo, &dd->fifo[dir]);
}

static struct request *deadline_dispatch(struct request_queue *q)
{
	struct deadline_data *dd = q->elevator_data;
	struct request *first;

	/* Step 3. In the order of arrival; writes wait as long as there are reads. */
	for (u32 dir = 0; dir < 2; dir++) {
		if (list_empty(&dd->fifo[dir]))
			continue;
		first = list_first_entry(&dd->fifo[dir], struct request, fifo);
		__list_del_entry(&first->list);
		__list_del_entry(&first->fifo);
		return first;
	}
	return NULL;
}

static struct request *try_get_request(struct request_queue *q)
{
	struct request *rq = NULL;

	/* Step 4. One request at a time; a disk that is gone is not noticed. */
	spin_lock_bh(&q->lock);
	if (!q->freeze_depth && !q->tags_used)
		rq = take_tag(q);
	spin_unlock_bh(&q->lock);
	return rq;
}

static inline struct request *cached_request(struct blk_plug *plug, struct request_queue *q)
{
	/* Step 4. */
	(void)plug;
	(void)q;
	return NULL;
}

void blk_mq_put_requests(struct request_queue *q, struct list_head *list, ktime_t now)
{
	/* Step 4. It takes the lock for each, and wakes for each. */
	while (!list_empty(list)) {
		struct request *first = list_first_entry(list, struct request, list);

		spin_lock_bh(&q->lock);
		list_move(&first->list, &q->idle);
		blk_account_done(first, now);
		first->state = RQ_IDLE;
		q->tags_used--;
		wake_up_all(&q->tag_wq);
		spin_unlock_bh(&q->lock);
	}
}

u8 blk_flush_policy(struct request_queue *q, struct bio *bio)
{
	/* Step 5. It strips what it should keep: after a power cut the data is lost. */
	(void)q;
	bio->bi_opf &= ~(REQ_PREFLUSH | REQ_FUA);
	return 0;
}

bool blk_flush_next_step(struct request *rq)
{
	/* Step 5. */
	(void)rq;
	return false;
}

bool blk_flush_data_done(struct request *rq)
{
	/* Step 5. */
	return blk_flush_next_step(rq);
}

void blk_flush_end_io(struct request *flush_rq)
{
	/* Step 5. */
	(void)account_flush;
	flush_rq->state = RQ_IDLE;
}
