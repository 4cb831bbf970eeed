/*
 * Asynchronous I/O: Linux's io_setup, io_submit, io_getevents, io_cancel, io_destroy.
 *
 * A context is a ring of finished events, and the transfers that will put events there. The ring
 * lies in the program's memory, and the program may take events out by itself. The ring's address
 * names the context.
 *
 * fsync is asynchronous, and so are direct reads and writes that need no allocation of blocks.
 * Everything else is done when io_submit returns, as on Linux.
 * Also there: many requests at a time
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/spinlock.h"

struct kioctx;

#define AIO_MAX_EVENTS 65536u /* of one context */

/* The contexts of one address space; kernel/proc's struct mm has one. */
struct aio_table {
	struct spinlock lock;
	struct list_head contexts; /* [lock] */
};

/* Make the worker for ends that must sleep. Context: once at boot. */
void aio_init(void);
void aio_table_init(struct aio_table *t);
/* The address space ends: wait for all that is under way and free it. Context: sleeps. */
void exit_aio(struct aio_table *t);

/* Pages of memory that a ring for nr_events needs. */
u32 aio_ring_pages(u32 nr_events);
/* Make a context over the zeroed ring at `id` in the current program's memory, and pin that.
 * Returns: 0, -ENOMEM, -EFAULT. Context: sleeps. */
int must_check aio_setup(struct aio_table *t, u64 id, u32 nr_events);
/* End a context when nothing is under way any more. *pages: its ring's. Returns: 0 or -EINVAL (no
 * such context). Context: sleeps. */
int must_check aio_destroy(struct aio_table *t, u64 id, u32 *pages);
/* Start the iocbs whose addresses lie at `iocbpp`. Returns: how many were taken, or, if none,
 * -EINVAL, -EFAULT, -EBADF, -EAGAIN (the context is full of transfers under way and of events that
 * nobody has collected). Context: sleeps. */
s64 must_check aio_submit(struct aio_table *t, u64 id, s64 nr, u64 iocbpp);
/* Take min_nr to nr events out. It waits for the first min_nr until `end` (~0: for ever).
 * Returns: how many, or, if none, -EINVAL, -EFAULT, -EINTR. Context: sleeps. */
s64 must_check aio_getevents(struct aio_table *t, u64 id, s64 min_nr, s64 nr, u64 events,
			     ktime_t end);
/* As on Linux no transfer can be cancelled. Returns: -EINVAL, -EFAULT. */
s64 must_check aio_cancel(struct aio_table *t, u64 id, u64 iocb);
/* preadv2's and io_submit's RWF_* to IOCB_*. Returns: 0 or -EOPNOTSUPP. */
int must_check rwf_to_iocb_flags(u32 rwf, bool write, u32 *iocb_flags);
