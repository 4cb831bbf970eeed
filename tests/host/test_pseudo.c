// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/pseudo/devfs.c fs/nodes/pipe.c fs/vfs/poll.c
// sources: fs/pseudo/pseudo.c fs/pseudo/procfs.c tests/host/fakes/memfs.c
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

void proc_files_init(struct pseudo_entry *root, struct pseudo_entry *ringlet)
{
	(void)root;
	(void)ringlet;
}

void proc_counts_init(struct pseudo_entry *fs)
{
	(void)fs;
}

void proc_sysctl_init(struct pseudo_entry *kernel, struct pseudo_entry *vm)
{
	(void)kernel;
	(void)vm;
}

static int show_long(struct seq_file *m)
{
	for (u32 i = 0; i < 3000; i++)
		seq_printf(m, "%u\n", i);
	return 0;
}

static char heard[32];
static int hear(const struct pseudo_node *of, char *text, size_t len)
{
	(void)of;
	memcpy(heard, text, len + 1);
	return 0;
}

static int show_self(struct seq_file *m)
{
	seq_printf(m, "12");
	return 0;
}

static int show_pid(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;

	seq_printf(m, "%u (test)\n", of->id);
	return of->id == 12 ? 0 : -ESRCH;
}

static int exe_link(const struct pseudo_node *of, struct path *path)
{
	(void)of;
	return path_lookupat(AT_FDCWD, "/bin", 0, path);
}

static u64 born = 1;
static u64 birth(u32 pid, uid_t *uid, gid_t *gid)
{
	*uid = *gid = 5;
	return pid == 12 ? born : 0;
}

static struct pseudo_entry pid_dir = {.mode = S_IFDIR | 0555};
static bool next_pid(const struct pseudo_node *dir, u32 from, struct pseudo_child *child)
{
	(void)dir;
	child->node.entry = &pid_dir;
	child->node.id = child->number = 12;
	return from <= 12;
}

static bool next_fd(const struct pseudo_node *dir, u32 from, struct pseudo_child *child)
{
	static struct pseudo_entry fd_link = {.mode = S_IFLNK, .get_link = exe_link};

	(void)dir;
	child->node.entry = &fd_link;
	child->node.sub = child->number = from <= 4 ? 4 : 9;
	child->mode = S_IFLNK | 0500;
	return from <= 9;
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
	static struct pseudo_entry of_pid[] = {
		{"stat", S_IFREG | 0444, .show = show_pid},
		{"exe", S_IFLNK | 0777, .get_link = exe_link},
		{"fd", S_IFDIR | 0500, .next = next_fd, .numbered = true},
	};
	static struct pseudo_entry in_root[] = {
		{"long", S_IFREG | 0444, .show = show_long},
		{"self", S_IFLNK | 0777, .show = show_self},
	};
	static struct pseudo_entry hostname = {"hostname", S_IFREG | 0644, .show = show_long,
					       .write = hear};
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
	proc_fs.root.next = next_pid;
	proc_fs.birth = birth;
	pseudo_add(&pid_dir, of_pid, ARRAY_SIZE(of_pid));
	pseudo_add(&proc_fs.root, in_root, ARRAY_SIZE(in_root));
	pseudo_add(&proc_sys_kernel, &hostname, 1);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/proc", 0755), 0);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/bin", 0755), 0);
	assert_int_equal(do_mount("proc", "/proc", "proc", 0, NULL), 0);
	assert_string_equal(list("/proc"), ". .. ringlet sys long self 12 ");
	assert_string_equal(list("/proc/12"), ". .. stat exe fd ");
	assert_string_equal(list("/proc/self/fd"), ". .. 4 9 ");
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

/* --- a tree whose children have names: as /sys has disks, and tracefs its events --- */

static u32 nr_events = 3;
static char enabled[4] = "010";

static int show_enable(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;

	seq_printf(m, "%c\n", enabled[of->id]);
	return 0;
}

static int write_enable(const struct pseudo_node *of, char *text, size_t len)
{
	if (len > 2 || (text[0] != '0' && text[0] != '1'))
		return -EINVAL;
	enabled[of->id] = text[0];
	return 0;
}

static int show_format(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;

	seq_printf(m, "event %u of %s\n", of->id, of->entry->name);
	return 0;
}

static struct pseudo_entry event_dir = {.mode = S_IFDIR | 0755};
static bool next_event(const struct pseudo_node *dir, u32 from, struct pseudo_child *child)
{
	(void)dir;
	child->node.entry = &event_dir;
	child->node.id = child->number = from;
	snprintf(child->name, sizeof(child->name), "event_%c", 'a' + (char)from);
	return from < nr_events;
}

static ssize_t write_text(const char *name, const char *text)
{
	struct file *f = filp_open(name, O_WRONLY | O_TRUNC, 0);
	struct iov_iter it;
	ssize_t n;

	assert_false(IS_ERR(f));
	iov_iter_init_kernel(&it, (void *)text, strlen(text));
	n = vfs_writev(f, &it, NULL, 0);
	fput(f);
	return n;
}

static const char *read_text(const char *name)
{
	struct file *f = filp_open(name, O_RDONLY, 0);
	ssize_t n;

	assert_false(IS_ERR(f));
	n = kernel_read(f, buf, sizeof(buf) - 1, 0);
	assert_true(n >= 0);
	buf[n] = '\0';
	fput(f);
	return (const char *)buf;
}

static void named_tree(void **state)
{
	static struct pseudo_fs events_fs = {
		.type = {.name = "events", .single = true, .fill_super = pseudo_fill_super},
		.file_bytes = 4096,
		.root = {.mode = S_IFDIR | 0755},
	};
	static struct pseudo_entry events = {
		.name = "events", .mode = S_IFDIR | 0755, .next = next_event};
	static struct pseudo_entry files[] = {
		{"enable", S_IFREG | 0644, .show = show_enable, .write = write_enable},
		{"format", S_IFREG | 0444, .show = show_format},
	};
	struct kstat a, b, again;

	(void)state;
	memfs_world_start();
	pseudo_add(&events_fs.root, &events, 1);
	pseudo_add(&event_dir, files, ARRAY_SIZE(files));
	register_filesystem(&events_fs.type);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/t", 0755), 0);
	assert_int_equal(do_mount("events", "/t", "events", 0, NULL), 0);
	assert_string_equal(list("/t/events"), ". .. event_a event_b event_c ");
	assert_string_equal(list("/t/events/event_b"), ". .. enable format ");
	assert_string_equal(read_text("/t/events/event_b/enable"), "1\n");
	assert_string_equal(read_text("/t/events/event_c/format"), "event 2 of format\n");
	assert_int_equal(write_text("/t/events/event_c/enable", "1\n"), 2);
	assert_string_equal(enabled, "011");
	assert_int_equal(write_text("/t/events/event_c/enable", "yes"), -EINVAL);
	assert_int_equal(write_text("/t/events/event_c/format", "x"), -EINVAL);
	assert_int_equal(vfs_statat(AT_FDCWD, "/t/events/event_d", 0, &a), -ENOENT);
	assert_int_equal(vfs_statat(AT_FDCWD, "/t/events/0", 0, &a), -ENOENT);
	assert_int_equal(vfs_statat(AT_FDCWD, "/t/events/event_a/enable", 0, &a), 0);
	assert_int_equal(vfs_statat(AT_FDCWD, "/t/events/event_b/enable", 0, &b), 0);
	assert_int_equal(a.size, 4096);
	assert_int_not_equal(a.ino, b.ino);
	memfs_drop_caches();
	assert_int_equal(vfs_statat(AT_FDCWD, "/t/events/event_a/enable", 0, &again), 0);
	assert_int_equal(a.ino, again.ino);
	/* What comes and goes is seen at once, also under a name that was absent before. */
	nr_events = 4;
	assert_int_equal(vfs_statat(AT_FDCWD, "/t/events/event_d", 0, &a), 0);
	nr_events = 1;
	assert_int_equal(vfs_statat(AT_FDCWD, "/t/events/event_d", 0, &a), -ENOENT);
	assert_string_equal(list("/t/events"), ". .. event_a ");
	assert_int_equal(do_umount("/t", 0), 0);
	memfs_world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dev_nodes),
		cmocka_unit_test(proc_tree),
		cmocka_unit_test(named_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
