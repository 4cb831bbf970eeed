/*
 * Request queues: making and freeing them, their limits, and the watchdog over their requests.
 * Also there: queues are made and watched
 */
#include "block/blk.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/mm/kmalloc.h"

#define DEFAULT_TIMEOUT_S 30
#define MAX_TIMEOUT_S	  (24 * 3600)
#define MAX_HW_QUEUES	  64 /* bits of a word in blk_mq_run_queue */
#define MAX_DEPTH	  4096

static void blk_timeout_timer(struct timer *t)
{
	schedule_work(&container_of(t, struct request_queue, timeout_timer)->timeout_work);
}

/* Ask the driver about the request that is longest in flight, if it is overdue: the device ended
 * nothing for that long, or one that it got that much later. A slow disk with much to do lives. */
static void blk_timeout_work(struct work *w)
{
	struct request_queue *q = container_of(w, struct request_queue, timeout_work);
	struct request *oldest = NULL;
	ktime_t now = ktime_get_ns(), sent = 0, quiet;
	bool overdue;

	spin_lock_bh(&q->lock);
	for (u16 i = 0; i < q->depth; i++) {
		struct request *rq = blk_tag_to_rq(q, i);

		if (READ_ONCE(rq->state) == RQ_DISPATCHED && (!oldest || rq->dispatch_ns < sent)) {
			oldest = rq;
			sent = rq->dispatch_ns;
		}
	}
	quiet = max(sent, q->last_done_ns) + q->timeout_ns;
	overdue = oldest && (now >= quiet || q->last_done_sent_ns >= sent + q->timeout_ns);
	if (oldest)
		timer_mod(&q->timeout_timer, overdue ? now + q->timeout_ns : quiet);
	spin_unlock_bh(&q->lock);
	if (overdue && !(q->ops->timeout && q->ops->timeout(oldest, sent)))
		printk("block: a request at sector %llu takes more than %llu s\n",
		       (unsigned long long)oldest->sector,
		       (unsigned long long)(q->timeout_ns / NSEC_PER_SEC));
}

static void init_fields(struct request_queue *q)
{
	u64 timeout_s;

	spin_lock_init(&q->lock, "request queue", LOCK_QUEUE);
	init_waitqueue_head(&q->tag_wq);
	INIT_LIST_HEAD(&q->idle);
	INIT_LIST_HEAD(&q->dispatch);
	INIT_LIST_HEAD(&q->flush_pending);
	INIT_LIST_HEAD(&q->flush_running);
	INIT_LIST_HEAD(&q->poll_list);
	timer_init(&q->unplug_timer, blk_unplug_timer);
	timer_init(&q->timeout_timer, blk_timeout_timer);
	work_init(&q->timeout_work, blk_timeout_work);
	/* A watchdog of 0 s would fail every disk that is not instant. */
	timeout_s = cmdline_u64("blk.timeout", DEFAULT_TIMEOUT_S);
	q->timeout_ns = max(min(timeout_s, (u64)MAX_TIMEOUT_S), (u64)1) * NSEC_PER_SEC;
	q->limits = (struct queue_limits){
		.logical_block_size = SECTOR_SIZE,
		.physical_block_size = SECTOR_SIZE,
		.io_min_bytes = SECTOR_SIZE,
		.max_sectors = 2560,
		.max_segments = 128,
		.max_segment_size_bytes = 65536,
	};
}

static void free_queue(struct request_queue *q)
{
	kfree(q->elevator_data);
	kfree(q->hctxs);
	kfree(q);
}

static int init_requests(struct request_queue *q)
{
	for (u16 i = 0; i < q->depth; i++) {
		struct request *rq = blk_tag_to_rq(q, i);
		int err;

		rq->q = q;
		rq->tag = i;
		INIT_LIST_HEAD(&rq->fifo);
		list_add_tail(&rq->list, &q->idle);
		rq->pdu = rq + 1;
		err = q->ops->init_request ? q->ops->init_request(rq) : 0;
		if (err)
			return err;
	}
	list_del_init(&blk_flush_rq(q)->list);
	blk_flush_rq(q)->end_io = blk_flush_end_io;
	return 0;
}

struct request_queue *blk_mq_init_queue(const struct blk_mq_ops *ops, u16 nr_hw_queues, u16 depth,
					size_t cmd_size, void *driver_data)
{
	size_t request_size = ALIGN_UP(sizeof(struct request) + cmd_size, sizeof(u64));
	struct request_queue *q;
	int err = -ENOMEM;

	if (!nr_hw_queues || nr_hw_queues > MAX_HW_QUEUES || depth > MAX_DEPTH)
		return ERR_PTR(-EINVAL);
	depth = depth < 2 ? 2 : depth;
	q = kzalloc(sizeof(*q) + depth * request_size, GFP_KERNEL);
	if (!q)
		return ERR_PTR(-ENOMEM);
	init_fields(q);
	q->ops = ops;
	q->driver_data = driver_data;
	q->nr_hw_queues = nr_hw_queues;
	q->depth = depth;
	q->request_size = request_size;
	q->hctxs = kcalloc(nr_hw_queues, sizeof(*q->hctxs), GFP_KERNEL);
	if (!q->hctxs)
		goto err_free;
	err = init_requests(q);
	if (err)
		goto err_free;
	err = elevator_attach(q, elevator_default());
	if (err)
		goto err_free;
	blk_poll_add_queue(q);
	return q;

err_free:
	free_queue(q);
	return ERR_PTR(err);
}

void blk_cleanup_queue(struct request_queue *q)
{
	ASSERT(q->tags_used == 0);
	blk_queue_dying(q);
	blk_poll_del_queue(q);
	timer_del(&q->timeout_timer);
	flush_work(&q->timeout_work);
	timer_del(&q->timeout_timer);
	timer_del(&q->unplug_timer);
	while (atomic_read(&q->runners))
		yield();
	free_queue(q);
}

void *blk_queue_driver_data(const struct request_queue *q)
{
	return q->driver_data;
}

struct queue_limits *blk_queue_limits(struct request_queue *q)
{
	return &q->limits;
}

void blk_stack_limits(struct queue_limits *t, const struct queue_limits *b)
{
	t->logical_block_size = max(t->logical_block_size, b->logical_block_size);
	t->physical_block_size = max(t->physical_block_size, b->physical_block_size);
	t->io_min_bytes = max(t->io_min_bytes, b->io_min_bytes);
	t->discard_granularity_bytes =
		max(t->discard_granularity_bytes, b->discard_granularity_bytes);
	t->max_sectors = min(t->max_sectors, b->max_sectors);
	t->max_discard_sectors = min(t->max_discard_sectors, b->max_discard_sectors);
	t->max_write_zeroes_sectors = min(t->max_write_zeroes_sectors, b->max_write_zeroes_sectors);
}

void blk_queue_write_cache(struct request_queue *q, bool write_cache, bool fua)
{
	WRITE_ONCE(q->write_cache, write_cache);
	WRITE_ONCE(q->fua, write_cache && fua);
}

bool blk_queue_has_write_cache(const struct request_queue *q)
{
	return READ_ONCE(q->write_cache);
}

void blk_queue_set_nomerges(struct request_queue *q, bool on)
{
	WRITE_ONCE(q->nomerges, on);
}

bool blk_queue_nomerges(const struct request_queue *q)
{
	return !blk_merge_enabled || READ_ONCE(q->nomerges);
}

u32 blk_queue_nr_requests(const struct request_queue *q)
{
	return q->depth - 1u;
}

bool blk_queue_polled(const struct request_queue *q)
{
	return q->ops->poll && cmdline_bool("blk.poll", false);
}
