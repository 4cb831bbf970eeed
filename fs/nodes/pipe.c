/*
 * Pipes and FIFOs: a ring of bytes whose pages come when they are first needed.
 *
 * Invariants:
 * 1. head and tail only grow. head - tail is the number of bytes in the ring, at most size.
 * 2. Byte n lies in page n / PAGE_SIZE, modulo the number of pages, a power of two.
 * 3. The pipe lives as long as a file has it open: inode->i_pipe is NULL when `files` is zero.
 *
 * Lock order: a pipe's mutex and pipes_lock (a spinlock) are taken one at a time.
 * Also there: pipes
 */
#include "fs/nodes/pipe.h"

#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"

#define FIONREAD_IOCTL 0x541bu

struct pipe {
	struct mutex mutex;
	struct wait_queue_head rd_wait, wr_wait;
	u32 head, tail;	      /* [mutex] bytes ever written and read, modulo 2^32 */
	u32 readers, writers; /* [mutex] open ends */
	u32 r_opens, w_opens; /* [mutex] opens ever: what an open of a FIFO waits for */
	u32 files;	      /* [pipes_lock] */
	u32 size;	      /* [mutex] bytes */
	void **pages;	      /* [mutex] NULL until needed */
};

static struct spinlock pipes_lock = SPINLOCK_INIT("pipes", LOCK_FS);
static struct super_block *pipe_sb;
static const struct super_operations pipe_super_ops;
static struct file_system_type pipe_fs_type = {.name = "pipefs"};

void pipe_init(void)
{
	pipe_sb = alloc_pseudo_super(&pipe_fs_type, &pipe_super_ops);
	if (IS_ERR(pipe_sb))
		panic("no memory for the pipes' superblock");
}

static struct pipe *alloc_pipe(void)
{
	struct pipe *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	p->pages = kcalloc(PIPE_SIZE / PAGE_SIZE, sizeof(void *), GFP_KERNEL);
	if (!p->pages) {
		kfree(p);
		return NULL;
	}
	p->size = PIPE_SIZE;
	mutex_init(&p->mutex);
	init_waitqueue_head(&p->rd_wait);
	init_waitqueue_head(&p->wr_wait);
	return p;
}

static void free_pages_of(void **pages, u32 size)
{
	for (u32 i = 0; pages && i < size / PAGE_SIZE; i++)
		kfree(pages[i]);
	kfree((const void *)pages);
}

static void free_pipe(struct pipe *p)
{
	if (p)
		free_pages_of(p->pages, p->size);
	kfree(p);
}

/* The inode's pipe, made at need, held for one more file. Returns: NULL if no memory. */
static struct pipe *get_pipe(struct inode *inode)
{
	struct pipe *fresh = alloc_pipe(), *p;

	if (!fresh)
		return NULL;
	spin_lock(&pipes_lock);
	p = inode->i_pipe;
	if (!p) {
		p = inode->i_pipe = fresh;
		fresh = NULL;
	}
	p->files++;
	spin_unlock(&pipes_lock);
	free_pipe(fresh);
	return p;
}

static void put_pipe(struct inode *inode)
{
	struct pipe *p = inode->i_pipe;

	spin_lock(&pipes_lock);
	if (--p->files == 0)
		inode->i_pipe = NULL;
	else
		p = NULL;
	spin_unlock(&pipes_lock);
	free_pipe(p);
}

static u32 pipe_used(const struct pipe *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail);
}

static u32 pipe_room(const struct pipe *p)
{
	return READ_ONCE(p->size) - pipe_used(p);
}

static ssize_t pipe_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct pipe *p = iocb->ki_filp->f_inode->i_pipe;
	ssize_t done = 0;
	int err = 0;

	if (iov_iter_count(to) == 0)
		return 0;
	mutex_lock(&p->mutex);
	while (pipe_used(p) == 0 && p->writers > 0 && !err) {
		mutex_unlock(&p->mutex);
		if (iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		err = wait_event_interruptible(&p->rd_wait,
					       pipe_used(p) > 0 || READ_ONCE(p->writers) == 0);
		mutex_lock(&p->mutex);
	}
	while (!err && pipe_used(p) > 0 && iov_iter_count(to) > 0) {
		u32 at = p->tail % p->size, offset = at % (u32)PAGE_SIZE;
		u32 len = min(pipe_used(p), (u32)PAGE_SIZE - offset);
		size_t n = copy_to_iter((char *)p->pages[at / PAGE_SIZE] + offset, len, to);

		if (n < len && iov_iter_count(to) > 0) { /* it stays in the pipe */
			err = -EFAULT;
			break;
		}
		p->tail += (u32)n;
		done += (ssize_t)n;
	}
	mutex_unlock(&p->mutex);
	if (done > 0)
		wake_up_all(&p->wr_wait);
	return done > 0 ? done : err;
}

/* Copy into the ring as much as there is room for. Returns: 0, -EFAULT, -ENOMEM. */
static int fill_ring(struct pipe *p, struct iov_iter *from, ssize_t *done)
{
	while (pipe_room(p) > 0 && iov_iter_count(from) > 0) {
		u32 at = p->head % p->size, offset = at % (u32)PAGE_SIZE;
		u32 len = min(pipe_room(p), (u32)PAGE_SIZE - offset);
		void **page = &p->pages[at / PAGE_SIZE];
		size_t n;

		if (!*page)
			*page = kmalloc(PAGE_SIZE, GFP_KERNEL);
		if (!*page)
			return -ENOMEM;
		len = (u32)min((size_t)len, iov_iter_count(from));
		n = copy_from_iter((char *)*page + offset, len, from);
		if (n < len) /* as in Linux, nothing of this page then */
			return -EFAULT;
		p->head += (u32)n;
		*done += (ssize_t)n;
	}
	return 0;
}

static ssize_t pipe_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct pipe *p = iocb->ki_filp->f_inode->i_pipe;
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	ssize_t done = 0;
	int err = 0;

	mutex_lock(&p->mutex);
	while (iov_iter_count(from) > 0 && !err) {
		/* What fits into PIPE_BUF goes in whole or not at all. */
		u32 need = done == 0 && iov_iter_count(from) <= PIPE_BUF_ ?
				   (u32)iov_iter_count(from) :
				   1;

		if (p->readers == 0) {
			err = -EPIPE;
		} else if (pipe_room(p) >= need) {
			err = fill_ring(p, from, &done);
			wake_up_all(&p->rd_wait);
		} else if (nonblock) {
			err = -EAGAIN;
		} else {
			mutex_unlock(&p->mutex);
			err = wait_event_interruptible(
				&p->wr_wait, pipe_room(p) >= need || READ_ONCE(p->readers) == 0);
			mutex_lock(&p->mutex);
		}
	}
	mutex_unlock(&p->mutex);
	return done > 0 ? done : err;
}

static u32 pipe_poll(struct file *file, struct poll_table *pt)
{
	struct pipe *p = file->f_inode->i_pipe;
	u32 mask = 0;

	if (file->f_readable)
		poll_wait(&p->rd_wait, pt);
	if (file->f_writable)
		poll_wait(&p->wr_wait, pt);
	mutex_lock(&p->mutex);
	if (file->f_readable) {
		if (pipe_used(p) > 0)
			mask |= POLLIN | POLLRDNORM;
		/* Not before a first writer came. */
		if (p->writers == 0 && (u64)file->private_data != p->w_opens)
			mask |= POLLHUP;
	}
	if (file->f_writable) {
		if (pipe_room(p) >= PIPE_BUF_)
			mask |= POLLOUT | POLLWRNORM;
		if (p->readers == 0)
			mask |= POLLERR;
	}
	mutex_unlock(&p->mutex);
	return mask;
}

static long pipe_ioctl(struct file *file, u32 cmd, u64 arg)
{
	int n = (int)pipe_used(file->f_inode->i_pipe);

	return cmd == FIONREAD_IOCTL ? put_user_obj(USERPTR(arg), &n) : -ENOTTY;
}

/* Move what is in the ring to one of `size` bytes. Returns: 0, -EBUSY: too small, -ENOMEM. */
static int resize_locked(struct pipe *p, u32 size)
{
	u32 first = p->tail / (u32)PAGE_SIZE, used = pipe_used(p), n = size / (u32)PAGE_SIZE;
	u32 count = used ? (p->tail % (u32)PAGE_SIZE + used - 1) / (u32)PAGE_SIZE + 1 : 0;
	u32 old_n = p->size / (u32)PAGE_SIZE;
	void **pages, *extra = NULL;

	ASSERT(old_n > 0);
	if (count > n)
		return -EBUSY;
	pages = kcalloc(n, sizeof(void *), GFP_KERNEL);
	if (count > old_n) /* the end of the ring lies in front of its start, in one page */
		extra = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!pages || (count > old_n && !extra)) {
		kfree((const void *)pages);
		kfree(extra);
		return -ENOMEM;
	}
	if (extra) {
		memcpy(extra, p->pages[first % old_n], PAGE_SIZE);
		pages[(first + old_n) % n] = extra;
	}
	for (u32 i = 0; i < min(count, old_n); i++) {
		void **from = &p->pages[(first + i) % old_n];

		pages[(first + i) % n] = *from;
		*from = NULL;
	}
	free_pages_of(p->pages, p->size);
	p->pages = pages;
	p->size = size;
	return 0;
}

long pipe_size(const struct file *file, bool set, u64 size)
{
	struct pipe *p = S_ISFIFO(file->f_inode->i_mode) ? file->f_inode->i_pipe : NULL;
	u32 bytes = (u32)PAGE_SIZE;
	int err = 0;

	if (!p)
		return -EBADF;
	if (set) {
		if (size > 1u << 31)
			return -EINVAL;
		while (bytes < size)
			bytes *= 2;
		if (bytes > PIPE_SIZE_MAX && bytes > p->size && !cred_is_root(current_cred()))
			return -EPERM;
		mutex_lock(&p->mutex);
		err = resize_locked(p, bytes);
		mutex_unlock(&p->mutex);
		wake_up_all(&p->wr_wait);
	}
	return err ? err : (long)READ_ONCE(p->size);
}

static void leave_pipe(struct pipe *p, const struct file *file)
{
	mutex_lock(&p->mutex);
	p->readers -= file->f_readable;
	p->writers -= file->f_writable;
	mutex_unlock(&p->mutex);
	wake_up_all(&p->rd_wait);
	wake_up_all(&p->wr_wait);
}

static void pipe_release(struct inode *inode, struct file *file)
{
	leave_pipe(inode->i_pipe, file);
	put_pipe(inode);
}

static const struct file_operations pipe_fops = {
	.llseek = no_llseek,
	.read_iter = pipe_read,
	.write_iter = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

/* Wait until the other end was opened at least once more than `seen`. */
static int wait_for_partner(struct pipe *p, const struct file *file, u32 seen_r, u32 seen_w)
{
	if (file->f_readable)
		return wait_event_interruptible(&p->rd_wait, READ_ONCE(p->w_opens) != seen_w);
	return wait_event_interruptible(&p->wr_wait, READ_ONCE(p->r_opens) != seen_r);
}

/* fifo(7): a reader waits for a writer and the other way round, unless one is there. A pipe that is
 * opened again by a link of /proc has had both. */
static int fifo_open(struct inode *inode, struct file *file)
{
	bool nonblock = (file->f_flags & O_NONBLOCK) != 0, alone;
	bool meets = inode->i_sb == pipe_sb || (file->f_readable && file->f_writable);
	struct pipe *p = get_pipe(inode);
	u32 seen_r, seen_w;
	int err = 0;

	if (!p)
		return -ENOMEM;
	mutex_lock(&p->mutex);
	if (!meets && !file->f_readable && nonblock && p->readers == 0) {
		mutex_unlock(&p->mutex);
		put_pipe(inode);
		return -ENXIO;
	}
	p->readers += file->f_readable;
	p->writers += file->f_writable;
	p->r_opens += file->f_readable;
	p->w_opens += file->f_writable;
	seen_r = p->r_opens;
	seen_w = p->w_opens;
	alone = file->f_readable ? p->writers == 0 : p->readers == 0;
	mutex_unlock(&p->mutex);
	wake_up_all(&p->rd_wait);
	wake_up_all(&p->wr_wait);
	/* ~0: POLLHUP counts at once; a nonblocking first reader has yet to see a writer. */
	file->private_data = (void *)(alone && nonblock && !meets ? (u64)seen_w : ~0ull);
	if (alone && !meets && !nonblock)
		err = wait_for_partner(p, file, seen_r, seen_w);
	if (err) {
		leave_pipe(p, file);
		put_pipe(inode);
		return err;
	}
	file->f_op = &pipe_fops;
	return 0;
}

const struct file_operations fifo_fops = {.llseek = no_llseek, .open = fifo_open};

int create_pipe_files(struct file *files[2], u32 flags)
{
	static u32 last_ino; /* atomic; a number tells nobody where the kernel's memory lies */
	struct inode *inode = new_inode(pipe_sb);
	char name[32];
	int err;

	if (!inode)
		return -ENOMEM;
	inode->i_ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	inode->i_fop = &fifo_fops;
	inode_init_owner(inode, NULL, S_IFIFO | 0600);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	snprintf(name, sizeof(name), "pipe:[%llu]", (unsigned long long)inode->i_ino);
	flags &= O_NONBLOCK | O_DIRECT;
	for (u32 i = 0; i < 2; i++) {
		if (!get_pipe(inode)) {
			err = -ENOMEM;
			goto err_files;
		}
		files[i] = alloc_file_pseudo(inode, name, flags | (i ? O_WRONLY : O_RDONLY),
					     &pipe_fops);
		if (IS_ERR(files[i])) {
			err = (int)PTR_ERR(files[i]);
			put_pipe(inode);
			goto err_files;
		}
		inode->i_pipe->readers += !i;
		inode->i_pipe->writers += i;
		files[i]->private_data = (void *)~0ull;
	}
	iput(inode);
	return 0;

err_files:
	if (inode->i_pipe)
		fput(files[0]);
	iput(inode);
	return err;
}
