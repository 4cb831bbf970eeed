// uses: vfs text user-copies fakes
// sources: fs/nodes/char_dev.c fs/nodes/pipe.c fs/vfs/poll.c tests/host/fakes/memfs.c
// sources: tests/host/fakes/names.c
/* Open files: their number in the whole system, and a program's table of descriptors. */
#include "tests/host/fakes/memfs.h"
#include "tests/host/fakes/names.h"
#include "tests/host/host.h"

#include "fs/file.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/sched/thread.h"

#undef current

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

static void descriptors(void **state)
{
	struct thread *me = this_cpu()->current;
	struct file *files[2];
	struct files_struct *copy;
	int last = -1, fd;

	(void)state;
	memfs_world_start();
	for (u32 i = 0; i < ARRAY_SIZE(files); i++) {
		files[i] = filp_open("/", O_RDONLY, 0);
		assert_false(IS_ERR(files[i]));
	}
	me->files = files_alloc();
	while ((fd = fd_install_new(get_file(files[0]), 0, last % 3 == 0)) >= 0) {
		assert_int_equal(fd, last + 1);
		last = fd;
	}
	fput(files[0]);
	assert_int_equal(fd, -EMFILE);
	assert_int_equal(last, NR_OPEN_DEFAULT - 1);
	assert_int_equal(fd_close(500), 0);
	assert_int_equal(fd_close(500), -EBADF);
	assert_null(fget(500));
	assert_int_equal(fd_install_at(get_file(files[1]), 3, true), 3);
	assert_int_equal(fd_get_cloexec(3), 1);
	copy = files_copy(me->files);
	assert_non_null(copy);
	files_close_on_exec(me->files);
	assert_null(fget(3));
	for (int i = 0; i < NR_OPEN_DEFAULT; i++) { /* every third was marked */
		struct file *file = NULL;

		assert_int_equal(files_next(me->files, i, &file) == i,
				 i != 3 && i != 500 && (i - 1) % 3 != 0);
		if (file)
			fput(file);
	}
	files_put(copy);
	files_put(me->files);
	me->files = NULL;
	fput(files[0]);
	fput(files[1]);
	memfs_world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_opens_when_users_cannot),
		cmocka_unit_test(descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
