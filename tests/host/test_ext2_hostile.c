// sources: fs/ext2/balloc.c fs/ext2/dir.c fs/ext2/file.c fs/ext2/ialloc.c fs/ext2/indirect.c
// sources: fs/ext2/inode.c fs/ext2/load.c fs/ext2/namei.c fs/ext2/super.c fs/ext2/symlink.c
// sources: fs/ext2/truncate.c fs/attr.c fs/block_dev.c fs/block_ioctl.c fs/buffer.c fs/buffer_io.c fs/dcache.c
// sources: fs/direct_io.c
// sources: fs/file.c fs/files.c fs/filemap.c fs/filemap_rw.c fs/fs_struct.c fs/inode.c fs/mount.c
// sources: fs/proc_text.c
// sources: fs/namei.c fs/namei_ops.c fs/read_write.c fs/readahead.c fs/stat.c fs/super.c
// sources: fs/truncate.c fs/vmscan.c fs/writeback.c kernel/lib/bitmap.c kernel/lib/radix_tree.c
// sources: kernel/lib/vsnprintf.c kernel/lib/string.c kernel/mm/iov_iter.c
// sources: tests/host/fakes/ext2_world.c tests/host/fakes/ramdisk.c tests/host/fakes/fail.c
// sources: tests/host/fakes/kmalloc.c tests/host/fakes/page.c tests/host/fakes/printk.c
// sources: tests/host/fakes/sched.c tests/host/fakes/uaccess.c
/* ext2 on images that somebody made with an aim: directories with two names, and names that are
 * none. */
#include "tests/host/host.h"
#include "tests/host/fakes/ext2_world.h"

#include "fs/namei.h"
#include "fs/super.h"
#include "kernel/lib/errno.h"

/* A disk that debugfs changed by these requests, mounted. */
static void mount_image(const char *requests)
{
	char command[900];

	world_mkfs("-b 1024 -I 128", 1024);
	(void)snprintf(command, sizeof(command), "printf '%s' | debugfs -w $IMG", requests);
	assert_int_equal(world_run(command, true), 0);
	assert_int_equal(world_mount(0), 0);
	fake_log_clear();
}

static int look(const char *name)
{
	struct kstat st;

	return world_stat(name, &st);
}

/* Two names of one directory, whose hashes are equal or not. The first that is seen is its name. */
static void test_two_names(void **state)
{
	static const char *const second[] = {"liquid", "other"};

	(void)state;
	assert_int_equal(qstr_hash("costarring", 10), qstr_hash("liquid", 6));
	for (size_t i = 0; i < ARRAY_SIZE(second); i++) {
		char requests[200], moved[60];

		(void)snprintf(requests, sizeof(requests),
			       "mkdir d\\nmkdir d/costarring\\nmkdir d/costarring/x\\n"
			       "link d/costarring d/%s\\n",
			       second[i]);
		mount_image(requests);
		(void)snprintf(moved, sizeof(moved), "/mnt/d/%s/y", second[i]);
		assert_int_equal(look("/mnt/d/costarring/x"), 0);
		assert_int_equal(world_rename("/mnt/d/costarring/x", moved), -EUCLEAN);
		assert_non_null(strstr(fake_log(), "second name"));
		assert_int_equal(world_rename("/mnt/d/costarring/x", "/mnt/d/y"), -EROFS);
		world_umount();
	}
}

/* A directory that its own tree names again: below itself, as itself, and as the root. */
static void test_loops(void **state)
{
	static const char *const loops[] = {"link d d/a/again\\n", "link d/a d/a/again\\n",
					    "link / d/a/again\\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(loops); i++) {
		char requests[200];

		(void)snprintf(requests, sizeof(requests), "mkdir d\\nmkdir d/a\\nmkdir d/b\\n%s",
			       loops[i]);
		mount_image(requests);
		assert_int_equal(look("/mnt/d/a"), 0);
		assert_int_equal(world_rmdir("/mnt/d/a/again"), -EUCLEAN);
		assert_int_equal(look("/mnt/d/a/again"), -EUCLEAN);
		assert_int_equal(world_rename("/mnt/d/b", "/mnt/d/a/again/b"), -EUCLEAN);
		world_umount();
	}
}

/* Once nobody uses the first name any more, the second may be the directory's. */
static void test_name_forgotten(void **state)
{
	(void)state;
	mount_image("mkdir d\\nmkdir d/first\\nmkdir e\\nlink d/first e/second\\n");
	assert_int_equal(look("/mnt/d/first"), 0);
	shrink_dcache(1000);
	assert_int_equal(look("/mnt/e/second"), 0);
	assert_int_equal(look("/mnt/d/first"), -EUCLEAN);
	world_umount();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_names),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_name_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
