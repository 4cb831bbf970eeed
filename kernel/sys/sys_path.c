/*
 * System calls on names; stat and statfs in Linux's layouts.
 * Also there: calls on names
 */
#include "block/genhd.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sys/syscall.h"

#define AT_EACCESS	0x200u
#define AT_NO_AUTOMOUNT 0x800u /* there are none */

static u32 lookup_flags(u64 flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

/* Look (a[0] directory, a[1] name) up and do something with it. No name: with a[0] itself. */
static s64 at_path(const u64 *a, u64 flags, s64 (*op)(const struct path *path, const u64 *a))
{
	struct path path;
	s64 ret;

	if (!a[1] && flags == AT_OPEN_FILE) {
		struct file *file = fget((int)a[0]);

		if (!file)
			return -EBADF;
		ret = op(&file->f_path, a);
		fput(file);
		return ret;
	}
	if (flags & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	ret = path_lookupat((int)a[0], a[1] ? arg_path(a[1]) : "", lookup_flags(flags), &path);
	if (ret)
		return ret;
	ret = op(&path, a);
	path_put(&path);
	return ret;
}

SYSCALL(mkdirat, vfs_mkdirat((int)a[0], arg_path(a[1]), (mode_t)a[2]))
SYSCALL(mknodat, vfs_mknodat((int)a[0], arg_path(a[1]), (mode_t)a[2], a[3]))

s64 sys_unlinkat(const u64 *a)
{
	if (a[2] & ~(u64)AT_REMOVEDIR)
		return -EINVAL;
	return a[2] ? vfs_rmdirat((int)a[0], arg_path(a[1])) :
		      vfs_unlinkat((int)a[0], arg_path(a[1]));
}

SYSCALL(renameat2, vfs_renameat((int)a[0], arg_path(a[1]), (int)a[2], arg_path(a[3]), (u32)a[4]))

s64 sys_linkat(const u64 *a)
{
	if (a[4] & ~(u64)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (a[4] & AT_EMPTY_PATH && !cred_is_root(current_cred()))
		return -ENOENT; /* who has a descriptor may not be who may give it a name */
	return vfs_linkat((int)a[0], arg_path(a[1]), (int)a[2], arg_path(a[3]),
			  (a[4] & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
				  (a[4] & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0));
}

SYSCALL(symlinkat, vfs_symlinkat(arg_path(a[0]), (int)a[1], arg_path(a[2])))

s64 sys_readlinkat(const u64 *a)
{
	char *buf;
	s64 n;

	if ((s32)a[3] <= 0)
		return -EINVAL;
	buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	n = buf ? vfs_readlinkat((int)a[0], arg_path(a[1]), buf, PATH_MAX_LEN) : -ENOMEM;
	n = min(n, (s64)(s32)a[3]);
	if (n > 0 && copy_to_user(USERPTR(a[2]), buf, (size_t)n))
		n = -EFAULT;
	kfree(buf);
	return n;
}

s64 sys_faccessat2(const u64 *a)
{
	if (a[2] & ~7ull || a[3] & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EACCESS))
		return -EINVAL;
	return vfs_accessat((int)a[0], arg_path(a[1]), (int)a[2], a[3] & AT_EACCESS,
			    lookup_flags(a[3]));
}

static s64 chmod_path(const struct path *path, const u64 *a)
{
	struct iattr attr = {.ia_valid = ATTR_MODE, .ia_mode = (mode_t)a[2] & 07777};

	if (S_ISLNK(path->dentry->d_inode->i_mode)) /* through /proc/self/fd, of O_PATH */
		return -EOPNOTSUPP;
	return vfs_setattr(path, &attr);
}

SYSCALL(fchmodat, at_path(a, a[3], chmod_path))

static s64 chown_path(const struct path *path, const u64 *a)
{
	/* -1 leaves an owner as it is. */
	struct iattr attr = {.ia_valid = ATTR_CHOWN | ((u32)a[2] != ~0u ? ATTR_UID : 0) |
					 ((u32)a[3] != ~0u ? ATTR_GID : 0),
			     .ia_uid = (uid_t)a[2],
			     .ia_gid = (gid_t)a[3]};

	return vfs_setattr(path, &attr);
}

SYSCALL(fchownat, at_path(a, a[4], chown_path))

static s64 truncate_path(const struct path *path, const u64 *a)
{
	return vfs_truncate(path, (loff_t)a[2]);
}

SYSCALL(truncate, (s64)a[2] < 0 ? -EINVAL : at_path(a, 0, truncate_path))

static s64 utimes_path(const struct path *path, const u64 *a)
{
	struct timespec64 times[2];

	if (!a[2])
		return vfs_utimes(path, NULL);
	if (get_user_obj(&times, USERPTR(a[2])))
		return -EFAULT;
	for (int i = 0; i < 2; i++)
		if ((u64)times[i].tv_nsec >= 1000000000 && times[i].tv_nsec != UTIME_NOW_ &&
		    times[i].tv_nsec != UTIME_OMIT_)
			return -EINVAL;
	return vfs_utimes(path, times);
}

s64 sys_utimensat(const u64 *a)
{
	struct timespec64 times[2];

	if (a[2] && get_user_obj(&times, USERPTR(a[2])))
		return -EFAULT;
	if (a[2] && times[0].tv_nsec == UTIME_OMIT_ && times[1].tv_nsec == UTIME_OMIT_)
		return 0; /* whatever the file is */
	if (a[1])
		return at_path(a, a[3], utimes_path);
	return (int)a[0] == AT_FDCWD ? -EFAULT :
				       at_path(a, a[3] ? ~0ull : AT_OPEN_FILE, utimes_path);
}

/* The older forms: two pairs, whose second is parts of a[3] ns; or, 0, two plain seconds. */
static s64 old_times_path(const struct path *path, const u64 *a)
{
	struct timespec64 times[2] = {{0, 0}, {0, 0}};
	s64 t[4];

	if (!a[2])
		return vfs_utimes(path, NULL);
	if (copy_from_user(t, USERPTR(a[2]), a[3] ? sizeof(t) : sizeof(t) / 2))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		times[i].tv_sec = a[3] ? t[2 * i] : t[i];
		if (a[3] && (u64)t[2 * i + 1] >= NSEC_PER_SEC / a[3])
			return -EINVAL;
		if (a[3])
			times[i].tv_nsec = t[2 * i + 1] * (s64)a[3];
	}
	return vfs_utimes(path, times);
}

SYSCALL(futimesat, at_path(a, a[1] ? 0 : AT_OPEN_FILE, old_times_path))

static s64 chdir_path(const struct path *path, const u64 *a)
{
	(void)a;
	return vfs_chdir(path);
}

SYSCALL(chdir, at_path(a, a[2], chdir_path))

static s64 chroot_path(const struct path *path, const u64 *a)
{
	(void)a;
	return vfs_chroot(path);
}

SYSCALL(chroot, at_path(a, 0, chroot_path))

s64 sys_getcwd(const u64 *a)
{
	char *buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	char *name = buf ? vfs_getcwd(buf, PATH_MAX_LEN) : ERR_PTR(-ENOMEM);
	s64 ret = IS_ERR(name) ? PTR_ERR(name) : (s64)strlen(name) + 1;

	if (ret > 0 && (u64)ret > a[1])
		ret = -ERANGE;
	if (ret > 0 && copy_to_user(USERPTR(a[0]), name, (size_t)ret))
		ret = -EFAULT;
	kfree(buf);
	return ret;
}

s64 sys_umask(const u64 *a)
{
	struct fs_struct *fs = current_fs();
	mode_t old;

	mutex_lock(&fs->lock);
	old = fs->umask;
	fs->umask = (mode_t)a[0] & 0777;
	mutex_unlock(&fs->lock);
	return old;
}

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

static s64 stat_path(const struct path *path, const u64 *a)
{
	struct kstat k;
	int err = vfs_getattr(path, &k);
	struct stat_k st;

	if (err)
		return err;
	st = (struct stat_k){k.dev,	    k.ino,   k.nlink, k.mode,  k.uid,
			     k.gid,	    0,	     k.rdev,  k.size,  k.blksize,
			     (s64)k.blocks, k.atime, k.mtime, k.ctime, {0}};
	return put_user_obj(USERPTR(a[2]), &st);
}

SYSCALL(newfstatat, at_path(a, a[3] & ~(u64)AT_NO_AUTOMOUNT, stat_path))

/* Linux include/uapi/linux/stat.h */
struct statx_time_k {
	s64 sec;
	u32 nsec, pad;
};
struct statx_k {
	u32 mask, blksize;
	u64 attributes;
	u32 nlink, uid, gid;
	u16 mode, pad;
	u64 ino, size, blocks, attributes_mask;
	struct statx_time_k atime, btime, ctime, mtime;
	u32 rdev_major, rdev_minor, dev_major, dev_minor;
	u64 spare[14];
};
static_assert(sizeof(struct statx_k) == 256, "struct statx");
#define STATX_BASIC_STATS     0x7ffu
#define STATX__RESERVED	      0x80000000u
#define STATX_ATTR_MOUNT_ROOT 0x2000u
#define AT_STATX_SYNC_TYPE    0x6000u

static struct statx_time_k statx_time(const struct timespec64 *t)
{
	return (struct statx_time_k){t->tv_sec, (u32)t->tv_nsec, 0};
}

static s64 statx_path(const struct path *path, const u64 *a)
{
	struct kstat k;
	int err = vfs_getattr(path, &k);
	struct statx_k st;

	if (err)
		return err;
	st = (struct statx_k){
		.mask = STATX_BASIC_STATS,
		.blksize = k.blksize,
		.attributes = path->dentry == path->mnt->mnt_root ? STATX_ATTR_MOUNT_ROOT : 0,
		.attributes_mask = STATX_ATTR_MOUNT_ROOT,
		.nlink = k.nlink,
		.uid = k.uid,
		.gid = k.gid,
		.mode = (u16)k.mode,
		.ino = k.ino,
		.size = (u64)k.size,
		.blocks = k.blocks,
		.atime = statx_time(&k.atime),
		.ctime = statx_time(&k.ctime),
		.mtime = statx_time(&k.mtime),
		.rdev_major = MAJOR(k.rdev),
		.rdev_minor = MINOR(k.rdev),
		.dev_major = MAJOR(k.dev),
		.dev_minor = MINOR(k.dev),
	};
	return put_user_obj(USERPTR(a[4]), &st);
}

/* The mask is a wish: what costs nothing is told anyway. */
s64 sys_statx(const u64 *a)
{
	if (a[3] & STATX__RESERVED || (a[2] & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	return at_path(a, (u32)a[2] & ~(AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE), statx_path);
}

/* Linux include/uapi/asm-generic/statfs.h */
struct statfs_k {
	struct kstatfs fields; /* in the same order */
	u64 f_frsize, f_flags, spare[4];
};
static_assert(sizeof(struct statfs_k) == 120, "struct statfs");

static s64 statfs_path(const struct path *path, const u64 *a)
{
	struct statfs_k st = {.f_flags = path->mnt->mnt_flags & (MS_RDONLY | MS_NOSUID | MS_NODEV)};
	int err = vfs_statfs(path, &st.fields);

	st.f_frsize = st.fields.f_bsize;
	return err ? err : put_user_obj(USERPTR(a[2]), &st);
}

SYSCALL(statfs, at_path(a, a[3], statfs_path))
