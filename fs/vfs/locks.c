/*
 * Locks on files.
 *
 * Invariants:
 * 1. One owner's range locks in a list are in ascending order and do not overlap. Two of one type
 *    do not touch.
 * 2. Every change wakes all who wait, and each looks again. `blocker` is the owner that was in the
 *    way at the last look. It is NULL once that owner has changed something.
 *
 * Lock order: locks_lock alone. It guards all locks of all files, for they are few and held
 * shortly.
 * Also there: locks on files
 */
#include "fs/vfs/locks.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/wait.h"

#define DEADLOCK_STEPS 64 /* a longer chain of waiters is let sleep */

struct file_lock_lists {
	struct list_head ranges, flocks;
};

/* One file_lock_set under way. */
struct request {
	const struct file_lock *want;
	struct list_head *list;
	struct file_lock *spare[2]; /* the new lock, and the rest of one that is cut in two */
	bool flock, wait;
	struct list_head dead; /* locks to free */
	struct list_head waiting;
	const void *blocker;
};

static struct spinlock locks_lock = SPINLOCK_INIT("file locks", LOCK_FS);
static struct wait_queue_head locks_wq = WAIT_QUEUE_INIT(locks_wq);
static LIST_HEAD(waiters); /* processes that wait for range locks */

static void free_locks(struct list_head *dead)
{
	struct file_lock *l, *next;

	list_for_each_entry_safe(l, next, dead, list)
		kfree(l);
}

static struct file_lock *find_conflict(const struct list_head *list, const struct file_lock *want)
{
	struct file_lock *l;

	list_for_each_entry(l, list, list)
		if (l->owner != want->owner && l->start <= want->end && want->start <= l->end &&
		    (l->type == LOCK_WRITE || want->type == LOCK_WRITE))
			return l;
	return NULL;
}

/* Take what is wanted out of l. */
static void cut(struct request *r, struct file_lock *l)
{
	loff_t start = r->want->start, end = r->want->end;
	struct file_lock *rest = r->spare[1];

	if (l->start < start && l->end > end) {
		ASSERT(rest);
		*rest = *l;
		rest->start = end + 1;
		list_add(&rest->list, &l->list);
		r->spare[1] = NULL;
	}
	if (l->start < start) {
		l->end = start - 1;
	} else if (l->end > end) {
		l->start = end + 1;
	} else {
		list_move(&l->list, &r->dead);
	}
}

/* Do what was asked for; nothing is in the way. */
static void apply(struct request *r)
{
	struct file_lock *new = r->spare[0], *l, *next;
	struct list_head *place = r->list;

	*new = *r->want;
	list_for_each_entry_safe(l, next, r->list, list) {
		if (l->owner != new->owner)
			continue;
		if (l->type == new->type && l->end >= r->want->start - 1 &&
		    l->start - 1 <= r->want->end) {
			new->start = min(new->start, l->start);
			new->end = max(new->end, l->end);
			list_move(&l->list, &r->dead);
		} else if (l->end >= r->want->start && l->start <= r->want->end) {
			cut(r, l);
		}
	}
	if (new->type == LOCK_NONE)
		return;
	list_for_each_entry(l, r->list, list) {
		if (l->owner != new->owner)
			continue;
		if (l->start > new->start) {
			place = &l->list;
			break;
		}
		place = l->list.next;
	}
	list_add_tail(&new->list, place);
	r->spare[0] = NULL;
}

/* The owner let go of something: its waiters look again. */
static void changed(const void *owner)
{
	struct request *r;

	list_for_each_entry(r, &waiters, waiting)
		if (r->blocker == owner)
			r->blocker = NULL;
	wake_up_all(&locks_wq);
}

/* Does the owner in the way wait, maybe through others, for us? */
static bool would_deadlock(const struct request *self, const void *blocker)
{
	const struct request *r;
	bool found = true;

	for (int i = 0; i < DEADLOCK_STEPS && found; i++) {
		found = false;
		list_for_each_entry(r, &waiters, waiting) {
			if (r == self || r->want->owner != blocker || !r->blocker)
				continue;
			blocker = r->blocker;
			found = true;
			break;
		}
		if (blocker == self->want->owner)
			return true;
	}
	return false;
}

/* A whole file's lock of another type is given up before the new one is asked for. */
static void give_up_other_type(struct request *r)
{
	struct file_lock *l;

	list_for_each_entry(l, r->list, list)
		if (l->owner == r->want->owner && l->type != r->want->type) {
			list_move(&l->list, &r->dead);
			changed(r->want->owner);
			return;
		}
}

/* Returns: 0, -EAGAIN or -EDEADLK. Does not sleep. */
static int try(struct request *r)
{
	struct file_lock *other = NULL;
	int err = 0;

	spin_lock(&locks_lock);
	if (r->flock)
		give_up_other_type(r);
	if (r->want->type != LOCK_NONE)
		other = find_conflict(r->list, r->want);
	if (!other) {
		apply(r);
		changed(r->want->owner);
	} else {
		err = -EAGAIN;
		r->blocker = other->owner;
		if (r->wait && r->want->pid > 0 && would_deadlock(r, other->owner))
			err = -EDEADLK;
	}
	spin_unlock(&locks_lock);
	return err;
}

/* The inode's lists, made at need. Returns: NULL if no memory. */
static struct file_lock_lists *get_lists(struct inode *inode)
{
	struct file_lock_lists *lists, *fresh;

	if (READ_ONCE(inode->i_locks))
		return inode->i_locks;
	fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	INIT_LIST_HEAD(&fresh->ranges);
	INIT_LIST_HEAD(&fresh->flocks);
	spin_lock(&locks_lock);
	lists = inode->i_locks;
	if (!lists) {
		lists = fresh;
		inode->i_locks = fresh;
		fresh = NULL;
	}
	spin_unlock(&locks_lock);
	kfree(fresh);
	return lists;
}

int file_lock_set(struct file *file, const struct file_lock *want, bool flock, bool wait)
{
	struct file_lock_lists *lists = get_lists(file->f_inode);
	struct request r = {.want = want, .flock = flock, .wait = wait};
	int err = -ENOLCK, slept = 0;

	r.spare[0] = kmalloc(sizeof(struct file_lock), GFP_KERNEL);
	r.spare[1] = kmalloc(sizeof(struct file_lock), GFP_KERNEL);
	if (!lists || !r.spare[0] || !r.spare[1])
		goto out;
	r.list = flock ? &lists->flocks : &lists->ranges;
	INIT_LIST_HEAD(&r.waiting);
	INIT_LIST_HEAD(&r.dead);
	err = try(&r);
	if (err == -EAGAIN && wait) {
		spin_lock(&locks_lock);
		if (want->pid > 0)
			list_add(&r.waiting, &waiters);
		spin_unlock(&locks_lock);
		slept = wait_event_interruptible(&locks_wq, (err = try(&r)) != -EAGAIN);
		spin_lock(&locks_lock);
		list_del_init(&r.waiting);
		spin_unlock(&locks_lock);
	}
	free_locks(&r.dead);
out:
	kfree(r.spare[0]);
	kfree(r.spare[1]);
	return slept ? slept : err;
}

void file_lock_get(struct file *file, struct file_lock *want)
{
	struct file_lock_lists *lists = READ_ONCE(file->f_inode->i_locks);
	struct file_lock *other;

	spin_lock(&locks_lock);
	other = lists ? find_conflict(&lists->ranges, want) : NULL;
	if (other)
		*want = *other;
	else
		want->type = LOCK_NONE;
	spin_unlock(&locks_lock);
}

static void drop_from(struct list_head *list, const void *owner, struct list_head *dead)
{
	struct file_lock *l, *next;

	list_for_each_entry_safe(l, next, list, list)
		if (l->owner == owner)
			list_move(&l->list, dead);
}

void file_locks_drop(struct file *file, const void *owner)
{
	struct file_lock_lists *lists = READ_ONCE(file->f_inode->i_locks);
	LIST_HEAD(dead);

	if (likely(!lists))
		return;
	spin_lock(&locks_lock);
	drop_from(&lists->ranges, owner, &dead);
	drop_from(&lists->flocks, owner, &dead);
	if (!list_empty(&dead))
		changed(owner);
	spin_unlock(&locks_lock);
	free_locks(&dead);
}

void file_locks_evict(struct inode *inode)
{
	struct file_lock_lists *lists = inode->i_locks;

	if (!lists)
		return;
	ASSERT(list_empty(&lists->ranges) && list_empty(&lists->flocks));
	kfree(lists);
}
