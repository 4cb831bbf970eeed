/* System calls on descriptors. */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pipe.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sys/syscall.h"

s64 install_file(struct file *file, int from, bool cloexec)
{
	int fd = IS_ERR(file) ? (int)PTR_ERR(file) : fd_install_new(file, from, cloexec);

	if (fd < 0 && !IS_ERR(file))
		fput(file);
	return fd;
}

s64 sys_pipe2(const u64 *a)
{
	u32 flags = (u32)a[1];
	struct file *files[2];
	int fds[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = create_pipe_files(files, flags & O_NONBLOCK);
	if (err)
		return err;
	fds[0] = (int)install_file(files[0], 0, flags & O_CLOEXEC);
	fds[1] = (int)install_file(files[1], 0, flags & O_CLOEXEC);
	err = fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : put_user_obj(USERPTR(a[0]), &fds);
	for (int i = 0; err && i < 2; i++)
		if (fds[i] >= 0 && fd_close(fds[i]))
			return -EBADF; /* closed by another thread meanwhile */
	return err;
}

static s64 dup_to(int from, int to, bool cloexec)
{
	struct file *file = fget_raw(from);
	int ret = from == to ? to : -EBADF;

	if (!file)
		return -EBADF;
	if (from != to)
		ret = fd_install_at(get_file(file), to, cloexec);
	if (ret < 0)
		fput(file);
	fput(file);
	return ret;
}

s64 sys_dup3(const u64 *a)
{
	if ((int)a[0] == (int)a[1] || a[2] & ~(u64)O_CLOEXEC)
		return -EINVAL;
	return dup_to((int)a[0], (int)a[1], a[2] & O_CLOEXEC);
}

SYSCALL(dup2, dup_to((int)a[0], (int)a[1], false))

enum { F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 1030 };
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static s64 set_file_flags(struct file *file, u32 flags)
{
	if (flags & O_NOATIME && !(file->f_flags & O_NOATIME) &&
	    !inode_owner_or_root(file->f_inode))
		return -EPERM;
	if (flags & O_DIRECT &&
	    !(file->f_mapping && file->f_mapping->a_ops && file->f_mapping->a_ops->direct_IO))
		return -EINVAL;
	WRITE_ONCE(file->f_flags, (file->f_flags & ~SETFL_MASK) | (flags & SETFL_MASK));
	return 0;
}

/* The commands that a file of O_PATH takes no part in. */
static s64 fcntl_open(const u64 *a)
{
	struct file *file = arg_file(a[0]);

	if (file->f_flags & O_PATH)
		return -EBADF;
	switch (a[1]) {
	case F_SETFL:
		return set_file_flags(file, (u32)a[2]);
	default:
		return -EINVAL;
	}
}

/* Arguments: the file, the command, its argument, the file's number. */
s64 sys_fcntl(const u64 *a)
{
	struct file *file = arg_file(a[0]);
	int fd = (int)a[3];

	switch (a[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (a[2] >= NR_OPEN_DEFAULT)
			return -EINVAL;
		return install_file(get_file(file), (int)a[2], a[1] == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(fd);
	case F_SETFD:
		return fd_set_cloexec(fd, a[2] & 1);
	case F_GETFL:
		return file->f_flags;
	default:
		return fcntl_open(a);
	}
}
