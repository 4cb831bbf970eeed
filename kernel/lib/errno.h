/*
 * Linux's x86-64 error numbers. Source: Linux include/uapi/asm-generic/errno*.h, errno(3).
 * Also there: numbers of errors
 */
#pragma once

#ifdef HOST_TEST
#include <errno.h>
#else
#define EPERM	     1
#define ENOENT	     2
#define ESRCH	     3
#define EINTR	     4
#define EIO	     5
#define ENXIO	     6
#define E2BIG	     7
#define ENOEXEC	     8
#define EBADF	     9
#define ECHILD	     10
#define EAGAIN	     11
#define ENOMEM	     12
#define EACCES	     13
#define EFAULT	     14
#define ENOTBLK	     15
#define EBUSY	     16
#define EEXIST	     17
#define EXDEV	     18
#define ENODEV	     19
#define ENOTDIR	     20
#define EISDIR	     21
#define EINVAL	     22
#define ENFILE	     23
#define EMFILE	     24
#define ENOTTY	     25
#define ETXTBSY	     26
#define EFBIG	     27
#define ENOSPC	     28
#define ESPIPE	     29
#define EROFS	     30
#define EMLINK	     31
#define EPIPE	     32
#define ERANGE	     34
#define ENAMETOOLONG 36
#define EDEADLK	     35
#define ENOLCK	     37
#define ENOSYS	     38
#define ENOTEMPTY    39
#define ELOOP	     40
#define ETIME	     62
#define EOVERFLOW    75
#define ELIBBAD	     80
#define EUCLEAN	     117
#define EOPNOTSUPP   95
#define ETIMEDOUT    110
#endif

/* Inside the kernel only: the call is to be restarted after the signal handler ran (Linux's
 * ERESTARTSYS); a system call never returns it to a program. */
#define ERESTARTSYS 512
