/*
 * Path walk and the operations on names: the VFS half of open, mkdir, unlink, rename, ... Those
 * with a dfd take a kernel string and start there (AT_FDCWD: the working directory); those with a
 * struct path take what a walk has found. They check permissions and may sleep. They return 0 or
 * -errno where nothing else is said, as Linux's system call of that name does.
 * Path: hop 2
 */
#pragma once

#include "fs/dcache.h"
#include "fs/inode.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define LOOKUP_FOLLOW	 0x1u /* follow a symlink in the last component */
#define LOOKUP_DIRECTORY 0x2u /* -ENOTDIR unless it is one */
#define LOOKUP_EMPTY	 0x4u /* "" means dfd itself (AT_EMPTY_PATH) */

#define MAX_SYMLINKS 40

/* Returns: 0 with references in *path. */
int must_check path_lookupat(int dfd, const char *name, u32 flags, struct path *path);
/* open's walk with O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY, O_PATH. It does not truncate. */
int must_check path_openat(int dfd, const char *name, u32 flags, mode_t mode, struct path *path,
			   bool *created);
int must_check vfs_mkdirat(int dfd, const char *name, mode_t mode);
int must_check vfs_mknodat(int dfd, const char *name, mode_t mode, dev_t dev);
int must_check vfs_unlinkat(int dfd, const char *name);
int must_check vfs_rmdirat(int dfd, const char *name);
int must_check vfs_symlinkat(const char *target, int dfd, const char *name);
int must_check vfs_linkat(int odfd, const char *oldname, int ndfd, const char *newname, u32 lookup);
#define RENAME_NOREPLACE 1u
int must_check vfs_renameat(int odfd, const char *oldname, int ndfd, const char *newname,
			    u32 flags);
ssize_t must_check vfs_readlinkat(int dfd, const char *name, char *buf, size_t size);
int must_check vfs_getattr(const struct path *path, struct kstat *stat);
int must_check vfs_accessat(int dfd, const char *name, int mask, bool effective, u32 lookup);
int must_check vfs_setattr(const struct path *path, struct iattr *attr);
int must_check vfs_truncate(const struct path *path, loff_t size);
/* Times NULL: now. A tv_nsec of UTIME_NOW or UTIME_OMIT as utimensat(2). */
#define UTIME_NOW_  0x3fffffff
#define UTIME_OMIT_ 0x3ffffffe
int must_check vfs_utimes(const struct path *path, const struct timespec64 times[2]);
int must_check vfs_chdir(const struct path *path);
int must_check vfs_chroot(const struct path *path);
/* Returns: pointer into buf, ERR_PTR(-ENOENT) when the directory is gone, -ENAMETOOLONG. */
char *must_check vfs_getcwd(char *buf, size_t size);
