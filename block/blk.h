/*
 * What the files of block/ share and nobody else sees.
 * Path: hop 10
 */
#pragma once

#include "block/blkdev.h"
#include "kernel/sched/workqueue.h"

/* --- bios --------------------------------------------------------------------------------- */

/* Does somebody wait for it? As Linux: for reads but those of readahead. */
static inline bool op_is_sync(blk_opf_t opf)
{
	return (opf & (REQ_SYNC | REQ_PREFLUSH | REQ_FUA)) ||
	       ((opf & REQ_OP_MASK) == REQ_OP_READ && !(opf & REQ_RAHEAD));
}

/* --- the queue ---------------------------------------------------------------------------- */

/* One ring of the device. */
struct blk_mq_hw_ctx {
	bool stopped;  /* [q->lock] full: takes nothing until a completion */
	u32 starts;    /* [q->lock] counts restarts, to see one that comes during queue_rqs */
	u32 in_flight; /* [q->lock] */
	bool silent;   /* [poll_lock] polled: it need not signal completions */
	u32 found;     /* [poll_lock] what the last look at it found */
};

struct elevator_ops {
	const char *name;
	size_t data_size; /* of q->elevator_data, zeroed before init */
	void (*init)(void *data);
	/* All with q->lock held. */
	void (*insert)(struct request_queue *q, struct request *rq);
	/* The next to go to the device, taken off, or NULL. */
	struct request *(*dispatch)(struct request_queue *q);
	/* Where a bio of this operation may find a neighbour: requests linked by `list`. */
	struct list_head *(*merge_list)(struct request_queue *q, blk_opf_t opf);
};
extern const struct elevator_ops elevator_none, elevator_deadline;

struct request_queue {
	struct spinlock lock;
	const struct blk_mq_ops *ops;  /* [const] */
	void *driver_data;	       /* [const] */
	struct queue_limits limits;    /* [const once the disk is added] */
	u16 nr_hw_queues, depth;       /* [const] */
	struct blk_mq_hw_ctx *hctxs;   /* [const] */
	size_t request_size;	       /* [const] from one to the next, bytes */
	struct list_head idle;	       /* [lock] requests with a free tag, the last used first */
	u16 tags_used;		       /* [lock] */
	u16 next_hctx;		       /* [lock] where the next batch goes */
	u32 freeze_depth;	       /* [lock] > 0: no new tags */
	bool dying;		       /* [lock] the disk is gone: waiters for tags give up */
	struct wait_queue_head tag_wq; /* a tag is free, or dying, or unfrozen */
	struct list_head dispatch; /* [lock] goes first: retries, flush sequences, turned away */
	u32 nr_elevator;	   /* [lock] requests in the elevator */
	bool plugged;		   /* [lock] they wait for the timer, a sync one, or more of them */
	const struct elevator_ops *elevator; /* [lock while the queue is frozen] */
	void *elevator_data;		     /* [lock] */
	atomic_t runners;		     /* [atomic] blk_mq_run_queue at work */
	bool write_cache, fua;		     /* [atomic] */
	bool nomerges;			     /* [atomic] */
	u64 service_ns;	 /* [lock] from dispatch to completion, a moving average */
	bool flush_busy; /* [lock] the flush request is under way */
	struct list_head flush_pending,
		flush_running; /* [lock] who waits for the next/this flush */
	struct timer unplug_timer, timeout_timer;
	struct work timeout_work;
	struct list_head poll_list; /* [poll_lock] */
	ktime_t timeout_ns;	    /* [const] */
	/* [lock] When a request ended last, and when the driver had got that one. */
	ktime_t last_done_ns, last_done_sent_ns;
	/* [const] By tag, each with its pdu behind it; the last is for flushes. */
	u8 requests[] __attribute__((__aligned__(8)));
};

static inline struct request *blk_tag_to_rq(struct request_queue *q, size_t tag)
{
	return (struct request *)(void *)(q->requests + tag * q->request_size);
}
static inline struct request *blk_flush_rq(struct request_queue *q)
{
	return blk_tag_to_rq(q, q->depth - 1u);
}

/* They end with rq->status. Locks: none held. */
static inline void blk_end_bios(struct request *rq)
{
	struct bio *bio;

	while ((bio = rq->bio) != NULL) {
		rq->bio = bio->bi_next;
		bio->bi_next = NULL;
		if (rq->status)
			WRITE_ONCE(bio->bi_status, rq->status);
		bio_endio(bio);
	}
}

/* blk-mq.c */
void blk_mq_submit_bio(struct bio *bio);
void blk_mq_init(void);

/* blk-dispatch.c */
/* Send what is queued as far as the rings take it. Context: any; no lock held. */
void blk_mq_run_queue(struct request_queue *q);

/* blk-freeze.c: waiters for tags give up. */
void blk_queue_dying(struct request_queue *q);

/* blk-tag.c */
/* Does not wait. Returns: NULL when no tag is free, ERR_PTR(-EIO) when dying. Context: any. */
struct request *must_check blk_mq_get_request(struct request_queue *q, blk_opf_t opf);
/* Their tags are free again; empties the list. They ended at `now`, for the statistics, which leave
 * out those that were never filled. Context: any. */
void blk_mq_put_requests(struct request_queue *q, struct list_head *list, ktime_t now);
/* Its bios end with rq->status, its tag is free again. Context: softirq or thread. */
void blk_mq_end_request(struct request *rq);

/* blk-merge.c */
extern bool blk_merge_enabled;
/* Cut bio to one request's limits; the loop of submit_bio, in which the caller runs, goes on with
 * the rest. NULL: it has ended with an error. */
struct bio *blk_split_bio(struct request_queue *q, struct bio *bio);
/* Does bio begin where rq ends, or end where it begins? */
static inline bool blk_rq_touches(const struct request *rq, const struct bio *bio)
{
	return rq->sector + (rq->data_len >> SECTOR_SHIFT) == bio->bi_iter.bi_sector ||
	       bio_end_sector(bio) == rq->sector;
}
/* Join bio with one of the last `scan` requests (deadline: highest sectors)? Locks: the list's. */
bool blk_attempt_merge(struct request_queue *q, struct list_head *list, struct bio *bio, u32 scan);

/* blk-plug.c */
extern bool blk_plug_enabled;
#define PLUG_MAX 32 /* requests in a thread's list */
/* Queue a new request. The queue may hold it back for a moment, or send it at once. */
void blk_insert_request(struct request *rq);
void blk_send_plug(struct blk_plug *plug);
void blk_unplug_timer(struct timer *t);

/* blk-poll.c: a queue is polled between these two. Context: any. */
void blk_poll_add_queue(struct request_queue *q);
void blk_poll_del_queue(struct request_queue *q);
/* Once, from block_init: reads blk.idle_poll_us and blk.poll. */
void blk_poll_init(void);

/* blk-flush.c */
/* Strip what the device does not need. Returns: the steps of bio's sequence, 0 if it is plain. */
u8 blk_flush_policy(struct request_queue *q, struct bio *bio);
/* Put rq on its next step. Returns: false when none is left. Locks: q->lock held. */
bool blk_flush_next_step(struct request *rq);
/* As blk_flush_next_step, when the data is written. Locks: q->lock held. */
bool blk_flush_data_done(struct request *rq);
void blk_flush_end_io(struct request *rq);

/* elevator.c */
const struct elevator_ops *elevator_default(void);
int must_check elevator_attach(struct request_queue *q, const struct elevator_ops *ops);

/* genhd.c */
void genhd_init(void);
/* Make it visible. Returns: 0 or -EBUSY when the number is taken. Owns: on success the table has
 * the caller's reference, until bdev_remove. */
int must_check bdev_add(struct block_device *bdev);
void bdev_remove(struct block_device *bdev);

/* Add partition `partno`. Returns: 0, -EINVAL (overlong, taken), -ENOMEM. Locks: open_mutex. */
int must_check blk_add_partition(struct gendisk *disk, u32 partno, sector_t start, sector_t nr);

/* partitions.c */
void blk_scan_partitions(struct gendisk *disk);
