/*
 * The split virtqueue: buffers as scatter lists go out, tokens of finished ones come back.
 *
 * It knows neither what the buffers mean nor how the device is reached. Who uses it holds vq->lock
 * around every call but create, destroy and notify.
 *
 *	virtqueue_add()            put a buffer up; the device may look at it from now on
 *	virtqueue_kick_prepare()   does the device want to be told?
 *	virtqueue_notify()         tell it (the lock is not needed)
 *	virtqueue_get()            a finished buffer's token; repeat until NULL
 *	virtqueue_enable_cb()      ask for the next interrupt; false: drain again first
 *
 * Invariants:
 * 1. A descriptor is free (on the free list) or belongs to exactly one buffer in flight.
 * 2. in_flight counts the heads with a token; the device may finish no more than these.
 * 3. Nothing is decided by memory that the device can write, except the used ring's entries, and
 *    each of these is checked before use. A lie sets `broken`, and then nothing is given to or
 *    taken from the device any more.
 * Path: hop 12
 */
#pragma once

#include "drivers/virtio/virtio_ring_spec.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/scatterlist.h"
#include "kernel/lib/types.h"
#include "kernel/sched/spinlock.h"

#define VIRTQUEUE_MIN	   2u
#define VIRTQUEUE_MAX	   1024u
#define VIRTQUEUE_ALIGN	   4096u /* of the used ring, as legacy devices want it */
#define VQ_INLINE_DESCS	   8u	 /* of the indirect table that every head owns */
#define VQ_DIRECT_DESCS	   4u	 /* of the ring, while half of it is free */
#define VQ_HISTORY	   16u
#define VIRTQUEUE_NAME_LEN 24

struct page;

/* What we know of a descriptor, so that its own memory is never read back. */
struct vq_desc_state {
	void *token;		  /* not NULL: head of a buffer in flight */
	struct virtq_desc *table; /* kmalloc'd indirect table, or NULL */
	u32 in_bytes;		  /* what the device may write */
	u16 count;		  /* descriptors of the ring that the buffer holds */
	u16 next;		  /* free list, or the next of the chain */
	u16 tail;		  /* the buffer's last descriptor */
};

struct vq_event {
	char what; /* 'A' added, 'U' used, 'N' notified */
	u16 head, idx;
	u32 len;
};

struct virtqueue {
	u16 index, size;		   /* [const] */
	bool indirect, event_idx;	   /* [const] negotiated */
	bool exact_len;			   /* [const] virtqueue_get()'s len may be counted on */
	char name[VIRTQUEUE_NAME_LEN];	   /* [const] for messages */
	struct page *pages, *inline_pages; /* [const] */
	unsigned int order, inline_order;  /* [const] */
	struct virtq_desc *desc;	   /* [const] the three parts of the ring */
	struct virtq_avail *avail;
	struct virtq_used *used;		/* [device: untrusted] */
	struct virtq_desc *inline_tables;	/* [const] NULL without indirect */
	void (*notify)(struct virtqueue *vq);	/* [const] the transport's doorbell */
	u64 doorbell;				/* [const] transport's: address or port of it */
	void (*callback)(struct virtqueue *vq); /* [const] driver's; interrupt, lock not held */
	void *priv;				/* [const] driver's */

	struct spinlock lock;
	bool broken;			     /* [lock; read anywhere] */
	u16 free_head, num_free;	     /* [lock] */
	u16 in_flight;			     /* [lock] heads */
	u16 avail_idx;			     /* [lock] heads offered so far, mod 2^16 */
	u16 kicked_idx;			     /* [lock] avail_idx at the last decision to notify */
	u16 last_used;			     /* [lock] used entries taken so far, mod 2^16 */
	u16 avail_flags;		     /* [lock] what avail->flags holds */
	u64 nr_notified, nr_added;	     /* [lock] statistics */
	u64 nr_interrupts;		     /* [its interrupt] statistics */
	struct vq_event history[VQ_HISTORY]; /* [lock] newest at (nr_events - 1) % VQ_HISTORY */
	u32 nr_events;			     /* [lock] */
	struct vq_desc_state state[];	     /* [lock] `size` of them */
};

/* Put up a buffer of `out` pieces that the device reads and then `in` pieces that it writes, at
 * least one together. The list of pieces is read now and not kept; token is not NULL.
 * No buffer may have more pieces than the ring has descriptors (virtio-1.2 §2.7.5.3.1). With
 * indirect tables that is the caller's to keep, and not checked here. virtio_blk keeps it by its
 * limits, on rings of 4 and more.
 * After an error the ring and the device are as before, and the buffer is still the caller's.
 * Returns:
 * 0        the memory is the device's until virtqueue_get() or virtqueue_detach_unused() gives the
 *          token back; it may be looked at from now on, notified or not.
 * -ENOSPC  too few descriptors are free. There is room when a buffer comes back: what was added
 *          before must be notified, or nothing comes back.
 * -EINVAL  it never fits: more pieces than the ring has descriptors (without indirect tables), or
 *          4 GiB or more that the device may write.
 * -ENOMEM  no memory for an indirect table, too few descriptors without one, and nothing in flight
 *          that would make room. A later try may succeed.
 * -EIO     the ring is broken, for good.
 * Context: any. Locks: vq->lock. */
int must_check virtqueue_add(struct virtqueue *vq, const struct scatterlist *sg, u32 out, u32 in,
			     void *token);
/* All that was added is published; must the device be notified? True at most once for the same
 * buffers, so that who gets it calls virtqueue_notify(). False when nothing was added since the
 * last call, and when the ring is broken. Context: any. Locks: vq->lock. */
bool must_check virtqueue_kick_prepare(struct virtqueue *vq);
/* Ring the doorbell. The device may have finished the buffers before this returns. Context: any,
 * with the lock or without. */
void virtqueue_notify(struct virtqueue *vq);
/* The next finished buffer, and how many bytes the device says that it wrote from the start of what
 * it might write, never more than that. Without exact_len the number tells nothing.
 * Owns: the buffer's memory is the caller's again, and its descriptors are free.
 * Returns: its token, or NULL: none is finished now, or the device lied, and `broken` is set.
 * Context: any. Locks: vq->lock. */
void *virtqueue_get(struct virtqueue *vq, u32 *len);
/* Ask for no more interrupts: a hint, one may still come. Context: any. Locks: vq->lock. */
void virtqueue_disable_cb(struct virtqueue *vq);
/* Ask for the next interrupt. Returns: true when what finishes from now on brings one, or when the
 * ring is broken; false when more is finished already: drain again. Context: any. Locks:
 * vq->lock. */
bool must_check virtqueue_enable_cb(struct virtqueue *vq);

/* --- also: a ring is made and goes ----------------------------------------------------- */

/* An empty ring. `size` is a power of two from VIRTQUEUE_MIN to VIRTQUEUE_MAX.
 * Returns: NULL if no memory. Context: sleeps. */
struct virtqueue *must_check virtqueue_create(const char *name, u16 index, u16 size, bool indirect,
					      bool event_idx);
/* Nothing is in flight and the device does not know the ring any more. NULL is allowed. */
void virtqueue_destroy(struct virtqueue *vq);
/* Take back a buffer in flight, the device being reset. Also from a broken ring. Owns: as
 * virtqueue_get(). Returns: its token, or NULL when nothing is in flight. Context: any. Locks:
 * vq->lock. */
void *virtqueue_detach_unused(struct virtqueue *vq);
/* Print the indices of both rings and the last events. Locks: vq->lock. */
void virtqueue_dump(const struct virtqueue *vq);
