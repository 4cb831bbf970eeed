// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/nodes/pipe.c fs/vfs/poll.c tests/host/fakes/memfs.c
// sources: tests/host/fakes/oracle.c
/* Path walk and the operations on names: random operations against the host's Linux, and the cases
 * that it cannot judge: permissions, mounts, failures, references. */
#include "tests/host/fakes/memfs.h"
#include "kernel/mm/page.h"
#include "tests/host/fakes/oracle.h"
#include "tests/host/fakes/vfs.h"
#include "tests/host/host.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/pseudo/procfs.h"
#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/sched/thread.h"

#undef current

static const char *const op_names[] = {"mkdir", "rmdir",  "unlink",   "open", "symlink",
				       "link",	"rename", "readlink", "stat", "lstat",
				       "chdir", "getcwd", "list"};

/* --- the kernel's side of each operation --- */

struct listing {
	struct dir_context ctx;
	char *names[64];
	size_t n;
};

static bool collect(struct dir_context *ctx, const char *name, u32 len, loff_t off, ino_t ino,
		    u8 dtype)
{
	struct listing *l = container_of(ctx, struct listing, ctx);

	(void)off;
	(void)ino;
	(void)dtype;
	if (!(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.'))
		l->names[l->n++] = strndup(name, len);
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(const char *name, char *text)
{
	struct file *dir = filp_open(name, O_RDONLY | O_DIRECTORY, 0);
	struct listing l = {.ctx.actor = collect};
	int err;

	if (IS_ERR(dir))
		return (int)PTR_ERR(dir);
	err = vfs_iterate(dir, &l.ctx);
	fput(dir);
	qsort(l.names, l.n, sizeof(l.names[0]), compare);
	*text = '\0';
	for (size_t i = 0; i < l.n; i++) {
		strcat(strcat(text, l.names[i]), "\n");
		free(l.names[i]);
	}
	return err;
}

static int fill_stat(const char *name, u32 flags, struct oracle_answer *r)
{
	struct kstat st;
	int err = vfs_statat(AT_FDCWD, name, flags, &st);

	if (err)
		return err;
	r->mode = S_ISDIR(st.mode) ? S_IFDIR : st.mode;
	r->nlink = S_ISDIR(st.mode) ? 0 : st.nlink;
	return 0;
}

static int change_dir(const char *name)
{
	struct path path;
	int err = path_lookupat(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return err;
	err = vfs_chdir(&path);
	path_put(&path);
	return err;
}

static int open_close(const char *name, u32 flags)
{
	struct file *file = filp_open(name, flags, 0644);

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	fput(file);
	return 0;
}

static int get_cwd(char *text)
{
	char *name = vfs_getcwd(text, 4096);

	if (IS_ERR(name))
		return (int)PTR_ERR(name);
	memmove(text, name, strlen(name) + 1);
	return 0;
}

static int read_link(const char *name, char *text)
{
	ssize_t n = vfs_readlinkat(AT_FDCWD, name, text, 4096);

	return n < 0 ? (int)n : 0;
}

static int perform(const struct oracle_call *c, struct oracle_answer *r)
{
	switch (c->op) {
	case OP_MKDIR:
		return vfs_mkdirat(AT_FDCWD, c->a, 0755);
	case OP_RMDIR:
		return vfs_rmdirat(AT_FDCWD, c->a);
	case OP_UNLINK:
		return vfs_unlinkat(AT_FDCWD, c->a);
	case OP_OPEN:
		return open_close(c->a, c->flags);
	case OP_SYMLINK:
		return vfs_symlinkat(c->a, AT_FDCWD, c->b);
	case OP_LINK:
		return vfs_linkat(AT_FDCWD, c->a, AT_FDCWD, c->b, c->flags != 0);
	case OP_RENAME:
		return vfs_renameat(AT_FDCWD, c->a, AT_FDCWD, c->b, c->flags);
	case OP_READLINK:
		return read_link(c->a, r->text);
	case OP_STAT:
		return fill_stat(c->a, LOOKUP_FOLLOW, r);
	case OP_LSTAT:
		return fill_stat(c->a, 0, r);
	case OP_CHDIR:
		return change_dir(c->a);
	case OP_GETCWD:
		return get_cwd(r->text);
	case OP_LIST:
		return list(c->a, r->text);
	default:
		return -EINVAL;
	}
}

/* --- random calls --- */

static u32 seed = 1;

static u32 rnd(u32 n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void random_path(char *buf)
{
	static const char *const parts[] = {
		"a", "b",  "c",
		"d", "a",  "b",
		".", "..", "a-name-longer-than-what-fits-inline-in-a-dentry"};
	u32 n = 1 + rnd(4);

	*buf = '\0';
	if (rnd(5) == 0)
		strcat(buf, "/");
	for (u32 i = 0; i < n; i++) {
		if (i)
			strcat(buf, rnd(8) ? "/" : "//");
		strcat(buf, parts[rnd(ARRAY_SIZE(parts))]);
	}
	if (rnd(10) == 0)
		strcat(buf, "/");
	if (rnd(200) == 0)
		*buf = '\0';
}

static void random_call(struct oracle_call *c)
{
	static const u32 open_flags[] = {O_CREAT,     O_EXCL,	O_TRUNC, O_NOFOLLOW,
					 O_DIRECTORY, O_WRONLY, O_RDWR,	 O_PATH};

	memset(c, 0, sizeof(*c));
	c->op = (enum oracle_op)rnd(OP_COUNT);
	random_path(c->a);
	random_path(c->b);
	if (c->op == OP_OPEN) {
		for (u32 i = 0; i < ARRAY_SIZE(open_flags); i++)
			if (rnd(i == 0 ? 2 : 6) == 0)
				c->flags |= open_flags[i];
		/* Newer kernels than Linux 6.1 differ in these. */
		if ((c->flags & O_CREAT) && (c->flags & O_DIRECTORY))
			c->flags &= ~(u32)O_DIRECTORY;
		if ((c->flags & O_ACCMODE) == O_ACCMODE)
			c->flags &= ~(u32)O_WRONLY;
	} else if (c->op == OP_LINK || c->op == OP_RENAME) {
		c->flags = rnd(4) == 0;
	}
}

static void linux_agrees(void **state)
{
	static struct oracle_call call;
	static struct oracle_answer want, got;
	u32 ok = 0, rounds = getenv("ROUNDS") ? (u32)atoi(getenv("ROUNDS")) : 60000;

	(void)state;
	if (!oracle_start())
		skip();
	seed = host_seed(1);
	memfs_world_start();
	for (u32 i = 0; i < rounds; i++) {
		random_call(&call);
		memset(&got, 0, sizeof(got));
		oracle_ask(&call, &want);
		got.err = perform(&call, &got);
		if (got.err)
			memset(got.text, 0, sizeof(got.text));
		if (got.err != want.err || got.mode != want.mode || got.nlink != want.nlink ||
		    strcmp(got.text, want.text) != 0)
			fail_msg(
				"call %u: %s(\"%s\", \"%s\", %#o): err %d mode %o nlink %u \"%s\", "
				"Linux: err %d mode %o nlink %u \"%s\"",
				i, op_names[call.op], call.a, call.b, call.flags, got.err, got.mode,
				got.nlink, got.text, want.err, want.mode, want.nlink, want.text);
		ok += want.err == 0;
		if (rnd(50) == 0)
			memfs_drop_caches();
	}
	assert_true(ok > rounds / 10);
	oracle_stop();
	memfs_world_end();
}

/* --- what the oracle does not see --- */

static struct cred user;

static void become(uid_t uid, gid_t gid)
{
	user = (struct cred){
		.uid = uid, .euid = uid, .fsuid = uid, .gid = gid, .egid = gid, .fsgid = gid};
	this_cpu()->current->cred = uid ? &user : NULL;
}

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

static void touch(const char *name)
{
	assert_int_equal(open_close(name, O_CREAT | O_WRONLY), 0);
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
	user.groups[user.ngroups++] = 50;
	assert_int_equal(open_close("/group", O_RDWR), 0);
	assert_int_equal(vfs_unlinkat(AT_FDCWD, "/tmp/mine"), -EPERM);
	/* access(2) goes by the real user. */
	user.fsuid = user.euid = 0;
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed/f", MAY_READ, false, LOOKUP_FOLLOW),
			 -EACCES);
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed/f", MAY_READ, true, LOOKUP_FOLLOW), 0);
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed", MAY_EXEC, true, LOOKUP_FOLLOW), 0);
	assert_int_equal(vfs_accessat(AT_FDCWD, "/closed/f", MAY_EXEC, true, LOOKUP_FOLLOW),
			 -EACCES);
	become(0, 0);
	memfs_world_end();
}

/* Users can open so many files that no user gets one more, but root does. */
static void root_opens_when_users_cannot(void **state)
{
	static struct file *files[20000];
	struct file *more;
	u32 n = 0;

	(void)state;
	memfs_world_start();
	touch("/f");
	become(7, 7);
	while (n < ARRAY_SIZE(files) && !IS_ERR(files[n] = filp_open("/f", O_RDONLY, 0)))
		n++;
	assert_true(n < ARRAY_SIZE(files));
	assert_int_equal(PTR_ERR(files[n]), -ENFILE);
	assert_int_equal(files_nr_open(), n);
	become(0, 0);
	more = filp_open("/f", O_RDONLY, 0);
	assert_false(IS_ERR(more));
	assert_int_equal(files_nr_open(), n + 1);
	fput(more);
	become(7, 7);
	assert_int_equal(open_close("/f", O_RDONLY), -ENFILE);
	fput(files[--n]);
	assert_int_equal(open_close("/f", O_RDONLY), 0);
	while (n > 0)
		fput(files[--n]);
	become(0, 0);
	assert_int_equal(files_nr_open(), 0);
	memfs_world_end();
}

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
		assert_int_equal(list("/d", before.text), 0);
		assert_int_equal(fill_stat("/d/f", 0, &answer), 0);
		assert_int_equal(fill_stat("/d/new", 0, &answer), -ENOENT);
		assert_int_equal(fill_stat("/d/e/new", 0, &answer), -ENOENT);
		memfs_fail = change;
		err = perform(&calls[i], &answer);
		assert_int_equal(err, change ? -EIO : 0);
		assert_int_equal(list("/d", answer.text), 0);
		assert_string_equal(answer.text, before.text);
		/* Memory runs out at every place, and at last nowhere. */
		for (nth = 1; nth < 40; nth++) {
			memfs_drop_caches();
			mm_fail_after(nth);
			err = perform(&calls[i], &answer);
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
		cmocka_unit_test(linux_agrees),
		cmocka_unit_test(permissions),
		cmocka_unit_test(root_opens_when_users_cannot),
		cmocka_unit_test(text_busy_and_read_only),
		cmocka_unit_test(mounts),
		cmocka_unit_test(errors_undo),
		cmocka_unit_test(links_without_end),
		cmocka_unit_test(unlinked_while_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
