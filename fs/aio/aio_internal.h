/*
 * Between aio.c (contexts, ring, collection) and aio_submit.c (submission).
 * Also there: many requests at a time
 */
#pragma once

#include "fs/aio/aio.h"
#include "fs/aio/aio_abi.h"
#include "fs/cache/direct_io.h"
#include "fs/file.h"

struct kioctx {
	struct list_head list; /* [table->lock] */
	u64 id;		       /* [const] */
	atomic_t refs;	       /* [atomic] the table's and the users' */
	u32 max_reqs;	       /* [const] as asked for */
	u32 nr;		       /* [const] events that the ring holds */
	u32 nr_pages;	       /* [const] */
	struct aio_ring *ring; /* [const; program: untrusted] */
	struct mutex read_lock;
	struct spinlock lock;
	bool dead;		     /* [lock] it ends: nothing more is started */
	u32 tail;		     /* [lock] where the next event goes */
	u32 in_flight;		     /* [lock] */
	u32 wanted;		     /* [lock] the least that a reader waits for, or 0 */
	struct list_head free;	     /* [lock] kiocbs for the next submissions */
	struct wait_queue_head wait; /* `wanted` are there, or in_flight is 0 */
	struct page *pages[];	     /* [const] of the ring, pinned */
};

struct aio_kiocb {
	struct kiocb rw; /* first */
	struct kioctx *ctx;
	u64 obj, data;	       /* [const] the program's iocb, and its aio_data */
	struct list_head list; /* [ctx->lock] while free */
	struct work work;      /* fsync, or the last reference to the file */
	bool datasync;
	struct eventfd *eventfd; /* [const] IOCB_FLAG_RESFD: to be told; held. Or NULL */
	ssize_t res; /* [owner] the result, while the file's last reference is dropped */
	struct dio dio;
};

extern struct workqueue *aio_wq; /* [const after boot] */

/* The context with this address, referenced; NULL if there is none. */
struct kioctx *kioctx_get(struct aio_table *t, u64 id);
void kioctx_put(struct kioctx *ctx);
static inline u32 aio_ring_head(const struct kioctx *ctx)
{
	u32 head = READ_ONCE(ctx->ring->head);

	return head < ctx->nr ? head : 0;
}
/* Events in the ring. Locks: ctx->lock, or an old answer. */
static inline u32 aio_ring_count(const struct kioctx *ctx)
{
	u32 head = aio_ring_head(ctx), tail = READ_ONCE(ctx->tail);

	return tail >= head ? tail - head : tail + ctx->nr - head;
}
/* Put the event in the ring. Owns: takes req, whose file is put already. Context: softirq or
 * thread. */
void aio_post_event(struct aio_kiocb *req, ssize_t res);
/* ki_complete: the same, and the file is put, too. */
void aio_complete(struct kiocb *iocb, ssize_t res);
