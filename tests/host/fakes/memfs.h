/* A filesystem in the test's memory, for tests of the VFS: its directories are not the dentries, so
 * that everything can be dropped from the caches and is found again. And the layers below the VFS,
 * of which it needs nothing. */
#pragma once

#include "kernel/lib/types.h"

extern bool memfs_fail; /* the next change fails with -EIO */

/* Caches, and a memfs mounted as root. May be called again after memfs_world_end(). */
void memfs_world_start(void);
/* Check that nothing is held any more. */
void memfs_world_end(void);
size_t memfs_inodes(void); /* that exist */
/* Drop everything unused from the dentry and inode caches. */
void memfs_drop_caches(void);
