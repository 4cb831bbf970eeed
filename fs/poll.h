/*
 * poll(2): a file's poll op registers wait queues and returns what is ready.
 * Also there: waiting for many files
 */
#pragma once

#include "kernel/lib/types.h"
#include "kernel/sched/wait.h"

#define POLLIN	   0x001u
#define POLLPRI	   0x002u
#define POLLOUT	   0x004u
#define POLLERR	   0x008u
#define POLLHUP	   0x010u
#define POLLNVAL   0x020u
#define POLLRDNORM 0x040u
#define POLLWRNORM 0x100u

struct file;
#define POLL_INLINE_ENTRIES 16

struct poll_entry {
	struct wait_queue_entry wait;
	struct wait_queue_head *wq;
	struct poll_table *table;
};
struct poll_table {
	struct thread *thread; /* [const] who sleeps */
	bool triggered;	       /* [atomic] a queue fired */
	u32 nr;		       /* entries used */
	u32 max;
	int error; /* -ENOMEM when entries ran out */
	struct poll_entry *entries;
};

/* Called by poll ops; pt NULL (or already triggered): only the state is wanted. */
void poll_wait(struct wait_queue_head *wq, struct poll_table *pt);

/* The whole of poll(2) over kernel copies: fills revents. timeout_ns ~0: for ever.
 * Returns: number ready, 0 on timeout, -EINTR as -ERESTARTSYS, -ENOMEM. */
struct pollfd_k {
	int fd;
	u16 events, revents;
};
int must_check do_poll(struct pollfd_k *fds, u32 nr, u64 timeout_ns);
