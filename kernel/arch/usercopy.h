/*
 * The bare copies under kernel/mm/uaccess.h. They open SMAP's window, and a fault inside them ends
 * the copy instead of the kernel (kernel/arch/extable.h).
 *
 * The caller has checked that the user side lies in the user half. While
 * this_cpu()->pagefault_disabled is not 0, an absent page is not brought in.
 * Also there: the bare copies
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* Copy in either direction. Returns: how many bytes, counted from the end, were NOT copied. */
size_t must_check arch_copy_user(void *dst, const void *src, size_t n);
/* n objects of `size` bytes, a multiple of 8, one behind the other.
 * Returns: how many were copied whole. */
size_t must_check arch_gather_user(void *dst, const u64 *ptrs, size_t n, size_t size);
/* Zero user memory. Returns: as above. */
size_t must_check arch_clear_user(void *dst, size_t n);
/* Copy a string with its end, at most `size` bytes.
 * Returns: its length, `size` if no end was found in it, or -EFAULT. */
ssize_t must_check arch_strncpy_user(char *dst, const char *src, size_t size);
