// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/nodes/pipe.c fs/vfs/poll.c tests/host/fakes/memfs.c
// sources: tests/host/fakes/names.c
/* Path walk and the operations on names: permissions, failures that undo, links, references. */
#include "tests/host/fakes/memfs.h"
#include "tests/host/fakes/names.h"
#include "tests/host/host.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/page.h"

static void chmod_chown(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	struct iattr attr = {.ia_valid = ATTR_UID | ATTR_GID, .ia_uid = uid, .ia_gid = gid};
	struct path path;

	assert_int_equal(path_lookupat(AT_FDCWD, name, 0, &path), 0);
	assert_int_equal(vfs_setattr(&path, &attr), 0);
	attr = (struct iattr){.ia_valid = ATTR_MODE, .ia_mode = mode};
	assert_int_equal(vfs_setattr(&path, &attr), 0);
	path_put(&path);
}

static void permissions(void **state)
{
	(void)state;
	memfs_world_start();
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/tmp", 0777), 0);
	chmod_chown("/tmp", 01777, 0, 0);
	touch("/tmp/root");
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/closed", 0700), 0);
	touch("/closed/f");
	touch("/group");
	chmod_chown("/group", 0060, 7, 50);
	become(7, 60);
	assert_int_equal(open_close("/closed/f", O_RDONLY), -EACCES);
	assert_int_equal(open_close("/new", O_CREAT | O_WRONLY), -EACCES);
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/tmp/root"), -EPERM); /* sticky */
	assert_int_equal(vfs_renameat(AT_FDCWD, "/tmp/root", AT_FDCWD, "/tmp/x", 0), -EPERM);
	touch("/tmp/mine");
	assert_int_equal(open_close("/group", O_RDONLY), -EACCES); /* the owner's bits count */
	become(8, 60);
	names_user.groups[names_user.ngroups++] = 50;
	assert_int_equal(open_close("/group", O_RDWR), 0);
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/tmp/mine"), -EPERM);
	/* access(2) goes by the real names_user. */
	names_user.fsuid = names_user.euid = 0;
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed/f", MAY_READ, false, LOOKUP_FOLLOW),
			 -EACCES);
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed/f", MAY_READ, true, LOOKUP_FOLLOW), 0);
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed", MAY_EXEC, true, LOOKUP_FOLLOW), 0);
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed/f", MAY_EXEC, true, LOOKUP_FOLLOW),
			 -EACCES);
	become(0, 0);
	memfs_world_end();
}

static void make_tree(void)
{
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/d", 0755), 0);
	assert_int_equal(vfs_mkdirat(AT_FDCWD, "/d/e", 0755), 0);
	assert_int_equal(vfs_symlinkat("/d/", AT_FDCWD, "/l"), 0);
	assert_int_equal(vfs_symlinkat(".", AT_FDCWD, "/d/l"), 0);
	touch("/d/f");
	touch("/d/g");
}

static void remove_tree(void)
{
	static const char *const names[] = {"/d/e/new", "/d/l", "/d/f", "/d/g", "/d/new", "/l"};
	static const char *const dirs[] = {"/d/new", "/d/e", "/d"};
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		err |= vfs_unlinkat(AT_FDCWD, names[i]);
	for (u32 i = 0; i < ARRAY_SIZE(dirs); i++)
		err = vfs_rmdirat(AT_FDCWD, dirs[i]);
	assert_int_equal(err, 0);
}

static void errors_undo(void **state)
{
	static const struct oracle_call calls[] = {
		{OP_MKDIR, 0, "/d/new", ""},	    {OP_OPEN, O_CREAT, "/d/new", ""},
		{OP_SYMLINK, 0, "x", "/d/new"},	    {OP_LINK, 0, "/d/f", "/d/new"},
		{OP_RENAME, 0, "/d/f", "/d/e/new"}, {OP_RENAME, 0, "/d/f", "/d/g"},
		{OP_UNLINK, 0, "/d/f", ""},	    {OP_RMDIR, 0, "/d/e", ""},
		{OP_OPEN, O_RDONLY, "/l/l/f", ""},
	};
	static struct oracle_answer answer, before;
	u32 nth;
	int err;

	(void)state;
	memfs_world_start();
	for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
		bool change = calls[i].op != OP_OPEN || calls[i].flags;

		make_tree();
		/* The filesystem fails: nothing has changed. */
		memfs_drop_caches();
		assert_int_equal(names_list("/d", before.text), 0);
		assert_int_equal(names_stat("/d/f", 0, &answer), 0);
		assert_int_equal(names_stat("/d/new", 0, &answer), -ENOENT);
		assert_int_equal(names_stat("/d/e/new", 0, &answer), -ENOENT);
		memfs_fail = change;
		err = names_perform(&calls[i], &answer);
		assert_int_equal(err, change ? -EIO : 0);
		assert_int_equal(names_list("/d", answer.text), 0);
		assert_string_equal(answer.text, before.text);
		/* Memory runs out at every place, and at last nowhere. */
		for (nth = 1; nth < 40; nth++) {
			memfs_drop_caches();
			mm_fail_after(nth);
			err = names_perform(&calls[i], &answer);
			mm_fail_after(0);
			if (err == 0)
				break;
			assert_int_equal(err, -ENOMEM);
		}
		assert_true(nth > 1 && nth < 40);
		remove_tree();
	}
	memfs_world_end();
}

static void links_without_end(void **state)
{
	char name[300], path[5000];

	(void)state;
	memfs_world_start();
	assert_int_equal(vfs_symlinkat("loop", AT_FDCWD, "/loop"), 0);
	assert_int_equal(open_close("/loop", O_RDONLY), -ELOOP);
	touch("/end");
	assert_int_equal(vfs_symlinkat("/end", AT_FDCWD, "/l0"), 0);
	for (u32 i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "/l%u", i);
		snprintf(path, sizeof(path), "/l%u", i - 1);
		assert_int_equal(vfs_symlinkat(path, AT_FDCWD, name), 0);
	}
	assert_int_equal(open_close("/l39", O_RDONLY), 0); /* 40 links */
	assert_int_equal(open_close("/l40", O_RDONLY), -ELOOP);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[256] = '\0';
	touch(name);
	name[256] = 'n';
	name[257] = '\0';
	assert_int_equal(open_close(name, O_CREAT), -ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[4095] = '\0';
	assert_int_equal(open_close(path, O_RDONLY), 0);
	path[4095] = '/';
	path[4096] = '\0';
	assert_int_equal(open_close(path, O_RDONLY), -ENAMETOOLONG);
	memfs_world_end();
}

static void unlinked_while_open(void **state)
{
	size_t before;
	struct file *file;
	struct path root;
	char text[64];

	(void)state;
	memfs_world_start();
	before = memfs_inodes();
	file = filp_open("/f", O_CREAT | O_RDWR, 0644);
	assert_false(IS_ERR(file));
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/f"), 0);
	memfs_drop_caches();
	assert_int_equal(memfs_inodes(), before + 1);
	get_fs_root(&root);
	assert_string_equal(d_path(&file->f_path, &root, text, sizeof(text)), "/f (deleted)");
	path_put(&root);
	touch("/f"); /* another one */
	fput(file);
	assert_int_equal(memfs_inodes(), before + 1);
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/f"), 0);
	assert_int_equal(memfs_inodes(), before);
	memfs_world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions),
		cmocka_unit_test(errors_undo),
		cmocka_unit_test(links_without_end),
		cmocka_unit_test(unlinked_while_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
