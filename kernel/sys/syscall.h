/*
 * System calls: Linux's x86-64 numbers, structures and error numbers.
 *
 * Each call is one thin function: it turns the raw arguments into kernel values, calls the layer
 * that does the work, and copies results out. a[0..5] are rdi, rsi, rdx, r10, r8, r9.
 * Context of all: thread of a program, interrupts on, may sleep.
 * Returns of all: the result, or -errno; what each does is in section 2 of Linux's manual.
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

typedef s64 syscall_fn(const u64 *a);

struct file;
struct trapframe;

void syscall_init(void);
/* The caller's registers. */
struct trapframe *syscall_frame(void);
/* A path from user memory, PATH_MAX_LEN bytes. Returns: ERR_PTR(-EFAULT, -ENAMETOOLONG, -ENOMEM).
 * Owns: the caller, kfree. */
char *must_check user_path(u64 ptr);
/* timespec and timeval of user memory to nanoseconds. Returns: 0, -EFAULT, -EINVAL. */
int must_check user_timespec_ns(u64 ptr, u64 *ns);
int must_check user_timeval_ns(u64 ptr, u64 *ns);

#define SYSCALLS_FILE(X) \
	X(0, read) X(1, write) X(2, open) X(3, close) X(8, lseek) X(16, ioctl) X(17, pread64) \
	X(18, pwrite64) X(19, readv) X(20, writev) X(22, pipe) X(32, dup) X(33, dup2) \
	X(40, sendfile) X(72, fcntl) X(73, flock) X(74, fsync) X(75, fdatasync) X(77, ftruncate) \
	X(85, creat) X(217, getdents64) X(257, openat) X(292, dup3) X(293, pipe2) X(295, preadv) \
	X(296, pwritev) X(306, syncfs)
#define SYSCALLS_PATH(X) \
	X(21, access) X(76, truncate) X(79, getcwd) X(80, chdir) X(81, fchdir) X(82, rename) \
	X(83, mkdir) X(84, rmdir) X(86, link) X(87, unlink) X(88, symlink) X(89, readlink) \
	X(90, chmod) X(91, fchmod) X(92, chown) X(93, fchown) X(94, lchown) X(95, umask) \
	X(132, utime) X(133, mknod) X(161, chroot) X(235, utimes) X(258, mkdirat) \
	X(259, mknodat) X(260, fchownat) X(261, futimesat) X(263, unlinkat) X(264, renameat) \
	X(265, linkat) X(266, symlinkat) X(267, readlinkat) X(268, fchmodat) X(269, faccessat) \
	X(280, utimensat) X(316, renameat2) X(439, faccessat2)
#define SYSCALLS_STAT(X) \
	X(4, stat) X(5, fstat) X(6, lstat) X(137, statfs) X(138, fstatfs) X(262, newfstatat) \
	X(332, statx)
#define SYSCALLS_MM(X) \
	X(9, mmap) X(10, mprotect) X(11, munmap) X(12, brk) X(25, mremap) X(28, madvise)
#define SYSCALLS_PROC(X) \
	X(24, sched_yield) X(39, getpid) X(56, clone) X(57, fork) X(58, vfork) X(59, execve) \
	X(60, exit) X(61, wait4) X(98, getrusage) X(109, setpgid) X(110, getppid) \
	X(111, getpgrp) X(112, setsid) X(121, getpgid) X(124, getsid) X(157, prctl) \
	X(158, arch_prctl) X(97, getrlimit) X(160, setrlimit) X(186, gettid) X(202, futex) \
	X(218, set_tid_address) X(231, exit_group) X(273, set_robust_list) X(302, prlimit64)
#define SYSCALLS_CRED(X) \
	X(102, getuid) X(104, getgid) X(105, setuid) X(106, setgid) X(107, geteuid) \
	X(108, getegid) X(113, setreuid) X(114, setregid) X(115, getgroups) X(116, setgroups) \
	X(117, setresuid) X(118, getresuid) X(119, setresgid) X(120, getresgid)
#define SYSCALLS_SIGNAL(X) \
	X(13, rt_sigaction) X(14, rt_sigprocmask) X(15, rt_sigreturn) X(34, pause) X(62, kill) \
	X(127, rt_sigpending) X(128, rt_sigtimedwait) X(130, rt_sigsuspend) X(131, sigaltstack) \
	X(200, tkill) X(234, tgkill)
#define SYSCALLS_TIME(X) \
	X(35, nanosleep) X(36, getitimer) X(37, alarm) X(38, setitimer) X(96, gettimeofday) \
	X(100, times) X(164, settimeofday) X(201, time) X(227, clock_settime) \
	X(228, clock_gettime) X(229, clock_getres) X(230, clock_nanosleep)
#define SYSCALLS_POLL(X) X(7, poll) X(23, select) X(270, pselect6) X(271, ppoll)
#define SYSCALLS_SYSTEM(X) \
	X(63, uname) X(99, sysinfo) X(103, syslog) X(162, sync) X(165, mount) X(166, umount2) \
	X(169, reboot) X(170, sethostname) X(318, getrandom) X(334, rseq) \
	X(435, clone3)
#define SYSCALLS(X) \
	SYSCALLS_FILE(X) SYSCALLS_PATH(X) SYSCALLS_STAT(X) SYSCALLS_MM(X) SYSCALLS_PROC(X) \
	SYSCALLS_CRED(X) SYSCALLS_SIGNAL(X) SYSCALLS_TIME(X) SYSCALLS_POLL(X) SYSCALLS_SYSTEM(X)

#define DECLARE_SYSCALL(nr, name) syscall_fn sys_##name;
SYSCALLS(DECLARE_SYSCALL)
