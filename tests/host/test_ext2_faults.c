// uses: fs-cache vfs ext2 text user-copies fakes
/* ext2: memory that runs out at each point, disks that fail, and images that lie. */
#include "tests/host/fakes/ext2_world.h"
#include "tests/host/fakes/fail.h"
#include "tests/host/fakes/fake_bdev.h"
#include "tests/host/host.h"

#include "fs/ext2/ext2_disk.h"
#include "fs/file.h"
#include "fs/super.h"
#include "fs/vfs/namei.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/page.h"

static u8 buf[1 << 17];

static struct ext2_super_block *super(void)
{
	return (void *)(fake_bdev[1].data + EXT2_SB_OFFSET);
}

/* --- features ----------------------------------------------------------------------------- */

static void test_features(void **state)
{
	(void)state;
	world_mkfs("-b 1024", 4096);
	super()->s_feature_incompat = cpu_to_le32(0x2 | 0x4 | 0x40 | 0x80000000);
	fake_log_clear();
	assert_int_equal(world_mount(0), -EINVAL);
	assert_non_null(strstr(fake_log(), "recover (journal to replay) extents unknown\n"));
	super()->s_feature_incompat = cpu_to_le32(0x2);
	super()->s_feature_ro_compat = cpu_to_le32(0x3 | 0x10);
	assert_int_equal(world_mount(0), 0);
	assert_non_null(strstr(fake_log(), "uninit_bg"));
	assert_int_equal(world_mkdir("/mnt/d"), -EROFS);
	assert_int_equal(world_mount(MS_REMOUNT), -EROFS);
	world_umount();
	super()->s_rev_level = cpu_to_le32(2);
	assert_int_equal(world_mount(0), -EINVAL);
	super()->s_magic = cpu_to_le16(0x1234);
	fake_log_clear();
	assert_int_equal(world_mount(0), -EINVAL);
	assert_non_null(strstr(fake_log(), "magic 0x1234, wanted 0xef53"));
}

static void test_truncated(void **state)
{
	(void)state;
	world_mkfs("-b 4096", 8192);
	assert_int_equal(world_run("truncate -s 5M $IMG", true), 0);
	fake_log_clear();
	assert_int_equal(world_mount(0), -EUCLEAN);
	assert_non_null(strstr(fake_log(), "truncated"));
	assert_int_equal(world_run("truncate -s 512 $IMG", true), 0);
	assert_true(world_mount(0) < 0);
	assert_int_equal(world_run("truncate -s 0 $IMG", true), 0);
	assert_true(world_mount(0) < 0);
}

/* --- no memory ---------------------------------------------------------------------------- */

static int op_create(void)
{
	return (int)min(world_write("/mnt/d/new", buf, 9000, 300000), (ssize_t)0);
}
static int op_mkdir(void)
{
	return world_mkdir("/mnt/d/dir");
}
static int op_symlink(void)
{
	memset(buf, 's', 500);
	buf[500] = '\0';
	return vfs_symlinkat((char *)buf, AT_FDCWD, "/mnt/d/link");
}
static int op_rename(void)
{
	return world_rename("/mnt/a", "/mnt/d/b");
}
static int op_rename_over(void)
{
	return world_rename("/mnt/big", "/mnt/d/c");
}
static int op_unlink(void)
{
	return world_unlink("/mnt/big");
}
static int op_truncate(void)
{
	return world_truncate("/mnt/big", 5000);
}
static int op_list(void)
{
	return min(world_list("/mnt/full", NULL, NULL), 0);
}
static int op_read(void)
{
	return (int)min(world_read("/mnt/big", buf, 50000, 200000), (ssize_t)0);
}

static void populate(void)
{
	char name[300];

	assert_int_equal(world_mkdir("/mnt/d"), 0);
	assert_int_equal(world_mkdir("/mnt/a"), 0);
	assert_int_equal(world_mkdir("/mnt/full"), 0);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "/mnt/%s/%0200d", i % 2 ? "full" : "d", i);
		assert_int_equal(world_write(name, "x", 1, 0), 1);
	}
	memset(buf, 'b', sizeof(buf));
	assert_int_equal(world_write("/mnt/big", buf, 100000, 200000), 100000);
	assert_int_equal(world_write("/mnt/d/c", "c", 1, 0), 1);
	assert_int_equal(world_write("/mnt/sparse", "c", 1, 70000000), 1);
	assert_int_equal(vfs_symlinkat("short", AT_FDCWD, "/mnt/fast"), 0);
	memset(buf, 'l', 300);
	buf[300] = '\0';
	assert_int_equal(vfs_symlinkat((char *)buf, AT_FDCWD, "/mnt/slow"), 0);
}

static u8 *saved;
static u64 saved_bytes;

static void save_image(const char *mkfs, u32 kib)
{
	world_mkfs(mkfs, kib);
	assert_int_equal(world_mount(0), 0);
	populate();
	world_umount();
	saved_bytes = fake_bdev[1].bytes;
	saved = malloc(saved_bytes);
	memcpy(saved, fake_bdev[1].data, saved_bytes);
}

static void load_saved(void)
{
	u8 *copy = malloc(saved_bytes);

	memcpy(copy, saved, saved_bytes);
	fake_bdev_load(1, copy, saved_bytes);
}

/* Has the allocation that mm_fail_after() chose come? */
static bool failure_came(void)
{
	for (int i = 0; i < 1000; i++)
		if (fake_should_fail())
			return false;
	return true;
}

/* Every allocation of the operation fails in turn: an error or success, never damage. */
static void without_memory(int (*op)(void))
{
	bool came = true;

	save_image("-b 1024 -I 256", 2048);
	for (u32 n = 1; came; n++) {
		int err;

		load_saved();
		assert_int_equal(world_mount(0), 0);
		(void)fake_shrink(100000);
		mm_fail_after(n);
		err = op();
		came = failure_came();
		if (err != 0 && err != -ENOMEM)
			fail_msg("allocation %u: error %d", n, err);
		world_umount();
		world_fsck();
	}
	free(saved);
}

static void test_no_memory(void **state)
{
	(void)state;
	without_memory(op_create);
	without_memory(op_mkdir);
	without_memory(op_symlink);
	without_memory(op_rename);
	without_memory(op_rename_over);
	without_memory(op_unlink);
	without_memory(op_truncate);
	without_memory(op_list);
	without_memory(op_read);
}

static void test_no_memory_to_mount(void **state)
{
	int err = -1;
	size_t live;

	(void)state;
	world_mkfs("-b 1024", 2048);
	assert_int_equal(world_mount(0), 0);
	world_umount();
	(void)fake_shrink(100000);
	live = fake_kmalloc_live();
	for (u32 n = 1; err; n++) {
		mm_fail_after(n);
		err = world_mount(0);
		mm_fail_after(0);
		assert_true(err == 0 || err == -ENOMEM);
	}
	world_umount();
	(void)fake_shrink(100000);
	assert_int_equal(fake_kmalloc_live(), live);
	world_fsck();
}

/* --- lies --------------------------------------------------------------------------------- */

#define MAX_NAMES 40

struct names {
	char name[MAX_NAMES][256];
	int count;
};

static void collect(const char *name, u32 len, u8 dtype, void *arg)
{
	struct names *names = arg;

	(void)dtype;
	if (names->count < MAX_NAMES && !memchr(name, '/', len))
		(void)snprintf(names->name[names->count++], 256, "%.*s", (int)len, name);
}

static void walk(const char *path, int depth);

static void walk_dir(const char *path, int depth)
{
	struct names *names = calloc(1, sizeof(*names));
	char sub[2000];

	(void)!world_list(path, collect, names);
	for (int i = 0; i < names->count; i++)
		if (snprintf(sub, sizeof(sub), "%s/%s", path, names->name[i]) < (int)sizeof(sub))
			walk(sub, depth + 1);
	free(names);
}

/* Use everything that a path leads to; what comes back does not matter. */
static void walk(const char *path, int depth)
{
	struct kstat st;

	if (depth > 4 || world_stat(path, &st) != 0)
		return;
	if (S_ISDIR(st.mode)) {
		walk_dir(path, depth);
	} else if (S_ISREG(st.mode)) {
		(void)!world_read(path, buf, 60000, 0);
		(void)!world_read(path, buf, 60000, st.size / 2);
		(void)!world_write(path, "zz", 2, st.size / 3);
		(void)!world_truncate(path, st.size / 2 + 1);
	} else if (S_ISLNK(st.mode)) {
		(void)!vfs_readlinkat(AT_FDCWD, path, (char *)buf, sizeof(buf));
	}
}

static void use_everything(void)
{
	if (world_mount(0) != 0)
		return;
	walk("/mnt", 0);
	(void)!world_write("/mnt/d/more", buf, 100000, 0);
	(void)!world_mkdir("/mnt/d/dir");
	(void)!vfs_linkat(AT_FDCWD, "/mnt/d/c", AT_FDCWD, "/mnt/l", false);
	(void)!world_rename("/mnt/a", "/mnt/d/b");
	(void)!world_unlink("/mnt/big");
	(void)!world_unlink("/mnt/sparse");
	(void)!world_rmdir("/mnt/full");
	sync_all();
	world_umount();
	(void)fake_shrink(100000);
}

/* Blocks that hold something, metadata first among them. */
static u64 random_used_byte(void)
{
	for (;;) {
		u64 limit = random() % 3 ? 100 * 1024 : saved_bytes;
		u64 pos = (u64)random() % limit;

		if (saved[pos] != 0 || random() % 50 == 0)
			return pos;
	}
}

static void bit_flips(const char *mkfs, u32 kib, u32 rounds)
{
	u32 first = host_seed(0);

	save_image(mkfs, kib);
	for (u32 i = 0; i < rounds; i++) {
		srandom(first + i);
		load_saved();
		for (long flips = 1 + random() % 4; flips > 0; flips--)
			fake_bdev[1].data[random_used_byte()] ^= (u8)(1u << random() % 8);
		use_everything();
	}
	free(saved);
}

static void test_bit_flips(void **state)
{
	(void)state;
	bit_flips("-b 1024 -I 128", 2048, 600);
	bit_flips("-b 1024 -I 256 -g 256", 1500, 300);
	bit_flips("-b 4096 -I 256", 4096, 300);
}

/* A number in the metadata becomes another one that is likely to hurt. */
static void test_wrong_numbers(void **state)
{
	static const u32 values[] = {0, 1, 2, 3, 5, 8, 11, 12, 1000, 0x7fffffff, 0xffffffff};

	u32 first = host_seed(7);

	(void)state;
	save_image("-b 1024 -I 128", 2048);
	for (u32 i = 0; i < 800; i++) {
		u64 pos;

		srandom(first + i);
		load_saved();
		pos = random_used_byte() & ~3ull;
		memcpy(fake_bdev[1].data + pos, &values[random() % (long)ARRAY_SIZE(values)], 4);
		use_everything();
	}
	free(saved);
}

/* A block map that loops ends soon, and the filesystem turns read-only with its error flag set. */
static void test_loop(void **state)
{
	struct path path;

	(void)state;
	world_mkfs("-b 1024 -I 128", 2048);
	assert_int_equal(world_mount(0), 0);
	assert_int_equal(world_write("/mnt/f", "x", 1, 70000000), 1);
	world_umount();
	/* The triple indirect block names itself. */
	assert_int_equal(
		world_run("b=$(debugfs -R 'stat f' $IMG 2>/dev/null | "
			  "sed -n 's/.*(TIND):\\([0-9]*\\).*/\\1/p') && "
			  "for i in $(seq 0 255); do printf '\\\\x%02x\\\\x%02x\\\\0\\\\0' "
			  "$((b % 256)) $((b / 256)); done | xargs -0 printf | "
			  "dd of=$IMG bs=1024 seek=$b conv=notrunc",
			  true),
		0);
	assert_int_equal(world_mount(0), 0);
	fake_log_clear();
	assert_int_equal(world_truncate("/mnt/f", 0), -EUCLEAN);
	assert_non_null(strstr(fake_log(), "free already"));
	assert_int_equal(world_mkdir("/mnt/d"), -EROFS);
	assert_int_equal(path_lookupat(AT_FDCWD, "/mnt/f", 0, &path), 0);
	path_put(&path);
	world_umount();
	assert_true(le16_to_cpu(super()->s_state) & EXT2_ERROR_FS);
	assert_false(le16_to_cpu(super()->s_state) & EXT2_VALID_FS);
}

/* The last entry of a directory says that it reaches into the next block. */
static void test_bad_entry(void **state)
{
	(void)state;
	world_mkfs("-b 4096", 4096);
	assert_int_equal(world_mount(0), 0);
	assert_int_equal(world_mkdir("/mnt/d"), 0);
	assert_int_equal(world_write("/mnt/d/last", "x", 1, 0), 1);
	world_umount();
	for (u8 *p = fake_bdev[1].data; p < fake_bdev[1].data + fake_bdev[1].bytes - 4; p += 4)
		if (memcmp(p, "last", 4) == 0)
			((struct ext2_dir_entry *)(void *)(p - 8))->rec_len = cpu_to_le16(4096);
	assert_int_equal(world_mount(0), 0);
	fake_log_clear();
	assert_int_equal(world_list("/mnt/d", NULL, NULL), -EUCLEAN);
	assert_non_null(strstr(fake_log(), "bad entry"));
	assert_int_equal(world_mkdir("/mnt/e"), -EROFS);
	world_umount();
}

static void test_io_errors(void **state)
{
	(void)state;
	save_image("-b 1024 -I 128", 2048);
	for (u64 sector = 0; sector < 300; sector += 2) {
		load_saved();
		fake_bdev[1].bad_start = sector;
		fake_bdev[1].bad_end = sector + 2;
		use_everything();
	}
	free(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features),  cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_no_memory_to_mount),
		cmocka_unit_test(test_bit_flips), cmocka_unit_test(test_wrong_numbers),
		cmocka_unit_test(test_loop),	  cmocka_unit_test(test_io_errors),
		cmocka_unit_test(test_bad_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
