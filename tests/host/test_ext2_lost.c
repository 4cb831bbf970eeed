// uses: fs-cache vfs ext2 text user-copies fakes
/* ext2: what is deleted is freed, and what the superblock says of itself is true. */
#include "tests/host/fakes/ext2_world.h"
#include "tests/host/fakes/fake_bdev.h"
#include "tests/host/host.h"

#include "block/genhd.h"
#include "fs/dcache.h"
#include "fs/ext2/ext2_disk.h"
#include "fs/file.h"
#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static void start(void)
{
	world_mkfs("-b 1024", 8192);
	assert_int_equal(world_mount(0), 0);
}

static const struct ext2_super_block *super(void)
{
	return (const void *)(fake_bdev[1].data + EXT2_SB_OFFSET);
}

static bool says_clean(void)
{
	return le16_to_cpu(super()->s_state) & EXT2_VALID_FS;
}

static void look_up_missing(const char *name)
{
	struct kstat stat;

	assert_int_equal(world_stat(name, &stat), -ENOENT);
}

static u64 free_inodes(void)
{
	struct kstatfs st;
	struct path path;

	assert_int_equal(path_lookupat(AT_FDCWD, "/mnt", LOOKUP_FOLLOW, &path), 0);
	assert_int_equal(vfs_statfs(&path, &st), 0);
	path_put(&path);
	return st.f_ffree;
}

/* --- removed directories ------------------------------------------------------------------ */

/* What is removed is free at once, and keeps the filesystem neither busy nor dirty. */
static void assert_free_again(u64 blocks, u64 inodes)
{
	assert_int_equal(world_free_blocks(true), blocks);
	assert_int_equal(free_inodes(), inodes);
	assert_int_equal(world_mount(MS_REMOUNT | MS_RDONLY), 0);
	world_fsck();
	assert_true(says_clean());
	assert_int_equal(world_mount(MS_REMOUNT), 0);
}

static void test_rmdir_after_failed_lookup(void **state)
{
	u64 blocks, inodes;

	(void)state;
	start();
	blocks = world_free_blocks(true);
	inodes = free_inodes();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(world_mkdir("/mnt/d"), 0);
		look_up_missing("/mnt/d/missing");
		look_up_missing("/mnt/d/other");
		assert_int_equal(world_rmdir("/mnt/d"), 0);
		look_up_missing("/mnt/d/missing");
	}
	assert_free_again(blocks, inodes);
	world_umount();
	world_fsck();
}

static void test_replaced_after_failed_lookup(void **state)
{
	u64 blocks, inodes;

	(void)state;
	start();
	assert_int_equal(world_mkdir("/mnt/keep"), 0);
	blocks = world_free_blocks(true);
	inodes = free_inodes();
	assert_int_equal(world_mkdir("/mnt/d"), 0);
	look_up_missing("/mnt/d/missing");
	look_up_missing("/mnt/keep/missing");
	assert_int_equal(world_rename("/mnt/keep", "/mnt/d"), 0);
	look_up_missing("/mnt/keep");
	assert_int_equal(world_mkdir("/mnt/d/missing"), 0);
	assert_int_equal(world_rmdir("/mnt/d/missing"), 0);
	assert_free_again(blocks, inodes);
	world_umount();
	world_fsck();
}

/* A look-up that is under way while the directory is removed keeps its dentry a little longer. */
static void test_rmdir_during_lookup(void **state)
{
	u64 blocks, inodes;
	struct path dir;
	struct dentry *missing;
	struct qstr name = {"missing", 7, qstr_hash("missing", 7)};

	(void)state;
	start();
	blocks = world_free_blocks(true);
	inodes = free_inodes();
	assert_int_equal(world_mkdir("/mnt/d"), 0);
	look_up_missing("/mnt/d/missing");
	assert_int_equal(path_lookupat(AT_FDCWD, "/mnt/d", 0, &dir), 0);
	missing = d_lookup(dir.dentry, &name);
	assert_non_null(missing);
	assert_int_equal(world_rmdir("/mnt/d"), 0);
	assert_null(d_lookup(dir.dentry, &name));
	path_put(&dir);
	dput(missing);
	assert_free_again(blocks, inodes);
	world_umount();
	world_fsck();
}

/* --- the state of the filesystem ---------------------------------------------------------- */

/* All writes fail but those of the superblock and the descriptors. */
static void break_disk(bool broken)
{
	fake_bdev[1].bad_start = broken ? 8 : 0;
	fake_bdev[1].bad_end = broken ? fake_bdev[1].bytes / SECTOR_SIZE : 0;
}

static void test_not_clean_after_failed_umount(void **state)
{
	(void)state;
	start();
	assert_int_equal(world_write("/mnt/f", "abc", 3, 0), 3);
	break_disk(true);
	assert_int_equal(do_umount("/mnt", 0), -EIO);
	break_disk(false);
	assert_false(says_clean());
	/* It is unmounted all the same, and the device is free. */
	look_up_missing("/mnt/f");
	assert_int_equal(world_mount(0), 0);
	world_umount();
	assert_false(says_clean());
}

static void test_not_clean_after_failed_sync(void **state)
{
	(void)state;
	start();
	assert_int_equal(world_write("/mnt/f", "abc", 3, 0), 3);
	break_disk(true);
	assert_int_equal(world_mount(MS_REMOUNT | MS_RDONLY), -EIO);
	break_disk(false);
	assert_false(says_clean());
	/* What was lost then stays lost. */
	assert_int_equal(world_mount(MS_REMOUNT | MS_RDONLY), 0);
	assert_false(says_clean());
	assert_int_equal(world_mount(MS_REMOUNT), 0);
	assert_int_equal(do_umount("/mnt", 0), -EIO);
	assert_false(says_clean());
	assert_int_equal(world_run("e2fsck -fy $IMG || true", true), 0);
	assert_int_equal(world_mount(0), 0);
	world_umount();
	assert_true(says_clean());
	world_fsck();
}

static void test_not_clean_with_orphan_at_the_end(void **state)
{
	struct file *file;

	(void)state;
	start();
	assert_int_equal(world_write("/mnt/f", "abc", 3, 0), 3);
	file = filp_open("/mnt/f", O_RDONLY, 0);
	assert_false(IS_ERR(file));
	assert_int_equal(world_unlink("/mnt/f"), 0);
	assert_int_equal(world_mount(MS_REMOUNT | MS_RDONLY), -EBUSY);
	super_emergency_remount_ro();
	assert_false(says_clean());
	fput(file);
	world_umount();
	assert_false(says_clean());
	assert_int_equal(do_mount(NULL, "/", NULL, MS_REMOUNT, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rmdir_after_failed_lookup),
		cmocka_unit_test(test_replaced_after_failed_lookup),
		cmocka_unit_test(test_rmdir_during_lookup),
		cmocka_unit_test(test_not_clean_after_failed_umount),
		cmocka_unit_test(test_not_clean_after_failed_sync),
		cmocka_unit_test(test_not_clean_with_orphan_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
