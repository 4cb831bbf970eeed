/* What the tests ask of the VFS by one call, and the kernel by several. */
#pragma once

#include "fs/vfs/namei.h"

static inline int vfs_statat(int dfd, const char *name, u32 lookup_flags, struct kstat *stat)
{
	struct path path;
	int err = path_lookupat(dfd, name, lookup_flags, &path);

	if (err)
		return err;
	err = vfs_getattr(&path, stat);
	path_put(&path);
	return err;
}
