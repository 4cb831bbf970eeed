// uses: fs-cache vfs ext2 text user-copies fakes
/* ext2: single operations, each judged by e2fsck, and what debugfs says of the result. */
#include "tests/host/fakes/ext2_world.h"
#include "tests/host/fakes/fake_bdev.h"
#include "tests/host/host.h"

#include "block/genhd.h"
#include "fs/ext2/ext2_disk.h"
#include "fs/file.h"
#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static u8 buf[1 << 20];

static void start(const char *mkfs, u32 kib)
{
	world_mkfs(mkfs, kib);
	assert_int_equal(world_mount(0), 0);
}

static void finish(void)
{
	world_umount();
	world_fsck();
}

/* debugfs prints something that matches the pattern. */
static void assert_debugfs(const char *request, const char *pattern)
{
	char what[300];

	(void)snprintf(what, sizeof(what), "debugfs -R '%s' $IMG 2>&1 | grep -q '%s'", request,
		       pattern);
	if (world_run(what, false) != 0)
		fail_msg("debugfs %s: no \"%s\"", request, pattern);
}

static void test_super(void **state)
{
	(void)state;
	start("-b 1024", 8192);
	sync_all();
	assert_debugfs("stats", "Filesystem state: *not clean$");
	assert_debugfs("stats", "Mount count: *1$");
	world_fsck();
	finish();
	assert_debugfs("stats", "Filesystem state: *clean$");
	/* Read-only mounts write nothing at all. */
	fake_bdev[1].read_only = true;
	assert_true(world_mount(0) < 0);
	assert_int_equal(world_mount(MS_RDONLY), 0);
	assert_int_equal(world_mkdir("/mnt/d"), -EROFS);
	assert_int_equal(world_list("/mnt", NULL, NULL), 1);
	world_umount();
	assert_int_equal(fake_bdev[1].writes == 0, false); /* those of before */
	world_fsck();
}

static void test_remount(void **state)
{
	(void)state;
	start("-b 1024", 8192);
	assert_int_equal(world_write("/mnt/f", "abc", 3, 0), 3);
	assert_int_equal(world_mount(MS_REMOUNT | MS_RDONLY), 0);
	assert_debugfs("stats", "Filesystem state: *clean$");
	world_fsck();
	assert_int_equal(world_write("/mnt/f", "abc", 3, 0), -EROFS);
	assert_int_equal(world_mount(MS_REMOUNT), 0);
	assert_int_equal(world_write("/mnt/f", "abc", 3, 3), 3);
	finish();
	assert_debugfs("stats", "Mount count: *2$");
}

static void test_unlink_open(void **state)
{
	struct file *file;
	u64 before;

	(void)state;
	start("-b 1024", 8192);
	before = world_free_blocks(true);
	memset(buf, 'u', sizeof(buf));
	assert_int_equal(world_write("/mnt/f", buf, 600000, 0), 600000);
	file = filp_open("/mnt/f", O_RDONLY, 0);
	assert_false(IS_ERR(file));
	assert_int_equal(world_unlink("/mnt/f"), 0);
	assert_int_equal(kernel_read(file, buf, 10, 599990), 10);
	assert_int_equal(buf[9], 'u');
	assert_true(world_free_blocks(true) < before - 500);
	fput(file);
	assert_int_equal(world_free_blocks(true), before);
	finish();
}

static void test_nodes_and_owners(void **state)
{
	struct kstat st;
	struct path path;
	struct iattr attr = {.ia_valid = ATTR_UID | ATTR_GID | ATTR_MODE | ATTR_MTIME,
			     .ia_uid = 100000,
			     .ia_gid = 70000,
			     .ia_mode = 0751,
			     .ia_mtime = {.tv_sec = 5000000000, .tv_nsec = 123456789}};

	(void)state;
	start("-b 4096 -I 256", 8192);
	assert_int_equal(vfs_mknodat(AT_FDCWD, "/mnt/old", S_IFCHR | 0600, MKDEV(4, 64)), 0);
	assert_int_equal(vfs_mknodat(AT_FDCWD, "/mnt/new", S_IFBLK | 0600, MKDEV(259, 70000)), 0);
	assert_int_equal(world_write("/mnt/f", "x", 1, 0), 1);
	assert_int_equal(path_lookupat(AT_FDCWD, "/mnt/f", 0, &path), 0);
	assert_int_equal(vfs_setattr(&path, &attr), 0);
	path_put(&path);
	finish();
	assert_debugfs("stat old", "Device major/minor number: 04:64");
	assert_debugfs("stat new", "Device major/minor number: 259:70000");
	assert_debugfs("stat f", "User: 100000   Group: 70000");
	assert_debugfs("stat f", "Mode:  0751");
	assert_debugfs("stat f", "mtime: .*:1d6f3455");
	assert_debugfs("stat f", "crtime:");
	assert_int_equal(world_mount(0), 0);
	assert_int_equal(world_stat("/mnt/new", &st), 0);
	assert_int_equal(st.rdev, MKDEV(259, 70000));
	assert_int_equal(world_stat("/mnt/f", &st), 0);
	assert_int_equal(st.mtime.tv_sec, 5000000000);
	assert_int_equal(st.mtime.tv_nsec, 123456789);
	assert_int_equal(st.uid, 100000);
	finish();
}

static void test_links(void **state)
{
	char name[64];
	struct kstat st;

	(void)state;
	start("-b 4096", 32768);
	assert_int_equal(world_write("/mnt/f", "x", 1, 0), 1);
	for (u32 i = 1; i < EXT2_LINK_MAX; i++) {
		(void)snprintf(name, sizeof(name), "/mnt/lost+found/%05u", i);
		if (vfs_linkat(AT_FDCWD, "/mnt/f", AT_FDCWD, name, false) != 0)
			fail_msg("link %u", i);
		if (i == 100) /* the rest need not be searched again and again */
			i = EXT2_LINK_MAX - 100;
	}
	assert_int_equal(world_stat("/mnt/f", &st), 0);
	assert_int_equal(st.nlink, 200);
	finish();
}

static void test_emlink(void **state)
{
	(void)state;
	start("-b 4096", 8192);
	assert_int_equal(world_write("/mnt/f", "x", 1, 0), 1);
	assert_int_equal(world_mkdir("/mnt/d"), 0);
	world_umount();
	assert_int_equal(world_run("debugfs -w -R 'sif f links_count 32000' $IMG && "
				   "debugfs -w -R 'sif d links_count 32000' $IMG",
				   true),
			 0);
	assert_int_equal(world_mount(0), 0);
	assert_int_equal(vfs_linkat(AT_FDCWD, "/mnt/f", AT_FDCWD, "/mnt/g", false), -EMLINK);
	assert_int_equal(world_mkdir("/mnt/d/e"), -EMLINK);
	assert_int_equal(world_mkdir("/mnt/e"), 0);
	assert_int_equal(world_rename("/mnt/e", "/mnt/d/e"), -EMLINK);
	world_umount();
}

static void test_index_flag(void **state)
{
	(void)state;
	world_mkfs("-b 1024 -O dir_index", 8192);
	assert_int_equal(
		world_run("mkdir $IMG.d && cd $IMG.d && seq -f file%g 1 500 | xargs touch && cd / "
			  "&& rm -f $IMG && mke2fs -q -F -t ext2 -b 1024 -O dir_index -d $IMG.d "
			  "$IMG 8192 && rm -rf $IMG.d; e2fsck -fyD $IMG; debugfs -R 'htree /' $IMG "
			  "2>&1 | grep -q 'Root node dump'",
			  true),
		0);
	assert_int_equal(world_mount(0), 0);
	assert_int_equal(world_list("/mnt", NULL, NULL), 501);
	assert_int_equal(world_write("/mnt/file500", "y", 1, 0), 1);
	sync_all();
	assert_debugfs("htree /", "Root node dump");
	assert_int_equal(world_write("/mnt/one-more", "y", 1, 0), 1);
	assert_int_equal(world_unlink("/mnt/file7"), 0);
	finish();
	assert_debugfs("htree /", "Not a hash-indexed directory");
}

static void test_reserved_for_root(void **state)
{
	ssize_t n, total = 0;

	(void)state;
	start("-b 1024 -m 10", 4096);
	assert_int_equal(vfs_mknodat(AT_FDCWD, "/mnt/f", S_IFREG | 0644, 0), 0);
	assert_int_equal(world_mkdir("/mnt/d"), 0);
	{
		struct path path;
		struct iattr attr = {.ia_valid = ATTR_UID, .ia_uid = 1000};

		assert_int_equal(path_lookupat(AT_FDCWD, "/mnt/f", 0, &path), 0);
		assert_int_equal(vfs_setattr(&path, &attr), 0);
		path_put(&path);
	}
	world_as(1000);
	while ((n = world_write("/mnt/f", buf, 10000, total)) > 0)
		total += n;
	world_as(0);
	assert_int_equal(n, -ENOSPC);
	assert_true(world_free_blocks(false) < 3); /* a block and what it hangs on */
	assert_true(world_free_blocks(true) > 380);
	assert_int_equal(world_write("/mnt/f", buf, 10000, total), 10000);
	assert_int_equal(world_truncate("/mnt/f", 0), 0);
	assert_true(world_free_blocks(false) > 3000);
	finish();
}

/* Everything is full: what is there stays, and after rm all is free again. */
static void test_full(void **state)
{
	char name[300];
	u64 before;
	u32 i, last;
	int err = 0;

	(void)state;
	start("-b 1024 -m 0 -N 1000", 3000);
	before = world_free_blocks(true);
	assert_int_equal(world_mkdir("/mnt/dir"), 0);
	for (i = 0; err == 0; i++) {
		(void)snprintf(name, sizeof(name), "/mnt/dir/%0200u", i);
		memset(buf, (int)i, 8192);
		err = (int)min(world_write(name, buf, 8192, 0), (ssize_t)0);
	}
	assert_int_equal(err, -ENOSPC);
	last = i;
	assert_int_equal(world_mkdir("/mnt/other"), -ENOSPC);
	world_umount();
	world_fsck();
	assert_int_equal(world_mount(0), 0);
	for (i = 0; i + 1 < last; i++) {
		(void)snprintf(name, sizeof(name), "/mnt/dir/%0200u", i);
		ssize_t n = world_read(name, buf, 8192, 0);

		assert_true(n == 8192 || i + 2 >= last);
		assert_true(n == 0 || (buf[0] == (u8)i && buf[n - 1] == (u8)i));
	}
	for (i = 0; i < last; i++) {
		(void)snprintf(name, sizeof(name), "/mnt/dir/%0200u", i);
		err = world_unlink(name);
		assert_true(err == 0 || i + 1 == last);
	}
	assert_int_equal(world_rmdir("/mnt/dir"), 0);
	assert_int_equal(world_free_blocks(true), before);
	finish();
}

/* A write that finds too little room keeps nothing of what it has taken. */
static void test_short_of_room(void **state)
{
	ssize_t pos = 0;

	(void)state;
	start("-b 1024 -m 0", 2048);
	assert_int_equal(world_write("/mnt/f", "x", 1, 0), 1);
	assert_int_equal(world_write("/mnt/g", "x", 1, 0), 1);
	while (world_free_blocks(true) > 2) {
		assert_int_equal(world_write("/mnt/g", "x", 1, pos), 1);
		pos += 1024;
	}
	assert_int_equal(world_write("/mnt/f", buf, 4096, 4096), -ENOSPC);
	assert_int_equal(world_free_blocks(true), 2);
	assert_int_equal(world_write("/mnt/f", buf, 1024, 300000), -ENOSPC);
	assert_int_equal(world_free_blocks(true), 2);
	assert_int_equal(world_truncate("/mnt/f", 400000), 0); /* and in the middle of a hole */
	assert_int_equal(world_write("/mnt/f", buf, 1024, 300000), -ENOSPC);
	assert_int_equal(world_free_blocks(true), 2);
	assert_int_equal(world_mkdir("/mnt/d"), 0);
	assert_int_equal(vfs_symlinkat("short", AT_FDCWD, "/mnt/l"), 0);
	assert_int_equal(world_write("/mnt/f", "x", 1, 1024), 1);
	assert_int_equal(world_mkdir("/mnt/d/e"), -ENOSPC);
	assert_int_equal(world_free_blocks(true), 0);
	finish();
}

/* A shared block of attributes loses a user with each deleted file. */
static void test_xattr_block(void **state)
{
	(void)state;
	start("-b 1024 -I 128", 8192);
	assert_int_equal(world_write("/mnt/f", "x", 1, 0), 1);
	assert_int_equal(world_write("/mnt/g", "x", 1, 0), 1);
	assert_int_equal(vfs_symlinkat("target", AT_FDCWD, "/mnt/l"), 0);
	world_umount();
	/* f and g share theirs. */
	assert_int_equal(world_run("debugfs -w -R 'ea_set f user.a 12345678' $IMG && "
				   "debugfs -w -R 'ea_set l user.b 12345678' $IMG && "
				   "b=$(debugfs -R 'stat f' $IMG | "
				   "sed -n 's/.*File ACL: \\([0-9]*\\).*/\\1/p') && "
				   "debugfs -w -R \"sif g file_acl $b\" $IMG && "
				   "debugfs -w -R 'sif g blocks 4' $IMG && "
				   "printf '\\002' | dd of=$IMG bs=1 seek=$((b * 1024 + 4)) "
				   "conv=notrunc",
				   true),
			 0);
	world_fsck();
	assert_int_equal(world_mount(0), 0);
	assert_int_equal(vfs_readlinkat(AT_FDCWD, "/mnt/l", (char *)buf, 100), 6);
	assert_int_equal(world_write("/mnt/f", "yy", 2, 5000), 2);
	sync_all();
	world_fsck();
	assert_int_equal(world_unlink("/mnt/f"), 0);
	sync_all();
	world_fsck();
	assert_int_equal(world_unlink("/mnt/g"), 0);
	assert_int_equal(world_unlink("/mnt/l"), 0);
	finish();
}

/* The first file of 2 GiB brings the feature, and to a disk of revision 0 the revision. */
static void test_large_file(void **state)
{
	static const loff_t edge = INT32_MAX;
	struct ext2_super_block *super;
	char last[3];

	(void)state;
	for (u32 rev = 0; rev < 2; rev++) {
		world_mkfs(rev ? "-b 1024 -O ^large_file" : "-b 1024 -I 128 -O none", 8192);
		if (rev == 0)
			assert_int_equal(world_run("debugfs -w -R 'ssv rev_level 0' $IMG", true),
					 0);
		assert_int_equal(world_mount(0), 0);
		super = (void *)(fake_bdev[1].data + EXT2_SB_OFFSET);
		assert_int_equal(world_write("/mnt/f", "xy", 2, edge - 2), 2);
		sync_all();
		assert_int_equal(le32_to_cpu(super->s_rev_level), rev);
		assert_int_equal(le32_to_cpu(super->s_feature_ro_compat) & 2, 0);
		assert_int_equal(world_write("/mnt/f", "z", 1, edge), 1);
		sync_all();
		assert_int_equal(le32_to_cpu(super->s_rev_level), 1);
		assert_int_equal(world_truncate("/mnt/g", 5ll << 30), -ENOENT);
		assert_int_equal(world_write("/mnt/g", "far", 3, 5ll << 30), 3);
		assert_int_equal(world_truncate("/mnt/g", 7ll << 30), 0);
		world_umount();
		world_fsck();
		assert_debugfs("stats", "Filesystem features:.*large_file");
		assert_debugfs("stats", "Filesystem revision #: *1 ");
		assert_debugfs("stats", rev ? "Inode size:.*256$" : "Inode size:.*128$");
		assert_debugfs("stat f", "Size: 2147483648$");
		assert_debugfs("stat g", "Size: 7516192768$");
		assert_int_equal(world_mount(0), 0);
		assert_int_equal(world_read("/mnt/f", last, 3, edge - 2), 3);
		assert_memory_equal(last, "xyz", 3);
		assert_int_equal(world_read("/mnt/g", last, 3, 5ll << 30), 3);
		assert_memory_equal(last, "far", 3);
		assert_int_equal(world_mkdir("/mnt/d"), 0);
		assert_int_equal(world_unlink("/mnt/f"), 0);
		world_umount();
		world_fsck();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_super),	      cmocka_unit_test(test_remount),
		cmocka_unit_test(test_unlink_open),   cmocka_unit_test(test_nodes_and_owners),
		cmocka_unit_test(test_links),	      cmocka_unit_test(test_emlink),
		cmocka_unit_test(test_index_flag),    cmocka_unit_test(test_reserved_for_root),
		cmocka_unit_test(test_full),	      cmocka_unit_test(test_xattr_block),
		cmocka_unit_test(test_short_of_room), cmocka_unit_test(test_large_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
