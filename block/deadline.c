/*
 * The deadline elevator: batches in the order of sectors, and no request forgotten.
 *
 * Reads go before writes, for somebody waits for them; but not more than WRITES_STARVED times in
 * a row while writes wait. A batch runs upwards from where the last one ended, unless the
 * oldest request of its direction has expired: then it starts there.
 *
 * Invariant: a request is in sorted[dir] (by `list`) and in fifo[dir] (by `fifo`), or in neither.
 * Path: hop 10 (deadline_insert)
 */
#include "block/blk.h"

#include "kernel/arch/clock.h"

#define FIFO_BATCH     16
#define WRITES_STARVED 2

static const ktime_t expiry_ns[2] = {500 * NSEC_PER_MSEC, 5 * NSEC_PER_SEC};

struct deadline_data {
	struct list_head sorted[2], fifo[2]; /* [q->lock] reads, writes */
	struct request *next[2]; /* [q->lock] the first one at or above the position, or NULL */
	sector_t position[2];	 /* [q->lock] where the last batch ended */
	u32 batching;		 /* [q->lock] left of the batch */
	u32 starved;		 /* [q->lock] read batches since writes wait */
	bool write;		 /* [q->lock] the batch's direction */
};

static void deadline_init(void *data)
{
	struct deadline_data *dd = data;

	for (u32 i = 0; i < 2; i++) {
		INIT_LIST_HEAD(&dd->sorted[i]);
		INIT_LIST_HEAD(&dd->fifo[i]);
	}
}

static struct list_head *deadline_merge_list(struct request_queue *q, blk_opf_t opf)
{
	struct deadline_data *dd = q->elevator_data;

	return &dd->sorted[op_is_write(opf)];
}

static void deadline_insert(struct request_queue *q, struct request *rq)
{
	struct deadline_data *dd = q->elevator_data;
	bool write = op_is_write(rq->cmd_flags);
	struct request *pos;

	list_for_each_entry_reverse(pos, &dd->sorted[write], list)
		if (pos->sector <= rq->sector)
			break;
	list_add(&rq->list, &pos->list);
	if (rq->sector >= dd->position[write] &&
	    (!dd->next[write] || rq->sector < dd->next[write]->sector))
		dd->next[write] = rq;
	rq->deadline_ns = rq->start_ns + expiry_ns[write];
	list_add_tail(&rq->fifo, &dd->fifo[write]);
}

/* Choose the direction of a new batch and its first request. */
static struct request *deadline_new_batch(struct deadline_data *dd)
{
	bool writes = !list_empty(&dd->sorted[1]);
	struct request *rq, *oldest;

	dd->write = list_empty(&dd->sorted[0]);
	if (!dd->write && writes && dd->starved++ >= WRITES_STARVED)
		dd->write = true;
	if (dd->write || !writes)
		dd->starved = 0;
	if (list_empty(&dd->fifo[dd->write]))
		return NULL;
	dd->batching = FIFO_BATCH;
	oldest = list_first_entry(&dd->fifo[dd->write], struct request, fifo);
	rq = dd->next[dd->write];
	return rq && oldest->deadline_ns > ktime_get_ns() ? rq : oldest;
}

static struct request *deadline_dispatch(struct request_queue *q)
{
	struct deadline_data *dd = q->elevator_data;
	struct request *rq = dd->batching ? dd->next[dd->write] : NULL;
	struct list_head *sorted;

	if (!rq)
		rq = deadline_new_batch(dd);
	if (!rq)
		return NULL;
	dd->batching--;
	sorted = &dd->sorted[dd->write];
	dd->position[dd->write] = rq->sector + (rq->data_len >> SECTOR_SHIFT);
	dd->next[dd->write] = rq->list.next == sorted ? NULL : list_next_entry(rq, list);
	__list_del_entry(&rq->list);
	__list_del_entry(&rq->fifo);
	return rq;
}

const struct elevator_ops elevator_deadline = {
	.name = "deadline",
	.data_size = sizeof(struct deadline_data),
	.init = deadline_init,
	.insert = deadline_insert,
	.dispatch = deadline_dispatch,
	.merge_list = deadline_merge_list,
};
