// uses: block fake-driver text fakes
// sources: tests/host/fakes/part_world.c
/* MBRs, good and bad, and the remapping of partitions. */
#include "tests/host/fakes/part_world.h"
#include "tests/host/host.h"

#include "block/blk-stat.h"
#include "block/part_disk.h"
#include "kernel/lib/err.h"

static void primary_and_logical(void **state)
{
	(void)state;
	mbr_put(0, 0, 0x83, 64, 100);
	mbr_put(0, 2, 0x05, 1000, 1000);
	mbr_put(1000, 0, 0x83, 8, 92);
	mbr_put(1000, 1, 0x05, 200, 300);
	mbr_put(1200, 0, 0x82, 8, 100);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 4);
	expect(1, 64, 100);
	expect(3, 1000, 2);
	expect(5, 1008, 92);
	expect(6, 1208, 100);
	assert_non_null(strstr(fake_log(), "vda: partitions 1 3 5 6"));
	assert_int_not_equal(blk_lookup_devt("vda6"), 0);
}

static void tables_of_4k_blocks(void **state)
{
	(void)state;
	start_4k();
	mbr_put(0, 0, 0x83, 10, 20);
	assert_int_equal(scan(), 0);
	expect(1, 80, 160);
}

static void bad_mbrs(void **state)
{
	(void)state;
	assert_int_equal(scan(), 0); /* none at all */
	assert_int_equal(how_many(), 0);
	mbr_put(0, 0, 0x83, 64, 100);
	d.data[MBR_ENTRIES + 16] = 0x12; /* a boot sector of something else */
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 0);
	d.data[MBR_ENTRIES + 16] = 0;
	mbr_put(0, 1, 0x83, 2048, 1); /* beyond the end */
	mbr_put(0, 2, 0x83, 0xffffffff, 0xffffffff);
	mbr_put(0, 3, 0x0f, 1000, 500);
	mbr_put(1000, 1, 0x0f, 0, 500); /* a chain that bites its tail */
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 2);
	assert_non_null(strstr(fake_log(), "partition 2 reaches beyond the end"));
	assert_non_null(strstr(fake_log(), "partition 3 reaches beyond the end"));
	assert_null(strstr(fake_log(), "partition 5"));
	assert_non_null(strstr(fake_log(), "chain of logical partitions is broken"));
	d.bad_sector = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 0);
}

/* As Linux: what begins on the disk is cut at its end. */
static void what_ends_behind_the_disk_is_cut(void **state)
{
	(void)state;
	mbr_put(0, 0, 0x83, 64, 100);
	mbr_put(0, 1, 0x83, 2000, 49);
	mbr_put(0, 2, 0x0f, 1000, 0xffffffff);
	mbr_put(1000, 0, 0x83, 8, 0xfffffff0);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 4);
	expect(1, 64, 100);
	expect(2, 2000, 48);
	expect(3, 1000, 2);
	expect(5, 1008, 1040);
	assert_non_null(
		strstr(fake_log(), "partition 2 reaches beyond the end: 2000 + 49 of 2048"));
	assert_null(strstr(fake_log(), "partition 1"));
}

static void a_size_is_enough(void **state)
{
	(void)state;
	mbr_put(0, 0, 0, 64, 100);
	mbr_put(0, 1, 0, 200, 0);
	mbr_put(0, 2, 0x05, 1000, 1000);
	mbr_put(1000, 0, 0, 8, 92);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 3);
	expect(1, 64, 100);
	expect(3, 1000, 2);
	expect(5, 1008, 92);
}

/* Three tables in an extended partition of 500 blocks from 1000; the links are from its start. */
static void chain(u32 second, u32 third, u32 fourth)
{
	memset(d.data, 0, DISK_BYTES);
	mbr_put(0, 0, 0x05, 1000, 500);
	mbr_put(1000, 0, 0x83, 8, 20);
	mbr_put(1000, 1, 0x05, second, 100);
	if (second != 0)
		mbr_put(1000 + second, 0, 0x83, 9, 30);
	mbr_put(1000 + second, 1, 0x05, third, 100);
	if (third != second && third != 0)
		mbr_put(1000 + third, 0, 0x83, 10, 40);
	if (fourth != ~0u)
		mbr_put(1000 + third, 1, 0x0f, fourth, 100);
	fake_log_clear();
	assert_int_equal(scan(), 0);
	assert_null(strstr(fake_log(), "cannot be used"));
	expect(1, 1000, 2);
	expect(5, 1008, 20);
}

static bool broken(void)
{
	return strstr(fake_log(), "the chain of logical partitions is broken") != NULL;
}

/* Each table of a chain counts once, and only within the extended partition. */
static void chains_that_go_astray(void **state)
{
	(void)state;
	chain(100, 300, ~0u); /* a good one */
	assert_true(!broken() && how_many() == 4);
	chain(300, 100, ~0u); /* and one that goes backwards */
	assert_true(!broken() && how_many() == 4);
	expect(6, 1309, 30);
	expect(7, 1110, 40);
	chain(0, 0, 0); /* to itself at once */
	assert_true(broken() && how_many() == 2);
	chain(100, 100, 100); /* to itself, later */
	assert_true(broken() && how_many() == 3);
	chain(300, 100, 300); /* round in a circle */
	assert_true(broken() && how_many() == 4);
	chain(100, 300, 0); /* the whole one */
	assert_true(broken() && how_many() == 4);
	chain(100, 500, ~0u); /* out of the extended partition */
	assert_true(broken() && how_many() == 3);
	chain(100, 0xfffffff0, ~0u);
	assert_true(broken() && how_many() == 3);
}

static void chains_of_other_systems(void **state)
{
	(void)state;
	chain(100, 300, ~0u);
	mbr_put(1100, 2, 0x83, 50, 10); /* a second one in a table */
	mbr_put(1100, 3, 0x83, 50, 51); /* garbage: beyond the 100 blocks of this table */
	d.data[1100 * block + MBR_ENTRIES + 3 * 16] = 0x12;
	mbr_put(1300, 0, 0x05, 400, 100); /* no partition, and the link first */
	mbr_put(1300, 1, 0, 0, 0);
	mbr_put(1400, 0, 0x05, 450, 50); /* the link first, and then one */
	mbr_put(1400, 1, 0x83, 1, 20);
	mbr_put(1450, 0, 0x83, 1, 40);
	mbr_put(0, 1, 0x0f, 1600, 100); /* a second chain: its numbers follow */
	mbr_put(1600, 0, 0x83, 1, 30);
	assert_int_equal(scan(), 0);
	assert_false(broken());
	assert_int_equal(how_many(), 8);
	expect(6, 1109, 30);
	expect(7, 1150, 10);
	expect(8, 1401, 20);
	expect(9, 1451, 40);
	expect(10, 1601, 30);
}

/* More than there are numbers for: the rest is not looked at. */
static void a_long_chain(void **state)
{
	(void)state;
	mbr_put(0, 0, 0x05, 100, 1900);
	for (u32 i = 0; i < 120; i++) {
		mbr_put(100 + i * 10, 0, 0x83, 1, i < 60 ? 0 : 5);
		mbr_put(100 + i * 10, 1, 0x05, i * 10 + 10, 10);
	}
	assert_int_equal(scan(), 0);
	assert_false(broken());
	assert_int_equal(how_many(), 1 + 11);
	expect(15, 100 + 70 * 10 + 1, 5);
	assert_non_null(strstr(fake_log(), "vda: there are no numbers for partitions above 15"));
	mbr_put(100 + 70 * 10, 1, 0, 0, 0); /* the fifteenth is the last */
	fake_log_clear();
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 1 + 11);
	assert_null(strstr(fake_log(), "no numbers"));
	mbr_put(100 + 70 * 10, 1, 0x05, 710, 10);
	for (u32 i = 0; i < 120; i++) /* without end, and without a partition */
		mbr_put(100 + i * 10, 0, 0, 0, 0);
	d.nr_requests = 0;
	assert_int_equal(scan(), 0);
	assert_true(broken());
	assert_int_equal(how_many(), 1);
	assert_true(d.nr_requests <= 101);
}

static int one_io(struct block_device *bdev, blk_opf_t opf, sector_t sector, u8 fill)
{
	struct bio *bio = fake_bio(bdev, opf, sector, 2, fill);
	int err = submit_bio_wait(bio);

	fake_bio_free(bio);
	return err;
}

static void a_partition_is_a_window(void **state)
{
	struct block_device *part, *whole;
	struct disk_stats stats;
	int holder;

	(void)state;
	mbr_put(0, 0, 0x83, 64, 100);
	mbr_put(0, 1, 0x83, 164, 100);
	assert_int_equal(scan(), 0);
	part = fake_open("/dev/vda2");
	assert_int_equal(one_io(part, REQ_OP_WRITE, 0, 'p'), 0);
	assert_int_equal(d.data[164 * 512], 'p');
	assert_int_equal(one_io(part, REQ_OP_WRITE, 98, 'p'), 0);
	assert_int_equal(one_io(part, REQ_OP_WRITE, 99, 'p'), -EIO);
	assert_int_equal(one_io(part, REQ_OP_READ, ~0ull - 1, 'p'), -EIO);
	bdev_get_stats(part, &stats);
	assert_int_equal(stats.ios[1], 2);
	assert_int_equal(stats.sectors[1], 4);
	assert_int_equal(stats.in_flight, 0);
	bdev_get_stats(d.disk->part[0], &stats);
	assert_int_equal(stats.ios[1], 2);
	/* In use, so the table is not read again; and claims exclude each other. */
	assert_int_equal(scan(), -EBUSY);
	whole = fake_open("vda");
	blkdev_put(part, NULL);
	part = blkdev_get_by_dev(blk_lookup_devt("vda2"), true, &holder);
	assert_false(IS_ERR(part));
	assert_int_equal(PTR_ERR(blkdev_get_by_dev(whole->bd_dev, true, &stats)), -EBUSY);
	blkdev_put(part, &holder);
	assert_int_equal(blkdev_reread_part(whole, NULL), 0);
	set_capacity(d.disk, 200); /* shrinks below the partition's end */
	part = fake_open("vda2");
	assert_int_equal(one_io(part, REQ_OP_WRITE, 0, 'p'), 0);
	assert_int_equal(one_io(part, REQ_OP_WRITE, 40, 'p'), -EIO);
	blkdev_put(part, NULL);
	blkdev_put(whole, NULL);
}

/* A disk that somebody has for himself, mounted as it is say, keeps what partitions it has. */
static void a_claimed_disk_is_not_read_again(void **state)
{
	struct block_device *whole = d.disk->part[0];
	int mine, other;

	(void)state;
	mbr_put(0, 0, 0x83, 64, 100);
	assert_int_equal(scan(), 0);
	assert_ptr_equal(blkdev_get_by_dev(whole->bd_dev, true, &mine), whole);
	mbr_put(0, 1, 0x83, 200, 100);
	assert_int_equal(scan(), -EBUSY);
	assert_int_equal(blkdev_reread_part(whole, &other), -EBUSY);
	assert_int_equal(how_many(), 1);
	assert_int_equal(blkdev_reread_part(whole, &mine), 0);
	assert_int_equal(how_many(), 2);
	blkdev_put(whole, &mine);
	mbr_put(0, 1, 0, 0, 0);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 1);
}

static void read_again(struct mutex *m)
{
	fake_mutex_hook = NULL;
	mutex_unlock(m);
	assert_int_equal(scan(), 0);
}

/* Who waits to open a partition while the table is read again does not get the old one. */
static void a_partition_vanishes_while_it_is_opened(void **state)
{
	struct block_device *part;
	dev_t dev;

	(void)state;
	mbr_put(0, 0, 0x83, 64, 100);
	assert_int_equal(scan(), 0);
	dev = blk_lookup_devt("vda1");
	mbr_put(0, 0, 0x83, 1000, 100);
	mutex_lock(&d.disk->open_mutex);
	fake_mutex_hook = read_again;
	part = blkdev_get_by_dev(dev, true, NULL);
	assert_int_equal(PTR_ERR(part), -ENXIO);
	part = blkdev_get_by_dev(dev, true, NULL);
	assert_int_equal(part->bd_start_sect, 1000);
	blkdev_put(part, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(primary_and_logical),
		T(tables_of_4k_blocks),
		T(bad_mbrs),
		T(what_ends_behind_the_disk_is_cut),
		T(a_size_is_enough),
		T(chains_that_go_astray),
		T(chains_of_other_systems),
		T(a_long_chain),
		T(a_partition_is_a_window),
		T(a_claimed_disk_is_not_read_again),
		T(a_partition_vanishes_while_it_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
