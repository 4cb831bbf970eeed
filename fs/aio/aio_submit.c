/*
 * io_submit: bios straight from the program's iocbs, under one plug.
 *
 * io_submit itself reports a bad or forbidden iocb. An error of the file's own operation is the
 * result in the iocb's event.
 * Also there: many requests at a time
 */
#include "fs/aio/aio_internal.h"

#include "block/blkdev.h"
#include "fs/nodes/eventfd.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/softirq.h"

#define BATCH	   16u /* iocbs that are copied in together */
#define RWF_HIPRI  0x01u
#define RWF_DSYNC  0x02u
#define RWF_SYNC   0x04u
#define RWF_NOWAIT 0x08u
#define RWF_APPEND 0x10u

int rwf_to_iocb_flags(u32 rwf, bool write, u32 *iocb_flags)
{
	if (rwf & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
		return -EOPNOTSUPP;
	*iocb_flags |= (rwf & (RWF_DSYNC | RWF_SYNC) ? IOCB_DSYNC : 0) |
		       (rwf & RWF_SYNC ? IOCB_SYNC : 0) | (rwf & RWF_NOWAIT ? IOCB_NOWAIT : 0) |
		       (write && (rwf & RWF_APPEND) ? IOCB_APPEND : 0);
	return 0;
}

/* Give back what was not started, as if it had never been taken. */
static void put_reqs(struct kioctx *ctx, struct list_head *reqs, size_t places)
{
	if (!places)
		return;
	spin_lock_bh(&ctx->lock);
	ctx->in_flight -= (u32)places;
	list_splice_tail_init(reqs, &ctx->free);
	if (!ctx->in_flight)
		wake_up_all(&ctx->wait);
	spin_unlock_bh(&ctx->lock);
}

/* Take places in the ring for up to n transfers, and kiocbs for these. Returns: how many. */
static size_t get_reqs(struct kioctx *ctx, size_t n, struct list_head *reqs)
{
	struct aio_kiocb *req = NULL;
	size_t got = 0, used;
	LIST_HEAD(none);

	spin_lock_bh(&ctx->lock);
	used = ctx->in_flight + aio_ring_count(ctx);
	n = !ctx->dead && used < ctx->max_reqs ? min(n, ctx->max_reqs - used) : 0;
	ctx->in_flight += (u32)n;
	for (; got < n && !list_empty(&ctx->free); got++)
		list_move_tail(ctx->free.next, reqs);
	spin_unlock_bh(&ctx->lock);
	for (; got < n && (req = kmalloc(sizeof(*req), GFP_KERNEL)) != NULL; got++) {
		req->ctx = ctx;
		list_add_tail(&req->list, reqs);
	}
	put_reqs(ctx, &none, n - got);
	return got;
}

static void fsync_work(struct work *w)
{
	struct aio_kiocb *req = container_of(w, struct aio_kiocb, work);
	int err = vfs_fsync(req->rw.ki_filp, req->datasync);

	fput(req->rw.ki_filp);
	aio_post_event(req, err);
}

static int start_fsync(struct aio_kiocb *req, const struct iocb *iocb)
{
	if (iocb->aio_buf || iocb->aio_offset || iocb->aio_nbytes || iocb->aio_rw_flags ||
	    !req->rw.ki_filp->f_op->fsync)
		return -EINVAL;
	req->datasync = iocb->aio_lio_opcode == IOCB_CMD_FDSYNC;
	work_init(&req->work, fsync_work);
	queue_work(aio_wq, &req->work);
	return 0;
}

static int import_buffer(const struct iocb *iocb, bool vector, struct iovec *fast,
			 struct iovec **iov, struct iov_iter *it)
{
	int err;

	*iov = fast;
	if (vector) {
		err = import_iovec(iocb->aio_buf, iocb->aio_nbytes, fast, iov);
		if (err)
			return err;
		iov_iter_init_user(it, *iov, (unsigned int)iocb->aio_nbytes);
		return 0;
	}
	fast[0] = (struct iovec){iocb->aio_buf, min(iocb->aio_nbytes, (u64)MAX_RW_COUNT)};
	if (!access_ok(USERPTR(iocb->aio_buf), fast[0].iov_len))
		return -EFAULT;
	iov_iter_init_user(it, fast, 1);
	return 0;
}

static int start_rw(struct aio_kiocb *req, const struct iocb *iocb, bool write, bool vector)
{
	struct iovec fast[UIO_FASTIOV], *iov;
	struct kiocb *rw = &req->rw;
	struct iov_iter it;
	ssize_t ret;
	int err;

	rw->ki_pos = iocb->aio_offset;
	rw->ki_flags = 0;
	rw->ki_complete = aio_complete;
	rw->private = &req->dio;
	err = iocb->aio_rw_flags ? rwf_to_iocb_flags(iocb->aio_rw_flags, write, &rw->ki_flags) : 0;
	if (!err)
		err = import_buffer(iocb, vector, fast, &iov, &it);
	if (err)
		return err;
	err = vfs_iocb_check(rw, &it, write);
	if (!err && (ret = vfs_iocb_rw(rw, &it, write)) != -EIOCBQUEUED)
		aio_complete(rw, ret == -ERESTARTSYS ? -EINTR : ret);
	if (unlikely(iov != fast))
		free_iovec(iov, fast);
	return err;
}

/* Takes over the reference to the file when it returns 0. */
static int start_one(struct aio_kiocb *req, const struct iocb *iocb)
{
	u16 op = iocb->aio_lio_opcode;

	if (op == IOCB_CMD_PREAD || op == IOCB_CMD_PWRITE)
		return start_rw(req, iocb, op == IOCB_CMD_PWRITE, false);
	if (op == IOCB_CMD_PREADV || op == IOCB_CMD_PWRITEV)
		return start_rw(req, iocb, op == IOCB_CMD_PWRITEV, true);
	return op == IOCB_CMD_FSYNC || op == IOCB_CMD_FDSYNC ? start_fsync(req, iocb) : -EINVAL;
}

/* What one io_submit works through. */
struct submission {
	struct kioctx *ctx;
	struct file *file; /* of `fd`, referenced: the next iocb's is likely the same */
	u32 fd;
	struct list_head reqs; /* kiocbs with a place in the ring */
	size_t nr_reqs;
	u64 users[BATCH]; /* where the iocbs lie in the program's memory */
	struct iocb iocbs[BATCH];
};

/* The iocb's file, referenced; NULL if it has none. */
static struct file *get_iocb_file(struct submission *s, u32 fd)
{
	if (!s->file || s->fd != fd) {
		if (s->file)
			fput(s->file);
		s->file = fget((int)fd);
		s->fd = fd;
	}
	return s->file ? get_file(s->file) : NULL;
}

static int get_resfd(struct aio_kiocb *req, u32 fd)
{
	struct file *file = fget((int)fd);

	if (!file)
		return -EBADF;
	req->eventfd = eventfd_get(file);
	fput(file);
	return req->eventfd ? 0 : -EINVAL;
}

static int submit_one(struct submission *s, u64 user_iocb, const struct iocb *iocb)
{
	const u32 key = 0;
	struct aio_kiocb *req;
	int err = 0;

	if (iocb->aio_reserved2 || (s64)iocb->aio_nbytes < 0)
		return -EINVAL;
	if (iocb->aio_key)
		err = put_user_obj(USERPTR(user_iocb + offsetof(struct iocb, aio_key)), &key);
	if (err)
		return err;
	if (!s->nr_reqs)
		return -EAGAIN;
	req = list_first_entry(&s->reqs, struct aio_kiocb, list);
	__list_del_entry(&req->list);
	s->nr_reqs--;
	req->obj = user_iocb;
	req->data = iocb->aio_data;
	req->eventfd = NULL;
	req->rw.ki_filp = get_iocb_file(s, iocb->aio_fildes);
	err = req->rw.ki_filp ? 0 : -EBADF;
	if (!err && unlikely(iocb->aio_flags & IOCB_FLAG_RESFD))
		err = get_resfd(req, iocb->aio_resfd);
	if (!err)
		err = start_one(req, iocb);
	if (err) {
		if (req->eventfd)
			eventfd_put(req->eventfd);
		if (req->rw.ki_filp)
			fput(req->rw.ki_filp);
		list_add(&req->list, &s->reqs);
		s->nr_reqs++;
	}
	return err;
}

/* Copy iocbs in, as many as can be. Returns: how many, at most `nr`. */
static size_t copy_iocbs(struct submission *s, u64 iocbpp, s64 nr)
{
	size_t n = (size_t)min(nr, (s64)BATCH);

	if (copy_from_user(s->users, USERPTR(iocbpp), n * sizeof(s->users[0]))) {
		n = 1;
		if (copy_from_user(s->users, USERPTR(iocbpp), sizeof(s->users[0])))
			return 0;
	}
	return copy_from_user_gather(s->iocbs, s->users, n, sizeof(s->iocbs[0]));
}

s64 aio_submit(struct aio_table *t, u64 id, s64 nr, u64 iocbpp)
{
	struct submission s;
	struct blk_plug plug;
	int err = 0;
	s64 done = 0;

	s.ctx = nr < 0 ? NULL : kioctx_get(t, id);
	if (!s.ctx)
		return -EINVAL;
	s.file = NULL;
	s.fd = 0;
	INIT_LIST_HEAD(&s.reqs);
	nr = min(nr, (s64)s.ctx->nr);
	blk_start_plug_nr_ios(&plug, (u32)nr);
	while (done < nr && !err) {
		size_t n = copy_iocbs(&s, iocbpp + (u64)done * sizeof(u64), nr - done);

		err = n ? 0 : -EFAULT;
		s.nr_reqs = get_reqs(s.ctx, n, &s.reqs);
		for (size_t i = 0; i < n && !err; i++) {
			err = submit_one(&s, s.users[i], &s.iocbs[i]);
			done += !err;
		}
		put_reqs(s.ctx, &s.reqs, s.nr_reqs);
	}
	blk_finish_plug(&plug);
	if (s.file)
		fput(s.file);
	kioctx_put(s.ctx);
	return done ? done : err;
}
