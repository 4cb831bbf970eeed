/* The table of system calls and the way into it. */
#include "kernel/sys/syscall.h"

#include "fs/stat.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/unknown_names.h"

#define NR_SYSCALLS 512u

#define SYSCALL_ENTRY(nr, name) [nr] = sys_##name,
static syscall_fn *const syscall_table[NR_SYSCALLS] = { SYSCALLS(SYSCALL_ENTRY) };

struct trapframe *syscall_frame(void) { return trap_user_frame(current->arch.kernel_stack_top); }

/* Say once for each program and call that we lack it. */
static void log_unknown(u64 nr)
{
	struct process *p = current_process();
	const char *name = syscall_unknown_name(nr);
	u64 bit = nr < NR_SYSCALLS ? nr : NR_SYSCALLS - 1;

	if (p->unknown_calls[bit / 64] & (1ull << (bit % 64)))
		return;
	p->unknown_calls[bit / 64] |= 1ull << (bit % 64);
	if (name)
		printk("%s[%d]: system call %s is not supported\n", p->comm, p->pid, name);
	else
		printk("%s[%d]: system call %lu is not supported\n", p->comm, p->pid, nr);
}

static void syscall_dispatch(struct trapframe *tf)
{
	const u64 a[6] = { tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9 };
	u64 nr = tf->error;
	syscall_fn *fn = nr < NR_SYSCALLS ? syscall_table[nr] : NULL;

	if (unlikely(!fn)) {
		log_unknown(nr);
		tf->rax = (u64)-ENOSYS;
		return;
	}
	tf->rax = (u64)fn(a);
}

void syscall_init(void) { trap_hooks.syscall = syscall_dispatch; }

char *user_path(u64 ptr)
{
	char *path = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	ssize_t n;

	if (!path)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(path, USERPTR(ptr), PATH_MAX_LEN);
	if (n < 0) {
		kfree(path);
		return ERR_PTR(n);
	}
	return path;
}

int user_timespec_ns(u64 ptr, u64 *ns)
{
	struct timespec64 ts;

	if (get_user_obj(&ts, USERPTR(ptr)))
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || (u64)ts.tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	/* 292 years are as good as more. */
	*ns = (u64)ts.tv_sec > 9223372035ull ? ~0ull >> 1 :
					       (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
	return 0;
}

int user_timeval_ns(u64 ptr, u64 *ns)
{
	s64 tv[2];

	if (get_user_obj(&tv, USERPTR(ptr)))
		return -EFAULT;
	if (tv[0] < 0 || tv[1] < 0 || tv[1] >= 1000000)
		return -EINVAL;
	*ns = (u64)tv[0] > 9223372035ull ? ~0ull >> 1 :
					   (u64)tv[0] * NSEC_PER_SEC + (u64)tv[1] * NSEC_PER_USEC;
	return 0;
}
