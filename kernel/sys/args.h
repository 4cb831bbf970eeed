/*
 * What the functions behind the system calls share: their arguments, and values that lie in the
 * program's memory.
 * Path: hop 1
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct file;
struct trapframe;

typedef s64 syscall_fn(const u64 *a);

/* A name, and an open file, that the table has fetched. */
static inline const char *arg_path(u64 a)
{
	return (const char *)a;
}
static inline struct file *arg_file(u64 a)
{
	return (struct file *)a;
}

/* Inside the kernel, instead of a name: a[0] itself, which is no file of O_PATH. */
#define AT_OPEN_FILE 0x8000u

/* A call that is one expression of its arguments a[]. */
#define SYSCALL(name, ...)           \
	s64 sys_##name(const u64 *a) \
	{                            \
		(void)a;             \
		return __VA_ARGS__;  \
	}

/* The caller's registers. */
struct trapframe *syscall_frame(void);
/* timespec (unit 1) and timeval (unit 1000) of user memory to nanoseconds, and back.
 * Returns: 0, -EFAULT, -EINVAL. */
int must_check get_user_time(u64 ptr, u64 unit, u64 *ns);
int must_check put_user_time(u64 ptr, u64 unit, u64 ns);
/* Two timevals in a row. */
int must_check put_user_timevals(u64 ptr, u64 ns1, u64 ns2);
/* As get_user_time for a timeout: ~0, for ever, when ptr is NULL. */
int must_check get_user_timeout(u64 ptr, u64 unit, u64 *ns);
