/*
 * System calls on descriptors.
 * Also there: calls on descriptors
 */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/nodes/eventfd.h"
#include "fs/nodes/pipe.h"
#include "fs/vfs/locks.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

/* Give the file a number >= from. Owns: takes over the reference, also on failure. */
static s64 must_check install_file(struct file *file, int from, bool cloexec)
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

/* A table of the caller's own instead of one that it shares. */
static int unshare_files(void)
{
	struct files_struct *old = current->files, *own;

	if (atomic_read(&old->refs) == 1)
		return 0;
	own = files_copy(old);
	if (!own)
		return -ENOMEM;
	{
		PROC_GUARD();
		current->files = own;
	}
	files_put(old);
	return 0;
}

enum { CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4 };

s64 sys_close_range(const u64 *a)
{
	u32 flags = (u32)a[2];
	int err = 0;

	if (flags & ~(u32)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || (u32)a[0] > (u32)a[1])
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE)
		err = unshare_files();
	if (!err)
		files_close_range((u32)a[0], (u32)a[1], flags & CLOSE_RANGE_CLOEXEC);
	return err;
}

s64 sys_eventfd2(const u64 *a)
{
	u32 flags = (u32)a[1];

	if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	return install_file(create_eventfd((u32)a[0], flags), 0, flags & O_CLOEXEC);
}

/* --- locks --- */

/* Linux include/uapi/asm-generic/fcntl.h */
struct flock_k {
	u16 l_type, l_whence;
	u32 pad;
	s64 l_start, l_len;
	s32 l_pid;
	u32 pad2;
};
static_assert(sizeof(struct flock_k) == 32, "struct flock");

static int lock_from_user(const struct file *file, const struct flock_k *fl, struct file_lock *lock)
{
	loff_t start = fl->l_whence == SEEK_CUR ? file->f_pos :
		       fl->l_whence == SEEK_END ? file->f_inode->i_size :
						  0;

	if (fl->l_whence > SEEK_END)
		return -EINVAL;
	if (fl->l_start > INT64_MAX - start)
		return -EOVERFLOW;
	start += fl->l_start;
	if (start < 0 || (fl->l_len < 0 && start + fl->l_len < 0))
		return -EINVAL;
	if (fl->l_len > 0 && fl->l_len - 1 > INT64_MAX - start)
		return -EOVERFLOW;
	if (fl->l_type > LOCK_NONE)
		return -EINVAL;
	lock->type = fl->l_type;
	lock->start = fl->l_len < 0 ? start + fl->l_len : start;
	lock->end = fl->l_len > 0 ? start + fl->l_len - 1 : fl->l_len < 0 ? start - 1 : INT64_MAX;
	return 0;
}

static s64 get_lock(struct file *file, struct flock_k *fl, struct file_lock *lock, u64 ptr)
{
	file_lock_get(file, lock);
	fl->l_type = (u16)lock->type;
	if (lock->type != LOCK_NONE) {
		fl->l_whence = SEEK_SET;
		fl->l_start = lock->start;
		fl->l_len = lock->end == INT64_MAX ? 0 : lock->end - lock->start + 1;
		fl->l_pid = lock->pid;
	}
	return put_user_obj(USERPTR(ptr), fl);
}

static s64 fcntl_lock(const u64 *a, bool get, bool wait, bool ofd)
{
	struct file *file = arg_file(a[0]), *now;
	struct file_lock lock = {.owner = ofd ? (void *)file : (void *)current->files,
				 .pid = ofd ? -1 : current_process()->pid};
	struct flock_k fl;
	int err;

	if (get_user_obj(&fl, USERPTR(a[2])))
		return -EFAULT;
	if (get && fl.l_type >= LOCK_NONE)
		return -EINVAL;
	err = lock_from_user(file, &fl, &lock);
	if (err)
		return err;
	if (!get && ((lock.type == LOCK_READ && !file->f_readable) ||
		     (lock.type == LOCK_WRITE && !file->f_writable)))
		return -EBADF;
	if (ofd && fl.l_pid)
		return -EINVAL;
	if (get)
		return get_lock(file, &fl, &lock, a[2]);
	err = file_lock_set(file, &lock, false, wait);
	now = fget_raw((int)a[3]);
	if (!err && !ofd && now != file) /* closed meanwhile, by whom the table is shared with */
		file_locks_drop(file, current->files);
	if (now)
		fput(now);
	return err;
}

enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };

s64 sys_flock(const u64 *a)
{
	struct file *file = arg_file(a[0]);
	u32 op = (u32)a[1] & ~(u32)LOCK_NB;
	struct file_lock lock = {.owner = file, .pid = -1, .end = INT64_MAX};

	if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN)
		return -EINVAL;
	lock.type = op == LOCK_SH ? LOCK_READ : op == LOCK_EX ? LOCK_WRITE : LOCK_NONE;
	return file_lock_set(file, &lock, true, !(a[1] & LOCK_NB));
}

/* --- fcntl --- */

enum {
	F_DUPFD,
	F_GETFD,
	F_SETFD,
	F_GETFL,
	F_SETFL,
	F_GETLK,
	F_SETLK,
	F_SETLKW,
	F_SETOWN,
	F_GETOWN,
	F_SETSIG,
	F_GETSIG,
	F_OFD_GETLK = 36,
	F_OFD_SETLK,
	F_OFD_SETLKW,
	F_DUPFD_CLOEXEC = 1030,
	F_SETPIPE_SZ,
	F_GETPIPE_SZ,
};
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

/* Is there such a process, or, negative, such a group? */
static bool is_somebody(s32 who)
{
	const struct process *p;

	PROC_GUARD();
	list_for_each_entry(p, &processes, all)
		if (who > 0 ? p->pid == who : p->pgid == -who)
			return true;
	return false;
}

static s64 set_owner(struct file *file, s32 who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	if (who && !is_somebody(who))
		return -ESRCH;
	WRITE_ONCE(file->f_owner, who);
	return 0;
}

static s64 set_signal(struct file *file, u64 sig)
{
	if (sig > NSIG)
		return -EINVAL;
	WRITE_ONCE(file->f_sig, (u32)sig);
	return 0;
}

/* The commands that a file of O_PATH takes no part in. */
static s64 fcntl_open(const u64 *a)
{
	struct file *file = arg_file(a[0]);
	s32 owner = READ_ONCE(file->f_owner);

	if (file->f_flags & O_PATH)
		return -EBADF;
	switch (a[1]) {
	case F_SETFL:
		return set_file_flags(file, (u32)a[2]);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		return fcntl_lock(a, a[1] == F_GETLK, a[1] == F_SETLKW, false);
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return fcntl_lock(a, a[1] == F_OFD_GETLK, a[1] == F_OFD_SETLKW, true);
	case F_SETOWN:
		return set_owner(file, (s32)a[2]);
	case F_GETOWN:
		return is_somebody(owner) ? owner : 0;
	case F_SETSIG:
		return set_signal(file, a[2]);
	case F_GETSIG:
		return READ_ONCE(file->f_sig);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return pipe_size(file, a[1] == F_SETPIPE_SZ, a[2]);
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
		if (a[2] >= files_limit())
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
