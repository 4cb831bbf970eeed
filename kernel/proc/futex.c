/*
 * Futexes: sleeping until another program says that a word in memory has changed.
 *
 * A word is known by its place, not by its address: shared memory by its page (anonymous pages stay
 * where they are, pages of files are known by file and index), private memory by address space and
 * address.
 *
 * Lock order: futex_mutex, mm->lock. A waiter is queued before the mutex is free again, and a waker
 * changes the word before it takes the mutex: no wake-up is lost.
 * Also there: processes
 */
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"

struct futex_key {
	const void *object; /* the page, file or address space; its user keeps it */
	u64 place;
};

struct futex_waiter {
	struct list_head list; /* [futex_mutex] */
	struct futex_key key;  /* [const] */
	u32 bits;	       /* [const] */
	bool woken;	       /* [futex_mutex to set] then it is out of the list */
	struct wait_queue_head wait;
};

static struct mutex futex_mutex = MUTEX_INIT(futex_mutex);
static LIST_HEAD(waiters); /* [futex_mutex] in order of arrival */

static int must_check get_key(u64 addr, bool private, struct futex_key *key)
{
	struct mm *mm = current_process()->mm;
	const struct vma *vma;
	const u64 *pte;

	*key = (struct futex_key){mm, addr};
	if (addr % sizeof(u32))
		return -EINVAL;
	if (!access_ok(USERPTR(addr), sizeof(u32)))
		return -EFAULT;
	if (private)
		return 0;
	MM_GUARD(mm);
	vma = mm_find_vma(mm, addr);
	if (!vma || !vma->prot)
		return -EFAULT;
	if (!vma->shared)
		return 0;
	if (vma->file) {
		*key = (struct futex_key){vma->file->f_mapping, addr - vma->start + vma->offset};
		return 0;
	}
	pte = pgtable_walk(mm->pml4, addr, false);
	if (!pte || !*pte)
		return -EFAULT;
	*key = (struct futex_key){phys_to_page(PADDR(*pte & PTE_ADDR_MASK)), addr % PAGE_SIZE};
	return 0;
}

int futex_wait(u64 addr, bool private, u32 value, u32 bits, u64 ns)
{
	struct futex_waiter w = {.bits = bits};
	u32 now;
	int err;

	if (!bits)
		return -EINVAL;
	err = get_key(addr, private, &w.key);
	if (err)
		return err;
	init_waitqueue_head(&w.wait);
	mutex_lock(&futex_mutex);
	err = get_user_obj(&now, USERPTR(addr)) ? -EFAULT : now != value ? -EAGAIN : 0;
	if (!err)
		list_add_tail(&w.list, &waiters);
	mutex_unlock(&futex_mutex);
	if (err)
		return err;
	err = wait_event_state(&w.wait, READ_ONCE(w.woken), THREAD_INTERRUPTIBLE, ns);
	mutex_lock(&futex_mutex);
	if (w.woken)
		err = 0;
	else
		list_del(&w.list);
	mutex_unlock(&futex_mutex);
	return err == -ETIME ? -ETIMEDOUT : err;
}

int futex_wake(u64 addr, bool private, u32 count, u32 bits)
{
	struct futex_waiter *w, *tmp;
	struct futex_key key;
	u32 woken = 0;
	int err = bits ? get_key(addr, private, &key) : -EINVAL;

	if (err)
		return err;
	mutex_lock(&futex_mutex);
	list_for_each_entry_safe(w, tmp, &waiters, list) {
		if (w->key.object != key.object || w->key.place != key.place || !(w->bits & bits))
			continue;
		list_del(&w->list);
		WRITE_ONCE(w->woken, true);
		wake_up_all(&w->wait);
		if (++woken >= count)
			break;
	}
	mutex_unlock(&futex_mutex);
	return (int)woken;
}
