#include "tests/host/fakes/block_model.h"
#include "tests/host/host.h"

#include "block/blk-stat.h"
#include "block/dm/dm.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/mm/page.h"

#define MAX_LEN 64u

struct fake_disk disk_a, disk_b, disk_c;
u16 model[MAX_SECTORS];
u32 nr_sectors, flying, failures, rate;
bool may_fail;
u64 sent[3];
struct op ops[MAX_FLYING];
static bool busy[MAX_SECTORS]; /* a bio in flight covers it: order is not promised */

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

void put_tag(u8 *p, u16 tag)
{
	for (u32 i = 0; i < SECTOR_SIZE; i += 2)
		memcpy(p + i, &tag, 2);
}

u16 get_tag(const u8 *p)
{
	u16 tag, other;

	memcpy(&tag, p, 2);
	for (u32 i = 2; i < SECTOR_SIZE; i += 2) {
		memcpy(&other, p + i, 2);
		assert_int_equal(other, tag);
	}
	return tag;
}

u16 tag_at(struct fake_disk *d, u32 sector)
{
	return get_tag(d->data + sector * 512);
}

void op_end(struct bio *bio)
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

/* Some of the pieces are neighbours in memory. */
struct bio *random_bio(struct block_device *bdev, struct op *o)
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

void submit_random(struct block_device *bdev, u32 discard)
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

void settle(void)
{
	while (flying) {
		blk_flush_plug();
		if (!fake_run_pending() && !fake_disks_progress())
			fake_clock_advance(5 * NSEC_PER_MSEC);
	}
	fake_clock_advance(5 * NSEC_PER_MSEC);
}

u32 operations(u32 share)
{
	const char *env = getenv("BLOCK_OPS");

	return (env ? (u32)atoi(env) : 1000000) / share;
}

void run_model(struct block_device *bdev, u32 count, u32 discard, void (*now_and_then)(void))
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

void make_disk(struct fake_disk *d, const char *name, u16 rings, u16 depth)
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

void make_three(void)
{
	make_disk(&disk_a, "vda", 1, 16);
	make_disk(&disk_b, "vdb", 2, 8);
	blk_queue_limits(disk_b.q)->seg_boundary_bytes = 2048;
	make_disk(&disk_c, "vdc", 1, 4);
}

void stacked(const char *table, u32 count, u32 discard, void (*now_and_then)(void))
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

int model_setup(void **state)
{
	(void)state;
	fake_block_init();
	fake_log_clear();
	fake_schedule_hook = fake_disks_progress;
	memset(model, 0, sizeof(model));
	may_fail = false;
	rate = 4096;
	return 0;
}

int model_teardown(void **state)
{
	struct fake_disk *disks[] = {&disk_a, &disk_b, &disk_c};

	(void)state;
	fake_schedule_hook = fake_disks_progress;
	settle();
	dm_exit();
	for (u32 i = 0; i < ARRAY_SIZE(disks); i++)
		if (disks[i]->disk)
			fake_disk_remove(disks[i]);
	assert_int_equal(fake_pages_live(), 1); /* the page of zeroes */
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}
