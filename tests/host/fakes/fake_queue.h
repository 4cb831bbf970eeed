/*
 * A block layer small enough to be right by looking: tags, dispatch, completion; no bios, merging
 * or timers. Enough for a driver: requests are made of one buffer, cut into pieces.
 */
#pragma once

#include "block/blkdev.h"
#include "kernel/lib/types.h"

struct fake_rq {
	struct request rq; /* first */
	u8 *buf;	   /* data, rq.data_len bytes */
	u32 piece;	   /* bytes: the length of each piece but the last */
	bool busy;	   /* from fake_queue_submit() to fake_queue_put() */
	bool done;	   /* completed, rq.status counts */
	u32 completions;   /* of this use: more than 1 is the driver's error */
};

/* As the end of a batch (the default), or with more to come: then fake_queue_commit(). */
extern bool fake_queue_last;
void fake_queue_commit(struct request_queue *q, u16 hctx);
/* Start a request in pieces of `piece` bytes. Returns: NULL when no tag is free. */
struct fake_rq *fake_queue_submit(struct request_queue *q, u16 hctx, enum req_op op,
				  sector_t sector, void *buf, u32 len, u32 piece);
void fake_queue_put(struct fake_rq *f);
/* Call the driver's timeout for one that is not done. */
void fake_queue_timeout(struct fake_rq *f, ktime_t sent);
/* Hands the time to the device until done or it has nothing more to do; then the watchdog. */
int fake_queue_wait(struct fake_rq *f);
const struct blk_mq_ops *fake_queue_ops(const struct request_queue *q);
u16 fake_queue_depth(const struct request_queue *q);
u16 fake_queue_nr_hw_queues(const struct request_queue *q);
/* The disk that a driver added last, and the one before, or NULL. */
extern struct gendisk *fake_disk, *fake_disk_before;
/* The queue made last. */
extern struct request_queue *fake_queue;
/* Called when a request is completed, before it counts as done; NULL: nobody. */
extern void (*fake_queue_done_hook)(struct fake_rq *f);
/* Let the device work; returns whether it did something. Given by the test. */
extern bool (*fake_device_step)(void);
