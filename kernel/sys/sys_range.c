/*
 * System calls on ranges of open files: copies between two of them, advice, and room ahead.
 * Also there: calls on ranges of files
 */
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/rlimit.h"
#include "fs/super.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "kernel/sys/syscall.h"

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
		n = rw_or_sigpipe((u64)out, &it, (u64 *)to, true, 0);
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
