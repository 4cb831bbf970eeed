/* poll and select, both on do_poll(). */
#include "fs/file.h"
#include "fs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/bitmap.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

#define FOREVER (~0ull)

static s64 poll_user(u64 fds_ptr, u64 nfds, u64 timeout_ns)
{
	struct pollfd_k *fds;
	s64 ret;

	static_assert(sizeof(*fds) == 8, "struct pollfd");
	if (nfds > NR_OPEN_DEFAULT)
		return -EINVAL;
	fds = kcalloc(nfds + 1, sizeof(*fds), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	ret = copy_from_user(fds, USERPTR(fds_ptr), nfds * sizeof(*fds));
	if (!ret)
		ret = do_poll(fds, (u32)nfds, timeout_ns);
	if (ret >= 0 && copy_to_user(USERPTR(fds_ptr), fds, nfds * sizeof(*fds)))
		ret = -EFAULT;
	kfree(fds);
	/* poll and select are never restarted (signal(7)). */
	return ret == -ERESTARTSYS ? -EINTR : ret;
}

s64 sys_poll(const u64 *a)
{
	s32 ms = (s32)a[2];

	return poll_user(a[0], a[1], ms < 0 ? FOREVER : (u64)ms * 1000000);
}

/* Another signal mask for the time of the call. On EINTR the handler runs with it still set and
 * its frame restores ours, as with sigsuspend. */
static s64 with_mask(u64 mask_ptr, u64 mask_size, s64 (*fn)(const u64 *a, u64 timeout_ns),
		     const u64 *a, u64 timeout_ns)
{
	struct sighand *sh = &current_process()->sig;
	sigset_k mask, old;
	s64 ret;
	int err;

	if (!mask_ptr)
		return fn(a, timeout_ns);
	if (mask_size != sizeof(mask))
		return -EINVAL;
	if (get_user_obj(&mask, USERPTR(mask_ptr)))
		return -EFAULT;
	err = signal_procmask(SIG_SETMASK, &mask, &old);
	if (err)
		return err;
	ret = fn(a, timeout_ns);
	if (ret == -EINTR) {
		sh->saved_mask = old;
		sh->restore_mask = true;
		return ret;
	}
	err = signal_procmask(SIG_SETMASK, &old, NULL);
	return err ? err : ret;
}

static s64 ppoll_call(const u64 *a, u64 timeout_ns) { return poll_user(a[0], a[1], timeout_ns); }

s64 sys_ppoll(const u64 *a)
{
	u64 ns = FOREVER;
	int err = a[2] ? user_timespec_ns(a[2], &ns) : 0;

	return err ? err : with_mask(a[3], a[4], ppoll_call, a, ns);
}

#define FD_SETSIZE 1024u
#define FD_WORDS (FD_SETSIZE / 64)

/* The three sets of select: readable, writable, exceptional. */
struct fd_sets {
	u64 set[3][FD_WORDS];
};
static const u16 select_events[3] = { POLLIN, POLLOUT, POLLPRI };
static const u16 select_ready[3] = { POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI };

static int must_check get_sets(const u64 *a, size_t bytes, struct fd_sets *sets)
{
	memset(sets, 0, sizeof(*sets));
	for (int i = 0; i < 3; i++)
		if (a[i + 1] && copy_from_user(sets->set[i], USERPTR(a[i + 1]), bytes))
			return -EFAULT;
	return 0;
}

/* The poll array for the sets. Returns: its length. */
static u32 sets_to_poll(const struct fd_sets *sets, u32 n, struct pollfd_k *fds)
{
	u32 nr = 0;

	for (u32 fd = 0; fd < n; fd++) {
		u16 events = 0;

		for (int i = 0; i < 3; i++)
			if (bitmap_test(sets->set[i], fd))
				events |= select_events[i];
		if (events)
			fds[nr++] = (struct pollfd_k){ (int)fd, events, 0 };
	}
	return nr;
}

static s64 poll_to_sets(const struct pollfd_k *fds, u32 nr, struct fd_sets *sets)
{
	struct fd_sets asked = *sets;
	s64 count = 0;

	memset(sets, 0, sizeof(*sets));
	for (u32 k = 0; k < nr; k++) {
		if (fds[k].revents & POLLNVAL)
			return -EBADF;
		for (int i = 0; i < 3; i++)
			if (bitmap_test(asked.set[i], (size_t)fds[k].fd) &&
			    (fds[k].revents & select_ready[i])) {
				bitmap_set(sets->set[i], (size_t)fds[k].fd);
				count++;
			}
	}
	return count;
}

static s64 select_call(const u64 *a, u64 timeout_ns)
{
	u32 n = (u32)min(a[0], (u64)FD_SETSIZE);
	size_t bytes = DIV_ROUND_UP(n, 64u) * 8;
	struct fd_sets sets;
	struct pollfd_k *fds;
	u32 nr;
	s64 ret = get_sets(a, bytes, &sets);

	if (ret || (s32)a[0] < 0)
		return ret ? ret : -EINVAL;
	fds = kcalloc(n + 1, sizeof(*fds), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	nr = sets_to_poll(&sets, n, fds);
	ret = do_poll(fds, nr, timeout_ns);
	if (ret >= 0)
		ret = poll_to_sets(fds, nr, &sets);
	kfree(fds);
	for (int i = 0; i < 3 && ret >= 0; i++)
		if (a[i + 1] && copy_to_user(USERPTR(a[i + 1]), sets.set[i], bytes))
			ret = -EFAULT;
	return ret == -ERESTARTSYS ? -EINTR : ret;
}

s64 sys_select(const u64 *a)
{
	u64 ns = FOREVER;
	int err = a[4] ? user_timeval_ns(a[4], &ns) : 0;

	return err ? err : select_call(a, ns);
}

s64 sys_pselect6(const u64 *a)
{
	u64 ns = FOREVER, mask[2] = { 0, 0 };
	int err = a[4] ? user_timespec_ns(a[4], &ns) : 0;

	if (!err && a[5])
		err = get_user_obj(&mask, USERPTR(a[5]));
	return err ? err : with_mask(mask[0], mask[1], select_call, a, ns);
}
