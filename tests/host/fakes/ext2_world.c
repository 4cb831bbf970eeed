#include "tests/host/fakes/ext2_world.h"
#include "tests/host/fakes/fake_bdev.h"
#include "tests/host/fakes/vfs.h"
#include "tests/host/host.h"

#include <sys/wait.h>
#include <unistd.h>

#include "block/genhd.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/buffer_head.h"
#include "fs/ext2/ext2.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/vfs/flusher.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"

static char image[] = "/tmp/ringlet-ext2-XXXXXX", command[1024]; /* $IMG */
static struct cred user;

/* Run a shell command that finds the image's name in $IMG and prints to $IMG.log. */
static int run(const char *what)
{
	int status;

	(void)snprintf(command, sizeof(command),
		       "PATH=$PATH:/sbin:/usr/sbin; { %s; } >$IMG.log 2>&1", what);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void show_log(void)
{
	if (system("cat $IMG.log >&2") != 0)
		fprintf(stderr, "(no output)\n");
}

static void load_image(int nr)
{
	FILE *f = fopen(image, "rb");
	long size;
	u8 *data;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = malloc((size_t)size);
	assert_int_equal(fread(data, 1, (size_t)size, f), size);
	fclose(f);
	fake_bdev_load(nr, data, (u64)size);
}

static void remove_image(void)
{
	if (system("rm -f $IMG $IMG.log") != 0)
		fprintf(stderr, "cannot remove %s\n", image);
}

static bool write_back(void)
{
	u64 before = fake_bdev[1].writes;

	sync_all();
	return fake_bdev[1].writes > before;
}

static void *radix_alloc(size_t size)
{
	return kzalloc(size, GFP_ATOMIC);
}

/* mke2fs from 1.47.2 on makes no disk of revision 0 (-r 0); without features, only the number
 * differs. */
static void make_image(int nr, const char *args, u32 kib)
{
	const char *old = strstr(args, "-r 0");
	char make[512], options[256];

	/* This snprintf is the kernel's, which knows no precision. */
	(void)snprintf(options, sizeof(options), "%s", args);
	if (old)
		options[old - args] = '\0';
	assert_true(!old || old[4] == '\0');
	(void)snprintf(make, sizeof(make), "rm -f $IMG; mke2fs -q -F -t ext2 %s %s $IMG %u %s",
		       options, old ? "-I 128 -O none" : "", kib,
		       old ? "&& debugfs -w -R 'ssv rev_level 0' $IMG" : "");
	if (run(make) != 0) {
		show_log();
		fail_msg("mke2fs %s", args);
	}
	load_image(nr);
}

void world_init(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	assert_true(mkstemp(image) >= 0);
	setenv("IMG", image, 1);
	atexit(remove_image);
	make_image(0, "-b 1024", 1024);
	radix_tree_set_allocator(radix_alloc, kfree);
	dcache_init();
	inode_init();
	pagecache_init();
	vmscan_init();
	bdev_cache_init();
	flusher_init();
	ext2_init();
	fake_schedule_hook = write_back;
	assert_int_equal(mount_root("vda", NULL, 0, NULL), 0);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/mnt", 0755), 0);
	assert_int_equal(vfs_mknodat(AT_FDCWD, "/vdb", S_IFBLK | 0600, MKDEV(254, 16)), 0);
}

void world_mkfs(const char *args, u32 kib)
{
	world_init();
	make_image(1, args, kib);
}

int world_mount(u32 flags)
{
	return do_mount("/vdb", "/mnt", "ext2", flags, NULL);
}

void world_umount(void)
{
	assert_int_equal(do_umount("/mnt", 0), 0);
}

int world_run(const char *what, bool keep)
{
	FILE *f = fopen(image, "wb");
	int status;

	assert_non_null(f);
	assert_int_equal(fwrite(fake_bdev[1].data, 1, fake_bdev[1].bytes, f), fake_bdev[1].bytes);
	assert_int_equal(fclose(f), 0);
	status = run(what);
	if (keep)
		load_image(1);
	return status;
}

void world_fsck(void)
{
	int status = world_run("e2fsck -fn $IMG", false);

	if (status != 0) {
		show_log();
		fail_msg("e2fsck: status %d", status);
	}
}

void world_as(uid_t uid)
{
	user = (struct cred){.uid = uid, .euid = uid, .fsuid = uid, .gid = uid, .fsgid = uid};
	current->cred = &user;
}

ssize_t world_write(const char *name, const void *buf, size_t len, loff_t pos)
{
	struct file *file = filp_open(name, O_WRONLY | O_CREAT, 0644);
	struct iov_iter it;
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	iov_iter_init_kernel(&it, (void *)(uintptr_t)buf, len);
	n = vfs_writev(file, &it, &pos, 0);
	fput(file);
	return n;
}

ssize_t world_read(const char *name, void *buf, size_t len, loff_t pos)
{
	struct file *file = filp_open(name, O_RDONLY, 0);
	struct iov_iter it;
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	iov_iter_init_kernel(&it, buf, len);
	n = vfs_readv(file, &it, &pos, 0);
	fput(file);
	return n;
}

int world_truncate(const char *name, loff_t size)
{
	struct path path;
	int err = path_lookupat(AT_FDCWD, name, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	err = vfs_truncate(&path, size);
	path_put(&path);
	return err;
}

int world_stat(const char *name, struct kstat *stat)
{
	return vfs_statat(AT_FDCWD, name, 0, stat);
}

int world_mkdir(const char *name)
{
	return vfs_mkdirat(AT_FDCWD, name, 0755);
}

int world_unlink(const char *name)
{
	return vfs_unlinkat(AT_FDCWD, name);
}

int world_rmdir(const char *name)
{
	return vfs_rmdirat(AT_FDCWD, name);
}

int world_rename(const char *from, const char *to)
{
	return vfs_renameat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

u64 world_free_blocks(bool root)
{
	struct kstatfs buf;
	struct path path;

	assert_int_equal(path_lookupat(AT_FDCWD, "/mnt", LOOKUP_FOLLOW, &path), 0);
	assert_int_equal(vfs_statfs(&path, &buf), 0);
	path_put(&path);
	return root ? buf.f_bfree : buf.f_bavail;
}

struct lister {
	struct dir_context ctx;
	void (*fn)(const char *name, u32 len, u8 dtype, void *arg);
	void *arg;
	int left, count;
};

static bool list_actor(struct dir_context *ctx, const char *name, u32 len, loff_t off, ino_t ino,
		       u8 dtype)
{
	struct lister *l = container_of(ctx, struct lister, ctx);

	(void)off;
	(void)ino;
	if (l->left-- == 0)
		return false;
	if ((len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
		return true;
	l->count++;
	if (l->fn)
		l->fn(name, len, dtype, l->arg);
	return true;
}

int world_list(const char *name, void (*fn)(const char *name, u32 len, u8 dtype, void *arg),
	       void *arg)
{
	struct lister l = {.ctx.actor = list_actor, .fn = fn, .arg = arg, .left = -1};
	struct file *file = filp_open(name, O_RDONLY | O_DIRECTORY, 0);
	int err = 0;

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	/* A few entries at a time, as getdents does. */
	while (err == 0 && l.left != 7) {
		l.left = 7;
		err = vfs_iterate(file, &l.ctx);
	}
	fput(file);
	return err ? err : l.count;
}
