/*
 * The table of system calls and the way into it.
 * Path: hop 1
 */
#include "kernel/sys/syscall.h"

#include "fs/file.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/spinlock.h"

#define NR_SYSCALLS 512u
#define NR_ARGS	    6u
#define NR_LOGGED   64u /* programs and calls that the log has once */

struct syscall {
	syscall_fn *fn;
	u16 args[NR_ARGS]; /* enum syscall_arg */
};
#define ENTRY(nr, name, ...)	    [nr] = {sys_##name, {__VA_ARGS__}},
#define ENTRY_AS(nr, name, fn, ...) [nr] = {sys_##fn, {__VA_ARGS__}},
static const struct syscall syscall_table[NR_SYSCALLS] = {SYSCALLS(ENTRY, ENTRY_AS)};

static int must_check fetch_path(u64 ptr, u64 *value, char **path)
{
	ssize_t n = -ENOMEM;

	*path = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	if (*path)
		n = strncpy_from_user(*path, USERPTR(ptr), PATH_MAX_LEN);
	*value = (u64)*path;
	return (int)min(n, (ssize_t)0);
}

/* What is fetched is released by the caller, also on failure. */
static int must_check fetch_arg(u16 arg, const u64 *raw, u64 *value, char **path)
{
	u64 reg = arg < A0 ? 0 : raw[(arg & 0xf) % NR_ARGS];

	switch (arg & 0xfff0) {
	case A0:
		*value = reg;
		return 0;
	case P0:
		return fetch_path(reg, value, path);
	case Q0:
		return reg ? fetch_path(reg, value, path) : 0;
	case F0:
		*value = (u64)fget((int)reg);
		return *value ? 0 : -EBADF;
	case G0:
		if ((s64)reg < 0)
			return -EINVAL;
		*value = (u64)fget((int)raw[0]);
		return *value ? 0 : -EBADF;
	case R0:
		*value = (u64)fget_raw((int)reg);
		return *value ? 0 : -EBADF;
	case CWD:
		*value = (u64)AT_FDCWD;
		return 0;
	default:
		*value = arg;
		return 0;
	}
}

static s64 unknown_call(u64 nr);

static void syscall_dispatch(struct trapframe *tf)
{
	const u64 raw[NR_ARGS] = {tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9};
	const struct syscall *call = &syscall_table[min(tf->error, NR_SYSCALLS - 1ull)];
	char *paths[NR_ARGS] = {NULL};
	u64 args[NR_ARGS] = {0};
	s64 ret = 0;

	if (unlikely(!call->fn)) {
		tf->rax = (u64)unknown_call(tf->error);
		return;
	}
	for (u32 i = 0; i < NR_ARGS && !ret; i++)
		ret = fetch_arg(call->args[i], raw, &args[i], &paths[i]);
	if (likely(!ret))
		ret = call->fn(args);
	for (u32 i = 0; i < NR_ARGS; i++) {
		if (paths[i])
			kfree(paths[i]);
		else if (call->args[i] >= F0 && call->args[i] < CWD && args[i])
			fput(arg_file(args[i]));
	}
	current_process()->restarted = false;
	tf->rax = (u64)ret;
}

void syscall_init(void)
{
	trap_hooks.syscall = syscall_dispatch;
	uts_init();
}

/* --- also: calls that are not there ---------------------------------------------------- */

/* Names of Linux's calls, for the message about one that we lack; made from the C library's
 * header. */
static const char *const names[] = {
#include "syscall_names.h"
};

/* Whether the log has this program's call already; from now on it has. The oldest are forgotten. */
static bool is_logged(const char *comm, u64 nr)
{
	static struct {
		char comm[THREAD_NAME_LEN];
		u64 nr;
	} logged[NR_LOGGED]; /* [lock] */
	static struct spinlock lock = SPINLOCK_INIT("unknown calls", LOCK_ANY);
	static u32 next; /* [lock] counts up for ever */
	u64 flags = spin_lock_irqsave(&lock);
	bool found = false;

	for (u32 i = 0; i < min(next, NR_LOGGED) && !found; i++)
		found = logged[i].nr == nr && strcmp(logged[i].comm, comm) == 0;
	if (!found) {
		(void)strscpy(logged[next % NR_LOGGED].comm, comm, THREAD_NAME_LEN);
		logged[next++ % NR_LOGGED].nr = nr;
	}
	spin_unlock_irqrestore(&lock, flags);
	return found;
}

/* Log once for each program and call that we lack it. */
static s64 unknown_call(u64 nr)
{
	struct process *p = current_process();
	const char *name = nr < sizeof(names) / sizeof(names[0]) ? names[nr] : NULL;

	if (!is_logged(p->comm, nr))
		printk(KERN_DEBUG "%s[%d]: unknown system call %llu %s\n", p->comm, p->pid,
		       (unsigned long long)nr, name ? name : "");
	return -ENOSYS;
}

/* C libraries probe for these at every start and do well without. */
s64 sys_none(const u64 *a)
{
	(void)a;
	return -ENOSYS;
}
