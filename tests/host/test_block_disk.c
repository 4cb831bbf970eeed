// uses: block fake-driver text fakes
// sources: tests/host/fakes/block_world.c
/* Disks: their names, who may claim them, and their removal. */
#include "tests/host/fakes/block_world.h"
#include "tests/host/host.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"

static void names_and_claims(void **state)
{
	char name[16];
	int one, two;

	(void)state;
	disk_name_format("vd", 0, name, sizeof(name));
	assert_string_equal(name, "vda");
	disk_name_format("vd", 25, name, sizeof(name));
	assert_string_equal(name, "vdz");
	disk_name_format("vd", 26, name, sizeof(name));
	assert_string_equal(name, "vdaa");
	disk_name_format("vd", 27 * 26, name, sizeof(name));
	assert_string_equal(name, "vdaaa");
	assert_int_equal(MAJOR(MKDEV(254, 70000)), 254);
	assert_int_equal(MINOR(MKDEV(254, 70000)), 70000);
	assert_int_equal(blk_lookup_devt("/dev/vda"), bdev->bd_dev);
	snprintf(name, sizeof(name), "%u:0", MAJOR(bdev->bd_dev));
	assert_int_equal(blk_lookup_devt(name), bdev->bd_dev);
	assert_int_equal(blk_lookup_devt("999:0"), 0);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, true, &one), bdev);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, true, &one), bdev);
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, true, &two)), -EBUSY);
	blkdev_put(bdev, &one);
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, true, &two)), -EBUSY);
	blkdev_put(bdev, &one);
	assert_ptr_equal(blkdev_get_by_dev(bdev->bd_dev, true, &two), bdev);
	blkdev_put(bdev, &two);
	assert_int_equal(register_blkdev(0, "a"), 254);
	assert_int_equal(register_blkdev(0, "b"), 253);
	assert_int_equal(register_blkdev(253, "c"), -EBUSY);
	unregister_blkdev(254);
	unregister_blkdev(253);
}

static bool only_time_passes(void)
{
	return false;
}

/* The watchdog looks on while a disk is removed, or the removal would wait for ever. */
static void a_disk_that_hangs_is_removed(void **state)
{
	(void)state;
	send_bio(REQ_OP_READ, 0, 8, 'r');
	drain();
	fake_clock_advance(20 * NSEC_PER_SEC);
	send_bio(REQ_OP_READ, 64, 8, 'r');
	fake_schedule_hook = only_time_passes;
	del_gendisk(d.disk);
	fake_schedule_hook = fake_disks_progress;
	assert_int_equal(d.nr_timeouts, 1);
	assert_int_equal(ended, 2);
	assert_int_equal(errors, 1);
	fake_disk_free(&d);
	blkdev_put(bdev, NULL);
	block_setup(NULL);
}

static void a_removed_disk_fails_its_io(void **state)
{
	struct bio *bio;

	(void)state;
	send_bio(REQ_OP_READ, 0, 8, 'r');
	del_gendisk(d.disk);
	assert_int_equal(ended, 1); /* waited for */
	assert_int_equal(errors, 0);
	fake_disk_free(&d);
	/* The opener still has it. */
	bio = fake_bio(bdev, REQ_OP_READ, 0, 8, 0);
	assert_int_equal(submit_bio_wait(bio), -EIO);
	fake_bio_free(bio);
	assert_int_equal(bdev_logical_block_size(bdev), 512);
	assert_int_equal(blk_lookup_devt("vda"), 0);
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(bdev->bd_dev, false, NULL)), -ENXIO);
	blkdev_put(bdev, NULL);
	assert_int_equal(fake_kmalloc_live(), 0);
	block_setup(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_and_claims),
		T(a_disk_that_hangs_is_removed),
		T(a_removed_disk_fails_its_io),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
