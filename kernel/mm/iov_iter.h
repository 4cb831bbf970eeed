/*
 * Where the bytes of a read or write go or come from: user vectors or one kernel buffer, with a
 * cursor. As Linux's iov_iter.
 * Also there: a cursor over the buffers of a read or write
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define UIO_MAXIOV   1024
#define UIO_FASTIOV  8
#define MAX_RW_COUNT 0x7ffff000ul /* Linux's limit of one read or write */

struct page;

/* Linux's struct iovec, in user memory. */
struct iovec {
	u64 iov_base;
	u64 iov_len;
};

struct iov_iter {
	bool user;
	const struct iovec *iov; /* user: current segment (kernel copy of the vector) */
	unsigned int nr_segs;	 /* user: segments left, the current one included */
	size_t iov_offset;	 /* bytes done in the current segment, or in kbuf */
	size_t count;		 /* bytes left */
	char *kbuf;		 /* kernel: start of the buffer */
};

static inline void iov_iter_init_user(struct iov_iter *it, const struct iovec *iov, unsigned int nr)
{
	it->user = true;
	it->iov = iov;
	it->nr_segs = nr;
	it->iov_offset = it->count = 0;
	it->kbuf = NULL;
	for (unsigned int i = 0; i < nr; i++)
		it->count += iov[i].iov_len;
}
void iov_iter_init_kernel(struct iov_iter *it, void *buf, size_t len);
static inline size_t iov_iter_count(const struct iov_iter *it)
{
	return it->count;
}
void __iov_iter_next(struct iov_iter *it); /* on to the segment that iov_offset lies in */
static inline void iov_iter_advance(struct iov_iter *it, size_t bytes)
{
	it->count -= bytes;
	it->iov_offset += bytes;
	if (it->user && it->nr_segs > 1)
		__iov_iter_next(it);
}
/* Undo an advance of `bytes`, within what was done since init. */
void iov_iter_revert(struct iov_iter *it, size_t bytes);
/* Use at most `count` bytes from here on. */
static inline void iov_iter_truncate(struct iov_iter *it, size_t count)
{
	it->count = min(it->count, count);
}
/* The bits of where its memory begins and how long it is, piece by piece: 0 below the alignment. */
static inline u64 iov_iter_alignment(const struct iov_iter *it)
{
	u64 left = it->count, bits = left, offset = it->iov_offset;

	if (!it->user)
		return bits | ((u64)it->kbuf + offset);
	for (const struct iovec *iov = it->iov; left; iov++) {
		u64 n = min(iov->iov_len - offset, left);

		if (n)
			bits |= (iov->iov_base + offset) | n;
		left -= n;
		offset = 0;
	}
	return bits;
}
/* Copy and advance. Returns: bytes copied; fewer than asked means -EFAULT to the caller if none.
 * Context: may sleep. */
size_t must_check copy_to_iter(const void *src, size_t bytes, struct iov_iter *it);
size_t must_check copy_from_iter(void *dst, size_t bytes, struct iov_iter *it);
size_t must_check iov_iter_zero(size_t bytes, struct iov_iter *it);
/* As copy_from_iter but never faults pages in, for use under a page lock. Does advance. */
size_t must_check copy_from_iter_inatomic(void *dst, size_t bytes, struct iov_iter *it);
/* Copy in and check the vector of readv and its kin, cut to Linux's limit of one transfer.
 * `fast` has room for UIO_FASTIOV; longer ones are allocated. Returns: 0, -EFAULT, -EINVAL (too
 * many, or a negative length), -ENOMEM. Owns: the caller, free_iovec(*iov, fast). Context:
 * sleeps. */
int must_check import_iovec(u64 uvec, u64 nr, struct iovec *fast, struct iovec **iov);
void free_iovec(struct iovec *iov, const struct iovec *fast);
/* The memory that the iterator stands on, to the end of its page or segment, at most `bytes`.
 * *page comes with a reference (a pin, for user memory). Does not advance. Returns: bytes, or
 * -EFAULT. Context: sleeps. */
ssize_t must_check iov_iter_pin_page(const struct iov_iter *it, size_t bytes, bool write,
				     struct page **page, u32 *offset);
/* Touch the first `bytes` of the source or destination. Returns: how many there are before the
 * first that cannot be touched, or -EFAULT if none. */
ssize_t must_check iov_iter_fault_in(const struct iov_iter *it, size_t bytes, bool write);
