// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/pseudo/devfs.c fs/nodes/pipe.c fs/vfs/poll.c
// sources: fs/pseudo/proc_text.c fs/pseudo/procfs.c tests/host/fakes/memfs.c
/* /dev and /proc: trees, nodes and links; and a process that ends while its files are open. */
#include "tests/host/fakes/memfs.h"
#include "tests/host/fakes/vfs.h"
#include "tests/host/host.h"

#include "block/genhd.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/nodes/char_dev.h"
#include "fs/pseudo/devfs.h"
#include "fs/pseudo/procfs.h"
#include "fs/pseudo/procfs_internal.h"
#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static u8 buf[4096];

/* --- /dev --- */

static int null_opens;
static int null_open(struct inode *inode, struct file *file)
{
	(void)inode;
	(void)file;
	null_opens++;
	return 0;
}
static const struct file_operations null_fops = {.open = null_open};

static char names[512];
static bool collect(struct dir_context *ctx, const char *name, u32 len, loff_t off, ino_t ino,
		    u8 dtype)
{
	(void)ctx;
	(void)off;
	(void)ino;
	(void)dtype;
	strncat(names, name, len);
	strcat(names, " ");
	return true;
}

static const char *list(const char *name)
{
	struct file *dir = filp_open(name, O_RDONLY | O_DIRECTORY, 0);
	struct dir_context ctx = {.actor = collect};

	names[0] = '\0';
	assert_false(IS_ERR(dir));
	assert_int_equal(vfs_iterate(dir, &ctx), 0);
	fput(dir);
	return names;
}

static void dev_nodes(void **state)
{
	struct kstat st;
	struct file *f;

	(void)state;
	memfs_world_start();
	assert_int_equal(register_chrdev(MKDEV(1, 3), "null", 0666, &null_fops), 0);
	assert_int_equal(register_chrdev(MKDEV(4, 65), "ttyS1", 0620, &null_fops), 0);
	assert_int_equal(register_chrdev(MKDEV(4, 65), "x", 0620, &null_fops), -EBUSY);
	devfs_init();
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/dev", 0755), 0);
	assert_int_equal(do_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL), 0);
	assert_int_equal(vfs_statat(AT_FDCWD, "/dev/null", 0, &st), 0);
	assert_int_equal(st.mode, S_IFCHR | 0666);
	assert_int_equal(st.rdev, MKDEV(1, 3));
	f = filp_open("/dev/null", O_RDWR | O_TRUNC, 0);
	assert_false(IS_ERR(f));
	fput(f);
	assert_int_equal(null_opens, 1);
	/* A name that was asked for too early is not remembered as absent. */
	assert_int_equal(vfs_statat(AT_FDCWD, "/dev/ttyS0", 0, &st), -ENOENT);
	assert_int_equal(register_chrdev(MKDEV(4, 64), "ttyS0", 0620, &null_fops), 0);
	assert_int_equal(vfs_statat(AT_FDCWD, "/dev/ttyS0", 0, &st), 0);
	assert_int_equal(st.uid, 0);
	assert_string_equal(list("/dev"), ". .. null ttyS1 ttyS0 ");
	assert_int_equal(vfs_symlinkat("/proc/self/fd", AT_FDCWD, "/dev/fd"), 0);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/dev/d", 0755), 0);
	assert_int_equal(vfs_mknodat(AT_FDCWD, "/dev/d/n", S_IFCHR | 0600, MKDEV(9, 9)), 0);
	assert_int_equal(PTR_ERR(filp_open("/dev/d/n", O_RDONLY, 0)), -ENXIO);
	memfs_drop_caches();
	assert_string_equal(list("/dev"), ". .. null ttyS1 ttyS0 fd d ");
	assert_int_equal(vfs_rmdirat(AT_FDCWD, "/dev/d"), -ENOTEMPTY);
	assert_int_equal(vfs_renameat(AT_FDCWD, "/dev/d/n", AT_FDCWD, "/dev/fd", 0), 0);
	assert_int_equal(vfs_rmdirat(AT_FDCWD, "/dev/d"), 0);
	assert_string_equal(list("/dev"), ". .. null ttyS1 ttyS0 fd ");
	assert_int_equal(do_umount("/dev", 0), 0);
	assert_int_equal(vfs_rmdirat(AT_FDCWD, "/dev"), 0);
	memfs_world_end();
}

/* --- /proc --- */

void proc_files_init(void)
{
}

static int show_long(struct seq_file *m)
{
	for (u32 i = 0; i < 3000; i++)
		seq_printf(m, "%u\n", i);
	return 0;
}

static char heard[32];
static int hear(const char *text, size_t len)
{
	memcpy(heard, text, len + 1);
	return 0;
}

static int show_pid(pid_t pid, int what, struct seq_file *m)
{
	(void)what;
	seq_printf(m, "%d (test)\n", pid);
	return pid == 12 ? 0 : -ESRCH;
}

static int exe_link(pid_t pid, int what, struct path *path)
{
	(void)what;
	(void)pid;
	return path_lookupat(AT_FDCWD, "/bin", 0, path);
}

static pid_t next_pid(pid_t after)
{
	return after < 12 ? 12 : 0;
}

static u64 born = 1;
static u64 birth(pid_t pid, uid_t *uid, gid_t *gid)
{
	*uid = *gid = 5;
	return pid == 12 ? born : 0;
}

static pid_t self(void)
{
	return 12;
}

static int fd_next(pid_t pid, int from, mode_t *mode)
{
	*mode = S_IFLNK | 0500;
	(void)pid;
	return from <= 4 ? 4 : -1;
}

static int fd_link(pid_t pid, int fd, struct path *path)
{
	return fd == 4 ? exe_link(pid, 0, path) : -ENOENT;
}

/* A pid that another process has now: what was opened before does not follow it. */
static void other_process(void)
{
	struct file *f = filp_open("/proc/12/stat", O_RDONLY, 0);
	struct file *dir = filp_open("/proc/12", O_RDONLY | O_DIRECTORY, 0);
	struct file *fds = filp_open("/proc/12/fd", O_RDONLY | O_DIRECTORY, 0);
	struct dir_context ctx = {.actor = collect};
	struct path root;
	struct kstat st;

	assert_int_equal(kernel_read(f, buf, 100, 0), 10);
	born++;
	assert_int_equal(kernel_read(f, buf, 100, 0), -ESRCH);
	assert_int_equal(kernel_read(f, buf, 100, 0), -ESRCH);
	assert_int_equal(vfs_iterate(dir, &ctx), -ENOENT);
	assert_int_equal(vfs_iterate(fds, &ctx), -ENOENT);
	fput(f);
	/* The new one has its name, while the old directory is still open. */
	assert_int_equal(vfs_statat(AT_FDCWD, "/proc/12/fd/4", 0, &st), 0);
	assert_string_equal(list("/proc/12"), ". .. stat exe fd ");
	f = filp_open("/proc/12/stat", O_RDONLY, 0);
	assert_int_equal(kernel_read(f, buf, 100, 0), 10);
	get_fs_root(&root);
	set_fs_pwd(&dir->f_path);
	assert_int_equal(vfs_statat(AT_FDCWD, "stat", 0, &st), -ENOENT);
	assert_int_equal(vfs_statat(AT_FDCWD, "exe", 0, &st), -ENOENT);
	set_fs_pwd(&root);
	path_put(&root);
	fput(f);
	fput(fds);
	fput(dir);
}

static void proc_tree(void **state)
{
	static const struct proc_pid_entry entries[] = {
		{"stat", S_IFREG | 0444, 0, show_pid, NULL, NULL},
		{"exe", S_IFLNK | 0777, 0, NULL, exe_link, NULL},
		{"fd", S_IFDIR | 0500, 0, NULL, NULL, NULL},
		{NULL, 0, 0, NULL, NULL, NULL},
	};
	static const struct proc_pid_ops ops = {entries, next_pid, birth, self, fd_next, fd_link};
	struct iov_iter it;
	struct kstat st;
	struct file *f;
	char text[64];
	loff_t pos = 0;
	size_t sum = 0;
	ssize_t n;

	(void)state;
	memfs_world_start();
	procfs_init();
	proc_pid_ops = &ops;
	assert_int_equal(proc_create("long", 0444, show_long, NULL), 0);
	assert_int_equal(proc_create("sys/kernel/hostname", 0644, show_long, hear), 0);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/proc", 0755), 0);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/bin", 0755), 0);
	assert_int_equal(do_mount("proc", "/proc", "proc", 0, NULL), 0);
	assert_string_equal(list("/proc"), ". .. long sys self 12 ");
	assert_string_equal(list("/proc/12"), ". .. stat exe fd ");
	assert_string_equal(list("/proc/self/fd"), ". .. 4 ");
	assert_int_equal(vfs_readlinkat(AT_FDCWD, "/proc/self", text, sizeof(text)), 2);
	assert_int_equal(vfs_readlinkat(AT_FDCWD, "/proc/self/exe", text, sizeof(text)), 4);
	assert_string_equal(text, "/bin");
	assert_int_equal(vfs_statat(AT_FDCWD, "/proc/self/fd/4/../bin", 0, &st), 0);
	assert_int_equal(vfs_statat(AT_FDCWD, "/proc/self/fd/4", 0, &st), 0);
	assert_int_equal(st.mode, S_IFLNK | 0500);
	assert_int_equal(vfs_statat(AT_FDCWD, "/proc/13/stat", 0, &st), -ENOENT);
	assert_int_equal(vfs_statat(AT_FDCWD, "/proc/012", 0, &st), -ENOENT);
	assert_int_equal(vfs_statat(AT_FDCWD, "/proc/12", 0, &st), 0);
	assert_int_equal(st.uid, 5);
	f = filp_open("/proc/long", O_RDONLY, 0);
	while ((n = kernel_read(f, buf, 1000, pos)) > 0) {
		pos += n;
		sum += (size_t)n;
	}
	assert_int_equal(sum, 10 * 2 + 90 * 3 + 900 * 4 + 2000 * 5);
	fput(f);
	f = filp_open("/proc/sys/kernel/hostname", O_WRONLY | O_TRUNC, 0);
	iov_iter_init_kernel(&it, text, 4);
	assert_int_equal(vfs_writev(f, &it, NULL, 0), 4);
	assert_string_equal(heard, "/bin");
	fput(f);
	assert_int_equal(PTR_ERR(filp_open("/proc/new", O_CREAT | O_WRONLY, 0)), -ENOENT);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/proc/d", 0755), -ENOENT);
	other_process();
	assert_int_equal(do_umount("/proc", 0), 0);
	memfs_world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dev_nodes),
		cmocka_unit_test(proc_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
