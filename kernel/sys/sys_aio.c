/*
 * Asynchronous I/O: io_setup and its kin.
 * Also there: many requests at a time
 */
#include "fs/aio/aio.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

#define MAX_NR_EVENTS (1u << 23) /* Linux: a ring of 256 MiB */

static struct aio_table *table(void)
{
	return &current_process()->mm->aio;
}

static void unmap_ring(u64 id, u32 pages)
{
	if (mm_unmap(current_process()->mm, id, pages * PAGE_SIZE))
		printk("aio: no memory to unmap a ring\n");
}

/* The ring is a shared mapping, so that fork does not turn it into two. */
s64 sys_io_setup(const u64 *a)
{
	u32 nr = (u32)a[0], pages;
	u64 old;
	s64 id;
	int err;

	if (get_user_obj(&old, USERPTR(a[1])))
		return -EFAULT;
	if (old || !nr || nr > MAX_NR_EVENTS)
		return -EINVAL;
	if (nr > AIO_MAX_EVENTS)
		return -EAGAIN;
	pages = aio_ring_pages(nr);
	id = mm_map(current_process()->mm, 0, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	if (id < 0)
		return -ENOMEM;
	err = aio_setup(table(), (u64)id, nr);
	if (err) {
		unmap_ring((u64)id, pages);
		return err;
	}
	if (put_user_obj(USERPTR(a[1]), &id)) {
		err = aio_destroy(table(), (u64)id, &pages);
		if (!err)
			unmap_ring((u64)id, pages);
		return -EFAULT;
	}
	return 0;
}

s64 sys_io_destroy(const u64 *a)
{
	u32 pages;
	int err = aio_destroy(table(), a[0], &pages);

	if (!err)
		unmap_ring(a[0], pages);
	return err;
}

SYSCALL(io_submit, aio_submit(table(), a[0], (s64)a[1], a[2]))

s64 sys_io_getevents(const u64 *a)
{
	u64 ns;
	int err = get_user_timeout(a[4], 1, &ns);

	if (err)
		return err;
	return aio_getevents(table(), a[0], (s64)a[1], (s64)a[2], a[3],
			     a[4] ? ktime_get_ns() + ns : ~0ull);
}

SYSCALL(io_cancel, aio_cancel(table(), a[0], a[1]))
