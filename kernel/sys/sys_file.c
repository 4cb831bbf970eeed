/*
 * System calls on open files.
 * Path: hop 1
 */
#include "fs/file.h"
#include "fs/cache/pagemap.h"
#include "fs/inode.h"
#include "fs/rlimit.h"
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

	if (unlikely(!access_ok(USERPTR(a[1]), a[2])))
		return vfs_rw_allowed(arg_file(a[0]), pos, write) ?: -EFAULT;
	iov_iter_init_user(&it, &iov, 1);
	return do_rw(a[0], &it, pos, write, 0);
}

s64 do_rw_vec(const u64 *a, const u64 *pos, bool write, u32 iocb_flags)
{
	struct iovec fast[UIO_FASTIOV], *iov;
	struct iov_iter it;
	s64 ret = import_iovec(a[1], a[2], fast, &iov);

	if (unlikely(ret))
		return vfs_rw_allowed(arg_file(a[0]), pos, write) ?: ret;
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

SYSCALL(fsync, vfs_fsync(arg_file(a[0]), a[1]))
SYSCALL(syncfs, sync_filesystem(arg_file(a[0])->f_inode->i_sb))
SYSCALL(ftruncate, vfs_ftruncate(arg_file(a[0]), (loff_t)a[1]))

/* Copy from *from on to *to (NULL: the output's own position), through a page of kernel memory;
 * both move by what was written. Returns: bytes, or -errno if none. */
static s64 copy_between(struct file *out, loff_t *to, struct file *in, loff_t *from, u64 count)
{
	char *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	u64 left = min(count, MAX_RW_COUNT), done = 0;
	struct iov_iter it;
	s64 n = buf ? 0 : -ENOMEM;

	while (!n && done < left) {
		loff_t at = *from;

		iov_iter_init_kernel(&it, buf, min(left - done, PAGE_SIZE));
		n = vfs_readv(in, &it, &at, 0);
		if (n <= 0)
			break;
		iov_iter_init_kernel(&it, buf, (size_t)n);
		n = do_rw((u64)out, &it, (u64 *)to, true, 0);
		if (n <= 0)
			break;
		*from += n;
		if (to)
			*to += n;
		done += (u64)n;
		n = 0;
	}
	kfree(buf);
	return done > 0 ? (s64)done : n;
}

/* The input must be one that can be read again where a short write ended. */
static s64 do_sendfile(struct file *out, struct file *in, loff_t *pos, u64 count)
{
	loff_t own = vfs_llseek(in, 0, SEEK_CUR);
	s64 n;

	if (!in->f_readable)
		return -EBADF;
	if (pos ? own == -ESPIPE : own < 0)
		return pos ? -ESPIPE : -EINVAL;
	if ((pos && *pos < 0) || (s64)count < 0)
		return -EINVAL;
	if (!out->f_writable)
		return -EBADF;
	if (out->f_flags & O_APPEND && !S_ISFIFO(out->f_inode->i_mode))
		return -EINVAL;
	if (!S_ISREG(in->f_inode->i_mode) && !S_ISBLK(in->f_inode->i_mode))
		return -EINVAL;
	n = copy_between(out, NULL, in, pos ? pos : &own, count);
	if (n > 0 && !pos && vfs_llseek(in, own, SEEK_SET) < 0)
		return -EINVAL;
	return n;
}

s64 sys_sendfile(const u64 *a)
{
	loff_t pos;
	s64 n;

	if (a[2] && get_user_obj(&pos, USERPTR(a[2])))
		return -EFAULT;
	n = do_sendfile(arg_file(a[0]), arg_file(a[1]), a[2] ? &pos : NULL, a[3]);
	return a[2] && put_user_obj(USERPTR(a[2]), &pos) ? -EFAULT : n;
}

/* Which files copy_file_range takes, and how much of them. Returns: bytes, or -errno. */
static s64 copy_range_checks(struct file *in, loff_t from, struct file *out, loff_t to, u64 count)
{
	mode_t in_mode = in->f_inode->i_mode, out_mode = out->f_inode->i_mode;

	if (S_ISDIR(in_mode) || S_ISDIR(out_mode))
		return -EISDIR;
	if (!S_ISREG(in_mode) || !S_ISREG(out_mode))
		return -EINVAL;
	if (!in->f_readable || !out->f_writable || out->f_flags & O_APPEND)
		return -EBADF;
	if (in->f_inode->i_sb != out->f_inode->i_sb)
		return -EXDEV;
	if ((u64)from + count < (u64)from || (u64)to + count < (u64)to)
		return -EOVERFLOW;
	if (from < 0 || to < 0)
		return -EINVAL;
	count = from < in->f_inode->i_size ? min(count, (u64)(in->f_inode->i_size - from)) : 0;
	if (file_size_allowed(to + 1)) /* even if there is nothing to copy */
		return -EFBIG;
	count = min(count, rlimit(RLIMIT_FSIZE) - (u64)to);
	if (in->f_inode == out->f_inode && (u64)to + count > (u64)from &&
	    (u64)to < (u64)from + count)
		return -EINVAL;
	return (s64)count;
}

s64 sys_copy_file_range(const u64 *a)
{
	struct file *in = arg_file(a[0]), *out = arg_file(a[2]);
	loff_t from = READ_ONCE(in->f_pos), to = READ_ONCE(out->f_pos);
	s64 n;

	if ((a[1] && get_user_obj(&from, USERPTR(a[1]))) ||
	    (a[3] && get_user_obj(&to, USERPTR(a[3]))))
		return -EFAULT;
	n = a[5] ? -EINVAL : copy_range_checks(in, from, out, to, a[4]);
	if (n > 0)
		n = copy_between(out, &to, in, &from, (u64)n);
	if (n <= 0)
		return n;
	if (a[1] ? put_user_obj(USERPTR(a[1]), &from) : vfs_llseek(in, from, SEEK_SET) < 0)
		return -EFAULT;
	if (a[3] ? put_user_obj(USERPTR(a[3]), &to) : vfs_llseek(out, to, SEEK_SET) < 0)
		return -EFAULT;
	return n;
}

enum { FADV_NORMAL, FADV_RANDOM, FADV_SEQUENTIAL, FADV_WILLNEED, FADV_DONTNEED, FADV_NOREUSE };
#define WILLNEED_PAGES 32u /* at a time */

/* How a file is read is seen without advice: only what to fetch and what to drop is heard. */
s64 sys_fadvise64(const u64 *a)
{
	struct address_space *m = arg_file(a[0])->f_mapping;
	loff_t start = (loff_t)a[1], len = (loff_t)a[2], size = m->host->i_size;
	pgoff_t first, last;

	if (S_ISFIFO(arg_file(a[0])->f_inode->i_mode))
		return -ESPIPE;
	if (len < 0 || (u32)a[3] > FADV_NOREUSE)
		return -EINVAL;
	if (!m->a_ops || start < 0 || start >= size)
		return 0;
	len = len ? min(len, size - start) : size - start;
	first = (u64)start >> PAGE_SHIFT;
	last = (u64)(start + len - 1) >> PAGE_SHIFT;
	for (; a[3] == FADV_WILLNEED && first <= last && !signal_pending(); first += WILLNEED_PAGES)
		page_cache_sync_readahead(m, NULL, first, WILLNEED_PAGES);
	if (a[3] == FADV_DONTNEED) {
		if (filemap_fdatawrite_range(m, start, start + len - 1, false))
			return 0; /* fsync tells of it; what is dirty stays */
		first = DIV_ROUND_UP((u64)start, PAGE_SIZE); /* whole pages, or up to the end */
		if (start + len < size)
			last = (u64)(start + len) >> PAGE_SHIFT;
		if (start + len >= size || last-- > first)
			invalidate_mapping_pages(m, first, last);
	}
	return 0;
}

enum {
	FALLOC_KEEP_SIZE = 0x01,
	FALLOC_PUNCH_HOLE = 0x02,
	FALLOC_COLLAPSE = 0x08,
	FALLOC_ZERO_RANGE = 0x10,
	FALLOC_INSERT = 0x20,
	FALLOC_UNSHARE = 0x40,
	FALLOC_ALL = 0x7b,
};

/* ext2 cannot do it, but the checks that come before are Linux's. */
s64 sys_fallocate(const u64 *a)
{
	const struct file *file = arg_file(a[0]);
	mode_t mode = file->f_inode->i_mode;
	u32 how = (u32)a[1];
	loff_t off = (loff_t)a[2], len = (loff_t)a[3], end;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (how & ~(u32)FALLOC_ALL || (how & FALLOC_PUNCH_HOLE && how & FALLOC_ZERO_RANGE) ||
	    (how & FALLOC_PUNCH_HOLE && !(how & FALLOC_KEEP_SIZE)))
		return -EOPNOTSUPP;
	if ((how & FALLOC_COLLAPSE && how != FALLOC_COLLAPSE) ||
	    (how & FALLOC_INSERT && how != FALLOC_INSERT) ||
	    (how & FALLOC_UNSHARE && how & ~(u32)(FALLOC_UNSHARE | FALLOC_KEEP_SIZE)))
		return -EINVAL;
	if (!file->f_writable)
		return -EBADF;
	if (S_ISFIFO(mode) || S_ISDIR(mode))
		return S_ISDIR(mode) ? -EISDIR : -ESPIPE;
	if (!S_ISREG(mode) && !S_ISBLK(mode))
		return -ENODEV;
	if (__builtin_add_overflow(off, len, &end) || (u64)end > file->f_inode->i_sb->s_maxbytes)
		return -EFBIG;
	return -EOPNOTSUPP;
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
