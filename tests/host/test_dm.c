// uses: block dm fake-driver text fakes
// sources: tests/host/fakes/block_model.c
/* Disks made of disks, against the model: linear, striped, stacked; their statistics; no memory. */
#include "tests/host/fakes/block_model.h"
#include "tests/host/host.h"

#include "block/blk-stat.h"
#include "block/dm/dm.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/sched/thread.h"

static void linear(void **state)
{
	(void)state;
	make_three();
	stacked("lin,,,rw,0 100 linear vdb 17,100 1000 linear vda 500,1100 33 linear vdb 500",
		operations(8), 1, NULL);
	for (u32 i = 0; i < nr_sectors; i++)
		assert_int_equal(i < 100  ? tag_at(&disk_b, i + 17) :
				 i < 1100 ? tag_at(&disk_a, i + 400) :
					    tag_at(&disk_b, i - 600),
				 model[i]);
}

static void striped(void **state)
{
	(void)state;
	make_three();
	blk_queue_write_cache(disk_b.q, true, false);
	stacked("str,,,rw,0 1536 striped 3 16 vda 0 vdb 8 vdc 16", operations(8), 1, NULL);
	for (u32 i = 0; i < nr_sectors; i++) {
		struct fake_disk *d[3] = {&disk_a, &disk_b, &disk_c};
		u32 chunk = i / 16;

		assert_int_equal(tag_at(d[chunk % 3], chunk / 3 * 16 + i % 16 + chunk % 3 * 8),
				 model[i]);
	}
}

static void stack_of_stacks(void **state)
{
	(void)state;
	make_three();
	stacked("in,,7,rw,0 600 linear vda 0,600 600 linear vdb 0;"
		"m,,8,rw,0 1200 mirror core 2 64 nosync 2 dm-7 0 vdc 100;"
		"out,,0,rw,0 500 delay dm-8 200 3,500 100 linear dm-8 0",
		operations(8), 1, NULL);
	for (u32 i = 0; i < nr_sectors; i++) {
		u32 at = i < 500 ? i + 200 : i - 500;

		assert_int_equal(tag_at(at < 600 ? &disk_a : &disk_b, at % 600), model[i]);
		assert_int_equal(tag_at(&disk_c, at + 100), model[i]);
	}
}

static void error_target_and_bad_tables(void **state)
{
	struct block_device *bdev;
	struct bio *bio;

	(void)state;
	make_three();
	memset(disk_b.data, 1, DISK_BYTES);
	cmdline_init(
		"\"dm-mod.create=e,,,ro,0 10 linear vda 0,10 10 error;a,,,rw,0 10 linear vdz 0;"
		"b,,,rw,1 10 linear vda 0;c,,,rw,0 3000 linear vda 0;d,,,rw;"
		"e,,,rw,0 10 magic vda 0;f,,,rw,0 10 striped 3 4 vda 0;"
		"i,,,xx,0 10 error;j,,,,0 10 error;"
		"k,,,rw,0 10 mirror core 1 nosync 1 vdb 0;"
		"l,,,rw,0 1000 mirror core 1 64 2 vdb 0 vdc 0,1000 10 magic;"
		"m,,0,rw,0 1000 mirror core 1 64 2 vdb 0 vdc 0;"
		"r,,7,ro,0 1000 mirror core 1 64 2 vdb 0 vdc 0;"
		"g,,,rw,0 10 mirror core 9 2 vda 0;h,,,rw,0 10 linear vda 0 1\"");
	dm_init();
	bdev = blkdev_get_by_dev(blk_lookup_devt("dm-0"), false, NULL);
	assert_false(IS_ERR(bdev));
	assert_true(bdev_read_only(bdev));
	bio = fake_bio(bdev, REQ_OP_READ, 0, 10, 0);
	assert_int_equal(submit_bio_wait(bio), 0);
	fake_bio_free(bio);
	bio = fake_bio(bdev, REQ_OP_READ, 0, 11, 0);
	assert_int_equal(submit_bio_wait(bio), -EIO);
	fake_bio_free(bio);
	blkdev_put(bdev, NULL);
	assert_int_equal(blk_lookup_devt("dm-1"), 0);
	for (const char *name = "abcdfghijklm"; *name; name++) {
		char said[32];

		snprintf(said, sizeof(said), "'%c' cannot be made", *name);
		assert_non_null(strstr(fake_log(), said));
	}
	/* What is refused has changed nothing, nor has what is read only. */
	bdev = blkdev_get_by_dev(blk_lookup_devt("dm-7"), false, NULL);
	assert_false(IS_ERR(bdev));
	assert_int_equal(bdev->bd_disk->fops->ioctl(bdev, DM_MIRROR_REBUILD, 0), -EPERM);
	fake_run_pending();
	assert_int_equal(disk_c.kinds[REQ_OP_WRITE], 0);
	blkdev_put(bdev, NULL);
	/* A disk that is held cannot be claimed: mounted, say. */
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(blk_lookup_devt("vda"), false, &bdev)), -EBUSY);
}

/* What one of the devices cannot do, none does: else who is told so would have lost half of it. */
static void discard_that_one_leg_refuses(void **state)
{
	struct block_device *bdev;

	(void)state;
	make_three();
	disk_c.disk->limits.max_discard_sectors = blk_queue_limits(disk_c.q)->max_discard_sectors =
		0;
	memset(disk_a.data, 1, DISK_BYTES);
	memset(disk_b.data, 1, DISK_BYTES);
	memset(disk_c.data, 1, DISK_BYTES);
	cmdline_init("\"dm-mod.create=m,,0,rw,0 500 mirror core 1 nosync 2 vda 0 vdc 0;"
		     "o,,1,rw,0 400 linear dm-0 0,400 200 linear vdb 0\"");
	dm_init();
	for (u32 i = 0; i < 2; i++) {
		bdev = fake_open(i ? "dm-1" : "dm-0");
		assert_int_equal(blkdev_issue_discard(bdev, 0, 500), -EOPNOTSUPP);
		if (i)
			assert_int_equal(blkdev_issue_discard(bdev, 400, 100), -EOPNOTSUPP);
		for (u32 at = 0; at < DISK_SECTORS; at++)
			assert_true(tag_at(&disk_a, at) == 0x101 && tag_at(&disk_b, at) == 0x101);
		blkdev_put(bdev, NULL);
	}
	assert_null(strstr(fake_log(), "dropped"));
}

static void end_and_note(struct bio *bio)
{
	*(bool *)bio->bi_private = true;
	fake_bio_free(bio);
}

static void send_and_note(struct block_device *bdev, blk_opf_t opf, sector_t sector, u32 sectors,
			  bool *done)
{
	struct bio *bio = fake_bio(bdev, opf, sector, sectors, 1);

	*done = false;
	bio->bi_end_io = end_and_note;
	bio->bi_private = done;
	submit_bio(bio);
}

static void progress_for(u64 ns)
{
	fake_clock_advance(ns);
	while (fake_run_pending() || fake_disks_progress())
		;
}

/* I/Os, sectors and times of a disk without a queue; a flush is a write of nothing, as on Linux. */
static void statistics(void **state)
{
	static const u64 ms = NSEC_PER_MSEC;
	struct block_device *bdev, *outer;
	struct disk_stats s;
	bool read, write;

	(void)state;
	make_three();
	cmdline_init("\"dm-mod.create=d,,0,rw,0 100 delay vda 0 20;"
		     "o,,1,rw,0 40 linear dm-0 0,40 60 linear dm-0 40\"");
	dm_init();
	bdev = fake_open("dm-0");
	outer = fake_open("254:1");
	send_and_note(bdev, REQ_OP_READ, 0, 8, &read);
	fake_clock_advance(10 * ms);
	send_and_note(bdev, REQ_OP_WRITE | REQ_SYNC, 0, 16, &write);
	bdev_get_stats(bdev, &s);
	assert_int_equal(s.in_flight, 2);
	assert_int_equal(s.ios[0], 0);
	progress_for(10 * ms);
	assert_true(read && !write);
	progress_for(10 * ms);
	assert_true(write);
	fake_clock_advance(100 * ms);
	bdev_get_stats(bdev, &s);
	assert_int_equal(s.ios[0], 1);
	assert_int_equal(s.ios[1], 1);
	assert_int_equal(s.sectors[0], 8);
	assert_int_equal(s.sectors[1], 16);
	assert_int_equal(s.time_ns[0], 20 * ms);
	assert_int_equal(s.time_ns[1], 20 * ms);
	assert_int_equal(s.io_time_ns, 30 * ms);
	assert_int_equal(s.queue_time_ns, 40 * ms);
	assert_int_equal(s.in_flight, 0);
	/* Cut in two, each counted by both disks; then a flush before a write. */
	send_and_note(outer, REQ_OP_READ, 0, 100, &read);
	progress_for(20 * ms);
	send_and_note(outer, REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC, 0, 8, &write);
	progress_for(20 * ms);
	assert_true(read && !write);
	progress_for(20 * ms);
	assert_true(write);
	bdev_get_stats(outer, &s);
	assert_int_equal(s.ios[0], 2);
	assert_int_equal(s.sectors[0], 100);
	assert_int_equal(s.ios[1], 2);
	assert_int_equal(s.sectors[1], 8);
	assert_int_equal(s.time_ns[1], 40 * ms);
	bdev_get_stats(bdev, &s);
	assert_int_equal(s.ios[0], 3);
	assert_int_equal(s.sectors[0], 108);
	assert_int_equal(s.in_flight, 0);
	blkdev_put(outer, NULL);
	blkdev_put(bdev, NULL);
}

/* Without memory to keep its time, an I/O is counted all the same, and once. */
static void counted_without_memory(void **state)
{
	struct block_device *bdev;
	struct disk_stats s;
	struct bio *bio;

	(void)state;
	make_three();
	cmdline_init("\"dm-mod.create=m,,0,rw,0 100 mirror core 1 nosync 2 vda 0 vdb 0;"
		     "l,,1,rw,0 100 linear dm-0 0\"");
	dm_init();
	disk_a.bad_sector = 12;
	for (u32 i = 0; i < 2; i++) { /* the read is tried twice */
		bdev = fake_open(i ? "dm-0" : "dm-1");
		bio = fake_bio(bdev, i ? REQ_OP_READ : REQ_OP_WRITE, 8 * i, 8, 'u');
		mm_fail_after(1);
		assert_int_equal(submit_bio_wait(bio), 0);
		mm_fail_after(0);
		fake_bio_free(bio);
		bdev_get_stats(bdev, &s);
		assert_int_equal(s.ios[!i], 1);
		assert_int_equal(s.sectors[!i], 8);
		assert_int_equal(s.in_flight, 0);
		blkdev_put(bdev, NULL);
	}
	assert_non_null(strstr(fake_log(), "leg 0 (vda) failed and is dropped"));
	bdev = fake_open("dm-0");
	bdev_get_stats(bdev, &s); /* the write came from above */
	assert_int_equal(s.ios[0], 1);
	assert_int_equal(s.ios[1], 1);
	blkdev_put(bdev, NULL);
}

/* What goes to two legs in turns joins all the same. */
static void mirror_writes_merge(void **state)
{
	struct block_device *bdev;
	struct blk_plug plug;
	bool done[16];

	(void)state;
	make_three();
	cmdline_init("\"dm-mod.create=m,,0,rw,0 500 mirror core 1 nosync 2 vda 0 vdc 0\"");
	dm_init();
	bdev = fake_open("dm-0");
	disk_a.nr_requests = disk_c.nr_requests = 0;
	blk_start_plug(&plug);
	for (u32 i = 0; i < ARRAY_SIZE(done); i++)
		send_and_note(bdev, REQ_OP_WRITE, 8 * i, 8, &done[i]);
	blk_finish_plug(&plug);
	progress_for(10 * NSEC_PER_MSEC);
	for (u32 i = 0; i < ARRAY_SIZE(done); i++)
		assert_true(done[i]);
	assert_int_equal(disk_a.nr_requests, 3); /* of at most 50 sectors */
	assert_int_equal(disk_c.nr_requests, 3);
	blkdev_put(bdev, NULL);
}

/* The reserve of clones is there for the next thread when one has sent its bio. */
static void clones_without_memory(void **state)
{
	struct thread second = {.name = "second"};
	struct block_device *bdev;
	struct bio *bio;

	(void)state;
	make_three();
	cmdline_init("\"dm-mod.create=m,,0,rw,0 100 mirror core 1 nosync 2 vda 0 vdb 0\"");
	dm_init();
	bdev = fake_open("dm-0");
	for (u32 i = 0; i < 6; i++) {
		fake_set_current(i % 2 ? &second : NULL);
		bio = fake_bio(bdev, REQ_OP_WRITE, 8 * i, 8, 'u');
		mm_fail_after(1 + i / 2); /* the statistics, and each clone */
		assert_int_equal(submit_bio_wait(bio), 0);
		mm_fail_after(0);
		fake_bio_free(bio);
	}
	fake_set_current(NULL);
	blkdev_put(bdev, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(linear),
		T(striped),
		T(stack_of_stacks),
		T(error_target_and_bad_tables),
		T(discard_that_one_leg_refuses),
		T(statistics),
		T(counted_without_memory),
		T(clones_without_memory),
		T(mirror_writes_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
