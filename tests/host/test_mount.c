// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/nodes/pipe.c fs/vfs/poll.c tests/host/fakes/memfs.c
// sources: tests/host/fakes/names.c
/* Mounts: what may be mounted and unmounted, and filesystems that are or become read-only. */
#include "tests/host/fakes/memfs.h"
#include "tests/host/fakes/names.h"
#include "tests/host/fakes/vfs.h"
#include "tests/host/host.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/pseudo/procfs.h"
#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static void text_busy_and_read_only(void **state)
{
	struct file *writer, *file;
	struct path path;

	(void)state;
	memfs_world_start();
	touch("/f");
	writer = filp_open("/f", O_WRONLY, 0);
	assert_false(IS_ERR(writer));
	assert_int_equal(path_lookupat(AT_FDCWD, "/f", 0, &path), 0);
	assert_int_equal(deny_write_access(path.dentry->d_inode), -ETXTBSY);
	assert_int_equal(do_mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL), -EBUSY);
	fput(writer);
	assert_int_equal(deny_write_access(path.dentry->d_inode), 0);
	assert_int_equal(open_close("/f", O_WRONLY), -ETXTBSY);
	assert_int_equal(vfs_truncate(&path, 0), -ETXTBSY);
	allow_write_access(path.dentry->d_inode);
	path_put(&path);
	/* An open file without a name keeps the filesystem writable, too. */
	file = filp_open("/g", O_CREAT | O_RDONLY, 0644);
	assert_false(IS_ERR(file));
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/g"), 0);
	assert_int_equal(do_mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL), -EBUSY);
	fput(file);
	assert_int_equal(do_mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(open_close("/f", O_WRONLY), -EROFS);
	assert_int_equal(open_close("/f", O_RDONLY), 0);
	assert_int_equal(open_close("/new", O_WRONLY | O_CREAT), -EROFS);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/f", 0755), -EEXIST);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/d", 0755), -EROFS);
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/f"), -EROFS);
	assert_int_equal(do_mount(NULL, "/", NULL, MS_REMOUNT, NULL), 0);
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/f"), 0);
	memfs_world_end();
}

static void mounts(void **state)
{
	char text[1024] = "";
	struct seq_file m = {.buf = text, .size = sizeof(text)};
	struct path root, deep;
	struct file *file;
	char *name;

	(void)state;
	memfs_world_start();
	get_fs_root(&root);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/mnt", 0755), 0);
	touch("/mnt/below");
	touch("/plain");
	assert_int_equal(do_mount("none", "/plain", "memfs", 0, "second"), -ENOTDIR);
	assert_int_equal(do_mount("none", "/mnt", "nofs", 0, "second"), -ENODEV);
	assert_int_equal(do_mount("none", "/mnt", "memfs", MS_NOSUID, "second"), 0);
	assert_int_equal(vfs_statat(AT_FDCWD, "/mnt/below", 0, &(struct kstat){0}), -ENOENT);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/mnt/d", 0755), 0);
	assert_int_equal(path_lookupat(AT_FDCWD, "/mnt/d", 0, &deep), 0);
	name = d_path(&deep, &root, text, sizeof(text));
	assert_string_equal(name, "/mnt/d");
	assert_int_equal(vfs_chdir(&deep), 0);
	path_put(&deep);
	assert_int_equal(vfs_statat(AT_FDCWD, "../../plain", 0, &(struct kstat){0}), 0);
	assert_int_equal(vfs_renameat(AT_FDCWD, "/plain", AT_FDCWD, "/mnt/x", 0), -EXDEV);
	assert_int_equal(vfs_linkat(AT_FDCWD, "/plain", AT_FDCWD, "/mnt/x", false), -EXDEV);
	assert_int_equal(vfs_rmdirat(AT_FDCWD, "/mnt"), -EBUSY);
	assert_int_equal(vfs_renameat(AT_FDCWD, "/mnt", AT_FDCWD, "/other", 0), -EBUSY);
	assert_int_equal(do_umount("/mnt", 0), -EBUSY); /* the working directory */
	assert_int_equal(do_umount("/mnt/d", 0), -EINVAL);
	assert_int_equal(do_mount("/mnt/d", "/mnt/d", NULL, MS_BIND, NULL), -EINVAL);
	assert_int_equal(mounts_show(&m, false), 0);
	assert_string_equal(text, "none / memfs rw,relatime 0 0\n"
				  "none /mnt memfs rw,nosuid,relatime 0 0\n");
	/* What has another mount below it stays; a name may be mounted on twice. */
	assert_int_equal(do_mount("none", "/mnt/d", "memfs", 0, "third"), 0);
	assert_int_equal(do_mount("none", "/mnt/d", "memfs", 0, "fourth"), 0);
	assert_int_equal(do_umount("/mnt", 2), -EBUSY);
	assert_int_equal(do_umount("/mnt/d", 0), 0);
	assert_int_equal(do_umount("/mnt/d", 0), 0);
	assert_int_equal(do_umount("/mnt/d", 0), -EINVAL);
	touch("/mnt/d/f");
	/* Detached while in use: it goes with its last user. */
	file = filp_open("/mnt/d/f", O_RDONLY, 0);
	assert_false(IS_ERR(file));
	assert_int_equal(do_umount("/mnt", 2), 0);
	assert_int_equal(vfs_statat(AT_FDCWD, "/mnt/below", 0, &(struct kstat){0}), 0);
	name = vfs_getcwd(text, sizeof(text));
	assert_string_equal(name, "(unreachable)/d");
	set_fs_pwd(&root);
	fput(file);
	path_put(&root);
	assert_int_equal(do_umount("/mnt", 0), -EINVAL);
	/* The mount point may go again. */
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/mnt/below"), 0);
	assert_int_equal(vfs_rmdirat(AT_FDCWD, "/mnt"), 0);
	memfs_world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts),
		cmocka_unit_test(text_busy_and_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
