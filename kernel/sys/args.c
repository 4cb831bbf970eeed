/*
 * What the functions behind the system calls share.
 * Also there: the caller's registers, and times in the program's memory
 */
#include "kernel/sys/args.h"

#include "kernel/arch/clock.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

struct trapframe *syscall_frame(void)
{
	return trap_user_frame(current->arch.kernel_stack_top);
}

int get_user_time(u64 ptr, u64 unit, u64 *ns)
{
	s64 t[2];

	if (get_user_obj(&t, USERPTR(ptr)))
		return -EFAULT;
	if (t[0] < 0 || t[1] < 0 || (u64)t[1] >= NSEC_PER_SEC / unit)
		return -EINVAL;
	/* 292 years are as good as more. */
	*ns = (u64)t[0] > 9223372035ull ? ~0ull >> 1 : (u64)t[0] * NSEC_PER_SEC + (u64)t[1] * unit;
	return 0;
}

int put_user_time(u64 ptr, u64 unit, u64 ns)
{
	s64 t[2] = {(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / unit)};

	return put_user_obj(USERPTR(ptr), &t);
}

int put_user_timevals(u64 ptr, u64 ns1, u64 ns2)
{
	int err = put_user_time(ptr, NSEC_PER_USEC, ns1);

	return err ? err : put_user_time(ptr + 16, NSEC_PER_USEC, ns2);
}

int get_user_timeout(u64 ptr, u64 unit, u64 *ns)
{
	*ns = ~0ull;
	return ptr ? get_user_time(ptr, unit, ns) : 0;
}
