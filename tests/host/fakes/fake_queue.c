#include "tests/host/fakes/fake_queue.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

#define MAX_HW_QUEUES 16

struct request_queue {
	const struct blk_mq_ops *ops;
	u16 nr_hw, depth;
	size_t cmd_size;
	void *driver_data;
	struct queue_limits limits;
	bool write_cache;
	struct fake_rq *rqs;
	struct list_head waiting[MAX_HW_QUEUES]; /* turned away: ring full */
};

struct gendisk *fake_disk, *fake_disk_before;
struct request_queue *fake_queue;
bool fake_queue_last = true;
bool (*fake_device_step)(void);
void (*fake_queue_done_hook)(struct fake_rq *f);
static bool restart; /* something ended */

struct request_queue *blk_mq_init_queue(const struct blk_mq_ops *ops, u16 nr_hw, u16 depth,
					size_t cmd_size, void *driver_data)
{
	struct request_queue *q = kzalloc(sizeof(*q), GFP_KERNEL);

	ASSERT(nr_hw >= 1 && nr_hw <= MAX_HW_QUEUES && depth >= 1);
	if (!q)
		return ERR_PTR(-ENOMEM);
	q->rqs = kcalloc(depth, sizeof(*q->rqs), GFP_KERNEL);
	if (!q->rqs)
		goto err_free;
	fake_queue = q;
	q->ops = ops;
	q->nr_hw = nr_hw;
	q->depth = depth;
	q->cmd_size = cmd_size;
	q->driver_data = driver_data;
	for (u16 i = 0; i < nr_hw; i++)
		INIT_LIST_HEAD(&q->waiting[i]);
	for (u16 i = 0; i < depth; i++) {
		struct request *rq = &q->rqs[i].rq;

		rq->q = q;
		rq->tag = i;
		rq->pdu = kzalloc(cmd_size, GFP_KERNEL);
		if (!rq->pdu || (ops->init_request && ops->init_request(rq) != 0))
			goto err_rqs;
	}
	return q;

err_rqs:
	for (u16 i = 0; i < depth; i++)
		kfree(q->rqs[i].rq.pdu);
	kfree(q->rqs);
err_free:
	kfree(q);
	return ERR_PTR(-ENOMEM);
}

void blk_cleanup_queue(struct request_queue *q)
{
	for (u16 i = 0; i < q->depth; i++) {
		ASSERT(!q->rqs[i].busy || q->rqs[i].done);
		kfree(q->rqs[i].rq.pdu);
	}
	kfree(q->rqs);
	kfree(q);
}

void *blk_queue_driver_data(const struct request_queue *q)
{
	return q->driver_data;
}

struct queue_limits *blk_queue_limits(struct request_queue *q)
{
	return &q->limits;
}

void blk_queue_write_cache(struct request_queue *q, bool write_cache, bool fua)
{
	(void)fua;
	q->write_cache = write_cache;
}

bool blk_queue_has_write_cache(const struct request_queue *q)
{
	return q->write_cache;
}

bool blk_queue_polled(const struct request_queue *q)
{
	(void)q;
	return false;
}

const struct blk_mq_ops *fake_queue_ops(const struct request_queue *q)
{
	return q->ops;
}

u16 fake_queue_depth(const struct request_queue *q)
{
	return q->depth;
}

u16 fake_queue_nr_hw_queues(const struct request_queue *q)
{
	return q->nr_hw;
}

void blk_mq_complete_request(struct request *rq)
{
	struct fake_rq *f = container_of(rq, struct fake_rq, rq);

	if (fake_queue_done_hook)
		fake_queue_done_hook(f);
	ASSERT(f->busy && !f->done && f->completions == 0);
	f->completions++;
	f->done = true;
	rq->state = RQ_COMPLETED;
	restart = true;
}

void blk_mq_complete_requests(struct list_head *done)
{
	struct request *rq, *tmp;

	list_for_each_entry_safe(rq, tmp, done, list) {
		list_del_init(&rq->list);
		blk_mq_complete_request(rq);
	}
}

static void dispatch(struct fake_rq *f)
{
	struct request_queue *q = f->rq.q;
	LIST_HEAD(list);

	f->rq.state = RQ_DISPATCHED;
	list_add(&f->rq.list, &list);
	q->ops->queue_rqs(q, f->rq.hctx_idx, &list);
	if (!list_empty(&list)) {
		list_del(&f->rq.list);
		f->rq.state = RQ_QUEUED;
		list_add_tail(&f->rq.list, &q->waiting[f->rq.hctx_idx]);
	}
	if (fake_queue_last)
		q->ops->commit_rqs(q, f->rq.hctx_idx);
}

static void start_queue(struct request_queue *q, u16 hctx)
{
	struct list_head list;

	INIT_LIST_HEAD(&list);
	list_splice_tail_init(&q->waiting[hctx], &list);
	while (!list_empty(&list)) {
		struct request *rq = list_first_entry(&list, struct request, list);

		list_del_init(&rq->list);
		dispatch(container_of(rq, struct fake_rq, rq));
	}
}

/* As the real one: what was turned away goes again when a request has ended. */
static void restart_queues(struct request_queue *q)
{
	while (restart) {
		restart = false;
		for (u16 i = 0; i < q->nr_hw; i++)
			start_queue(q, i);
	}
}

u32 __blk_rq_map_sg(const struct request *rq, struct scatterlist *segs, u32 max)
{
	const struct fake_rq *f = (const struct fake_rq *)(const void *)rq;
	u32 n = 0;

	for (u32 at = 0; at < rq->data_len && n < max; at += f->piece, n++)
		segs[n] = (struct scatterlist){.addr = virt_to_phys(f->buf + at),
					       .len = min(f->piece, rq->data_len - at)};
	return n;
}

struct fake_rq *fake_queue_submit(struct request_queue *q, u16 hctx, enum req_op op,
				  sector_t sector, void *buf, u32 len, u32 piece)
{
	for (u16 i = 0; i < q->depth; i++) {
		struct fake_rq *f = &q->rqs[i];

		if (f->busy)
			continue;
		f->busy = true;
		f->done = false;
		f->completions = 0;
		f->buf = buf;
		f->piece = piece;
		f->rq.hctx_idx = hctx;
		f->rq.cmd_flags = op;
		f->rq.sector = sector;
		f->rq.data_len = len;
		f->rq.status = 0;
		dispatch(f);
		return f;
	}
	return NULL;
}

void fake_queue_commit(struct request_queue *q, u16 hctx)
{
	q->ops->commit_rqs(q, hctx);
}

void fake_queue_put(struct fake_rq *f)
{
	ASSERT(f->done);
	f->busy = false;
}

void fake_queue_timeout(struct fake_rq *f, ktime_t sent)
{
	if (!f->done)
		ASSERT(f->rq.q->ops->timeout(&f->rq, sent));
}

/* The watchdog: the driver is asked about one that it has. */
static void watchdog(struct request_queue *q)
{
	for (u16 i = 0; i < q->depth; i++) {
		if (!q->rqs[i].busy || q->rqs[i].rq.state != RQ_DISPATCHED)
			continue;
		fake_queue_timeout(&q->rqs[i], q->rqs[i].rq.dispatch_ns);
		return;
	}
}

int fake_queue_wait(struct fake_rq *f)
{
	for (u32 tries = 0; !f->done; tries++) {
		do {
			restart_queues(f->rq.q);
		} while (!f->done && ((fake_device_step && fake_device_step()) || restart));
		if (!f->done)
			watchdog(f->rq.q);
		ASSERT(tries < 2000);
	}
	restart_queues(f->rq.q);
	return f->rq.status;
}

int blk_execute_drv(struct request_queue *q, void *pdu_arg, void *buf, u32 len)
{
	struct fake_rq *f = fake_queue_submit(q, 0, REQ_OP_DRV_IN, 0, buf, len, len);
	int err;

	(void)pdu_arg;
	if (!f)
		return -EBUSY;
	err = fake_queue_wait(f);
	fake_queue_put(f);
	return err;
}

/* --- disks ------------------------------------------------------------------------------- */

int register_blkdev(u32 major, const char *name)
{
	(void)name;
	return major ? (int)major : 254;
}

void unregister_blkdev(u32 major)
{
	(void)major;
}

void disk_name_format(const char *prefix, u32 index, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%c", prefix, (char)('a' + index % 26));
}

struct gendisk *alloc_disk(u32 minors)
{
	struct gendisk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);

	if (!disk)
		return NULL;
	disk->minors = minors;
	disk->part[0] = kzalloc(sizeof(*disk->part[0]), GFP_KERNEL);
	if (!disk->part[0]) {
		kfree(disk);
		return NULL;
	}
	return disk;
}

void put_disk(struct gendisk *disk)
{
	kfree(disk->part[0]);
	kfree(disk);
}

void set_capacity(struct gendisk *disk, sector_t sectors)
{
	disk->part[0]->bd_nr_sectors = sectors;
}

sector_t get_capacity(const struct gendisk *disk)
{
	return disk->part[0]->bd_nr_sectors;
}

int device_add_disk(struct gendisk *disk)
{
	fake_disk_before = fake_disk;
	fake_disk = disk;
	return 0;
}

/* As the real one: waits for what is in flight; the watchdog helps where the device does not. */
void del_gendisk(struct gendisk *disk)
{
	struct request_queue *q = disk->queue;

	for (u16 i = 0; i < q->depth; i++)
		if (q->rqs[i].busy)
			(void)fake_queue_wait(&q->rqs[i]);
	if (fake_disk == disk)
		fake_disk = NULL;
	if (fake_disk_before == disk)
		fake_disk_before = NULL;
}
