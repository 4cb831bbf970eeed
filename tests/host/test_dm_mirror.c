// uses: block dm fake-driver text fakes
// sources: tests/host/fakes/block_model.c
/* Mirrors whose legs fail and are rebuilt, against the model. */
#include "tests/host/fakes/block_model.h"
#include "tests/host/host.h"

#include "block/dm/dm.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/sched/thread.h"

static u32 phase, rebuilds, fail_step;
static struct block_device *mirror_bdev;

/* While the rebuilding thread sleeps, others go on writing. */
static bool submit_and_progress(void)
{
	static bool inside;
	bool submit = !inside && !current_thread()->bio_list && flying < MAX_FLYING;

	if (submit && fake_random(2)) {
		inside = true;
		submit_random(mirror_bdev, 0);
		inside = false;
		return true;
	}
	return fake_disks_progress();
}

/* Break a leg, mend it, rebuild it, and again; never the other one meanwhile. */
static void break_and_mend(void)
{
	struct block_device *dm = fake_open("dm-0");

	settle(); /* a write that fails now would end the rebuilding */
	disk_a.bad_sector = disk_b.bad_sector = ~0ull;
	if (phase % 2 == 0) {
		if (fake_random(2))
			disk_a.bad_sector = fake_random(1000);
		else
			disk_b.bad_sector = fake_random(1000);
	} else {
		assert_int_equal(dm->bd_disk->fops->ioctl(dm, DM_MIRROR_REBUILD, 0), 0);
		mirror_bdev = dm;
		fake_schedule_hook = submit_and_progress;
		fake_run_pending();
		fake_schedule_hook = fake_disks_progress;
		settle();
		rebuilds++;
		for (u32 i = 0; i < nr_sectors; i++) {
			assert_int_equal(tag_at(&disk_a, i), model[i]);
			assert_int_equal(tag_at(&disk_b, i + 8), model[i]);
		}
	}
	phase++;
	blkdev_put(dm, NULL);
}

static void mirror_with_failing_legs(void **state)
{
	(void)state;
	make_three();
	rate = 256;
	memset(disk_b.data, 7, DISK_BYTES); /* copied over at the start */
	stacked("mir,,,rw,0 1001 mirror core 1 64 2 vda 0 vdb 8", operations(8), 0, break_and_mend);
	assert_int_equal(failures, 0);
	assert_true(rebuilds > 1 || operations(8) < 50000);
	assert_non_null(strstr(fake_log(), "failed and is dropped"));
	assert_non_null(strstr(fake_log(), "is in sync"));
}

/* A leg fails while it is rebuilt, and is asked for again before the copy can notice. */
static bool fail_and_ask_again(void)
{
	struct op *o = ops;

	if (fail_step == 0 && disk_b.kinds[REQ_OP_WRITE] >= 9 && !current_thread()->bio_list) {
		disk_b.bad_sector = 4 + 8; /* long copied */
		*o = (struct op){.used = true, .sector = 4, .sectors = 1, .tag = 777};
		o->op = REQ_OP_WRITE;
		o->bio = random_bio(mirror_bdev, o);
		o->bio->bi_opf |= REQ_SYNC;
		o->bio->bi_private = o;
		o->bio->bi_end_io = op_end;
		flying++;
		fail_step++;
		submit_bio(o->bio);
		return true;
	}
	if (fail_step == 1 && strstr(fake_log(), "failed and is dropped")) {
		disk_b.bad_sector = ~0ull;
		assert_int_equal(
			mirror_bdev->bd_disk->fops->ioctl(mirror_bdev, DM_MIRROR_REBUILD, 0), 0);
		fail_step++;
		return true;
	}
	return fake_disks_progress();
}

static void legs_are_equal(u32 sectors)
{
	for (u32 i = 0; i < sectors; i++)
		assert_int_equal(tag_at(&disk_a, i), tag_at(&disk_b, i + 8));
}

static void mirror_asked_again_while_rebuilding(void **state)
{
	(void)state;
	make_three();
	blk_queue_write_cache(disk_b.q, true, false);
	for (u32 i = 0; i < DISK_SECTORS; i++)
		put_tag(disk_a.data + i * 512, (u16)(1 + i));
	cmdline_init("\"dm-mod.create=mir,,,rw,0 2000 mirror core 1 64 2 vda 0 vdb 8\"");
	dm_init();
	mirror_bdev = fake_open("dm-0");
	fake_schedule_hook = fail_and_ask_again;
	fake_run_pending();
	settle();
	assert_int_equal(fail_step, 2);
	assert_non_null(strstr(fake_log(), "leg 1 could not be rebuilt"));
	assert_non_null(strstr(fake_log(), "leg 1 is in sync"));
	assert_int_equal(tag_at(&disk_a, 4), 777);
	legs_are_equal(2000);
	/* What the first leg had made durable is so on the second before it may do without it. */
	assert_memory_equal(disk_b.durable, disk_b.data, DISK_BYTES);
	blkdev_put(mirror_bdev, NULL);
}

/* The same at random: writes, failures of the leg and wishes to rebuild it while it is rebuilt.
 * Whenever a leg is said to be in sync, and not dropped afterwards, it is. */
static bool fail_and_mend(void)
{
	if (fake_random(16) == 0)
		disk_b.bad_sector = fake_random(2) ? 8 + fake_random(1000) : ~0ull;
	if (fake_random(16) == 0)
		assert_int_equal(
			mirror_bdev->bd_disk->fops->ioctl(mirror_bdev, DM_MIRROR_REBUILD, 0), 0);
	return submit_and_progress();
}

static const char *last_of(const char *what)
{
	const char *at = fake_log(), *last = NULL;

	for (; (at = strstr(at, what)) != NULL; at++)
		last = at;
	return last;
}

static void mirror_fails_while_rebuilding(void **state)
{
	u32 in_sync = 0, rounds = 2 + operations(2000);

	(void)state;
	make_three();
	cmdline_init("\"dm-mod.create=mir,,,rw,0 1001 mirror core 1 64 2 vda 0 vdb 8\"");
	dm_init();
	mirror_bdev = fake_open("dm-0");
	nr_sectors = 1001;
	for (u32 n = 0; n < rounds; n++) {
		fake_log_clear();
		disk_b.bad_sector = 8 + n % 1000;
		assert_int_equal(blkdev_issue_zeroout(mirror_bdev, n % 1000, 1), 0);
		model[n % 1000] = 0;
		disk_b.bad_sector = ~0ull;
		assert_int_equal(
			mirror_bdev->bd_disk->fops->ioctl(mirror_bdev, DM_MIRROR_REBUILD, 0), 0);
		fake_schedule_hook = fail_and_mend;
		fake_run_pending();
		fake_schedule_hook = fake_disks_progress;
		disk_b.bad_sector = ~0ull;
		settle();
		if (last_of("is in sync") > last_of("failed and is dropped")) {
			legs_are_equal(1001);
			in_sync++;
		}
	}
	assert_true(in_sync > rounds / 20);
	for (u32 i = 0; i < nr_sectors; i++)
		assert_int_equal(tag_at(&disk_a, i), model[i]);
	blkdev_put(mirror_bdev, NULL);
}

/* The leg that is copied from has a bad sector as well, and there is a third. */
static void mirror_copies_from_any_good_leg(void **state)
{
	(void)state;
	make_three();
	for (u32 i = 0; i < DISK_SECTORS; i++) {
		put_tag(disk_a.data + i * 512, (u16)(1 + i));
		put_tag(disk_c.data + i * 512, (u16)(1 + i));
	}
	cmdline_init("\"dm-mod.create=mir,,,rw,0 2000 mirror core 1 nosync 3 vda 0 vdb 8 vdc 0\"");
	dm_init();
	mirror_bdev = fake_open("dm-0");
	disk_b.bad_sector = 8;
	assert_int_equal(blkdev_issue_zeroout(mirror_bdev, 0, 1), 0);
	disk_b.bad_sector = ~0ull;
	disk_a.bad_sector = 500;
	assert_int_equal(mirror_bdev->bd_disk->fops->ioctl(mirror_bdev, DM_MIRROR_REBUILD, 0), 0);
	fake_run_pending();
	assert_non_null(strstr(fake_log(), "leg 1 is in sync"));
	legs_are_equal(2000);
	assert_non_null(strstr(fake_log(), "leg 0 (vda) failed and is dropped"));
	blkdev_put(mirror_bdev, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(mirror_with_failing_legs),
		T(mirror_asked_again_while_rebuilding),
		T(mirror_fails_while_rebuilding),
		T(mirror_copies_from_any_good_leg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
