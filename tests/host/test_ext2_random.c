// uses: fs-cache vfs ext2 text user-copies fakes
// sources: tests/host/fakes/ext2_model.c
/* ext2: random operations against a model in memory, judged by e2fsck and debugfs. */
#include "tests/host/fakes/ext2_model.h"
#include "tests/host/fakes/ext2_world.h"
#include "tests/host/host.h"

#include "fs/super.h"

#define MOUNTS 5
#define OPS    250

static void torture(const char *mkfs, u32 kib, u32 blocksize, u64 max_size, bool tight)
{
	struct model_limits limits = {.max_size = max_size, .blocksize = blocksize, .tight = tight};

	srandom(host_seed(blocksize + kib));
	world_mkfs(mkfs, kib);
	model_reset(&limits);
	for (int i = 0; i < MOUNTS; i++) {
		assert_int_equal(world_mount(0), 0);
		model_verify();
		for (int op = 0; op < OPS; op++) {
			model_random_op();
			if (op % 50 == 0)
				sync_all();
			if (op % 70 == 0)
				(void)fake_shrink(1000);
		}
		model_verify();
		sync_all();
		world_fsck();
		world_umount();
		world_fsck();
		model_verify_outside();
	}
}

#define TORTURE(name, mkfs, kib, blocksize, max_size, tight)    \
	static void name(void **state)                          \
	{                                                       \
		(void)state;                                    \
		torture(mkfs, kib, blocksize, max_size, tight); \
	}

TORTURE(test_1k, "-b 1024 -I 128", 65536, 1024, 1ull << 33, false)
TORTURE(test_2k, "-b 2048 -I 256 -O ^filetype", 65536, 2048, 1ull << 33, false)
TORTURE(test_4k, "-b 4096 -I 256", 98304, 4096, 1ull << 34, false)
TORTURE(test_1k_wide, "-b 1024 -I 256 -O ^sparse_super,^resize_inode", 65536, 1024, 1ull << 33,
	false)
TORTURE(test_rev0, "-b 1024 -r 0", 65536, 1024, 1ull << 31, false)
TORTURE(test_rev0_4k, "-b 4096 -r 0", 65536, 4096, 1ull << 31, false)
TORTURE(test_1k_full, "-b 1024 -N 64", 1500, 1024, 1ull << 33, true)
TORTURE(test_4k_full, "-b 4096 -N 64", 2500, 4096, 1ull << 33, true)
TORTURE(test_groups_full, "-b 1024 -g 512 -N 300", 3000, 1024, 1ull << 33, true)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_1k),	    cmocka_unit_test(test_2k),
		cmocka_unit_test(test_4k),	    cmocka_unit_test(test_1k_wide),
		cmocka_unit_test(test_rev0),	    cmocka_unit_test(test_rev0_4k),
		cmocka_unit_test(test_1k_full),	    cmocka_unit_test(test_4k_full),
		cmocka_unit_test(test_groups_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
