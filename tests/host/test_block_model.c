// uses: block dm text fakes
// sources: tests/host/fakes/fake_driver.c
/*
 * Random bios against an array of bytes, through every kind of device: the model knows what each
 * sector may hold, the disks complete in any order, rings fill up, and requests fail.
 *
 * BLOCK_OPS sets the number of operations (a million by default over all disks).
 */
#include "tests/host/host.h"

#include "tests/host/fakes/fake_driver.h"

#include "block/dm/dm.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/mm/page.h"
#include "kernel/sched/thread.h"

#define MAX_SECTORS 4096u
#define MAX_LEN	    64u
#define MAX_FLYING  24u

static struct fake_disk disk_a, disk_b, disk_c;

/* What a sector holds: one tag for all its bytes. 0xffff: not known (a write to it failed). */
static u16 model[MAX_SECTORS];
static bool busy[MAX_SECTORS]; /* a bio in flight covers it: order is not promised */
static u32 nr_sectors, flying, failures, rate = 4096;
static bool may_fail;
static u64 sent[3]; /* sectors of reads, writes, discards */

struct op {
	bool used;
	struct bio *bio;
	sector_t sector;
	u32 sectors;
	u16 tag;
	enum req_op op;
};
static struct op ops[MAX_FLYING];

/* Sector i of the bio's memory, wherever the pieces lie. */
static u8 *bio_sector(struct bio *bio, u32 i)
{
	struct bio_vec bv;
	u32 n, at = i * SECTOR_SIZE;

	bio_for_each_segment_all(bv, bio, n)
	{
		if (at < bv.bv_len)
			return (u8 *)page_address(bv.bv_page) + bv.bv_offset + at;
		at -= bv.bv_len;
	}
	fail_msg("sector %u is outside the bio", i);
	return NULL;
}

static void put_tag(u8 *p, u16 tag)
{
	for (u32 i = 0; i < SECTOR_SIZE; i += 2)
		memcpy(p + i, &tag, 2);
}

static u16 get_tag(const u8 *p)
{
	u16 tag, other;

	memcpy(&tag, p, 2);
	for (u32 i = 2; i < SECTOR_SIZE; i += 2) {
		memcpy(&other, p + i, 2);
		assert_int_equal(other, tag);
	}
	return tag;
}

static void op_end(struct bio *bio)
{
	struct op *o = bio->bi_private;

	assert_true(o->used && o->bio == bio);
	assert_int_equal(this_cpu()->spin_depth, 0);
	if (bio->bi_status) { /* only who touches the bad sector */
		assert_true(may_fail);
		assert_true(disk_a.bad_sector >= o->sector);
		assert_true(disk_a.bad_sector < o->sector + o->sectors);
		failures++;
	}
	for (u32 i = 0; i < o->sectors; i++) {
		u16 *m = &model[o->sector + i];

		busy[o->sector + i] = false;
		if (o->op == REQ_OP_READ) {
			if (!bio->bi_status && *m != 0xffff)
				assert_int_equal(get_tag(bio_sector(bio, i)), *m);
		} else if (bio->bi_status) {
			*m = 0xffff;
		} else {
			*m = o->op == REQ_OP_WRITE ? o->tag : 0;
		}
	}
	o->used = false;
	flying--;
	fake_bio_free(bio);
}

/* Pieces of odd sizes, some of them neighbours in memory. */
static struct bio *random_bio(struct block_device *bdev, struct op *o)
{
	struct bio *bio = bio_alloc(bdev, 80, o->op, GFP_KERNEL);
	struct page *page;
	u32 left = o->sectors * SECTOR_SIZE, len;

	assert_non_null(bio);
	bio->bi_iter.bi_sector = o->sector;
	if (o->op == REQ_OP_WRITE_ZEROES || o->op == REQ_OP_DISCARD) {
		bio->bi_iter.bi_size = left;
		return bio;
	}
	for (; left; left -= len) {
		page = alloc_page(GFP_KERNEL);
		len = (1 + fake_random(8)) * SECTOR_SIZE;
		len = len < left ? len : left;
		/* A whole page may join the next; part of one lies at its start. */
		assert_int_equal(bio_add_page(bio, page, len, 0), len);
	}
	for (u32 i = 0; i < o->sectors; i++)
		put_tag(bio_sector(bio, i), o->tag);
	return bio;
}

static bool choose_range(struct op *o)
{
	static sector_t last_end;

	o->sectors = 1 + fake_random(fake_random(4) ? 8 : MAX_LEN);
	o->sector = fake_random(nr_sectors - o->sectors + 1);
	if (fake_random(2) && last_end + o->sectors <= nr_sectors) /* neighbours are likely */
		o->sector = last_end;
	last_end = o->sector + o->sectors;
	for (u32 i = 0; i < o->sectors; i++)
		if (busy[o->sector + i])
			return false;
	return true;
}

static void submit_random(struct block_device *bdev, u32 discard)
{
	static u16 next_tag;
	struct op *o = ops;
	struct bio *bio;
	u32 kind = fake_random(100);

	while (o->used)
		o++;
	if (!choose_range(o))
		return;
	o->used = true;
	o->tag = (u16)(1 + next_tag++ % 60000);
	o->op = kind < 45 ? REQ_OP_READ : REQ_OP_WRITE;
	if (discard && kind >= 95)
		o->op = kind >= 98 ? REQ_OP_DISCARD : REQ_OP_WRITE_ZEROES;
	memset(&busy[o->sector], true, o->sectors);
	bio = o->bio = random_bio(bdev, o);
	bio->bi_private = o;
	bio->bi_end_io = op_end;
	if (fake_random(3) == 0)
		bio->bi_opf |= REQ_SYNC;
	if (o->op == REQ_OP_WRITE && fake_random(50) == 0)
		bio->bi_opf |= fake_random(2) ? REQ_FUA : REQ_PREFLUSH | REQ_FUA;
	flying++;
	sent[o->op == REQ_OP_DISCARD ? 2 : op_is_write(o->op)] += o->sectors;
	submit_bio(bio);
}

static void settle(void)
{
	while (flying) {
		blk_flush_plug();
		if (!fake_run_pending() && !fake_disks_progress())
			fake_clock_advance(5 * NSEC_PER_MSEC);
	}
	fake_clock_advance(5 * NSEC_PER_MSEC);
}

static u32 operations(u32 share)
{
	const char *env = getenv("BLOCK_OPS");

	return (env ? (u32)atoi(env) : 1000000) / share;
}

static void run_model(struct block_device *bdev, u32 count, u32 discard, void (*now_and_then)(void))
{
	struct blk_plug plug;
	bool plugged = false;

	nr_sectors = (u32)bdev_nr_sectors(bdev);
	assert_true(nr_sectors <= MAX_SECTORS);
	memset(model, 0, sizeof(model));
	memset(busy, 0, sizeof(busy));
	memset(sent, 0, sizeof(sent));
	failures = 0;
	for (u32 n = 0; n < count; n++) {
		if (fake_random(16) == 0) {
			if (plugged)
				blk_finish_plug(&plug);
			else
				blk_start_plug_nr_ios(&plug, fake_random(20));
			plugged = !plugged;
		}
		if (flying < MAX_FLYING && fake_random(3))
			submit_random(bdev, discard);
		else if (fake_random(2))
			fake_disks_progress();
		else
			fake_run_pending();
		if (fake_random(64) == 0)
			fake_clock_advance(fake_random(8) * NSEC_PER_MSEC);
		if (fake_random(rate) == 0 && now_and_then)
			now_and_then();
		if (flying == MAX_FLYING)
			settle();
	}
	if (plugged)
		blk_finish_plug(&plug);
	settle();
}

static void make_disk(struct fake_disk *d, const char *name, u16 rings, u16 depth)
{
	struct queue_limits lim = {
		.logical_block_size = 512,
		.physical_block_size = 512,
		.max_sectors = 50,
		.max_segments = 7,
		.max_segment_size_bytes = 5000,
		.max_discard_sectors = 40,
		.max_write_zeroes_sectors = 30,
	};

	fake_block_init();
	fake_disk_create(d, name, rings, depth, &lim);
	d->random_order = true;
}

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
	fake_disk_remove(&disk_a);
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
	fake_disk_remove(&disk_a);
}

/* --- stacked ------------------------------------------------------------------------------ */

static void make_three(void)
{
	make_disk(&disk_a, "vda", 1, 16);
	make_disk(&disk_b, "vdb", 2, 8);
	blk_queue_limits(disk_b.q)->seg_boundary_bytes = 2048;
	make_disk(&disk_c, "vdc", 1, 4);
}

/* What was sent is counted once, however it was cut, tried again, or made to wait. */
static void stacked(const char *table, u32 count, u32 discard, void (*now_and_then)(void))
{
	struct disk_stats stats;
	char line[512];
	struct block_device *bdev;

	snprintf(line, sizeof(line), "x \"dm-mod.create=%s\"", table);
	cmdline_init(line);
	dm_init();
	bdev = fake_open("dm-0");
	run_model(bdev, count, discard, now_and_then);
	bdev_get_stats(bdev, &stats);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(stats.sectors[i], sent[i]);
	assert_int_equal(stats.in_flight, 0);
	blkdev_put(bdev, NULL);
	fake_run_pending();
}

static u16 tag_at(struct fake_disk *d, u32 sector)
{
	return get_tag(d->data + sector * 512);
}

/* Disks that dm holds are never taken down in the kernel; so each case is a process of its own. */
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

static u32 phase, rebuilds;
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
	memset(disk_b.data, 7, sizeof(disk_b.data)); /* copied over at the start */
	stacked("mir,,,rw,0 1001 mirror core 1 64 2 vda 0 vdb 8", operations(8), 0, break_and_mend);
	assert_int_equal(failures, 0);
	assert_true(rebuilds > 1 || operations(8) < 50000);
	assert_non_null(strstr(fake_log(), "failed and is dropped"));
	assert_non_null(strstr(fake_log(), "is in sync"));
}

/* A leg fails while it is rebuilt, and is asked for again before the copy can notice. */
static int fail_step;

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
	assert_memory_equal(disk_b.durable, disk_b.data, sizeof(disk_b.data));
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

static void error_target_and_bad_tables(void **state)
{
	struct block_device *bdev;
	struct bio *bio;

	(void)state;
	make_three();
	memset(disk_b.data, 1, sizeof(disk_b.data));
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
	memset(disk_a.data, 1, sizeof(disk_a.data));
	memset(disk_b.data, 1, sizeof(disk_b.data));
	memset(disk_c.data, 1, sizeof(disk_c.data));
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

static const struct {
	const char *name;
	void (*fn)(void **state);
} cases[] = {
	{"linear", linear},
	{"striped", striped},
	{"stack_of_stacks", stack_of_stacks},
	{"mirror_with_failing_legs", mirror_with_failing_legs},
	{"mirror_asked_again_while_rebuilding", mirror_asked_again_while_rebuilding},
	{"mirror_fails_while_rebuilding", mirror_fails_while_rebuilding},
	{"mirror_copies_from_any_good_leg", mirror_copies_from_any_good_leg},
	{"error_target_and_bad_tables", error_target_and_bad_tables},
	{"discard_that_one_leg_refuses", discard_that_one_leg_refuses},
	{"statistics", statistics},
	{"counted_without_memory", counted_without_memory},
	{"clones_without_memory", clones_without_memory},
	{"mirror_writes_merge", mirror_writes_merge},
};
static const char *self;

static void in_a_process(void **state)
{
	char command[600];

	snprintf(command, sizeof(command), "ASAN_OPTIONS=detect_leaks=0 '%s' %s >&2", self,
		 (const char *)*state);
	assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[2 + sizeof(cases) / sizeof(cases[0])] = {
		cmocka_unit_test(plain_disk), cmocka_unit_test(failing_disk)};

	self = argv[0];
	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tests[2 + i] = (struct CMUnitTest){cases[i].name, in_a_process, NULL, NULL,
						   (void *)(uintptr_t)cases[i].name};
		if (argc > 1 && strcmp(argv[1], cases[i].name) == 0) {
			const struct CMUnitTest one[] = {
				{cases[i].name, cases[i].fn, NULL, NULL, NULL}};

			return cmocka_run_group_tests(one, NULL, NULL);
		}
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
