/*
 * System calls on open files.
 * Path: hop 1
 */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

s64 rw_or_sigpipe(u64 file, struct iov_iter *it, const u64 *pos, bool write, u32 iocb_flags)
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

	if (unlikely(!access_ok(USERPTR(a[1]), a[2])))
		return vfs_rw_allowed(arg_file(a[0]), pos, write) ?: -EFAULT;
	iov_iter_init_user(&it, &iov, 1);
	return rw_or_sigpipe(a[0], &it, pos, write, 0);
}

/* The same for iovecs: file, where they are, their number. */
static s64 do_rw_vec(const u64 *a, const u64 *pos, bool write, u32 iocb_flags)
{
	struct iovec fast[UIO_FASTIOV], *iov;
	struct iov_iter it;
	s64 ret = import_iovec(a[1], a[2], fast, &iov);

	if (unlikely(ret))
		return vfs_rw_allowed(arg_file(a[0]), pos, write) ?: ret;
	iov_iter_init_user(&it, iov, (unsigned int)a[2]);
	ret = rw_or_sigpipe(a[0], &it, pos, write, iocb_flags);
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

s64 sys_openat(const u64 *a)
{
	u32 flags = (u32)a[2];
	int fd = fd_reserve(0, flags & O_CLOEXEC);

	if (fd < 0)
		return fd;
	return fd_install(fd, filp_openat((int)a[0], arg_path(a[1]), flags, (mode_t)a[3]));
}

SYSCALL(close, fd_close((int)a[0]))
SYSCALL(lseek, vfs_llseek(arg_file(a[0]), (loff_t)a[1], (int)a[2]))
SYSCALL(fsync, vfs_fsync(arg_file(a[0]), a[1]))

/* --- also: flags of one call, ioctl, sizes, directories -------------------------------- */

/* Position -1 is the file's own. */
static s64 rw_vec2(const u64 *a, bool write)
{
	u64 args[] = {0, a[1], a[2], a[3]};
	struct file *file;
	u32 flags = 0;
	s64 ret;

	if ((s64)a[3] < -1)
		return -EINVAL;
	file = fget((int)a[0]);
	if (!file)
		return -EBADF;
	args[0] = (u64)file;
	ret = rwf_to_iocb_flags((u32)a[5], write, &flags);
	if (!ret)
		ret = do_rw_vec(args, (s64)a[3] == -1 ? NULL : &a[3], write, flags);
	fput(file);
	return ret;
}

SYSCALL(preadv2, rw_vec2(a, false))
SYSCALL(pwritev2, rw_vec2(a, true))

enum { FIGETBSZ = 2, FIONREAD = 0x541b, FIONBIO = 0x5421, FIONCLEX = 0x5450, FIOCLEX };

static s64 set_nonblock(struct file *file, u64 ptr)
{
	s32 on;

	if (get_user_obj(&on, USERPTR(ptr)))
		return -EFAULT;
	WRITE_ONCE(file->f_flags, (file->f_flags & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0));
	return 0;
}

/* What concerns the descriptor, or any file, is not the file's own to answer. */
s64 sys_ioctl(const u64 *a)
{
	struct file *file = arg_file(a[0]);
	const struct inode *inode = file->f_inode;
	u32 cmd = (u32)a[1];
	s32 n = (s32)inode->i_sb->s_blocksize;

	if (cmd == FIOCLEX || cmd == FIONCLEX)
		return fd_set_cloexec((int)a[3], cmd == FIOCLEX);
	if (cmd == FIONBIO)
		return set_nonblock(file, a[2]);
	if (cmd == FIONREAD && S_ISREG(inode->i_mode))
		n = (s32)(inode->i_size - READ_ONCE(file->f_pos));
	else if (cmd != FIGETBSZ || !n)
		return vfs_ioctl(file, cmd, a[2]);
	return put_user_obj(USERPTR(a[2]), &n);
}

SYSCALL(syncfs, sync_filesystem(arg_file(a[0])->f_inode->i_sb))
SYSCALL(ftruncate, vfs_ftruncate(arg_file(a[0]), (loff_t)a[1]))

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
	loff_t before = READ_ONCE(arg_file(a[0])->f_pos);
	s64 ret;

	g.buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	ret = g.buf ? vfs_iterate(arg_file(a[0]), &g.ctx) : -ENOMEM;
	if (g.last) {
		g.last->off = g.ctx.pos;
		ret = copy_to_user(USERPTR(a[1]), g.buf, g.used) ? -EFAULT : (s64)g.used;
		if (ret < 0 && vfs_llseek(arg_file(a[0]), before, SEEK_SET) < 0)
			ret = -EINVAL; /* what nobody got comes again */
	} else if (!ret && g.too_small) {
		ret = -EINVAL;
	}
	kfree(g.buf);
	return ret;
}
