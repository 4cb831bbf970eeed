// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/nodes/pipe.c fs/vfs/poll.c tests/host/fakes/memfs.c
// sources: tests/host/fakes/names.c tests/host/fakes/oracle.c
/* Random operations on names: our VFS answers as the host's Linux does. */
#include "tests/host/fakes/memfs.h"
#include "tests/host/fakes/names.h"
#include "tests/host/fakes/oracle.h"
#include "tests/host/host.h"

#include "fs/file.h"

static const char *const op_names[] = {"mkdir", "rmdir",  "unlink",   "open", "symlink",
				       "link",	"rename", "readlink", "stat", "lstat",
				       "chdir", "getcwd", "list"};

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
		got.err = names_perform(&call, &got);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
