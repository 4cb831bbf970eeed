/*
 * System calls: Linux's x86-64 numbers, structures and error numbers.
 *
 * The table below says for each call which function serves it and where that function's arguments
 * come from. Names and open files are fetched before the function runs and released after it, so
 * that a call is one thin function: it calls the layer that does the work and copies results out.
 * Older calls are others with some arguments fixed.
 *
 * Context of all: thread of a program, interrupts on, may sleep.
 * Returns of all: the result, or -errno; what each does is in section 2 of Linux's manual.
 * Path: hop 1
 */
#pragma once

#include "fs/stat.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/proc/process.h"
#include "kernel/sys/args.h"

struct iov_iter;

/* Where an argument comes from; all other values stand for themselves. */
enum syscall_arg {
	A0 = 0xff00, /* the raw register: rdi, rsi, rdx, r10, r8, r9 */
	A1,
	A2,
	A3,
	A4,
	A5,
	P0 = 0xff10, /* its string, PATH_MAX_LEN bytes at most: arg_path() */
	P1,
	P2,
	P3,
	Q0 = 0xff20, /* the same, or NULL */
	Q1,
	Q2,
	Q3,
	Q4,
	F0 = 0xff30, /* the open file of that number, but not of O_PATH: arg_file() */
	F1,
	F2,
	G0 = 0xff40, /* that of argument 0. EINVAL if the register named holds a negative offset */
	G1,
	G2,
	G3,
	R0 = 0xff50,  /* the open file, be it of O_PATH: arg_file() */
	CWD = 0xff60, /* AT_FDCWD */
};

void syscall_init(void);
void uts_init(void); /* the names of the machine, below /proc */
/* Read or write an open file at *pos or, with NULL, where it stands. Writing where nobody reads
 * sends SIGPIPE. Returns: bytes, or -errno. */
s64 must_check rw_or_sigpipe(u64 file, struct iov_iter *it, const u64 *pos, bool write,
			     u32 iocb_flags);

/* X(number, name, arguments), served by sys_name; Y(number, name, the call that serves it, ...). */
/* clang-format off */
#define SYSCALLS(X, Y) \
	X(0, read, F0, A1, A2) X(1, write, F0, A1, A2) Y(2, open, openat, CWD, P0, A1, A2) \
	X(3, close, A0) Y(4, stat, newfstatat, CWD, P0, A1) \
	Y(5, fstat, newfstatat, A0, 0, A1, AT_EMPTY_PATH) \
	Y(6, lstat, newfstatat, CWD, P0, A1, AT_SYMLINK_NOFOLLOW) X(7, poll, A0, A1, A2) \
	X(8, lseek, F0, A1, A2) X(9, mmap, A0, A1, A2, A3, A4, A5) X(10, mprotect, A0, A1, A2) \
	X(11, munmap, A0, A1) X(12, brk, A0) X(13, rt_sigaction, A0, A1, A2, A3) \
	X(14, rt_sigprocmask, A0, A1, A2, A3) X(15, rt_sigreturn) X(16, ioctl, F0, A1, A2, A0) \
	X(17, pread64, G3, A1, A2, A3) X(18, pwrite64, G3, A1, A2, A3) X(19, readv, F0, A1, A2) \
	X(20, writev, F0, A1, A2) Y(21, access, faccessat2, CWD, P0, A1) Y(22, pipe, pipe2, A0) \
	X(23, select, A0, A1, A2, A3, A4) X(24, sched_yield) X(25, mremap, A0, A1, A2, A3, A4) \
	X(28, madvise, A0, A1, A2) Y(32, dup, fcntl, R0, 0, 0, A0) X(33, dup2, A0, A1) \
	X(34, pause) Y(35, nanosleep, clock_nanosleep, 1, 0, A0, A1) X(36, getitimer, A0, A1) \
	X(37, alarm, A0) X(38, setitimer, A0, A1, A2) X(39, getpid) \
	X(40, sendfile, F0, F1, A2, A3) X(56, clone, A0, A1, A2, A3, A4) Y(57, fork, clone, SIGCHLD) \
	Y(58, vfork, clone, CLONE_VM | CLONE_VFORK | SIGCHLD) X(59, execve, P0, A1, A2) \
	X(60, exit, A0) X(61, wait4, A0, A1, A2, A3) X(62, kill, A0, A1) X(63, uname, A0) \
	X(72, fcntl, R0, A1, A2, A0) X(73, flock, F0, A1) X(74, fsync, F0) Y(75, fdatasync, fsync, F0, 1) \
	X(76, truncate, CWD, P0, A1) X(77, ftruncate, G1, A1) X(79, getcwd, A0, A1) \
	X(80, chdir, CWD, P0) Y(81, fchdir, chdir, A0, 0, AT_EMPTY_PATH) \
	Y(82, rename, renameat2, CWD, P0, CWD, P1) Y(83, mkdir, mkdirat, CWD, P0, A1) \
	Y(84, rmdir, unlinkat, CWD, P0, AT_REMOVEDIR) \
	Y(85, creat, openat, CWD, P0, O_CREAT | O_WRONLY | O_TRUNC, A1) \
	Y(86, link, linkat, CWD, P0, CWD, P1) Y(87, unlink, unlinkat, CWD, P0) \
	Y(88, symlink, symlinkat, P0, CWD, P1) Y(89, readlink, readlinkat, CWD, P0, A1, A2) \
	Y(90, chmod, fchmodat, CWD, P0, A1) Y(91, fchmod, fchmodat, A0, 0, A1, AT_OPEN_FILE) \
	Y(92, chown, fchownat, CWD, P0, A1, A2) \
	Y(93, fchown, fchownat, A0, 0, A1, A2, AT_OPEN_FILE) \
	Y(94, lchown, fchownat, CWD, P0, A1, A2, AT_SYMLINK_NOFOLLOW) X(95, umask, A0) \
	X(96, gettimeofday, A0, A1) Y(97, getrlimit, prlimit64, 0, A0, 0, A1) \
	X(98, getrusage, A0, A1) X(99, sysinfo, A0) X(100, times, A0) Y(102, getuid, getid, 0) \
	X(103, syslog, A0, A1, A2) Y(104, getgid, getid, 2) Y(105, setuid, setid, A0, 0) \
	Y(106, setgid, setid, A0, 1) Y(107, geteuid, getid, 1) Y(108, getegid, getid, 3) \
	X(109, setpgid, A0, A1) X(110, getppid) Y(111, getpgrp, getpgid, 0, 0) X(112, setsid) \
	Y(113, setreuid, setreid, A0, A1, 0) Y(114, setregid, setreid, A0, A1, 1) \
	X(115, getgroups, A0, A1) X(116, setgroups, A0, A1) \
	Y(117, setresuid, setresid, A0, A1, A2, 0) Y(118, getresuid, getresid, A0, A1, A2, 0) \
	Y(119, setresgid, setresid, A0, A1, A2, 1) Y(120, getresgid, getresid, A0, A1, A2, 1) \
	X(121, getpgid, A0, 0) Y(124, getsid, getpgid, A0, 1) X(127, rt_sigpending, A0, A1) \
	X(128, rt_sigtimedwait, A0, A1, A2, A3) X(130, rt_sigsuspend, A0, A1) \
	X(131, sigaltstack, A0, A1) Y(132, utime, futimesat, CWD, P0, A1, 0) \
	Y(133, mknod, mknodat, CWD, P0, A1, A2) X(135, personality, A0) \
	X(140, getpriority, A0, A1) X(141, setpriority, A0, A1, A2) X(142, sched_setparam, A0, A1) \
	X(143, sched_getparam, A0, A1) X(144, sched_setscheduler, A0, A1, A2) \
	X(145, sched_getscheduler, A0) Y(146, sched_get_priority_max, sched_get_priority, A0, 99) \
	Y(147, sched_get_priority_min, sched_get_priority, A0, 1) \
	X(148, sched_rr_get_interval, A0, A1) X(137, statfs, CWD, P0, A1) Y(138, fstatfs, statfs, A0, 0, A1, AT_EMPTY_PATH) \
	X(157, prctl, A0, A1, A2, A3, A4) X(158, arch_prctl, A0, A1) \
	Y(160, setrlimit, prlimit64, 0, A0, A1) X(161, chroot, CWD, P0) X(162, sync) \
	X(164, settimeofday, A0) X(165, mount, Q0, P1, Q2, A3, Q4) X(166, umount2, P0, A1) \
	X(169, reboot, A0, A1, A2) X(170, sethostname, A0, A1) \
	X(171, setdomainname, A0, A1) Y(186, gettid, getpid, 0) \
	Y(200, tkill, tgkill, A0, A0, A1) X(201, time, A0) X(202, futex, A0, A1, A2, A3, 0, A5) \
	X(203, sched_setaffinity, A0, A1, A2) X(204, sched_getaffinity, A0, A1, A2) \
	X(206, io_setup, A0, A1) X(207, io_destroy, A0) X(208, io_getevents, A0, A1, A2, A3, A4) \
	X(209, io_submit, A0, A1, A2) X(210, io_cancel, A0, A1) \
	X(217, getdents64, F0, A1, A2) Y(218, set_tid_address, getpid, 0) \
	X(227, clock_settime, A0, A1) X(228, clock_gettime, A0, A1) X(229, clock_getres, A0, A1) \
	X(230, clock_nanosleep, A0, A1, A2, A3) Y(231, exit_group, exit, A0) \
	X(234, tgkill, A0, A1, A2) X(247, waitid, A0, A1, A2, A3, A4) X(221, fadvise64, F0, A1, A2, A3) Y(235, utimes, futimesat, CWD, P0, A1, 1000) X(257, openat, A0, P1, A2, A3) X(258, mkdirat, A0, P1, A2) \
	X(259, mknodat, A0, P1, A2, A3) X(260, fchownat, A0, P1, A2, A3, A4) \
	X(261, futimesat, A0, Q1, A2, 1000) X(262, newfstatat, A0, P1, A2, A3) X(263, unlinkat, A0, P1, A2) \
	Y(264, renameat, renameat2, A0, P1, A2, P3) X(265, linkat, A0, P1, A2, P3, A4) \
	X(266, symlinkat, P0, A1, P2) X(267, readlinkat, A0, P1, A2, A3) \
	X(268, fchmodat, A0, P1, A2) Y(269, faccessat, faccessat2, A0, P1, A2) \
	X(270, pselect6, A0, A1, A2, A3, A4, A5) X(271, ppoll, A0, A1, A2, A3, A4) \
	Y(273, set_robust_list, none, 0) X(280, utimensat, A0, Q1, A2, A3) \
	Y(284, eventfd, eventfd2, A0) X(285, fallocate, F0, A1, A2, A3) X(290, eventfd2, A0, A1) X(292, dup3, A0, A1, A2) X(293, pipe2, A0, A1) X(295, preadv, G3, A1, A2, A3) \
	X(296, pwritev, G3, A1, A2, A3) X(302, prlimit64, A0, A1, A2, A3) X(306, syncfs, F0) \
	X(309, getcpu, A0, A1) X(316, renameat2, A0, P1, A2, P3, A4) X(318, getrandom, A0, A1, A2) \
	X(326, copy_file_range, F0, A1, F2, A3, A4, A5) \
	X(327, preadv2, A0, A1, A2, A3, A4, A5) X(328, pwritev2, A0, A1, A2, A3, A4, A5) \
	Y(334, rseq, none, 0) Y(435, clone3, none, 0) X(332, statx, A0, P1, A2, A3, A4) X(436, close_range, A0, A1, A2) \
	X(439, faccessat2, A0, P1, A2, A3)
/* clang-format on */

#define DECLARE_SYSCALL(nr, name, ...)	   syscall_fn sys_##name;
#define DECLARE_SERVING(nr, name, fn, ...) syscall_fn sys_##fn;
SYSCALLS(DECLARE_SYSCALL, DECLARE_SERVING)
