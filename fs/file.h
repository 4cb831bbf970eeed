/*
 * Open files, their operations, and tables of file descriptors.
 *
 * Lock order: f_pos_lock, then what the file's operation takes (fs/inode.h for a regular file). The
 * lock of a files_struct is a spinlock and innermost.
 * Path: hop 3
 */
#pragma once

#include "fs/dcache.h"
#include "fs/stat.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/bitmap.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/mm/iov_iter.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/spinlock.h"

struct file;
struct inode;
struct poll_table;

/* One read or write under way; as Linux's kiocb. */
#define IOCB_APPEND O_APPEND
#define IOCB_DIRECT O_DIRECT
#define IOCB_DSYNC  O_DSYNC
#define IOCB_SYNC   (O_SYNC & ~O_DSYNC)
#define IOCB_NOWAIT 0x20u
#define IOCB_O_BITS (IOCB_APPEND | IOCB_DIRECT | IOCB_DSYNC | IOCB_SYNC) /* from f_flags */
struct kiocb {
	struct file *ki_filp; /* [const] */
	loff_t ki_pos;	      /* bytes; advanced by what was done */
	u32 ki_flags;	      /* IOCB_* */
	/* NULL: synchronous. Else the op may return -EIOCBQUEUED and call this later. */
	void (*ki_complete)(struct kiocb *iocb, ssize_t result);
	void *private;
};
#define EIOCBQUEUED 529

/* Sink of directory entries. Returns false when full: the entry is offered again next time. */
struct dir_context {
	bool (*actor)(struct dir_context *ctx, const char *name, u32 len, loff_t off, ino_t ino,
		      u8 dtype);
	loff_t pos; /* where iterate is; the filesystem advances it */
};

/* All may sleep and return >= 0 or -errno. A missing op has the meaning given. */
struct file_operations {
	loff_t (*llseek)(struct file *file, loff_t off, int whence);	  /* generic_file_llseek */
	ssize_t (*read_iter)(struct kiocb *iocb, struct iov_iter *to);	  /* -EINVAL */
	ssize_t (*write_iter)(struct kiocb *iocb, struct iov_iter *from); /* -EINVAL */
	int (*iterate)(struct file *file, struct dir_context *ctx); /* -ENOTDIR; i_mutex held */
	u32 (*poll)(struct file *file, struct poll_table *pt);	    /* always ready */
	long (*ioctl)(struct file *file, u32 cmd, u64 arg);	    /* -ENOTTY */
	int (*open)(struct inode *inode, struct file *file);	    /* fine */
	void (*release)(struct inode *inode, struct file *file);    /* last reference gone */
	int (*flush)(struct file *file); /* each close(2); its error is close's */
	int (*fsync)(struct file *file, loff_t start, loff_t end, bool datasync); /* -EINVAL */
};

struct file {
	atomic_t f_count;	     /* [atomic] */
	u32 f_flags;		     /* [atomic] O_* ; O_APPEND, O_NONBLOCK, O_DIRECT may change */
	bool f_readable, f_writable; /* [const] */
	bool f_excl;		     /* [const] opened with O_EXCL: a block node is claimed */
	struct mutex f_pos_lock;
	loff_t f_pos; /* [f_pos_lock to change] bytes; of no use in a stream, which takes no lock */
	struct path f_path;		    /* [const] references held */
	struct inode *f_inode;		    /* [const] = f_path.dentry->d_inode */
	struct address_space *f_mapping;    /* [const after open] i_mapping, or the device's */
	const struct file_operations *f_op; /* [const after open] */
	u32 f_wb_err;			    /* [atomic] cursor: errors reported so far */
	u32 f_bdev_err;			    /* [atomic] and of the device below */
	pgoff_t f_ra_start;		    /* [atomic] read-ahead window, a hint */
	u32 f_ra_size;			    /* [atomic] pages */
	pgoff_t f_ra_prev;		    /* [atomic] last page read */
	void *private_data;		    /* driver's */
	s32 f_owner;			    /* [atomic] F_SETOWN: a process, -group, or 0 */
	u32 f_sig;			    /* [atomic] F_SETSIG */
};

/* open(2) on a kernel string. Returns: ERR_PTR(-EACCES, -EROFS, -ENXIO, -ENFILE, -ENOMEM, ...). */
struct file *must_check filp_open(const char *name, u32 flags, mode_t mode);
struct file *must_check filp_openat(int dfd, const char *name, u32 flags, mode_t mode);
/* A regular file that the caller may execute; to read it, too, is for the kernel only. */
struct file *must_check open_exec(const char *name);
/* A file without a name of its own (pipes); it holds the inode. */
struct file *must_check alloc_file_pseudo(struct inode *inode, const char *name, u32 flags,
					  const struct file_operations *fops);
static inline struct file *get_file(struct file *file)
{
	atomic_inc(&file->f_count);
	return file;
}
void fput(struct file *file); /* last one releases; may sleep */

/* Whole checked operations, as the system calls need them. pos NULL: f_pos under its lock. */
ssize_t must_check vfs_readv(struct file *file, struct iov_iter *it, loff_t *pos, u32 iocb_flags);
ssize_t must_check vfs_writev(struct file *file, struct iov_iter *it, loff_t *pos, u32 iocb_flags);
/* Is the file open for it, and for a position of the caller's? Returns: 0, -ESPIPE, -EBADF. */
int must_check vfs_rw_allowed(const struct file *file, bool positional, bool write);
/* For a kiocb of the caller's, at ki_pos. check: may it be done? rw: do it, as the file does. One
 * with ki_complete may return -EIOCBQUEUED, and is then no longer the caller's. */
int must_check vfs_iocb_check(struct kiocb *iocb, struct iov_iter *it, bool write);
static inline ssize_t must_check vfs_iocb_rw(struct kiocb *iocb, struct iov_iter *it, bool write)
{
	const struct file_operations *op = iocb->ki_filp->f_op;

	return write ? op->write_iter(iocb, it) : op->read_iter(iocb, it);
}
ssize_t must_check kernel_read(struct file *file, void *buf, size_t len, loff_t pos);
loff_t must_check vfs_llseek(struct file *file, loff_t off, int whence);
/* llseek in a file of `size` bytes that may have `most`, all of it data. */
loff_t must_check generic_file_llseek_size(struct file *file, loff_t off, int whence, loff_t most,
					   loff_t size);
loff_t must_check generic_file_llseek(struct file *file, loff_t off, int whence);
/* ftruncate(2). Returns: -EINVAL unless open for writing on a regular file. */
int must_check vfs_ftruncate(struct file *file, loff_t size);
int must_check vfs_fsync(struct file *file, bool datasync);
int must_check vfs_iterate(struct file *file, struct dir_context *ctx);
long must_check vfs_ioctl(struct file *file, u32 cmd, u64 arg);
u32 vfs_poll(struct file *file, struct poll_table *pt);
/* For files without a position. */
loff_t must_check no_llseek(struct file *file, loff_t off, int whence); /* -ESPIPE */

#define NR_OPEN_DEFAULT 1024 /* the size of every table, and so the highest RLIMIT_NOFILE */

struct files_struct {
	atomic_t refs; /* [atomic] */
	struct spinlock lock;
	u32 nr;		  /* [lock] one past the highest number that was ever in use */
	struct file **fd; /* [lock] NR_OPEN_DEFAULT of them */
	u64 taken[BITMAP_WORDS(NR_OPEN_DEFAULT)];	  /* [lock] in use, or promised */
	u64 close_on_exec[BITMAP_WORDS(NR_OPEN_DEFAULT)]; /* [lock] */
};

struct files_struct *must_check files_alloc(void);		      /* NULL if no memory */
struct files_struct *must_check files_copy(struct files_struct *old); /* fork; NULL if no memory */
void files_put(struct files_struct *files); /* closes all when the last reference goes */
void files_close_on_exec(struct files_struct *files);
/* All below work on the current thread's table. */
/* Reference held; NULL if fd is not open, or only by O_PATH. */
struct file *fget(int fd);
struct file *fget_raw(int fd); /* O_PATH is fine */
/* Promise the lowest free number >= from, so that a full table is seen before anything is made.
 * Returns: fd, -EMFILE, -EINVAL. / Keep the promise, and take the reference over. An ERR_PTR breaks
 * it. Returns: fd, or the error. */
int must_check fd_reserve(int from, bool cloexec);
int fd_install(int fd, struct file *file);
/* Lowest free number >= from, the file installed (reference taken over on success only).
 * Returns: fd, -EMFILE, -EINVAL. */
int must_check fd_install_new(struct file *file, int from, bool cloexec);
/* The caller's numbers are below it: RLIMIT_NOFILE. */
u32 files_limit(void);
/* dup2/dup3: replaces and closes what was there. */
int must_check fd_install_at(struct file *file, int fd, bool cloexec);
/* How far select looks. Linux's tables grow by powers of two, and a program that a shell starts has
 * one of 256. */
u32 files_table_size(void);
int must_check fd_close(int fd); /* -EBADF, or flush's error */
/* Close, or mark for closing at exec, all that are open in [first, last]. */
void files_close_range(u32 first, u32 last, bool cloexec);
int must_check fd_get_cloexec(int fd);
int must_check fd_set_cloexec(int fd, bool on);
/* Another thread's table: the file behind fd with a reference (for /proc/PID/fd), or NULL; next
 * open fd at or after from with its file, or -1. */
struct file *files_get(struct files_struct *files, int fd);
int files_next(struct files_struct *files, int from, struct file **file);
#define FILES_MAX 8192	 /* of users; as in Linux root may open more, to see what is wrong */
u32 files_nr_open(void); /* system-wide open files */
