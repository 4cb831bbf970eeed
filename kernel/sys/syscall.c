/* The table of system calls and the way into it. */
#include "kernel/sys/syscall.h"

#include "fs/file.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"

#define NR_SYSCALLS 512u
#define NR_ARGS	    6u

struct syscall {
	syscall_fn *fn;
	u16 args[NR_ARGS]; /* enum syscall_arg */
};
#define ENTRY(nr, name, ...)	    [nr] = {sys_##name, {__VA_ARGS__}},
#define ENTRY_AS(nr, name, fn, ...) [nr] = {sys_##fn, {__VA_ARGS__}},
static const struct syscall syscall_table[NR_SYSCALLS] = {SYSCALLS(ENTRY, ENTRY_AS)};

/* Names of Linux's calls that we lack, for the message about them. Source: Linux
 * arch/x86/entry/syscalls/syscall_64.tbl. */
/* clang-format off */
#define LACKING(X) \
	X(26, msync) X(27, mincore) X(29, shmget) X(30, shmat) X(31, shmctl) X(41, socket) \
	X(42, connect) X(43, accept) X(44, sendto) X(45, recvfrom) X(46, sendmsg) X(47, recvmsg) \
	X(48, shutdown) X(49, bind) X(50, listen) X(51, getsockname) X(52, getpeername) \
	X(53, socketpair) X(54, setsockopt) X(55, getsockopt) X(64, semget) X(65, semop) \
	X(66, semctl) X(67, shmdt) X(68, msgget) X(69, msgsnd) X(70, msgrcv) X(71, msgctl) \
	X(73, flock) X(78, getdents) X(101, ptrace) X(122, setfsuid) X(123, setfsgid) \
	X(125, capget) X(126, capset) X(129, rt_sigqueueinfo) X(132, utime) X(134, uselib) \
	X(135, personality) X(136, ustat) X(139, sysfs) X(140, getpriority) X(141, setpriority) \
	X(142, sched_setparam) X(143, sched_getparam) X(144, sched_setscheduler) \
	X(145, sched_getscheduler) X(146, sched_get_priority_max) X(147, sched_get_priority_min) \
	X(148, sched_rr_get_interval) X(149, mlock) X(150, munlock) X(151, mlockall) \
	X(152, munlockall) X(153, vhangup) X(154, modify_ldt) X(155, pivot_root) X(156, _sysctl) \
	X(159, adjtimex) X(163, acct) X(167, swapon) X(168, swapoff) X(171, setdomainname) \
	X(172, iopl) X(173, ioperm) X(174, create_module) X(175, init_module) \
	X(176, delete_module) X(177, get_kernel_syms) X(178, query_module) X(179, quotactl) \
	X(180, nfsservctl) X(181, getpmsg) X(182, putpmsg) X(183, afs_syscall) X(184, tuxcall) \
	X(185, security) X(187, readahead) X(188, setxattr) X(189, lsetxattr) X(190, fsetxattr) \
	X(191, getxattr) X(192, lgetxattr) X(193, fgetxattr) X(194, listxattr) \
	X(195, llistxattr) X(196, flistxattr) X(197, removexattr) X(198, lremovexattr) \
	X(199, fremovexattr) X(203, sched_setaffinity) X(204, sched_getaffinity) \
	X(205, set_thread_area) X(211, get_thread_area) X(212, lookup_dcookie) \
	X(213, epoll_create) X(214, epoll_ctl_old) X(215, epoll_wait_old) \
	X(216, remap_file_pages) X(219, restart_syscall) X(220, semtimedop) X(221, fadvise64) \
	X(222, timer_create) X(223, timer_settime) X(224, timer_gettime) \
	X(225, timer_getoverrun) X(226, timer_delete) X(232, epoll_wait) X(233, epoll_ctl) \
	X(235, utimes) X(236, vserver) X(237, mbind) X(238, set_mempolicy) X(239, get_mempolicy) \
	X(240, mq_open) X(241, mq_unlink) X(242, mq_timedsend) X(243, mq_timedreceive) \
	X(244, mq_notify) X(245, mq_getsetattr) X(246, kexec_load) X(247, waitid) \
	X(248, add_key) X(249, request_key) X(250, keyctl) X(251, ioprio_set) X(252, ioprio_get) \
	X(253, inotify_init) X(254, inotify_add_watch) X(255, inotify_rm_watch) \
	X(256, migrate_pages) X(261, futimesat) X(272, unshare) X(274, get_robust_list) \
	X(275, splice) X(276, tee) X(277, sync_file_range) X(278, vmsplice) X(279, move_pages) \
	X(281, epoll_pwait) X(282, signalfd) X(283, timerfd_create) X(284, eventfd) \
	X(285, fallocate) X(286, timerfd_settime) X(287, timerfd_gettime) X(288, accept4) \
	X(289, signalfd4) X(290, eventfd2) X(291, epoll_create1) X(294, inotify_init1) \
	X(297, rt_tgsigqueueinfo) X(298, perf_event_open) X(299, recvmmsg) X(300, fanotify_init) \
	X(301, fanotify_mark) X(303, name_to_handle_at) X(304, open_by_handle_at) \
	X(305, clock_adjtime) X(307, sendmmsg) X(308, setns) X(309, getcpu) \
	X(310, process_vm_readv) X(311, process_vm_writev) X(312, kcmp) X(313, finit_module) \
	X(314, sched_setattr) X(315, sched_getattr) X(317, seccomp) X(319, memfd_create) \
	X(320, kexec_file_load) X(321, bpf) X(322, execveat) X(323, userfaultfd) \
	X(324, membarrier) X(325, mlock2) X(326, copy_file_range) X(329, pkey_mprotect) \
	X(330, pkey_alloc) X(331, pkey_free) X(332, statx) X(333, io_pgetevents) \
	X(424, pidfd_send_signal) X(425, io_uring_setup) X(426, io_uring_enter) \
	X(427, io_uring_register) X(428, open_tree) X(429, move_mount) X(430, fsopen) \
	X(431, fsconfig) X(432, fsmount) X(433, fspick) X(434, pidfd_open) X(436, close_range) \
	X(437, openat2) X(438, pidfd_getfd) X(440, process_madvise) X(441, epoll_pwait2) \
	X(442, mount_setattr) X(443, quotactl_fd) X(444, landlock_create_ruleset) \
	X(445, landlock_add_rule) X(446, landlock_restrict_self) X(447, memfd_secret) \
	X(448, process_mrelease) X(449, futex_waitv) X(450, set_mempolicy_home_node)
/* clang-format on */
#define NAME(nr, name) [nr] = #name,
static const char *const lacking[NR_SYSCALLS] = {LACKING(NAME)};

struct trapframe *syscall_frame(void)
{
	return trap_user_frame(current->arch.kernel_stack_top);
}

/* Say once for each program and call that we lack it. */
static s64 unknown_call(u64 nr)
{
	struct process *p = current_process();
	u64 bit = min(nr, NR_SYSCALLS - 1ull), mask = 1ull << bit % 64;

	if (!(p->unknown_calls[bit / 64] & mask))
		printk("%s[%d]: unknown system call %llu %s\n", p->comm, p->pid,
		       (unsigned long long)nr, lacking[bit] ? lacking[bit] : "");
	p->unknown_calls[bit / 64] |= mask;
	return -ENOSYS;
}

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
	case CWD:
		*value = (u64)AT_FDCWD;
		return 0;
	default:
		*value = arg;
		return 0;
	}
}

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
		else if ((call->args[i] & 0xfff0) == F0 && args[i])
			fput(arg_file(args[i]));
	}
	current_process()->restarted = false;
	tf->rax = (u64)ret;
}

void syscall_init(void)
{
	trap_hooks.syscall = syscall_dispatch;
}

/* C libraries probe for these at every start and do well without. */
s64 sys_none(const u64 *a)
{
	(void)a;
	return -ENOSYS;
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

int get_user_timeout(u64 ptr, u64 unit, u64 *ns)
{
	*ns = ~0ull;
	return ptr ? get_user_time(ptr, unit, ns) : 0;
}
