/* System calls on open files. */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/pipe.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

/* A write to a pipe that nobody reads also raises SIGPIPE. */
static s64 finish_write(ssize_t n)
{
	if (n == -EPIPE)
		signal_send(current_process(), SIGPIPE, NULL);
	return n;
}

static s64 do_rw(int fd, const struct iovec *iov, unsigned int nr, loff_t *pos, bool write)
{
	struct file *file = fget(fd);
	struct iov_iter it;
	ssize_t n;

	if (!file)
		return -EBADF;
	iov_iter_init_user(&it, iov, nr);
	n = write ? finish_write(vfs_writev(file, &it, pos, 0)) : vfs_readv(file, &it, pos, 0);
	fput(file);
	return n;
}

#define RW_MAX 0x7ffff000ull /* Linux's MAX_RW_COUNT */

static s64 do_rw_one(const u64 *a, loff_t *pos, bool write)
{
	struct iovec iov = { a[1], min(a[2], RW_MAX) };

	if (!access_ok(USERPTR(a[1]), iov.iov_len))
		return -EFAULT;
	return do_rw((int)a[0], &iov, 1, pos, write);
}

/* Copy and check the vector of readv and its kin. */
static s64 do_rw_vec(const u64 *a, loff_t *pos, bool write)
{
	size_t nr = a[2];
	u64 total = 0;
	struct iovec *iov;
	s64 ret = -EFAULT;

	if (nr > UIO_MAXIOV)
		return -EINVAL;
	iov = kcalloc(nr + 1, sizeof(*iov), GFP_KERNEL);
	if (!iov)
		return -ENOMEM;
	if (copy_from_user(iov, USERPTR(a[1]), nr * sizeof(*iov)))
		goto out;
	for (size_t i = 0; i < nr; i++) {
		if ((s64)iov[i].iov_len < 0) {
			ret = -EINVAL;
			goto out;
		}
		if (!access_ok(USERPTR(iov[i].iov_base), iov[i].iov_len))
			goto out;
		iov[i].iov_len = min(iov[i].iov_len, RW_MAX - total);
		total += iov[i].iov_len;
	}
	ret = do_rw((int)a[0], iov, (unsigned int)nr, pos, write);
out:
	kfree(iov);
	return ret;
}

s64 sys_read(const u64 *a) { return do_rw_one(a, NULL, false); }
s64 sys_write(const u64 *a) { return do_rw_one(a, NULL, true); }
s64 sys_readv(const u64 *a) { return do_rw_vec(a, NULL, false); }
s64 sys_writev(const u64 *a) { return do_rw_vec(a, NULL, true); }

s64 sys_pread64(const u64 *a)
{
	loff_t pos = (loff_t)a[3];

	return pos < 0 ? -EINVAL : do_rw_one(a, &pos, false);
}

s64 sys_pwrite64(const u64 *a)
{
	loff_t pos = (loff_t)a[3];

	return pos < 0 ? -EINVAL : do_rw_one(a, &pos, true);
}

s64 sys_preadv(const u64 *a)
{
	loff_t pos = (loff_t)a[3];

	return pos < 0 ? -EINVAL : do_rw_vec(a, &pos, false);
}

s64 sys_pwritev(const u64 *a)
{
	loff_t pos = (loff_t)a[3];

	return pos < 0 ? -EINVAL : do_rw_vec(a, &pos, true);
}

static s64 do_open(int dfd, u64 name, u32 flags, mode_t mode)
{
	char *path = user_path(name);
	struct file *file;
	int fd;

	if (IS_ERR(path))
		return PTR_ERR(path);
	file = filp_openat(dfd, path, flags & ~O_CLOEXEC, mode & 07777);
	kfree(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = fd_install_new(file, 0, (flags & O_CLOEXEC) != 0);
	if (fd < 0)
		fput(file);
	return fd;
}

s64 sys_open(const u64 *a) { return do_open(AT_FDCWD, a[0], (u32)a[1], (mode_t)a[2]); }
s64 sys_openat(const u64 *a) { return do_open((int)a[0], a[1], (u32)a[2], (mode_t)a[3]); }
s64 sys_creat(const u64 *a)
{
	return do_open(AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, (mode_t)a[1]);
}
s64 sys_close(const u64 *a) { return fd_close((int)a[0]); }

s64 sys_lseek(const u64 *a)
{
	struct file *file = fget((int)a[0]);
	loff_t ret;

	if (!file)
		return -EBADF;
	ret = vfs_llseek(file, (loff_t)a[1], (int)a[2]);
	fput(file);
	return ret;
}

s64 sys_ioctl(const u64 *a)
{
	struct file *file = fget((int)a[0]);
	s64 ret;

	if (!file)
		return -EBADF;
	switch ((u32)a[1]) {
	case 0x5451: /* FIOCLEX */
	case 0x5450: /* FIONCLEX */
		ret = fd_set_cloexec((int)a[0], a[1] == 0x5451);
		break;
	default:
		ret = vfs_ioctl(file, (u32)a[1], a[2]);
	}
	fput(file);
	return ret;
}

static s64 do_pipe(u64 fds_ptr, u32 flags)
{
	struct file *files[2];
	int fds[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = create_pipe_files(files, flags & O_NONBLOCK);
	if (err)
		return err;
	fds[0] = fd_install_new(files[0], 0, (flags & O_CLOEXEC) != 0);
	if (fds[0] < 0) {
		err = fds[0];
		goto err_first;
	}
	fds[1] = fd_install_new(files[1], 0, (flags & O_CLOEXEC) != 0);
	if (fds[1] < 0) {
		err = fds[1];
		goto err_second;
	}
	if (copy_to_user(USERPTR(fds_ptr), fds, sizeof(fds))) {
		if (fd_close(fds[0]) || fd_close(fds[1]))
			return -EBADF;
		return -EFAULT;
	}
	return 0;

err_second:
	if (fd_close(fds[0]))
		err = -EBADF;
	fput(files[1]);
	return err;
err_first:
	fput(files[0]);
	fput(files[1]);
	return err;
}

s64 sys_pipe(const u64 *a) { return do_pipe(a[0], 0); }
s64 sys_pipe2(const u64 *a) { return do_pipe(a[0], (u32)a[1]); }

static s64 dup_from(int fd, int from, bool cloexec)
{
	struct file *file = fget(fd);
	int ret;

	if (!file)
		return -EBADF;
	ret = from < 0 || from >= NR_OPEN_DEFAULT ? -EINVAL : fd_install_new(file, from, cloexec);
	if (ret < 0)
		fput(file);
	return ret;
}

static s64 dup_to(int from, int to, bool cloexec)
{
	struct file *file = fget(from);
	int ret;

	if (!file)
		return -EBADF;
	ret = fd_install_at(file, to, cloexec);
	if (ret < 0)
		fput(file);
	return ret;
}

s64 sys_dup(const u64 *a) { return dup_from((int)a[0], 0, false); }

s64 sys_dup2(const u64 *a)
{
	if (a[0] == a[1]) {
		int ret = fd_get_cloexec((int)a[0]);

		return ret < 0 ? ret : (int)a[0];
	}
	return dup_to((int)a[0], (int)a[1], false);
}

s64 sys_dup3(const u64 *a)
{
	if (a[0] == a[1] || (a[2] & ~(u64)O_CLOEXEC))
		return -EINVAL;
	return dup_to((int)a[0], (int)a[1], (a[2] & O_CLOEXEC) != 0);
}

#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_DUPFD_CLOEXEC 1030
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static s64 set_file_flags(struct file *file, u32 flags)
{
	if ((flags & O_DIRECT) && !(file->f_mapping && file->f_mapping->a_ops &&
				    file->f_mapping->a_ops->direct_IO))
		return -EINVAL;
	WRITE_ONCE(file->f_flags, (file->f_flags & ~SETFL_MASK) | (flags & SETFL_MASK));
	return 0;
}

s64 sys_fcntl(const u64 *a)
{
	int fd = (int)a[0];
	struct file *file = fget(fd);
	s64 ret;

	if (!file)
		return -EBADF;
	switch (a[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		ret = dup_from(fd, (int)a[2], a[1] == F_DUPFD_CLOEXEC);
		break;
	case F_GETFD:
		ret = fd_get_cloexec(fd);
		break;
	case F_SETFD:
		ret = fd_set_cloexec(fd, (a[2] & 1) != 0);
		break;
	case F_GETFL:
		ret = file->f_flags | (S_ISREG(file->f_inode->i_mode) ? O_LARGEFILE : 0);
		break;
	case F_SETFL:
		ret = set_file_flags(file, (u32)a[2]);
		break;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		ret = -ENOLCK;
		break;
	default:
		ret = -EINVAL;
	}
	fput(file);
	return ret;
}

s64 sys_flock(const u64 *a)
{
	struct file *file = fget((int)a[0]);

	if (!file)
		return -EBADF;
	fput(file);
	return -ENOLCK;
}

static s64 do_fsync(int fd, bool datasync)
{
	struct file *file = fget(fd);
	int err;

	if (!file)
		return -EBADF;
	err = vfs_fsync(file, datasync);
	fput(file);
	return err;
}

s64 sys_fsync(const u64 *a) { return do_fsync((int)a[0], false); }
s64 sys_fdatasync(const u64 *a) { return do_fsync((int)a[0], true); }

s64 sys_syncfs(const u64 *a)
{
	struct file *file = fget((int)a[0]);
	int err;

	if (!file)
		return -EBADF;
	err = sync_filesystem(file->f_inode->i_sb);
	fput(file);
	return err;
}

s64 sys_ftruncate(const u64 *a)
{
	struct file *file = fget((int)a[0]);
	int err;

	if (!file)
		return -EBADF;
	err = file->f_writable && (loff_t)a[1] >= 0 ? vfs_truncate(&file->f_path, (loff_t)a[1]) :
						      -EINVAL;
	fput(file);
	return err;
}

/* sendfile(2) through a page of kernel memory. */
static s64 copy_between(struct file *out, struct file *in, loff_t *pos, size_t count)
{
	char *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	s64 done = 0;

	if (!buf)
		return -ENOMEM;
	while (count > 0) {
		struct iov_iter it;
		ssize_t n;

		iov_iter_init_kernel(&it, buf, min(count, PAGE_SIZE));
		n = vfs_readv(in, &it, pos, 0);
		if (n > 0) {
			iov_iter_init_kernel(&it, buf, (size_t)n);
			n = finish_write(vfs_writev(out, &it, NULL, 0));
		}
		if (n <= 0) {
			done = done ? done : n;
			break;
		}
		done += n;
		count -= (size_t)n;
	}
	kfree(buf);
	return done;
}

s64 sys_sendfile(const u64 *a)
{
	struct file *out = fget((int)a[0]), *in = fget((int)a[1]);
	loff_t pos = 0;
	s64 ret = -EBADF;

	if (!out || !in)
		goto out;
	ret = -EFAULT;
	if (a[2] && (get_user_obj(&pos, USERPTR(a[2])) || pos < 0))
		goto out;
	ret = copy_between(out, in, a[2] ? &pos : NULL, min(a[3], RW_MAX));
	if (ret >= 0 && a[2] && put_user_obj(USERPTR(a[2]), &pos))
		ret = -EFAULT;
out:
	if (out)
		fput(out);
	if (in)
		fput(in);
	return ret;
}

/* struct linux_dirent64 up to its name. */
struct dirent_head {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
} __packed;
#define DIRENT_HEAD 19u

struct getdents {
	struct dir_context ctx;
	char *buf; /* kernel copy */
	size_t size, used, last; /* last: offset of the newest entry, whose d_off is still open */
	bool too_small;
};

static bool getdents_actor(struct dir_context *ctx, const char *name, u32 len, loff_t off, ino_t ino,
			   u8 dtype)
{
	struct getdents *g = container_of(ctx, struct getdents, ctx);
	size_t reclen = ALIGN_UP((size_t)DIRENT_HEAD + len + 1, 8);
	struct dirent_head head = { ino, off, (u16)reclen, dtype };

	if (g->used + reclen > g->size) {
		g->too_small = true;
		return false;
	}
	if (g->used > 0) /* where the entry before ends is where this one begins */
		memcpy(g->buf + g->last + 8, &off, sizeof(off));
	memset(g->buf + g->used, 0, reclen);
	memcpy(g->buf + g->used, &head, DIRENT_HEAD);
	memcpy(g->buf + g->used + DIRENT_HEAD, name, len);
	g->last = g->used;
	g->used += reclen;
	return true;
}

s64 sys_getdents64(const u64 *a)
{
	struct getdents g = { .ctx.actor = getdents_actor, .size = min(a[2], PAGE_SIZE) };
	struct file *file = fget((int)a[0]);
	s64 ret;

	if (!file)
		return -EBADF;
	g.buf = kmalloc(g.size + 1, GFP_KERNEL);
	ret = g.buf ? vfs_iterate(file, &g.ctx) : -ENOMEM;
	if (g.buf && g.used > 0) {
		memcpy(g.buf + g.last + 8, &g.ctx.pos, sizeof(g.ctx.pos));
		ret = copy_to_user(USERPTR(a[1]), g.buf, g.used) ? -EFAULT : (s64)g.used;
	} else if (ret == 0 && g.too_small) {
		ret = -EINVAL;
	}
	kfree(g.buf);
	fput(file);
	return ret;
}
