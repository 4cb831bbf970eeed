/* System calls on open files. */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pipe.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

/* pos: NULL, or where to read or write. */
static s64 do_rw(u64 file, struct iov_iter *it, const u64 *pos, bool write, u32 iocb_flags)
{
	loff_t at = pos ? (loff_t)*pos : 0;
	ssize_t n;

	if (at < 0)
		return -EINVAL;
	n = write ? vfs_writev(arg_file(file), it, pos ? &at : NULL, iocb_flags) :
		    vfs_readv(arg_file(file), it, pos ? &at : NULL, iocb_flags);
	if (n == -EPIPE)
		signal_send(current_process(), SIGPIPE, NULL);
	return n;
}

static s64 do_rw_buf(const u64 *a, const u64 *pos, bool write)
{
	struct iovec iov = {a[1], min(a[2], MAX_RW_COUNT)};
	struct iov_iter it;

	if (!access_ok(USERPTR(a[1]), a[2]))
		return -EFAULT;
	iov_iter_init_user(&it, &iov, 1);
	return do_rw(a[0], &it, pos, write, 0);
}

s64 do_rw_vec(const u64 *a, const u64 *pos, bool write, u32 iocb_flags)
{
	struct iovec fast[UIO_FASTIOV], *iov;
	struct iov_iter it;
	s64 ret = import_iovec(a[1], a[2], fast, &iov);

	if (ret)
		return ret;
	iov_iter_init_user(&it, iov, (unsigned int)a[2]);
	ret = do_rw(a[0], &it, pos, write, iocb_flags);
	free_iovec(iov, fast);
	return ret;
}

SYSCALL(read, do_rw_buf(a, NULL, false))
SYSCALL(write, do_rw_buf(a, NULL, true))
SYSCALL(pread64, do_rw_buf(a, &a[3], false))
SYSCALL(pwrite64, do_rw_buf(a, &a[3], true))
SYSCALL(readv, do_rw_vec(a, NULL, false, 0))
SYSCALL(writev, do_rw_vec(a, NULL, true, 0))
SYSCALL(preadv, do_rw_vec(a, &a[3], false, 0))
SYSCALL(pwritev, do_rw_vec(a, &a[3], true, 0))

/* Give the file a number. Owns: takes over the reference, also on failure. */
static s64 install(struct file *file, int from, bool cloexec)
{
	int fd = IS_ERR(file) ? (int)PTR_ERR(file) : fd_install_new(file, from, cloexec);

	if (fd < 0 && !IS_ERR(file))
		fput(file);
	return fd;
}

s64 sys_openat(const u64 *a)
{
	u32 flags = (u32)a[2];

	return install(filp_openat((int)a[0], arg_path(a[1]), flags & ~O_CLOEXEC, (mode_t)a[3]), 0,
		       flags & O_CLOEXEC);
}

SYSCALL(close, fd_close((int)a[0]))
SYSCALL(lseek, vfs_llseek(arg_file(a[0]), (loff_t)a[1], (int)a[2]))

enum { FIONCLEX = 0x5450, FIOCLEX };

s64 sys_ioctl(const u64 *a)
{
	u32 cmd = (u32)a[1];

	if (cmd == FIOCLEX || cmd == FIONCLEX)
		return fd_set_cloexec((int)a[3], cmd == FIOCLEX);
	return vfs_ioctl(arg_file(a[0]), cmd, a[2]);
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
	fds[0] = (int)install(files[0], 0, flags & O_CLOEXEC);
	fds[1] = (int)install(files[1], 0, flags & O_CLOEXEC);
	err = fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : put_user_obj(USERPTR(a[0]), &fds);
	for (int i = 0; err && i < 2; i++)
		if (fds[i] >= 0 && fd_close(fds[i]))
			return -EBADF; /* closed by another thread meanwhile */
	return err;
}

/* Arguments: the file, its number, the new number, flags. */
s64 sys_dup3(const u64 *a)
{
	struct file *file = arg_file(a[0]);
	int ret;

	if ((int)a[1] == (int)a[2] || a[3] & ~(u64)O_CLOEXEC)
		return -EINVAL;
	ret = fd_install_at(get_file(file), (int)a[2], a[3] & O_CLOEXEC);
	if (ret < 0)
		fput(file);
	return ret;
}

SYSCALL(dup2, (int)a[1] == (int)a[2] ? (int)a[1] : sys_dup3(a))

enum { F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 1030 };
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static s64 set_file_flags(struct file *file, u32 flags)
{
	if (flags & O_DIRECT &&
	    !(file->f_mapping && file->f_mapping->a_ops && file->f_mapping->a_ops->direct_IO))
		return -EINVAL;
	WRITE_ONCE(file->f_flags, (file->f_flags & ~SETFL_MASK) | (flags & SETFL_MASK));
	return 0;
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
		return install(get_file(file), (int)a[2], a[1] == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(fd);
	case F_SETFD:
		return fd_set_cloexec(fd, a[2] & 1);
	case F_GETFL:
		return file->f_flags | (S_ISREG(file->f_inode->i_mode) ? O_LARGEFILE : 0);
	case F_SETFL:
		return set_file_flags(file, (u32)a[2]);
	default:
		return -EINVAL;
	}
}

SYSCALL(fsync, vfs_fsync(arg_file(a[0]), a[1]))
SYSCALL(syncfs, sync_filesystem(arg_file(a[0])->f_inode->i_sb))
SYSCALL(ftruncate, vfs_ftruncate(arg_file(a[0]), (loff_t)a[1]))

/* Copy from *pos on through a page of kernel memory; *pos moves by what was written. */
static s64 copy_between(u64 out, struct file *in, loff_t *pos, u64 count)
{
	char *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct iov_iter it;
	u64 done = 0;
	s64 n = buf ? 1 : -ENOMEM;

	while (n > 0 && done < count) {
		loff_t at = *pos;

		iov_iter_init_kernel(&it, buf, min(count - done, PAGE_SIZE));
		n = vfs_readv(in, &it, &at, 0);
		if (n <= 0)
			break;
		iov_iter_init_kernel(&it, buf, (size_t)n);
		n = do_rw(out, &it, NULL, true, 0);
		if (n > 0) {
			*pos += n;
			done += (u64)n;
		}
	}
	kfree(buf);
	return done > 0 ? (s64)done : n;
}

/* The input must be one that can be read again where a short write ended. */
s64 sys_sendfile(const u64 *a)
{
	struct file *in = arg_file(a[1]);
	loff_t pos;
	s64 n;

	if (!S_ISREG(in->f_inode->i_mode) && !S_ISBLK(in->f_inode->i_mode))
		return -EINVAL;
	if (a[2] && get_user_obj(&pos, USERPTR(a[2])))
		return -EFAULT;
	if (!a[2])
		pos = vfs_llseek(in, 0, SEEK_CUR);
	if (pos < 0)
		return -EINVAL;
	n = copy_between(a[0], in, &pos, min(a[3], MAX_RW_COUNT));
	if (n > 0 && a[2] && put_user_obj(USERPTR(a[2]), &pos))
		return -EFAULT;
	if (n > 0 && !a[2] && vfs_llseek(in, pos, SEEK_SET) < 0)
		return -EINVAL;
	return n;
}

/* struct linux_dirent64 up to its name. */
struct dirent_head {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
} __packed;

struct getdents {
	struct dir_context ctx;
	char *buf; /* kernel copy */
	size_t size, used;
	struct dirent_head *last; /* the newest entry, whose off is still open */
	bool too_small;
};

static bool getdents_actor(struct dir_context *ctx, const char *name, u32 len, loff_t off,
			   ino_t ino, u8 dtype)
{
	struct getdents *g = container_of(ctx, struct getdents, ctx);
	size_t reclen = ALIGN_UP(sizeof(struct dirent_head) + len + 1, 8);
	struct dirent_head *head = (void *)(g->buf + g->used);

	if (g->used + reclen > g->size) {
		g->too_small = true;
		return false;
	}
	if (g->last) /* where the entry before ends is where this one begins */
		g->last->off = off;
	memset(head, 0, reclen);
	*head = (struct dirent_head){ino, 0, (u16)reclen, dtype};
	memcpy(head + 1, name, len);
	g->last = head;
	g->used += reclen;
	return true;
}

s64 sys_getdents64(const u64 *a)
{
	struct getdents g = {.ctx.actor = getdents_actor, .size = min(a[2], PAGE_SIZE)};
	s64 ret;

	g.buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	ret = g.buf ? vfs_iterate(arg_file(a[0]), &g.ctx) : -ENOMEM;
	if (g.last) {
		g.last->off = g.ctx.pos;
		ret = copy_to_user(USERPTR(a[1]), g.buf, g.used) ? -EFAULT : (s64)g.used;
	} else if (!ret && g.too_small) {
		ret = -EINVAL;
	}
	kfree(g.buf);
	return ret;
}
