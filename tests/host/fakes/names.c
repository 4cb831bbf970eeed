#include "tests/host/fakes/names.h"

#include "tests/host/fakes/vfs.h"
#include "tests/host/host.h"

#include "fs/file.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/sched/thread.h"

#undef current

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

int names_list(const char *name, char *text)
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

int names_stat(const char *name, u32 flags, struct oracle_answer *r)
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

int open_close(const char *name, u32 flags)
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

int names_perform(const struct oracle_call *c, struct oracle_answer *r)
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
		return names_stat(c->a, LOOKUP_FOLLOW, r);
	case OP_LSTAT:
		return names_stat(c->a, 0, r);
	case OP_CHDIR:
		return change_dir(c->a);
	case OP_GETCWD:
		return get_cwd(r->text);
	case OP_LIST:
		return names_list(c->a, r->text);
	default:
		return -EINVAL;
	}
}

void touch(const char *name)
{
	assert_int_equal(open_close(name, O_CREAT | O_WRONLY), 0);
}

struct cred names_user;

void become(uid_t uid, gid_t gid)
{
	names_user = (struct cred){
		.uid = uid, .euid = uid, .fsuid = uid, .gid = gid, .egid = gid, .fsgid = gid};
	this_cpu()->current->cred = uid ? &names_user : NULL;
}
