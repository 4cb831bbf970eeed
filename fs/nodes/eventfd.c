/*
 * eventfd(2).
 *
 * Invariant: a write leaves the count below ~0, which only eventfd_signal may reach.
 *
 * Lock order: a counter's lock, taken in softirqs, then its wait queue's.
 * Also there: a counter as a file
 */
#include "fs/nodes/eventfd.h"

#include "fs/file.h"
#include "fs/poll.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/softirq.h"

struct eventfd {
	atomic_t refs;	/* [atomic] the file's, and of who will signal */
	bool semaphore; /* [const] */
	struct spinlock lock;
	u64 count; /* [lock] */
	struct wait_queue_head wq;
};

static struct inode *the_inode; /* [const after boot] of all counters, which have no names */
static const struct super_operations eventfd_super_ops;
static struct file_system_type eventfd_fs_type = {.name = "anon_inodefs"};

/* By a link of /proc. */
static int no_open(struct inode *inode, struct file *file)
{
	(void)inode;
	(void)file;
	return -ENXIO;
}

static const struct file_operations no_open_fops = {.open = no_open};

void eventfd_init(void)
{
	struct super_block *sb = alloc_pseudo_super(&eventfd_fs_type, &eventfd_super_ops);

	the_inode = IS_ERR(sb) ? NULL : new_inode(sb);
	if (!the_inode)
		panic("no memory for the inode of counters");
	the_inode->i_ino = 1;
	the_inode->i_mode = 0600;
	the_inode->i_fop = &no_open_fops;
	the_inode->i_atime = the_inode->i_mtime = the_inode->i_ctime = current_time();
}

/* Take what a read gets. Returns: whether there was something. */
static bool take(struct eventfd *e, u64 *value)
{
	spin_lock_bh(&e->lock);
	*value = e->semaphore ? min(e->count, 1ull) : e->count;
	e->count -= *value;
	spin_unlock_bh(&e->lock);
	return *value > 0;
}

/* Returns: whether there was room. */
static bool add(struct eventfd *e, u64 value)
{
	bool fits;

	spin_lock_bh(&e->lock);
	fits = e->count < ~0ull - value;
	if (fits)
		e->count += value;
	spin_unlock_bh(&e->lock);
	return fits;
}

static ssize_t eventfd_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct eventfd *e = iocb->ki_filp->private_data;
	u64 value;
	int err;

	if (iov_iter_count(to) < sizeof(value))
		return -EINVAL;
	if (!take(e, &value)) {
		if (iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, take(e, &value));
		if (err)
			return err;
	}
	wake_up_all(&e->wq);
	return copy_to_iter(&value, sizeof(value), to) == sizeof(value) ? (ssize_t)sizeof(value) :
									  -EFAULT;
}

static ssize_t eventfd_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct eventfd *e = iocb->ki_filp->private_data;
	u64 value;
	int err;

	if (iov_iter_count(from) < sizeof(value))
		return -EINVAL;
	if (copy_from_iter(&value, sizeof(value), from) != sizeof(value))
		return -EFAULT;
	if (value == ~0ull)
		return -EINVAL;
	if (!add(e, value)) {
		if (iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, add(e, value));
		if (err)
			return err;
	}
	wake_up_all(&e->wq);
	return sizeof(value);
}

static u32 eventfd_poll(struct file *file, struct poll_table *pt)
{
	struct eventfd *e = file->private_data;
	u64 count;

	poll_wait(&e->wq, pt);
	count = READ_ONCE(e->count);
	return (count > 0 ? POLLIN : 0) | (count == ~0ull ? POLLERR : 0) |
	       (count < ~0ull - 1 ? POLLOUT : 0);
}

void eventfd_signal(struct eventfd *e)
{
	spin_lock_bh(&e->lock);
	e->count += e->count < ~0ull;
	spin_unlock_bh(&e->lock);
	wake_up_all(&e->wq);
}

void eventfd_put(struct eventfd *e)
{
	if (atomic_dec_and_test(&e->refs))
		kfree(e);
}

static void eventfd_release(struct inode *inode, struct file *file)
{
	(void)inode;
	eventfd_put(file->private_data);
}

static const struct file_operations eventfd_fops = {
	.llseek = no_llseek,
	.read_iter = eventfd_read,
	.write_iter = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

struct eventfd *eventfd_get(struct file *file)
{
	struct eventfd *e = file->f_op == &eventfd_fops ? file->private_data : NULL;

	if (e)
		atomic_inc(&e->refs);
	return e;
}

struct file *create_eventfd(u32 count, u32 flags)
{
	struct eventfd *e = kzalloc(sizeof(*e), GFP_KERNEL);
	struct file *file;

	if (!e)
		return ERR_PTR(-ENOMEM);
	atomic_set(&e->refs, 1);
	spin_lock_init(&e->lock, "eventfd", LOCK_FS);
	init_waitqueue_head(&e->wq);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	file = alloc_file_pseudo(the_inode, "anon_inode:[eventfd]", (flags & O_NONBLOCK) | O_RDWR,
				 &eventfd_fops);
	if (IS_ERR(file))
		kfree(e);
	else
		file->private_data = e;
	return file;
}
