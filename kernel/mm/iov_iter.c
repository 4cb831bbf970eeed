/*
 * A cursor over the source or destination of a read or write.
 * Also there: a cursor over the buffers of a read or write
 */
#include "kernel/mm/iov_iter.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/gup.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"

void iov_iter_init_kernel(struct iov_iter *it, void *buf, size_t len)
{
	*it = (struct iov_iter){.kbuf = buf, .count = len};
}

void __iov_iter_next(struct iov_iter *it)
{
	while (it->nr_segs > 1 && it->iov_offset >= it->iov->iov_len) {
		it->iov_offset -= it->iov->iov_len;
		it->iov++;
		it->nr_segs--;
	}
}

void iov_iter_revert(struct iov_iter *it, size_t bytes)
{
	it->count += bytes;
	while (it->user && bytes > it->iov_offset) {
		bytes -= it->iov_offset;
		it->iov--;
		it->nr_segs++;
		it->iov_offset = it->iov->iov_len;
	}
	ASSERT(bytes <= it->iov_offset);
	it->iov_offset -= bytes;
}

/* Bytes of the current user segment, at most `bytes`; *p is where. */
static size_t segment(const struct iov_iter *it, size_t bytes, userptr_t *p)
{
	*p = USERPTR(it->iov->iov_base + it->iov_offset);
	return min(bytes, (size_t)it->iov->iov_len - it->iov_offset);
}

enum iter_op { TO_USER, FROM_USER, FROM_USER_INATOMIC, ZERO_USER };

/* Returns: bytes done of n. A failed copy that may sleep counts as nothing, page by page. */
static size_t copy_part(enum iter_op op, userptr_t p, char *buf, size_t n)
{
	switch (op) {
	case TO_USER:
		return copy_to_user(p, buf, n) == 0 ? n : 0;
	case FROM_USER:
		return copy_from_user(buf, p, n) == 0 ? n : 0;
	case FROM_USER_INATOMIC:
		return n - copy_from_user_inatomic(buf, p, n);
	default:
		return clear_user(p, n) == 0 ? n : 0;
	}
}

static size_t iterate_user(struct iov_iter *it, enum iter_op op, char *buf, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		userptr_t p;
		size_t n = segment(it, bytes - done, &p), copied;

		/* One user page at a time, so that all before a bad page is done and counted. */
		n = min(n, (size_t)(PAGE_SIZE - p.v % PAGE_SIZE));
		copied = n ? copy_part(op, p, buf ? buf + done : NULL, n) : 0;
		done += copied;
		iov_iter_advance(it, copied);
		if (copied < n)
			break;
	}
	return done;
}

/* The next `bytes` of a kernel buffer, which are done then. */
static char *take_kernel(struct iov_iter *it, size_t bytes)
{
	char *p = it->kbuf + it->iov_offset;

	iov_iter_advance(it, bytes);
	return p;
}

size_t copy_to_iter(const void *src, size_t bytes, struct iov_iter *it)
{
	bytes = min(bytes, it->count);
	if (it->user)
		return iterate_user(it, TO_USER, (char *)(u64)src, bytes);
	memcpy(take_kernel(it, bytes), src, bytes);
	return bytes;
}

size_t copy_from_iter(void *dst, size_t bytes, struct iov_iter *it)
{
	bytes = min(bytes, it->count);
	if (it->user)
		return iterate_user(it, FROM_USER, dst, bytes);
	memcpy(dst, take_kernel(it, bytes), bytes);
	return bytes;
}

size_t iov_iter_zero(size_t bytes, struct iov_iter *it)
{
	bytes = min(bytes, it->count);
	if (it->user)
		return iterate_user(it, ZERO_USER, NULL, bytes);
	memset(take_kernel(it, bytes), 0, bytes);
	return bytes;
}

size_t copy_from_iter_inatomic(void *dst, size_t bytes, struct iov_iter *it)
{
	if (!it->user)
		return copy_from_iter(dst, bytes, it);
	return iterate_user(it, FROM_USER_INATOMIC, dst, min(bytes, it->count));
}

ssize_t iov_iter_fault_in(const struct iov_iter *it, size_t bytes, bool write)
{
	struct iov_iter at = *it;
	size_t done = 0;

	bytes = min(bytes, it->count);
	if (!it->user)
		return (ssize_t)bytes;
	while (done < bytes) {
		userptr_t p;
		size_t n = segment(&at, bytes - done, &p);

		n = min(n, (size_t)(PAGE_SIZE - p.v % PAGE_SIZE));
		if (fault_in_user(p, n, write))
			return done ? (ssize_t)done : -EFAULT;
		iov_iter_advance(&at, n);
		done += n;
	}
	return (ssize_t)done;
}

/* Check the vector and cut it to MAX_RW_COUNT. Returns: 0, -EFAULT, -EINVAL. */
static int check_iovec(struct iovec *iov, u64 nr)
{
	u64 total = 0;

	for (u64 i = 0; i < nr; i++) {
		if ((s64)iov[i].iov_len < 0)
			return -EINVAL;
		if (!access_ok(USERPTR(iov[i].iov_base), iov[i].iov_len))
			return -EFAULT;
		iov[i].iov_len = min(iov[i].iov_len, MAX_RW_COUNT - total);
		total += iov[i].iov_len;
	}
	return 0;
}

int import_iovec(u64 uvec, u64 nr, struct iovec *fast, struct iovec **iov)
{
	int err = 0;

	if (nr > UIO_MAXIOV)
		return -EINVAL;
	*iov = nr > UIO_FASTIOV ? kcalloc(nr, sizeof(**iov), GFP_KERNEL) : fast;
	if (!*iov)
		return -ENOMEM;
	err = copy_from_user(*iov, USERPTR(uvec), nr * sizeof(**iov));
	if (!err)
		err = check_iovec(*iov, nr);
	if (err)
		free_iovec(*iov, fast);
	return err;
}

void free_iovec(struct iovec *iov, const struct iovec *fast)
{
	if (iov != fast)
		kfree(iov);
}

ssize_t iov_iter_pin_page(const struct iov_iter *it, size_t bytes, bool write, struct page **page,
			  u32 *offset)
{
	const struct iovec *iov = it->iov;
	size_t at = it->iov_offset, n = min(bytes, it->count);
	u64 addr;
	int err;

	if (it->user) {
		for (; n && at == iov->iov_len; iov++) /* empty segments; count says one follows */
			at = 0;
		addr = iov->iov_base + at;
		n = min(n, (size_t)iov->iov_len - at);
	} else {
		addr = (u64)it->kbuf + at;
	}
	*offset = (u32)(addr & ~PAGE_MASK);
	n = min(n, PAGE_SIZE - *offset);
	if (it->user) {
		err = pin_user_page(USERPTR(addr), write, page);
		return err ? err : (ssize_t)n;
	}
	*page = virt_to_page((void *)addr);
	get_page(*page);
	return (ssize_t)n;
}
