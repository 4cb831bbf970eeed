/*
 * The way of a request: from a bio into plug or elevator, and back from the driver.
 *
 * Invariants:
 * 1. A request is in one place: a plug, the elevator, q->dispatch, a flush list, the driver, or the
 *    list of the completed.
 * 2. Bios end with no lock held, in the softirq or (when they never reached a request) the thread
 *    that submitted them.
 *
 * Lock order: blkdev.h.
 * Path: hop 10, 14
 */
#include "block/blk-stat.h"
#include "block/blk.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/sched/ratelimit.h"

#define QUEUE_SCAN 64

static struct list_head completed[MAX_CPUS]; /* [its CPU, interrupts off] */

/* Fill a fresh or retried request from one bio. */
static void blk_rq_set_bio(struct request *rq, struct bio *bio)
{
	rq->bio = rq->biotail = bio;
	rq->sector = bio->bi_iter.bi_sector;
	rq->data_len = bio->bi_iter.bi_size;
	rq->nr_phys_segments = bio->bi_phys_segments;
	rq->status = 0;
}

/* --- towards the device ------------------------------------------------------------------- */

/* Sleep until a tag is free. The thread's own plugged requests hold tags too, so they are sent
 * first; those that the queue holds back as well. Returns: as blk_mq_get_request, or -EAGAIN. */
static noinline struct request *wait_for_request(struct request_queue *q, blk_opf_t opf)
{
	struct request *rq;

	if (opf & REQ_NOWAIT)
		return ERR_PTR(-EAGAIN);
	blk_flush_plug();
	blk_mq_run_queue(q);
	wait_event(&q->tag_wq, (rq = blk_mq_get_request(q, opf)) != NULL);
	return rq;
}

static inline struct request *get_request(struct request_queue *q, blk_opf_t opf)
{
	struct request *rq = blk_mq_get_request(q, opf);

	return likely(rq) ? rq : wait_for_request(q, opf);
}

static inline struct bio *split_to_limits(struct request_queue *q, struct bio *bio)
{
	const struct queue_limits *lim = &q->limits;
	u32 size = bio->bi_iter.bi_size;

	if (bio->bi_vcnt != 1 || bio_op(bio) > REQ_OP_WRITE || lim->seg_boundary_bytes ||
	    size > lim->max_segment_size_bytes || size >> SECTOR_SHIFT > lim->max_sectors)
		return blk_split_bio(q, bio);
	bio->bi_phys_segments = 1; /* the usual small one */
	return bio;
}

static bool try_merge(struct request_queue *q, struct bio *bio)
{
	struct blk_plug *plug = current->plug;
	bool merged = false, run;
	struct request *rq;

	/* The newest for this queue: what goes to a mirror's legs takes turns. */
	if (plug)
		list_for_each_entry_reverse(rq, &plug->requests, list) {
			if (rq->q != q)
				continue;
			if (blk_rq_touches(rq, bio) && blk_attempt_merge(q, rq->list.next, bio, 1))
				return true;
			break;
		}
	if (!READ_ONCE(q->nr_elevator))
		return false;
	spin_lock_bh(&q->lock);
	if (q->nr_elevator)
		merged = blk_attempt_merge(q, q->elevator->merge_list(q, bio->bi_opf), bio,
					   QUEUE_SCAN);
	run = merged && q->plugged && op_is_sync(bio->bi_opf);
	spin_unlock_bh(&q->lock);
	if (run)
		blk_mq_run_queue(q);
	return merged;
}

/* Queue it, unless the thread has a plug: then it waits there. */
static inline void plug_request(struct request *rq)
{
	struct blk_plug *plug = current->plug;

	if (!plug) {
		blk_insert_request(rq);
		return;
	}
	list_add_tail(&rq->list, &plug->requests);
	if (++plug->count >= PLUG_MAX)
		blk_send_plug(plug);
}

static void insert_flush(struct request_queue *q, struct request *rq)
{
	spin_lock_bh(&q->lock);
	blk_account_start(rq);
	blk_flush_next_step(rq);
	spin_unlock_bh(&q->lock);
	blk_mq_run_queue(q);
}

void blk_mq_submit_bio(struct bio *bio)
{
	struct request_queue *q = bio->bi_bdev->bd_disk->queue;
	struct request *rq;
	u8 steps = 0;

	bio = split_to_limits(q, bio);
	if (!bio)
		return;
	if (bio->bi_opf & (REQ_PREFLUSH | REQ_FUA))
		steps = blk_flush_policy(q, bio);
	if (!steps && !bio->bi_iter.bi_size) {
		bio_endio(bio);
		return;
	}
	if (!steps && try_merge(q, bio))
		return;
	rq = get_request(q, bio->bi_opf);
	if (IS_ERR(rq)) {
		bio_io_error(bio, (int)PTR_ERR(rq));
		return;
	}
	blk_rq_set_bio(rq, bio);
	rq->part = bio->bi_bdev;
	rq->stat_bytes = rq->data_len;
	rq->flush_steps = steps;
	if (steps)
		insert_flush(q, rq);
	else
		plug_request(rq);
}

/* --- back from the device ----------------------------------------------------------------- */

void blk_mq_complete_requests(struct list_head *done)
{
	struct request *rq;
	u64 flags;

	if (list_empty(done))
		return;
	list_for_each_entry(rq, done, list) {
		enum request_state was =
			__atomic_exchange_n(&rq->state, RQ_COMPLETED, __ATOMIC_SEQ_CST);

		ASSERT(was == RQ_DISPATCHED);
	}
	flags = irq_save();
	list_splice_tail_init(done, &completed[this_cpu()->id]);
	irq_restore(flags);
	softirq_raise(SOFTIRQ_BLOCK);
}

void blk_mq_complete_request(struct request *rq)
{
	LIST_HEAD(done);

	list_add(&rq->list, &done);
	blk_mq_complete_requests(&done);
}

static void report_error(const struct request *rq);
static bool retry_bios(struct request *rq);

/* Requests of q, the first ones of those back from the driver: their bios end, and their tags are
 * free together. */
static void finish_requests(struct request_queue *q, struct list_head *done)
{
	ktime_t now = ktime_get_ns();
	struct request *rq, *tmp;
	LIST_HEAD(flushes);
	LIST_HEAD(ended);

	spin_lock_bh(&q->lock);
	rq = list_first_entry(done, struct request, list);
	q->last_done_ns = now;
	q->last_done_sent_ns = rq->dispatch_ns;
	q->service_ns = (7 * q->service_ns + (now - rq->dispatch_ns)) / 8;
	list_for_each_entry_safe(rq, tmp, done, list) {
		struct blk_mq_hw_ctx *hctx = &q->hctxs[rq->hctx_idx];

		if (rq->q != q)
			break;
		hctx->in_flight--;
		hctx->starts++;
		hctx->stopped = false;
		rq->state = RQ_QUEUED;
		if (likely(!rq->flush_steps) || rq->status)
			continue;
		list_del(&rq->list);
		if (!blk_flush_data_done(rq))
			list_add_tail(&rq->list, &flushes);
	}
	spin_unlock_bh(&q->lock);
	list_cut_before(&ended, done, &rq->list);
	list_splice_tail_init(&flushes, &ended);
	list_for_each_entry_safe(rq, tmp, &ended, list) {
		if (likely(!rq->end_io && !rq->status && !rq->retry)) {
			blk_end_bios(rq);
			continue;
		}
		list_del(&rq->list);
		if (rq->status && (rq->retry || rq->bio == rq->biotail))
			report_error(rq); /* else each bio is tried alone first */
		if (rq->end_io)
			rq->end_io(rq);
		else if (!retry_bios(rq))
			blk_mq_end_request(rq);
	}
	if (!list_empty(&ended))
		blk_mq_put_requests(q, &ended, now);
}

/* SOFTIRQ_BLOCK. Counting as a runner keeps the queue when its last tag is freed. */
static void blk_done_softirq(void)
{
	struct request_queue *q;
	LIST_HEAD(list);
	u64 flags = irq_save();

	list_splice_tail_init(&completed[this_cpu()->id], &list);
	irq_restore(flags);
	while (!list_empty(&list)) {
		q = list_first_entry(&list, struct request, list)->q;
		atomic_inc(&q->runners);
		finish_requests(q, &list);
		blk_mq_run_queue(q);
		atomic_dec(&q->runners);
	}
}

/* --- also: failed requests, and the driver's own --------------------------------------- */

static const char *op_name(u32 op)
{
	static const char *const names[] = {"READ", "WRITE", "FLUSH", "DISCARD"};

	return op < ARRAY_SIZE(names) ? names[op] : "WRITE_ZEROES";
}

/* The device failed a request: say so, as the error may reach a program much later, or nobody. */
static void report_error(const struct request *rq)
{
	static struct ratelimit_state rs = RATELIMIT_STATE_INIT("I/O errors");
	u32 op = rq->cmd_flags & REQ_OP_MASK, missed;
	const struct gendisk *disk;

	if (rq->status == -EOPNOTSUPP || op == REQ_OP_DRV_IN)
		return; /* asked for to see whether it can */
	disk = rq->part->bd_disk;
	if (READ_ONCE(disk->dead) || !ratelimit(&rs, &missed))
		return;
	if (missed)
		printk("I/O error: %u more\n", missed);
	printk("I/O error, dev %s, sector %llu op 0x%x:(%s) size %u errno %d\n", disk->disk_name,
	       (unsigned long long)rq->sector, op, op_name(op), rq->data_len, -rq->status);
}

/* A merged request failed: send its bios again one by one, so that only those fail that must.
 * Returns: false when rq is to end as it is. */
static bool retry_bios(struct request *rq)
{
	struct request_queue *q = rq->q;
	struct bio *bio;

	if (!rq->retry && (!rq->status || rq->bio == rq->biotail))
		return false;
	if (rq->retry)
		blk_end_bios(rq);
	else
		rq->retry = rq->bio;
	bio = rq->retry;
	rq->retry = bio->bi_next;
	bio->bi_next = NULL;
	blk_rq_set_bio(rq, bio);
	spin_lock_bh(&q->lock);
	list_add(&rq->list, &q->dispatch);
	spin_unlock_bh(&q->lock);
	return true;
}

int blk_execute_drv(struct request_queue *q, void *pdu_arg, void *buf, u32 len)
{
	struct completion done;
	struct request *rq;
	struct bio bio;
	u64 pa = virt_to_phys(buf).v;

	bio_init(&bio, NULL, REQ_OP_DRV_IN | REQ_NOMERGE);
	if (!bio_add_page(&bio, phys_to_page(PADDR(pa)), len, (u32)(pa & ~PAGE_MASK)))
		return -EINVAL;
	bio.bi_phys_segments = 1;
	bio.bi_end_io = bio_wake_waiter;
	bio.bi_private = &done;
	init_completion(&done);
	rq = get_request(q, bio.bi_opf);
	if (IS_ERR(rq))
		return (int)PTR_ERR(rq);
	blk_rq_set_bio(rq, &bio);
	rq->end_io_data = pdu_arg;
	spin_lock_bh(&q->lock);
	list_add_tail(&rq->list, &q->dispatch);
	spin_unlock_bh(&q->lock);
	blk_mq_run_queue(q);
	wait_for_completion(&done);
	return bio.bi_status;
}

void blk_mq_init(void)
{
	for (u32 i = 0; i < MAX_CPUS; i++)
		INIT_LIST_HEAD(&completed[i]);
	softirq_register(SOFTIRQ_BLOCK, blk_done_softirq);
}
