/* A small system for ext2 tests: the real VFS and page cache, an ext2 root on "vda", and a test
 * disk on "vdb" that mke2fs makes and e2fsck judges; it is mounted at /mnt. */
#pragma once

#include "fs/inode.h"
#include "kernel/lib/types.h"

void world_init(void); /* may be called again */
/* A fresh filesystem. args: mke2fs's. */
void world_mkfs(const char *args, u32 kib);
int world_mount(u32 flags);
void world_umount(void);
/* Write the disk to a file and run the command on it ($IMG is its name). Returns: its exit status.
 * keep: load the file again afterwards. */
int world_run(const char *command, bool keep);
void world_fsck(void);	  /* fails the test unless e2fsck -fn finds nothing */
void world_as(uid_t uid); /* the caller's user from now on */

/* Whole operations on files by name. Return: bytes, 0, or -errno. */
ssize_t world_write(const char *name, const void *buf, size_t len, loff_t pos);
ssize_t world_read(const char *name, void *buf, size_t len, loff_t pos);
int world_truncate(const char *name, loff_t size);
int world_stat(const char *name, struct kstat *stat);
int world_mkdir(const char *name);
int world_unlink(const char *name);
int world_rmdir(const char *name);
int world_rename(const char *from, const char *to);
u64 world_free_blocks(bool root);
/* Call fn for each entry but "." and "..". Returns: how many, or -errno. */
int world_list(const char *name, void (*fn)(const char *name, u32 len, u8 dtype, void *arg),
	       void *arg);
