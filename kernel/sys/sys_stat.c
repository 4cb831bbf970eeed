/* stat, statx and statfs in Linux's layouts. */
#include "block/genhd.h"
#include "fs/file.h"
#include "fs/namei.h"
#include "fs/super.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sys/syscall.h"

/* Linux arch/x86/include/uapi/asm/stat.h */
struct stat_k {
	u64 st_dev, st_ino, st_nlink;
	u32 st_mode, st_uid, st_gid, pad0;
	u64 st_rdev;
	s64 st_size, st_blksize, st_blocks;
	struct timespec64 st_atim, st_mtim, st_ctim;
	s64 unused[3];
};
static_assert(sizeof(struct stat_k) == 144, "struct stat");

static s64 put_stat(const struct kstat *k, u64 ptr)
{
	struct stat_k st = {
		.st_dev = k->dev, .st_ino = k->ino, .st_nlink = k->nlink, .st_mode = k->mode,
		.st_uid = k->uid, .st_gid = k->gid, .st_rdev = k->rdev, .st_size = k->size,
		.st_blksize = k->blksize, .st_blocks = (s64)k->blocks, .st_atim = k->atime,
		.st_mtim = k->mtime, .st_ctim = k->ctime,
	};

	return put_user_obj(USERPTR(ptr), &st);
}

static int must_check stat_name(int dfd, u64 name, u32 lookup, struct kstat *k)
{
	char *path = user_path(name);
	int err;

	if (IS_ERR(path))
		return (int)PTR_ERR(path);
	err = vfs_statat(dfd, path, lookup, k);
	kfree(path);
	return err;
}

static u32 stat_lookup_flags(u64 at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

s64 sys_newfstatat(const u64 *a)
{
	struct kstat k;
	int err = stat_name((int)a[0], a[1], stat_lookup_flags(a[3]), &k);

	return err ? err : put_stat(&k, a[2]);
}
s64 sys_stat(const u64 *a) { return sys_newfstatat((u64[]){ (u64)AT_FDCWD, a[0], a[1], 0 }); }
s64 sys_lstat(const u64 *a)
{
	return sys_newfstatat((u64[]){ (u64)AT_FDCWD, a[0], a[1], AT_SYMLINK_NOFOLLOW });
}

s64 sys_fstat(const u64 *a)
{
	struct file *file = fget((int)a[0]);
	struct kstat k;
	int err;

	if (!file)
		return -EBADF;
	err = vfs_getattr(&file->f_path, &k);
	fput(file);
	return err ? err : put_stat(&k, a[1]);
}

/* Linux include/uapi/linux/stat.h */
struct statx_time {
	s64 tv_sec;
	u32 tv_nsec, pad;
};
struct statx_k {
	u32 stx_mask, stx_blksize;
	u64 stx_attributes;
	u32 stx_nlink, stx_uid, stx_gid;
	u16 stx_mode, pad0;
	u64 stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct statx_time stx_atime, stx_btime, stx_ctime, stx_mtime;
	u32 stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	u64 spare[14];
};
static_assert(sizeof(struct statx_k) == 256, "struct statx");
#define STATX_BASIC_STATS 0x7ffu

static struct statx_time statx_time(struct timespec64 t)
{
	return (struct statx_time){ t.tv_sec, (u32)t.tv_nsec, 0 };
}

s64 sys_statx(const u64 *a)
{
	struct kstat k;
	int err = stat_name((int)a[0], a[1], stat_lookup_flags(a[2]), &k);
	struct statx_k st;

	if (err)
		return err;
	st = (struct statx_k){
		.stx_mask = STATX_BASIC_STATS, .stx_blksize = k.blksize, .stx_nlink = k.nlink,
		.stx_uid = k.uid, .stx_gid = k.gid, .stx_mode = (u16)k.mode, .stx_ino = k.ino,
		.stx_size = (u64)k.size, .stx_blocks = k.blocks,
		.stx_atime = statx_time(k.atime), .stx_ctime = statx_time(k.ctime),
		.stx_mtime = statx_time(k.mtime), .stx_rdev_major = MAJOR(k.rdev),
		.stx_rdev_minor = MINOR(k.rdev), .stx_dev_major = MAJOR(k.dev),
		.stx_dev_minor = MINOR(k.dev),
	};
	return put_user_obj(USERPTR(a[4]), &st);
}

/* Linux include/uapi/asm-generic/statfs.h */
struct statfs_k {
	u64 f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid, f_namelen,
		f_frsize, f_flags, spare[4];
};
static_assert(sizeof(struct statfs_k) == 120, "struct statfs");

static s64 do_statfs(const struct path *path, u64 ptr)
{
	struct super_block *sb = path->dentry->d_sb;
	struct kstatfs k = { .f_type = sb->s_magic, .f_bsize = PAGE_SIZE, .f_namelen = NAME_MAX_LEN };
	struct statfs_k out;
	int err = sb->s_op->statfs ? sb->s_op->statfs(sb, &k) : 0;

	if (err)
		return err;
	out = (struct statfs_k){
		.f_type = k.f_type, .f_bsize = k.f_bsize, .f_blocks = k.f_blocks,
		.f_bfree = k.f_bfree, .f_bavail = k.f_bavail, .f_files = k.f_files,
		.f_ffree = k.f_ffree, .f_fsid = k.f_fsid, .f_namelen = k.f_namelen,
		.f_frsize = k.f_bsize, .f_flags = sb_rdonly(sb) ? 1 : 0,
	};
	return put_user_obj(USERPTR(ptr), &out);
}

s64 sys_statfs(const u64 *a)
{
	char *name = user_path(a[0]);
	struct path path;
	s64 err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	err = path_lookupat(AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	kfree(name);
	if (err)
		return err;
	err = do_statfs(&path, a[1]);
	path_put(&path);
	return err;
}

s64 sys_fstatfs(const u64 *a)
{
	struct file *file = fget((int)a[0]);
	s64 err;

	if (!file)
		return -EBADF;
	err = do_statfs(&file->f_path, a[1]);
	fput(file);
	return err;
}
