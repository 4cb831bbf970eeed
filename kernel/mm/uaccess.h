/*
 * Copies between kernel and user memory: the only way to touch a program's memory.
 *
 * A wild pointer gives -EFAULT; a page that is not there yet is brought in by the page-fault hook.
 * Context: thread of a program, may sleep, no spinlock held.
 * Path: hop 1
 */
#pragma once

#include "kernel/arch/pte.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* Is [p, p + len) inside the user half at all? */
#ifdef HOST_TEST
bool access_ok(userptr_t p, size_t len);
#else
static inline bool access_ok(userptr_t p, size_t len)
{
	return p.v <= USER_MAX && len <= USER_MAX - p.v;
}
#endif
/* Returns: 0 or -EFAULT; on failure part may have been copied. */
int must_check copy_from_user(void *dst, userptr_t src, size_t len);
/* n objects of `size` bytes, a multiple of 8, from all over the program's memory, one behind the
 * other. Returns: how many were copied whole, before the first that cannot be read. */
size_t must_check copy_from_user_gather(void *dst, const u64 *ptrs, size_t n, size_t size);
int must_check copy_to_user(userptr_t dst, const void *src, size_t len);
int must_check clear_user(userptr_t dst, size_t len);
/* Copy a string with its end. Returns: its length, -EFAULT, or -ENAMETOOLONG when it does not fit
 * in size bytes. */
ssize_t must_check strncpy_from_user(char *dst, userptr_t src, size_t size);
/* Length without the end, -EFAULT, or -E2BIG over max. */
ssize_t must_check strnlen_user(userptr_t s, size_t max);
/* As copy_from_user, but a page that is not mapped yet is not brought in: returns how many bytes
 * could NOT be copied. For copies under a page lock. Context: does not sleep. */
size_t must_check copy_from_user_inatomic(void *dst, userptr_t src, size_t len);
/* Touch the range so that a following inatomic copy is likely to work. Returns: 0 or -EFAULT. */
int must_check fault_in_user(userptr_t p, size_t len, bool write);

/* put_user/get_user of one object. */
#define get_user_obj(dst, src) copy_from_user((dst), (src), sizeof(*(dst)))
#define put_user_obj(dst, src) copy_to_user((dst), (src), sizeof(*(src)))
