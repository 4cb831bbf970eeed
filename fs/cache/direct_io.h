/*
 * O_DIRECT: from user pages to bios and back, past the page cache and coherent with it (hop 4').
 *
 * Position, length and memory must be aligned to the device's logical block. Dirty pages of the
 * range are written first. A write also drops the cached pages of its range, before and after; a
 * page that cannot leave afterwards is read again.
 *
 * Some writes go through the cache, are written out, and dropped from it: those that must allocate
 * blocks, and those whose pages cannot leave beforehand. So nobody ever sees a block that is
 * allocated but not written.
 * Path: hop 4'
 */
#pragma once

#include "block/bio.h"
#include "fs/cache/buffer_head.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/workqueue.h"

/* One direct read or write under way. An asynchronous kiocb's `private` is room for one. */
struct dio {
	atomic_t refs;		/* [atomic] bios under way, and the submitter until all are sent */
	int error;		/* [atomic] -errno of a part, or 0 */
	bool write;		/* [const] */
	struct kiocb *iocb;	/* [const] */
	struct inode *inode;	/* [const] whose pages */
	ssize_t size;		/* [submitter while it has its ref] bytes to be done */
	struct completion done; /* synchronous: refs is 0 */
	struct work work;	/* asynchronous: the rest of a write that needs a thread */
	struct bio bio;		/* the first one; `sent` says that it is in use */
	bool sent;		/* [submitter] */
};

/* For generic_file_read_iter / for a write_iter (regular files: i_mutex held). They move ki_pos.
 * Where memory is missing, the bytes before it are transferred. Returns: bytes, -EIOCBQUEUED
 * (ki_complete will be called), -EINVAL (misaligned), -EAGAIN (IOCB_NOWAIT would wait), -EFAULT,
 * -EIO, ... Context: sleeps. */
ssize_t must_check generic_file_direct_read(struct kiocb *iocb, struct iov_iter *iter);
ssize_t must_check generic_file_direct_write(struct kiocb *iocb, struct iov_iter *iter);
/* For direct_IO of address_space_operations. get_block NULL: a device, whose blocks are its own.
 * Returns: as above, or -ENOTBLK for a write that must go through the cache. */
ssize_t must_check blockdev_direct_IO(struct kiocb *iocb, struct iov_iter *iter, bool write,
				      get_block_t *get_block);
/* Once at boot: the worker that finishes what a softirq cannot. */
void direct_io_init(void);
/* Truncation, with i_mutex held: wait until no transfer is on its way to blocks that will be freed.
 * New ones wait for i_mutex. Context: sleeps. */
void inode_dio_wait(struct inode *inode);
