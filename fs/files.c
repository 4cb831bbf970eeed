/*
 * Tables of file descriptors.
 *
 * Invariants:
 * 1. fd[n] holds one reference to its file; a number beyond max_fds is free.
 * 2. A bit in close_on_exec is clear when its number is free.
 */
#include "fs/file.h"

#include "kernel/lib/bitmap.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"

#define FDS_FIRST 64u

struct fd_arrays {
	struct file **fd;
	u64 *cloexec;
};

static bool alloc_arrays(struct fd_arrays *a, u32 n)
{
	a->fd = kcalloc(n, sizeof(struct file *), GFP_KERNEL);
	a->cloexec = kcalloc(BITMAP_WORDS(n), sizeof(u64), GFP_KERNEL);
	if (a->fd && a->cloexec)
		return true;
	kfree(a->fd);
	kfree(a->cloexec);
	return false;
}

static struct files_struct *alloc_table(u32 n)
{
	struct files_struct *files = kzalloc(sizeof(*files), GFP_KERNEL);
	struct fd_arrays a;

	if (!files)
		return NULL;
	if (!alloc_arrays(&a, n)) {
		kfree(files);
		return NULL;
	}
	atomic_set(&files->refs, 1);
	spin_lock_init(&files->lock, "files", LOCK_FS);
	files->max_fds = n;
	files->fd = a.fd;
	files->close_on_exec = a.cloexec;
	return files;
}

struct files_struct *files_alloc(void)
{
	return alloc_table(FDS_FIRST);
}

/* Make room for number n. Returns: 0, -ENOMEM. */
static int expand(struct files_struct *files, u32 n)
{
	u32 size = FDS_FIRST, old_max;
	struct fd_arrays a, old;

	while (size <= n)
		size *= 2;
	if (!alloc_arrays(&a, size))
		return -ENOMEM;
	spin_lock(&files->lock);
	old = (struct fd_arrays){files->fd, files->close_on_exec};
	old_max = files->max_fds;
	if (old_max < size) {
		memcpy(a.fd, old.fd, old_max * sizeof(struct file *));
		memcpy(a.cloexec, old.cloexec, BITMAP_WORDS(old_max) * sizeof(u64));
		files->fd = a.fd;
		files->close_on_exec = a.cloexec;
		files->max_fds = size;
	} else {
		old = a; /* another thread was faster */
	}
	spin_unlock(&files->lock);
	kfree(old.fd);
	kfree(old.cloexec);
	return 0;
}

struct files_struct *files_copy(struct files_struct *old)
{
	struct files_struct *files;
	u32 n = READ_ONCE(old->max_fds);

	for (;;) {
		files = alloc_table(n);
		if (!files)
			return NULL;
		spin_lock(&old->lock);
		if (old->max_fds <= n)
			break;
		n = old->max_fds;
		spin_unlock(&old->lock);
		files_put(files);
	}
	for (u32 i = 0; i < old->max_fds; i++)
		files->fd[i] = old->fd[i] ? get_file(old->fd[i]) : NULL;
	memcpy(files->close_on_exec, old->close_on_exec, BITMAP_WORDS(old->max_fds) * sizeof(u64));
	spin_unlock(&old->lock);
	return files;
}

static int filp_close(struct file *file)
{
	int err = file->f_op->flush ? file->f_op->flush(file) : 0;

	fput(file);
	return err;
}

/* Take the file out of its number, or NULL. */
static struct file *detach_fd(struct files_struct *files, u32 fd)
{
	struct file *file = NULL;

	spin_lock(&files->lock);
	if (fd < files->max_fds) {
		file = files->fd[fd];
		files->fd[fd] = NULL;
		bitmap_clear(files->close_on_exec, fd);
	}
	spin_unlock(&files->lock);
	return file;
}

void files_put(struct files_struct *files)
{
	struct file *file;

	if (!files || !atomic_dec_and_test(&files->refs))
		return;
	for (u32 i = 0; i < files->max_fds; i++) {
		file = detach_fd(files, i);
		if (file && filp_close(file))
			continue; /* nobody is left to hear of the error */
	}
	kfree(files->fd);
	kfree(files->close_on_exec);
	kfree(files);
}

void files_close_on_exec(struct files_struct *files)
{
	struct file *file;
	u32 fd = 0;

	for (;; fd++) {
		spin_lock(&files->lock);
		fd = (u32)bitmap_find_set(files->close_on_exec, files->max_fds, fd);
		spin_unlock(&files->lock);
		if (fd >= files->max_fds)
			return;
		file = detach_fd(files, fd);
		if (file && filp_close(file))
			continue; /* exec has no place for the error */
	}
}

struct file *files_get(struct files_struct *files, int fd)
{
	struct file *file = NULL;

	if (!files || fd < 0)
		return NULL;
	spin_lock(&files->lock);
	if ((u32)fd < files->max_fds && files->fd[fd])
		file = get_file(files->fd[fd]);
	spin_unlock(&files->lock);
	return file;
}

int files_next(struct files_struct *files, int from)
{
	int found = -1;

	spin_lock(&files->lock);
	for (u32 fd = from < 0 ? 0 : (u32)from; fd < files->max_fds && found < 0; fd++)
		if (files->fd[fd])
			found = (int)fd;
	spin_unlock(&files->lock);
	return found;
}

struct file *fget(int fd)
{
	return files_get(current->files, fd);
}

static void put_in_locked(struct files_struct *files, u32 fd, struct file *file, bool cloexec)
{
	files->fd[fd] = file;
	if (cloexec)
		bitmap_set(files->close_on_exec, fd);
	else
		bitmap_clear(files->close_on_exec, fd);
}

int fd_install_new(struct file *file, int from, bool cloexec)
{
	struct files_struct *files = current->files;
	u32 fd;
	int err;

	if (from < 0)
		return -EINVAL;
	for (;;) {
		spin_lock(&files->lock);
		fd = (u32)from;
		while (fd < files->max_fds && files->fd[fd])
			fd++;
		if (fd < files->max_fds) {
			put_in_locked(files, fd, file, cloexec);
			spin_unlock(&files->lock);
			return (int)fd;
		}
		spin_unlock(&files->lock);
		if (fd >= NR_OPEN_DEFAULT)
			return -EMFILE;
		err = expand(files, fd);
		if (err)
			return err;
	}
}

int fd_install_at(struct file *file, int fd, bool cloexec)
{
	struct files_struct *files = current->files;
	struct file *old;
	int err;

	if (fd < 0 || fd >= NR_OPEN_DEFAULT)
		return -EBADF;
	if ((u32)fd >= READ_ONCE(files->max_fds)) {
		err = expand(files, (u32)fd);
		if (err)
			return err;
	}
	spin_lock(&files->lock);
	old = files->fd[fd];
	put_in_locked(files, (u32)fd, file, cloexec);
	spin_unlock(&files->lock);
	if (old && filp_close(old))
		return fd; /* as dup2: the error of the implied close is lost */
	return fd;
}

int fd_close(int fd)
{
	struct file *file = fd < 0 ? NULL : detach_fd(current->files, (u32)fd);

	return file ? filp_close(file) : -EBADF;
}

static int cloexec_op(int fd, int set)
{
	struct files_struct *files = current->files;
	int ret = -EBADF;

	spin_lock(&files->lock);
	if (fd >= 0 && (u32)fd < files->max_fds && files->fd[fd]) {
		ret = bitmap_test(files->close_on_exec, (size_t)fd);
		if (set == 1)
			bitmap_set(files->close_on_exec, (size_t)fd);
		else if (set == 0)
			bitmap_clear(files->close_on_exec, (size_t)fd);
	}
	spin_unlock(&files->lock);
	return ret;
}

int fd_get_cloexec(int fd)
{
	return cloexec_op(fd, -1);
}

int fd_set_cloexec(int fd, bool on)
{
	int old = cloexec_op(fd, on);

	return old < 0 ? old : 0;
}
