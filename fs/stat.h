/*
 * File types, permission bits, open flags and the other constants of Linux's x86-64 file ABI.
 * Also there: constants of files
 */
#pragma once

#include "kernel/lib/types.h"

#ifdef HOST_TEST
#include <fcntl.h>
#include <sys/stat.h>
#undef O_LARGEFILE /* the C library says 0 */
#define O_LARGEFILE 0100000
#ifndef O_PATH /* the C library hides these */
#define O_DIRECT  040000
#define O_NOATIME 01000000
#define O_PATH	  010000000
#define O_TMPFILE 020200000
#endif
#else
#define S_IFMT	    0170000u
#define S_IFSOCK    0140000u
#define S_IFLNK	    0120000u
#define S_IFREG	    0100000u
#define S_IFBLK	    0060000u
#define S_IFDIR	    0040000u
#define S_IFCHR	    0020000u
#define S_IFIFO	    0010000u
#define S_ISUID	    04000u
#define S_ISGID	    02000u
#define S_ISVTX	    01000u
#define S_IXGRP	    00010u
#define S_IWOTH	    00002u
#define S_ISLNK(m)  (((m)&S_IFMT) == S_IFLNK)
#define S_ISREG(m)  (((m)&S_IFMT) == S_IFREG)
#define S_ISDIR(m)  (((m)&S_IFMT) == S_IFDIR)
#define S_ISCHR(m)  (((m)&S_IFMT) == S_IFCHR)
#define S_ISBLK(m)  (((m)&S_IFMT) == S_IFBLK)
#define S_ISFIFO(m) (((m)&S_IFMT) == S_IFIFO)

#define O_ACCMODE   03u
#define O_RDONLY    00u
#define O_WRONLY    01u
#define O_RDWR	    02u
#define O_CREAT	    0100u
#define O_EXCL	    0200u
#define O_NOCTTY    0400u
#define O_TRUNC	    01000u
#define O_APPEND    02000u
#define O_NONBLOCK  04000u
#define O_DSYNC	    010000u
#define O_DIRECT    040000u
#define O_LARGEFILE 0100000u
#define O_DIRECTORY 0200000u
#define O_NOFOLLOW  0400000u
#define O_NOATIME   01000000u
#define O_CLOEXEC   02000000u
#define O_SYNC	    04010000u
#define O_PATH	    010000000u
#define O_TMPFILE   020200000u

#define AT_FDCWD	    (-100)
#define AT_SYMLINK_NOFOLLOW 0x100u
#define AT_REMOVEDIR	    0x200u
#define AT_SYMLINK_FOLLOW   0x400u
#define AT_EMPTY_PATH	    0x1000u

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#endif

#define SEEK_DATA_ 3
#define SEEK_HOLE_ 4

#define NAME_MAX_LEN 255u
#define PATH_MAX_LEN 4096u /* with the terminating zero */

/* d_type of a directory entry (getdents64). */
enum dirent_type {
	DT_UNKNOWN_ = 0,
	DT_FIFO_ = 1,
	DT_CHR_ = 2,
	DT_DIR_ = 4,
	DT_BLK_ = 6,
	DT_REG_ = 8,
	DT_LNK_ = 10,
	DT_SOCK_ = 12
};
static inline u8 mode_to_dtype(mode_t mode)
{
	return (u8)((mode & S_IFMT) >> 12);
}

/* Seconds and nanoseconds since 1970, as in struct stat. */
struct timespec64 {
	s64 tv_sec;
	s64 tv_nsec;
};
