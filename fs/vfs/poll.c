/*
 * poll(2): register on the wait queues of many files, sleep once, look again.
 * Also there: waiting for many files
 */
#include "fs/poll.h"

#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"

/* The most queues that one file's poll op registers. */
#define QUEUES_PER_FILE 2u

static bool poll_wake(struct wait_queue_entry *wait)
{
	struct poll_entry *entry = container_of(wait, struct poll_entry, wait);
	struct poll_table *pt = entry->table;

	__atomic_store_n(&pt->triggered, true, __ATOMIC_RELEASE);
	wake_up_thread(pt->thread);
	return false; /* a poller takes nothing: an exclusive waiter must still be woken */
}

void poll_wait(struct wait_queue_head *wq, struct poll_table *pt)
{
	struct poll_entry *entry;

	if (!pt || pt->error)
		return;
	if (pt->nr == pt->max) {
		pt->error = -ENOMEM;
		return;
	}
	entry = &pt->entries[pt->nr++];
	init_wait_entry(&entry->wait);
	entry->wait.func = poll_wake;
	entry->wq = wq;
	entry->table = pt;
	add_wait_queue(wq, &entry->wait);
}

/* One look at all files. Returns: how many have something to tell. */
static int look(struct pollfd_k *fds, struct file **files, u32 nr, struct poll_table *pt)
{
	int ready = 0;

	for (u32 i = 0; i < nr; i++) {
		u32 mask = POLLNVAL, wanted = fds[i].events | POLLERR | POLLHUP | POLLNVAL;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		if (files[i])
			mask = vfs_poll(files[i], ready ? NULL : pt);
		fds[i].revents = (u16)(mask & wanted);
		if (fds[i].revents)
			ready++;
	}
	return ready;
}

static int poll_loop(struct pollfd_k *fds, struct file **files, u32 nr, u64 timeout_ns,
		     struct poll_table *pt)
{
	struct poll_table *reg = timeout_ns ? pt : NULL;
	u64 left = timeout_ns;
	int ready;

	for (;;) {
		ready = look(fds, files, nr, reg);
		if (ready || left == 0)
			return ready;
		if (pt->error)
			return pt->error;
		if (signal_pending())
			return -ERESTARTSYS;
		reg = NULL; /* registered once */
		set_current_state(THREAD_INTERRUPTIBLE);
		if (__atomic_load_n(&pt->triggered, __ATOMIC_ACQUIRE))
			set_current_state(THREAD_RUNNING);
		else if (timeout_ns == ~0ull)
			schedule();
		else
			left = schedule_timeout(left);
		__atomic_store_n(&pt->triggered, false, __ATOMIC_SEQ_CST);
	}
}

int do_poll(struct pollfd_k *fds, u32 nr, u64 timeout_ns)
{
	struct poll_entry inline_entries[POLL_INLINE_ENTRIES];
	struct file *inline_files[POLL_INLINE_ENTRIES / QUEUES_PER_FILE];
	struct poll_table pt = {.thread = current, .max = nr * QUEUES_PER_FILE};
	struct file **files = inline_files;
	int ret = -ENOMEM;

	if (nr > NR_OPEN_DEFAULT)
		return -EINVAL;
	pt.entries = inline_entries;
	if (pt.max > POLL_INLINE_ENTRIES) {
		pt.entries = kcalloc(pt.max, sizeof(*pt.entries), GFP_KERNEL);
		files = kcalloc(nr, sizeof(struct file *), GFP_KERNEL);
		if (!pt.entries || !files)
			goto out;
	}
	for (u32 i = 0; i < nr; i++)
		files[i] = fget(fds[i].fd);
	ret = poll_loop(fds, files, nr, timeout_ns, &pt);
	for (u32 i = 0; i < pt.nr; i++)
		remove_wait_queue(pt.entries[i].wq, &pt.entries[i].wait);
	for (u32 i = 0; i < nr; i++)
		if (files[i])
			fput(files[i]);
out:
	if (pt.entries != inline_entries)
		kfree(pt.entries);
	if (files != inline_files)
		kfree((const void *)files);
	return ret;
}
