// uses: block dm fake-driver text fakes
// sources: tests/host/fakes/block_model.c
/* One disk with several rings, and one that fails, against the model. */
#include "tests/host/fakes/block_model.h"
#include "tests/host/host.h"

static void switch_elevator(void)
{
	assert_int_equal(elevator_switch(disk_a.q, fake_random(2) ? "none" : "deadline"), 0);
	blk_queue_write_cache(disk_a.q, fake_random(2), fake_random(2));
	disk_a.ring_size = 1 + fake_random(8);
}

static void plain_disk(void **state)
{
	struct block_device *bdev;

	(void)state;
	make_disk(&disk_a, "vda", 3, 16);
	bdev = fake_open("vda");
	run_model(bdev, operations(4), 1, switch_elevator);
	assert_true(bdev->bd_stats.merges[0] > 0);
	assert_int_equal(bdev->bd_stats.in_flight, 0);
	for (u32 i = 0; i < nr_sectors; i++)
		assert_int_equal(get_tag(disk_a.data + i * 512), model[i]);
	blkdev_put(bdev, NULL);
}

static void move_bad_sector(void)
{
	settle();
	disk_a.bad_sector = fake_random(3) ? fake_random(DISK_SECTORS) : ~0ull;
}

/* With one bad sector only the bios that cover it fail. */
static void failing_disk(void **state)
{
	struct block_device *bdev;

	(void)state;
	make_disk(&disk_a, "vda", 1, 16);
	bdev = fake_open("vda");
	may_fail = true;
	rate = 512;
	run_model(bdev, operations(4), 0, move_bad_sector);
	may_fail = false;
	rate = 4096;
	assert_true(failures > 0 || operations(4) < 50000);
	for (u32 i = 0; i < nr_sectors; i++)
		if (model[i] != 0xffff)
			assert_int_equal(get_tag(disk_a.data + i * 512), model[i]);
	blkdev_put(bdev, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(plain_disk),
		T(failing_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
