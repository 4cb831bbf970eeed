/*
 * Copies between kernel and user memory, checked, on the bare ones of kernel/arch.
 * Path: hop 1
 */
#include "kernel/mm/uaccess.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/pte.h"
#include "kernel/arch/usercopy.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

int copy_from_user(void *dst, userptr_t src, size_t len)
{
	might_sleep();
	if (!access_ok(src, len) || arch_copy_user(dst, (const void *)src.v, len) != 0)
		return -EFAULT;
	return 0;
}

int copy_to_user(userptr_t dst, const void *src, size_t len)
{
	might_sleep();
	if (!access_ok(dst, len) || arch_copy_user((void *)dst.v, src, len) != 0)
		return -EFAULT;
	return 0;
}

size_t copy_from_user_inatomic(void *dst, userptr_t src, size_t len)
{
	size_t left;

	if (!access_ok(src, len))
		return len;
	this_cpu()->pagefault_disabled++;
	left = arch_copy_user(dst, (const void *)src.v, len);
	this_cpu()->pagefault_disabled--;
	return left;
}

int fault_in_user(userptr_t p, size_t len, bool write)
{
	u64 end = p.v + len;

	if (!access_ok(p, len))
		return -EFAULT;
	while (p.v < end) {
		char byte;
		int err = copy_from_user(&byte, p, 1);

		if (err == 0 && write) /* the same byte back: the page becomes writable */
			err = copy_to_user(p, &byte, 1);
		if (err < 0)
			return err;
		p.v = ALIGN_DOWN(p.v, PAGE_SIZE) + PAGE_SIZE;
	}
	return 0;
}

/* --- also: zeros, requests in one go, strings ------------------------------------------- */

int clear_user(userptr_t dst, size_t len)
{
	might_sleep();
	if (!access_ok(dst, len) || arch_clear_user((void *)dst.v, len) != 0)
		return -EFAULT;
	return 0;
}

size_t copy_from_user_gather(void *dst, const u64 *ptrs, size_t n, size_t size)
{
	size_t valid = 0;

	might_sleep();
	while (valid < n && access_ok(USERPTR(ptrs[valid]), size))
		valid++;
	return arch_gather_user(dst, ptrs, valid, size);
}

/* Only as much as lies in the user half is looked at, so that a string may end just below it. */
ssize_t strncpy_from_user(char *dst, userptr_t src, size_t size)
{
	size_t max_len;
	ssize_t len;

	might_sleep();
	if (!access_ok(src, 1))
		return -EFAULT;
	max_len = min(size, (size_t)(USER_MAX - src.v));
	len = arch_strncpy_user(dst, (const char *)src.v, max_len);
	if (len < 0 || (size_t)len < max_len)
		return len;
	return max_len < size ? -EFAULT : -ENAMETOOLONG;
}

ssize_t strnlen_user(userptr_t s, size_t max)
{
	char part[64];
	size_t done = 0;

	while (done <= max) {
		ssize_t len = strncpy_from_user(part, USERPTR(s.v + done), sizeof(part));

		if (len >= 0)
			done += (size_t)len;
		else if (len == -ENAMETOOLONG)
			done += sizeof(part);
		else
			return len;
		if (len >= 0)
			return done <= max ? (ssize_t)done : -E2BIG;
	}
	return -E2BIG;
}
