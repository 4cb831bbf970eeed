/* System calls on names: they fetch the paths and call fs/namei.h. */
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/namei.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sys/syscall.h"

#define CWD ((u64)AT_FDCWD)

s64 sys_mkdirat(const u64 *a)
{
	char *path = user_path(a[1]);
	int err;

	if (IS_ERR(path))
		return PTR_ERR(path);
	err = vfs_mkdirat((int)a[0], path, (mode_t)a[2] & 01777);
	kfree(path);
	return err;
}
s64 sys_mkdir(const u64 *a) { return sys_mkdirat((u64[]){ CWD, a[0], a[1] }); }

s64 sys_mknodat(const u64 *a)
{
	char *path = user_path(a[1]);
	int err;

	if (IS_ERR(path))
		return PTR_ERR(path);
	err = vfs_mknodat((int)a[0], path, (mode_t)a[2], a[3]);
	kfree(path);
	return err;
}
s64 sys_mknod(const u64 *a) { return sys_mknodat((u64[]){ CWD, a[0], a[1], a[2] }); }

s64 sys_unlinkat(const u64 *a)
{
	char *path;
	int err;

	if (a[2] & ~(u64)AT_REMOVEDIR)
		return -EINVAL;
	path = user_path(a[1]);
	if (IS_ERR(path))
		return PTR_ERR(path);
	err = a[2] ? vfs_rmdirat((int)a[0], path) : vfs_unlinkat((int)a[0], path);
	kfree(path);
	return err;
}
s64 sys_unlink(const u64 *a) { return sys_unlinkat((u64[]){ CWD, a[0], 0 }); }
s64 sys_rmdir(const u64 *a) { return sys_unlinkat((u64[]){ CWD, a[0], AT_REMOVEDIR }); }

/* Two paths, for rename, link and symlink. */
static int must_check two_paths(u64 first, u64 second, char *paths[2])
{
	paths[1] = NULL;
	paths[0] = user_path(first);
	if (IS_ERR(paths[0]))
		return (int)PTR_ERR(paths[0]);
	paths[1] = user_path(second);
	if (IS_ERR(paths[1])) {
		kfree(paths[0]);
		return (int)PTR_ERR(paths[1]);
	}
	return 0;
}

static int put_paths(char *paths[2], int err)
{
	kfree(paths[0]);
	kfree(paths[1]);
	return err;
}

s64 sys_renameat2(const u64 *a)
{
	char *paths[2];
	int err = two_paths(a[1], a[3], paths);

	if (err)
		return err;
	return put_paths(paths,
			 vfs_renameat((int)a[0], paths[0], (int)a[2], paths[1], (u32)a[4]));
}
s64 sys_renameat(const u64 *a) { return sys_renameat2((u64[]){ a[0], a[1], a[2], a[3], 0 }); }
s64 sys_rename(const u64 *a) { return sys_renameat2((u64[]){ CWD, a[0], CWD, a[1], 0 }); }

s64 sys_linkat(const u64 *a)
{
	char *paths[2];
	int err;

	if (a[4] & ~(u64)AT_SYMLINK_FOLLOW)
		return -EINVAL;
	err = two_paths(a[1], a[3], paths);
	if (err)
		return err;
	return put_paths(paths, vfs_linkat((int)a[0], paths[0], (int)a[2], paths[1], a[4] != 0));
}
s64 sys_link(const u64 *a) { return sys_linkat((u64[]){ CWD, a[0], CWD, a[1], 0 }); }

s64 sys_symlinkat(const u64 *a)
{
	char *paths[2];
	int err = two_paths(a[0], a[2], paths);

	if (err)
		return err;
	return put_paths(paths, vfs_symlinkat(paths[0], (int)a[1], paths[1]));
}
s64 sys_symlink(const u64 *a) { return sys_symlinkat((u64[]){ a[0], CWD, a[1] }); }

s64 sys_readlinkat(const u64 *a)
{
	char *path, *buf;
	ssize_t n;

	if ((s32)a[3] <= 0)
		return -EINVAL;
	path = user_path(a[1]);
	if (IS_ERR(path))
		return PTR_ERR(path);
	buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	n = buf ? vfs_readlinkat((int)a[0], path, buf, PATH_MAX_LEN) : -ENOMEM;
	if (n > (s32)a[3])
		n = (s32)a[3];
	if (n > 0 && copy_to_user(USERPTR(a[2]), buf, (size_t)n))
		n = -EFAULT;
	kfree(buf);
	kfree(path);
	return n;
}
s64 sys_readlink(const u64 *a) { return sys_readlinkat((u64[]){ CWD, a[0], a[1], a[2] }); }

static s64 do_access(const u64 *a, u64 flags)
{
	char *path;
	int err;

	if ((a[2] & ~7ull) || (flags & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | 0x200)))
		return -EINVAL;
	path = user_path(a[1]);
	if (IS_ERR(path))
		return PTR_ERR(path);
	err = vfs_accessat((int)a[0], path, (int)a[2], (flags & 0x200) != 0); /* AT_EACCESS */
	kfree(path);
	return err;
}
s64 sys_faccessat(const u64 *a) { return do_access(a, 0); }
s64 sys_faccessat2(const u64 *a) { return do_access(a, a[3]); }
s64 sys_access(const u64 *a) { return do_access((u64[]){ CWD, a[0], a[1] }, 0); }

/* Look a name up and apply attributes. */
static s64 setattr_at(int dfd, u64 name, u32 lookup, struct iattr *attr)
{
	char *path = user_path(name);
	struct path at;
	int err;

	if (IS_ERR(path))
		return PTR_ERR(path);
	err = path_lookupat(dfd, path, lookup, &at);
	kfree(path);
	if (err)
		return err;
	err = vfs_setattr(&at, attr);
	path_put(&at);
	return err;
}

static s64 setattr_fd(int fd, struct iattr *attr)
{
	struct file *file = fget(fd);
	int err;

	if (!file)
		return -EBADF;
	err = vfs_setattr(&file->f_path, attr);
	fput(file);
	return err;
}

static struct iattr mode_attr(u64 mode)
{
	return (struct iattr){ .ia_valid = ATTR_MODE | ATTR_CTIME, .ia_mode = (mode_t)mode & 07777 };
}

/* -1 leaves an owner as it is. */
static struct iattr owner_attr(u64 uid, u64 gid)
{
	return (struct iattr){ .ia_valid = ATTR_CTIME | ((u32)uid != ~0u ? ATTR_UID : 0) |
					   ((u32)gid != ~0u ? ATTR_GID : 0),
			       .ia_uid = (uid_t)uid,
			       .ia_gid = (gid_t)gid };
}

s64 sys_fchmodat(const u64 *a)
{
	struct iattr attr = mode_attr(a[2]);

	return setattr_at((int)a[0], a[1], LOOKUP_FOLLOW, &attr);
}
s64 sys_chmod(const u64 *a) { return sys_fchmodat((u64[]){ CWD, a[0], a[1] }); }
s64 sys_fchmod(const u64 *a)
{
	struct iattr attr = mode_attr(a[1]);

	return setattr_fd((int)a[0], &attr);
}

s64 sys_fchownat(const u64 *a)
{
	struct iattr attr = owner_attr(a[2], a[3]);

	if (a[4] & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return setattr_at((int)a[0], a[1],
			  (a[4] & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				  (a[4] & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			  &attr);
}
s64 sys_chown(const u64 *a) { return sys_fchownat((u64[]){ CWD, a[0], a[1], a[2], 0 }); }
s64 sys_lchown(const u64 *a)
{
	return sys_fchownat((u64[]){ CWD, a[0], a[1], a[2], AT_SYMLINK_NOFOLLOW });
}
s64 sys_fchown(const u64 *a)
{
	struct iattr attr = owner_attr(a[1], a[2]);

	return setattr_fd((int)a[0], &attr);
}

s64 sys_truncate(const u64 *a)
{
	char *path = user_path(a[0]);
	struct path at;
	int err;

	if (IS_ERR(path))
		return PTR_ERR(path);
	err = path_lookupat(AT_FDCWD, path, LOOKUP_FOLLOW, &at);
	kfree(path);
	if (err)
		return err;
	err = inode_permission(at.dentry->d_inode, MAY_WRITE);
	if (!err)
		err = (loff_t)a[1] < 0 ? -EINVAL : vfs_truncate(&at, (loff_t)a[1]);
	path_put(&at);
	return err;
}

/* Times of a name, or of dfd itself when the name is NULL. */
static s64 do_utimes(int dfd, u64 name, const struct timespec64 *times, u32 flags)
{
	struct path at;
	char *path;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!name) {
		struct file *file = fget(dfd);

		if (!file)
			return -EBADF;
		err = vfs_utimes(&file->f_path, times);
		fput(file);
		return err;
	}
	path = user_path(name);
	if (IS_ERR(path))
		return PTR_ERR(path);
	err = path_lookupat(dfd, path, flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &at);
	kfree(path);
	if (err)
		return err;
	err = vfs_utimes(&at, times);
	path_put(&at);
	return err;
}

s64 sys_utimensat(const u64 *a)
{
	struct timespec64 times[2];

	if (a[2] && copy_from_user(times, USERPTR(a[2]), sizeof(times)))
		return -EFAULT;
	return do_utimes((int)a[0], a[1], a[2] ? times : NULL, (u32)a[3]);
}

s64 sys_futimesat(const u64 *a)
{
	struct timespec64 times[2];

	if (a[2] && copy_from_user(times, USERPTR(a[2]), sizeof(times)))
		return -EFAULT;
	for (int i = 0; a[2] && i < 2; i++) {
		if (times[i].tv_nsec < 0 || times[i].tv_nsec >= 1000000)
			return -EINVAL;
		times[i].tv_nsec *= (s64)NSEC_PER_USEC;
	}
	return do_utimes((int)a[0], a[1], a[2] ? times : NULL, 0);
}
s64 sys_utimes(const u64 *a) { return sys_futimesat((u64[]){ CWD, a[0], a[1] }); }

s64 sys_utime(const u64 *a)
{
	struct timespec64 times[2] = { { 0, 0 }, { 0, 0 } };
	s64 seconds[2];

	if (a[1] && get_user_obj(&seconds, USERPTR(a[1])))
		return -EFAULT;
	if (a[1]) {
		times[0].tv_sec = seconds[0];
		times[1].tv_sec = seconds[1];
	}
	return do_utimes(AT_FDCWD, a[0], a[1] ? times : NULL, 0);
}

s64 sys_getcwd(const u64 *a)
{
	char *buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL), *name;
	struct path root, pwd;
	s64 ret;

	if (!buf)
		return -ENOMEM;
	get_fs_root(&root);
	get_fs_pwd(&pwd);
	name = d_path(&pwd, &root, buf, PATH_MAX_LEN);
	if (IS_ERR(name)) {
		ret = PTR_ERR(name);
	} else {
		ret = (s64)strlen(name) + 1;
		if ((u64)ret > a[1])
			ret = -ERANGE;
		else if (copy_to_user(USERPTR(a[0]), name, (size_t)ret))
			ret = -EFAULT;
	}
	path_put(&pwd);
	path_put(&root);
	kfree(buf);
	return ret;
}

/* A directory that the caller may enter. */
static int must_check lookup_dir(u64 name, struct path *at)
{
	char *path = user_path(name);
	int err;

	if (IS_ERR(path))
		return (int)PTR_ERR(path);
	err = path_lookupat(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, at);
	kfree(path);
	return err;
}

s64 sys_chdir(const u64 *a)
{
	struct path at;
	int err = lookup_dir(a[0], &at);

	if (err)
		return err;
	err = vfs_chdir(&at);
	path_put(&at);
	return err;
}

s64 sys_fchdir(const u64 *a)
{
	struct file *file = fget((int)a[0]);
	int err;

	if (!file)
		return -EBADF;
	err = S_ISDIR(file->f_inode->i_mode) ? vfs_chdir(&file->f_path) : -ENOTDIR;
	fput(file);
	return err;
}

s64 sys_chroot(const u64 *a)
{
	struct path at;
	int err = lookup_dir(a[0], &at);

	if (err)
		return err;
	err = inode_permission(at.dentry->d_inode, MAY_EXEC);
	if (!err && current_cred()->euid != 0)
		err = -EPERM;
	if (!err)
		set_fs_root(&at);
	path_put(&at);
	return err;
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
