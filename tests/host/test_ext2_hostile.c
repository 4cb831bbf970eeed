// uses: fs-cache vfs ext2 text user-copies fakes
/* ext2 on images that somebody made with an aim: directories with two names, and names that are
 * none. */
#include "tests/host/fakes/ext2_world.h"
#include "tests/host/fakes/fake_bdev.h"
#include "tests/host/host.h"

#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"

/* A disk that debugfs changed by these requests, mounted. */
static void mount_image(const char *requests)
{
	char command[900];

	fake_clock_advance(5 * NSEC_PER_SEC); /* each test has all its lines */
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

/* Change the bytes of the one place on the disk that holds `from`. */
static void patch(const void *from, const void *to, size_t len)
{
	u32 found = 0;

	world_umount();
	for (u8 *p = fake_bdev[1].data; p < fake_bdev[1].data + fake_bdev[1].bytes - len; p++)
		if (memcmp(p, from, len) == 0) {
			memcpy(p, to, len);
			found++;
		}
	assert_int_equal(found, 1);
	assert_int_equal(world_mount(0), 0);
	fake_log_clear();
}

static void see(const char *name, u32 len, u8 dtype, void *arg)
{
	(void)dtype;
	(void)arg;
	assert_null(memchr(name, '/', len));
	assert_null(memchr(name, 0, len));
	assert_true(len > 0);
}

/* Names that no path can say: never listed, and no look-up passes them. */
static void test_names(void **state)
{
	/* Length, type and name of an entry as on the disk. */
	static const struct {
		const char *from, *to;
		size_t len;
	} bad[] = {
		{"\x13\1abcdefghij", "\x13\1../../../ab", 12},
		{"\x13\1abcdefghij", "\x13\1abcdefghi/", 12},
		{"\x13\1abcdefghij", "\x13\1abc\0efghij", 12},
		{"\x13\1abcdefghij", "\0\1abcdefghij", 12},
		{"\2\2zz", "\2\2/.", 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		mount_image("mkdir d\\nmkdir d/zz\\nwrite /dev/null d/abcdefghijklmnopqrs\\n"
			    "write /dev/null d/last\\n");
		patch(bad[i].from, bad[i].to, bad[i].len);
		assert_int_equal(world_list("/mnt/d", see, NULL), -EUCLEAN);
		assert_non_null(strstr(fake_log(), "bad name"));
		assert_int_equal(look("/mnt/d/last"), -EUCLEAN);
		assert_int_equal(world_mkdir("/mnt/e"), -EROFS);
		world_umount();
	}
}

/* "." and ".." that are not where they point to, or not there at all. */
static void test_dots(void **state)
{
	(void)state;
	mount_image("mkdir d\\nmkdir d/e\\nwrite /dev/null d/f\\nunlink d/e/.\\nln d/f d/e/.\\n");
	assert_int_equal(world_rmdir("/mnt/d/e"), -ENOTEMPTY);
	world_umount();
	mount_image("mkdir d\\nmkdir d/e\\nunlink d/e/..\\n");
	assert_int_equal(world_rename("/mnt/d/e", "/mnt/d/g"), 0);
	assert_int_equal(world_rename("/mnt/d/g", "/mnt/e"), -EUCLEAN);
	assert_non_null(strstr(fake_log(), "has no"));
	world_umount();
}

/* The text of a link ends where its size says, short and long. */
static void test_link_text(void **state)
{
	static const char *const names[] = {"/mnt/short", "/mnt/long"};
	char text[100], buf[100];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[99] = '\0';
	mount_image("");
	assert_int_equal(vfs_symlinkat("targetoflink", AT_FDCWD, names[0]), 0);
	assert_int_equal(vfs_symlinkat(text, AT_FDCWD, names[1]), 0);
	patch("targetoflink", "target\0flink", 12);
	text[50] = '\0';
	memset(buf, 'x', sizeof(buf));
	patch(buf, text, 99);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fake_log_clear();
		assert_int_equal(vfs_readlinkat(AT_FDCWD, names[i], buf, sizeof(buf)), -EUCLEAN);
		assert_int_equal(world_read(names[i], buf, 1, 0), -EUCLEAN);
		assert_non_null(strstr(fake_log(), "zero byte"));
	}
	world_umount();
}

static int lines_with(const char *text)
{
	int n = 0;

	for (const char *at = fake_log(); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

/* A program that looks again and again does not fill the log. */
static void test_lines_are_few(void **state)
{
	(void)state;
	mount_image("mkdir d\nwrite /dev/null d/abcdefghijkl\nmkdir e\nwrite /dev/null e/f\n");
	patch("\xc\1abcdefghijkl", "\xc\1abcdef/hijkl", 14);
	assert_int_equal(look("/mnt/d/other"), -EUCLEAN);
	assert_int_equal(lines_with("now read-only"), 1);
	for (u32 i = 0; i < 30; i++)
		assert_int_equal(look("/mnt/d/other"), -EUCLEAN);
	assert_int_equal(lines_with("bad name"), 1 + 10);
	fake_clock_advance(5 * NSEC_PER_SEC);
	fake_log_clear();
	assert_int_equal(look("/mnt/d/other"), -EUCLEAN);
	assert_int_equal(lines_with("20 more errors of filesystems\n"), 1);
	assert_int_equal(lines_with("bad name"), 1);
	world_umount();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_names),      cmocka_unit_test(test_loops),
		cmocka_unit_test(test_name_forgotten), cmocka_unit_test(test_names),
		cmocka_unit_test(test_dots),	       cmocka_unit_test(test_link_text),
		cmocka_unit_test(test_lines_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
