/* Reading and checking what a mount finds: superblock, features, geometry, group descriptors. */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct super_block;

/* Print "ext2: vda: message". */
void ext2_message(struct super_block *sb, const char *fmt, ...) printf_like(2, 3);
/* Are the mount options known? Prints the one that is not. */
bool must_check ext2_options_ok(struct super_block *sb, const char *data);
/* Set up sb->s_fs_info from the device, all checked. silent: no line when it is no ext2 at all.
 * Returns: 0, -EINVAL (no ext2, or features that we lack), -EUCLEAN, -EIO, -ENOMEM.
 * Context: sleeps. */
int must_check ext2_load(struct super_block *sb, bool silent);
void ext2_unload(struct super_block *sb);
/* Does the filesystem have only features that we may write with? Names the others. */
bool must_check ext2_may_write(struct super_block *sb);
/* Sum up the descriptors' free counts. */
void ext2_count_free(struct super_block *sb);
