/*
 * The request queue: bios become requests, requests get tags, a driver takes them and ends them.
 *
 * The life of a request:   allocated (tag) -> plugged or queued (elevator) -> dispatched
 * (queue_rqs) -> completed by the driver (blk_mq_complete_requests, any context) -> softirq
 * -> bios end (blk_end_bios) -> tag freed (blk_mq_put_requests).
 *
 * Invariants:
 * 1. A request holds exactly one tag from its allocation to its end; tags bound the depth.
 * 2. All bios of a request have the same operation and lie in one contiguous sector range.
 * 3. A request has one owner at a time: see struct request.
 *
 * Lock order: q->lock, then a timer's or a wait queue's. No op of a driver is called under q->lock,
 * and no bio ends. poll_lock (blk-poll.c) is held while a driver polls.
 * Path: hop 10
 */
#pragma once

#include "block/bio.h"
#include "block/genhd.h"
#include "kernel/lib/scatterlist.h"
#include "kernel/sched/softirq.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"

struct request_queue;
struct elevator_ops;

enum request_state { RQ_IDLE, RQ_QUEUED, RQ_DISPATCHED, RQ_COMPLETED };

/* Whom a request belongs to. Only its owner changes the fields with the tag [owner], and takes it
 * off a list or puts it on one:
 *
 *	state		where it is				owner
 *	RQ_IDLE		q->idle: its tag is free		the queue, under q->lock
 *	RQ_QUEUED	a submitter's hand, plug or cache	the submitting thread, no lock
 *	RQ_QUEUED	elevator, q->dispatch, a flush list	the queue, under q->lock
 *	RQ_DISPATCHED	the list of queue_rqs, then the ring	the driver
 *	RQ_COMPLETED	the list of the completed, of a CPU	that CPU, interrupts off
 *	RQ_QUEUED	the softirq's hand: its bios end	that CPU, no lock
 *
 * It changes hands under q->lock, but for two steps: the driver gives it away as it sets
 * RQ_COMPLETED, and what queue_rqs leaves on its list is the queue's again. */
struct request {
	struct request_queue *q;   /* [const] */
	u16 tag;		   /* [const] index into the queue's requests */
	u16 hctx_idx;		   /* [q->lock to change] which hardware queue */
	u16 nr_phys_segments;	   /* [owner] */
	int status;		   /* [owner] 0 or -errno */
	enum request_state state;  /* [q->lock; atomic to RQ_COMPLETED] */
	blk_opf_t cmd_flags;	   /* [owner] */
	sector_t sector;	   /* [owner] first sector, whole-disk units */
	u32 data_len;		   /* [owner] bytes */
	struct bio *bio, *biotail; /* [owner] a driver only reads them */
	struct block_device *part; /* [owner] for statistics */
	ktime_t start_ns;	   /* [owner] allocation */
	ktime_t deadline_ns;	   /* [q->lock] the elevator's */
	struct list_head list;	   /* [owner] where it is, as above */
	struct list_head fifo;	   /* [q->lock] the elevator's */
	ktime_t dispatch_ns;	   /* [q->lock to change] when the driver got it, for the timeout */
	struct bio *retry;	   /* [owner] bios of a failed one still to be tried alone */
	u16 nr_merged;		   /* [owner] bios that joined, for statistics */
	u32 stat_bytes;		   /* [owner] data_len as sent, for statistics */
	u8 flush_steps;		   /* [owner] what its flush sequence still needs */
	void (*end_io)(struct request *rq); /* internal users (flush machinery), else NULL */
	void *end_io_data;		    /* blk_execute_drv's pdu_arg */
	void *pdu;			    /* [const] driver's data, cmd_size bytes */
};

struct blk_mq_ops {
	/* Start the requests of a list on a hardware queue, in order: those that are taken off
	 * belong to the driver, and one that cannot be done is completed with its error. What
	 * stays on the list finds the ring full: the queue stops until one of its requests has
	 * completed. Context: interrupts off, q->lock not held. */
	void (*queue_rqs)(struct request_queue *q, u16 hctx_idx, struct list_head *list);
	/* The batch is complete: notify the device. Context: as blk_mq_run_queue. */
	void (*commit_rqs)(struct request_queue *q, u16 hctx_idx);
	/* Look for completions. `again`: the caller will look once more, so that none needs to be
	 * signalled until then. NULL: not supported. Returns: how many. Context: any, no sleep. */
	int (*poll)(struct request_queue *q, u16 hctx_idx, bool again);
	/* A request, dispatched at `sent`, is older than the timeout: print what is known; return
	 * true when the driver has failed it (and all others in flight), or it is back: then its
	 * tag may be in flight anew, with another dispatch_ns. Context: thread. */
	bool (*timeout)(struct request *rq, ktime_t sent);
	/* Once a request at queue creation. */
	int (*init_request)(struct request *rq);
};

/* A queue of `depth` tags over nr_hw_queues (at most 64) rings. One tag is kept for flushes;
 * less than 2 are taken as 2. Sets usable limits, which the driver changes. Returns:
 * ERR_PTR(-ENOMEM/-EINVAL). */
struct request_queue *must_check blk_mq_init_queue(const struct blk_mq_ops *ops, u16 nr_hw_queues,
						   u16 depth, size_t cmd_size, void *driver_data);
/* All requests have ended before (del_gendisk). Context: sleeps. */
void blk_cleanup_queue(struct request_queue *q);
void *blk_queue_driver_data(const struct request_queue *q);
struct queue_limits *blk_queue_limits(struct request_queue *q);
/* Does the device have a volatile write cache (flushes are sent), and does it do FUA? Context:
 * any. */
void blk_queue_write_cache(struct request_queue *q, bool write_cache, bool fua);
bool blk_queue_has_write_cache(const struct request_queue *q);

/* Do bios merge here at all? */
void blk_queue_set_nomerges(struct request_queue *q, bool on);
bool blk_queue_nomerges(const struct request_queue *q);
/* Requests that it holds at most (its tags but the one for flushes). */
u32 blk_queue_nr_requests(const struct request_queue *q);
/* Are completions looked for rather than signalled (blk.poll=1)? */
bool blk_queue_polled(const struct request_queue *q);

/* The driver is done with rq, with rq->status set. Finishes in the block softirq. Context: any. */
void blk_mq_complete_request(struct request *rq);
/* The same for several, linked by rq->list; empties the list. */
void blk_mq_complete_requests(struct list_head *done);
/* Run a request of the driver's own (REQ_OP_DRV_IN) on one buffer and wait. Returns: 0 or
 * -errno. */
int must_check blk_execute_drv(struct request_queue *q, void *pdu_arg, void *buf, u32 len);
/* Give out no new tags, and wait until none is in use; undo. Context: sleeps. */
void blk_mq_freeze_queue(struct request_queue *q);
void blk_mq_unfreeze_queue(struct request_queue *q);
/* The pieces of a request, in order, at most `max`, contiguous ones joined within the limits.
 * Returns: how many. */
u32 __blk_rq_map_sg(const struct request *rq, struct scatterlist *segs, u32 max);
static inline u32 blk_rq_map_sg(const struct request *rq, struct scatterlist *segs, u32 max)
{
	if (unlikely(rq->nr_phys_segments != 1))
		return __blk_rq_map_sg(rq, segs, max);
	segs[0] = (struct scatterlist){PADDR(bio_phys(rq->bio)), rq->data_len};
	return 1;
}

/* Plugging: bios submitted between start and finish wait in the current thread's list, so that
 * neighbours merge; finish (or a sleep, or a full list) sends them. */
struct blk_plug {
	struct list_head requests; /* [owner] */
	u32 count;		   /* [owner] */
	struct list_head cached;   /* [owner] requests with a tag, for what is to come */
	u32 nr_ios;		   /* [owner] how much that is, as far as known */
	ktime_t now_ns;		   /* [owner] when its first request was made, or 0 */
};
void blk_start_plug(struct blk_plug *plug);
/* The same, when about nr_ios requests will follow: their tags are taken together. */
void blk_start_plug_nr_ios(struct blk_plug *plug, u32 nr_ios);
void blk_finish_plug(struct blk_plug *plug);
void blk_flush_plug(void); /* before the current thread sleeps */

/* The name of the disk's elevator, or change it while I/O runs. Returns: 0, -EINVAL (no such
 * elevator), -ENOMEM. Context: sleeps. */
const char *elevator_name(const struct request_queue *q);
/* The n-th elevator that there is, or NULL after the last. */
const char *elevator_nth(u32 n);
int must_check elevator_switch(struct request_queue *q, const char *name);

/* Once at boot: softirq, watchdog, command-line toggles. */
void block_init(void);
/* What a stack (t) can do gets one more device (b). */
void blk_stack_limits(struct queue_limits *t, const struct queue_limits *b);
