/*
 * Tables of file descriptors.
 *
 * Invariants:
 * 1. fd[n] holds one reference to its file; a number from `nr` on is free.
 * 2. A free number has its bits in taken and in close_on_exec clear.
 * 3. A number that is taken but has no file is promised to an open under way. A copy of the table
 *    has it free.
 * Also there: tables of descriptors
 */
#include "fs/file.h"

#include "fs/rlimit.h"
#include "fs/vfs/locks.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"

#define FIRST_TABLE 256u

struct files_struct *files_alloc(void)
{
	struct files_struct *files = kzalloc(sizeof(*files), GFP_KERNEL);

	if (!files)
		return NULL;
	files->fd = kcalloc(NR_OPEN_DEFAULT, sizeof(struct file *), GFP_KERNEL);
	if (!files->fd) {
		kfree(files);
		return NULL;
	}
	atomic_set(&files->refs, 1);
	spin_lock_init(&files->lock, "files", LOCK_FS);
	return files;
}

struct files_struct *files_copy(struct files_struct *old)
{
	struct files_struct *files = files_alloc();

	if (!files)
		return NULL;
	spin_lock(&old->lock);
	files->nr = old->nr;
	for (u32 i = 0; i < old->nr; i++) {
		files->fd[i] = old->fd[i] ? get_file(old->fd[i]) : NULL;
		if (old->fd[i])
			bitmap_set(files->taken, i);
	}
	memcpy(files->close_on_exec, old->close_on_exec, sizeof(old->close_on_exec));
	spin_unlock(&old->lock);
	return files;
}

static int filp_close(struct files_struct *files, struct file *file)
{
	int err = file->f_op->flush ? file->f_op->flush(file) : 0;

	file_locks_drop(file, files);
	fput(file);
	return err;
}

/* Take the file out of its number, or NULL. */
static struct file *detach_fd(struct files_struct *files, u32 fd)
{
	struct file *file = NULL;

	spin_lock(&files->lock);
	if (fd < files->nr) {
		file = files->fd[fd];
		files->fd[fd] = NULL;
		if (file) {
			bitmap_clear(files->taken, fd);
			bitmap_clear(files->close_on_exec, fd);
		}
	}
	spin_unlock(&files->lock);
	return file;
}

void files_put(struct files_struct *files)
{
	if (!files || !atomic_dec_and_test(&files->refs))
		return;
	for (u32 i = 0; i < files->nr; i++)
		if (files->fd[i])
			(void)filp_close(files,
					 files->fd[i]); /* nobody is left to hear of an error */
	kfree((const void *)files->fd);
	kfree(files);
}

void files_close_on_exec(struct files_struct *files)
{
	for (u32 fd = 0;; fd++) {
		struct file *file;

		fd = (u32)bitmap_find_set(files->close_on_exec, NR_OPEN_DEFAULT, fd);
		if (fd >= NR_OPEN_DEFAULT)
			return;
		file = detach_fd(files, fd);
		if (file)
			(void)filp_close(files, file); /* exec has no place for an error */
	}
}

struct file *files_get(struct files_struct *files, int fd)
{
	struct file *file = NULL;

	if (!files || fd < 0)
		return NULL;
	spin_lock(&files->lock);
	if ((u32)fd < files->nr && files->fd[fd])
		file = get_file(files->fd[fd]);
	spin_unlock(&files->lock);
	return file;
}

int files_next(struct files_struct *files, int from, struct file **file)
{
	int found = -1;

	spin_lock(&files->lock);
	for (u32 fd = from < 0 ? 0 : (u32)from; fd < files->nr && found < 0; fd++)
		if (files->fd[fd]) {
			found = (int)fd;
			*file = get_file(files->fd[fd]);
		}
	spin_unlock(&files->lock);
	return found;
}

u32 files_table_size(void)
{
	u32 size = FIRST_TABLE;

	while (size < current->files->nr)
		size *= 2;
	return min(size, (u32)NR_OPEN_DEFAULT);
}

struct file *fget_raw(int fd)
{
	return files_get(current->files, fd);
}

struct file *fget(int fd)
{
	struct file *file = files_get(current->files, fd);

	if (likely(!file || !(file->f_flags & O_PATH)))
		return file;
	fput(file);
	return NULL;
}

static void take_locked(struct files_struct *files, u32 fd, bool cloexec)
{
	files->nr = max(files->nr, fd + 1);
	bitmap_set(files->taken, fd);
	if (cloexec)
		bitmap_set(files->close_on_exec, fd);
	else
		bitmap_clear(files->close_on_exec, fd);
}

u32 files_limit(void)
{
	return (u32)min(rlimit(RLIMIT_NOFILE), (u64)NR_OPEN_DEFAULT);
}

int fd_reserve(int from, bool cloexec)
{
	struct files_struct *files = current->files;
	size_t fd, limit = files_limit();

	if (from < 0)
		return -EINVAL;
	spin_lock(&files->lock);
	fd = bitmap_find_zero(files->taken, NR_OPEN_DEFAULT, (size_t)from);
	if (fd < limit)
		take_locked(files, (u32)fd, cloexec);
	spin_unlock(&files->lock);
	return fd < limit ? (int)fd : -EMFILE;
}

int fd_install(int fd, struct file *file)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	if (!IS_ERR(file)) {
		files->fd[fd] = file;
	} else {
		bitmap_clear(files->taken, (size_t)fd);
		bitmap_clear(files->close_on_exec, (size_t)fd);
		fd = (int)PTR_ERR(file);
	}
	spin_unlock(&files->lock);
	return fd;
}

int fd_install_new(struct file *file, int from, bool cloexec)
{
	int fd = fd_reserve(from, cloexec);

	return fd < 0 ? fd : fd_install(fd, file);
}

int fd_install_at(struct file *file, int fd, bool cloexec)
{
	struct files_struct *files = current->files;
	struct file *old;

	if (fd < 0 || (u32)fd >= files_limit())
		return -EBADF;
	spin_lock(&files->lock);
	old = files->fd[fd];
	if (!old && bitmap_test(files->taken, (size_t)fd)) {
		spin_unlock(&files->lock);
		return -EBUSY; /* promised to another thread's open */
	}
	take_locked(files, (u32)fd, cloexec);
	files->fd[fd] = file;
	spin_unlock(&files->lock);
	if (old)
		(void)filp_close(files, old); /* as dup2: the error of the implied close is lost */
	return fd;
}

int fd_close(int fd)
{
	struct file *file = fd < 0 ? NULL : detach_fd(current->files, (u32)fd);

	return file ? filp_close(current->files, file) : -EBADF;
}

static int cloexec_op(int fd, int set)
{
	struct files_struct *files = current->files;
	int ret = -EBADF;

	spin_lock(&files->lock);
	if (fd >= 0 && (u32)fd < files->nr && files->fd[fd]) {
		ret = bitmap_test(files->close_on_exec, (size_t)fd);
		if (set == 1)
			bitmap_set(files->close_on_exec, (size_t)fd);
		else if (set == 0)
			bitmap_clear(files->close_on_exec, (size_t)fd);
	}
	spin_unlock(&files->lock);
	return ret;
}

void files_close_range(u32 first, u32 last, bool cloexec)
{
	struct files_struct *files = current->files;
	struct file *file;

	for (u32 fd = first; fd <= last && fd < READ_ONCE(files->nr); fd++) {
		if (cloexec) {
			(void)cloexec_op((int)fd, true); /* passes over one that is not open */
			continue;
		}
		file = detach_fd(files, fd);
		if (file)
			(void)filp_close(files, file); /* close_range tells of no error */
	}
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
