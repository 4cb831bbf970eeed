// uses: block text fakes
// sources: tests/host/fakes/fake_driver.c
/* Partition tables, good and bad, and the remapping of partitions. */
#include "tests/host/host.h"

#include "tests/host/fakes/fake_driver.h"

#include "block/part_disk.h"
#include "kernel/lib/err.h"
#include "kernel/mm/page.h"

static struct fake_disk d;
static u32 block; /* logical block size */

static int setup(void **state)
{
	(void)state;
	fake_block_init();
	fake_disk_create(&d, "vda", 1, 16, NULL);
	block = SECTOR_SIZE;
	fake_log_clear();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_disk_remove(&d);
	assert_int_equal(fake_pages_live(), 1);
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}

/* The other logical block size: a disk of its own. */
static void start_4k(void)
{
	struct queue_limits lim = *blk_queue_limits(d.q);

	teardown(NULL);
	lim.logical_block_size = block = 4096;
	fake_disk_create(&d, "vda", 1, 16, &lim);
}

static void mbr_sign(u64 lba)
{
	d.data[lba * block + 510] = 0x55;
	d.data[lba * block + 511] = 0xaa;
}

static void mbr_put(u64 lba, u32 slot, u8 type, u32 first, u32 nr)
{
	struct mbr_entry e = {0, {0}, type, {0}, cpu_to_le32(first), cpu_to_le32(nr)};

	memcpy(d.data + lba * block + MBR_ENTRIES + slot * sizeof(e), &e, sizeof(e));
	mbr_sign(lba);
}

static int scan(void)
{
	return blkdev_reread_part(d.disk->part[0], NULL);
}

static void expect(u32 partno, sector_t first, sector_t nr)
{
	struct block_device *part = d.disk->part[partno];

	assert_non_null(part);
	assert_int_equal(part->bd_start_sect, first);
	assert_int_equal(part->bd_nr_sectors, nr);
}

static u32 how_many(void)
{
	u32 n = 0;

	for (u32 i = 1; i < DISK_MAX_PARTS; i++)
		n += d.disk->part[i] != NULL;
	return n;
}

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

/* Three tables in an extended partition of 500 blocks from 1000; the links are from its start. */
static void chain(u32 second, u32 third, u32 fourth)
{
	memset(d.data, 0, sizeof(d.data));
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

static u32 crc_of(const void *data, size_t len)
{
	const u8 *p = data;
	u32 crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}

static void gpt_put(u64 lba, u64 other, u64 entries_lba)
{
	struct gpt_entry e[128] = {0};
	struct gpt_header h = {
		.signature = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'},
		.revision = cpu_to_le32(0x10000),
		.header_size = cpu_to_le32(92),
		.my_lba = cpu_to_le64(lba),
		.alternate_lba = cpu_to_le64(other),
		.first_usable_lba = cpu_to_le64(34),
		.last_usable_lba = cpu_to_le64(DISK_SECTORS - 34),
		.entries_lba = cpu_to_le64(entries_lba),
		.nr_entries = cpu_to_le32(128),
		.entry_size = cpu_to_le32(128),
	};

	e[0].type_guid[3] = 7;
	e[0].first_lba = cpu_to_le64(34);
	e[0].last_lba = cpu_to_le64(133);
	e[4].type_guid[0] = 9;
	e[4].first_lba = cpu_to_le64(200);
	e[4].last_lba = cpu_to_le64(200);
	e[5].type_guid[0] = 9; /* behind the disk */
	e[5].first_lba = cpu_to_le64(1000);
	e[5].last_lba = cpu_to_le64(DISK_SECTORS);
	h.entries_crc = cpu_to_le32(crc_of(e, sizeof(e)));
	h.header_crc = cpu_to_le32(crc_of(&h, 92));
	memcpy(d.data + entries_lba * 512, e, sizeof(e));
	memcpy(d.data + lba * 512, &h, sizeof(h));
}

static void gpt_and_its_backup(void **state)
{
	(void)state;
	mbr_put(0, 0, 0xee, 1, 0xffffffff);
	gpt_put(1, DISK_SECTORS - 1, 2);
	gpt_put(DISK_SECTORS - 1, 1, DISK_SECTORS - 33);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 2);
	expect(1, 34, 100);
	expect(5, 200, 1);
	assert_non_null(strstr(fake_log(), "entry 6 lies outside"));
	d.data[2 * 512 + 128 * 3]++; /* an entry of the primary */
	assert_int_equal(scan(), 0);
	assert_non_null(strstr(fake_log(), "using the backup"));
	assert_int_equal(how_many(), 2);
	d.data[(DISK_SECTORS - 1) * 512 + 40]++; /* the backup's header */
	assert_int_equal(scan(), 0);
	assert_non_null(strstr(fake_log(), "both GPTs are damaged"));
	assert_int_equal(how_many(), 0);
}

static void gpt_change(u32 entry, u64 first, u64 last);

/* What Linux takes though the specification does not, and what it does not take. */
static void gpt_as_linux_takes_it(void **state)
{
	(void)state;
	mbr_put(0, 0, 0xee, 1, 0xffffffff);
	gpt_put(1, DISK_SECTORS - 1, 2);
	d.data[MBR_ENTRIES] = 0x01; /* a status that no MBR has */
	gpt_change(0, 3, 20);
	gpt_change(4, 1000, DISK_SECTORS - 1); /* inside the backup table */
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 2);
	expect(1, 3, 18);
	expect(5, 1000, DISK_SECTORS - 1000);
	gpt_change(0, 21, 20); /* ends before it begins */
	gpt_change(4, ~0ull, ~0ull);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 0);
	/* A hybrid one: the protective entry may be any of the four. */
	gpt_change(0, 34, 133);
	mbr_put(0, 0, 0x83, 64, 100);
	mbr_put(0, 3, 0xee, 1, 63);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 1);
	expect(1, 34, 100);
	mbr_put(0, 3, 0xee, 63, 1); /* where no GPT can be */
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 0);
	assert_non_null(strstr(fake_log(), "does not start at block 1"));
	mbr_put(0, 3, 0xee, 0, 0);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 0);
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

static void gpt_resign(u64 lba)
{
	u8 *h = d.data + lba * 512;
	u32 crc;

	memset(h + 16, 0, 4);
	crc = crc_of(h, 92);
	memcpy(h + 16, &crc, 4);
}

static void gpt_change(u32 entry, u64 first, u64 last)
{
	u8 *e = d.data + 2 * 512 + entry * 128;
	u32 crc;

	memcpy(e + 32, &first, 8);
	memcpy(e + 40, &last, 8);
	crc = crc_of(d.data + 2 * 512, 128 * 128);
	memcpy(d.data + 512 + 88, &crc, 4);
	gpt_resign(1);
}

/* The CRCs are right, but what they cover is not: the backup is asked. */
static void gpt_that_lies(void **state)
{
	static const struct {
		u64 first, last;
		bool good;
	} usable[] = {{34, DISK_SECTORS - 1, true},
		      {34, DISK_SECTORS, false},
		      {34, 1ull << 50, false},
		      {~0ull, ~0ull, false},
		      {DISK_SECTORS - 33, 1000, false},
		      {34, 33, false},
		      {34, 34, true}};

	(void)state;
	mbr_put(0, 0, 0xee, 1, 0xffffffff);
	gpt_put(DISK_SECTORS - 1, 1, DISK_SECTORS - 33);
	for (u32 i = 0; i < sizeof(usable) / sizeof(usable[0]); i++) {
		gpt_put(1, DISK_SECTORS - 1, 2);
		memcpy(d.data + 512 + 40, &usable[i].first, 16);
		gpt_resign(1);
		fake_log_clear();
		assert_int_equal(scan(), 0);
		assert_int_equal(strstr(fake_log(), "using the backup") == NULL, usable[i].good);
		if (!usable[i].good) {
			assert_int_equal(how_many(), 2);
			expect(1, 34, 100);
		}
	}
}

/* More than there are minors for: the rest is not silently missing. */
static void gpt_with_too_many(void **state)
{
	u8 *entries = d.data + 2 * 512;
	u32 crc;

	(void)state;
	mbr_put(0, 0, 0xee, 1, 0xffffffff);
	gpt_put(1, DISK_SECTORS - 1, 2);
	for (u32 i = 14; i < 16; i++) {
		fake_log_clear();
		memcpy(entries + i * 128, entries, 128);
		memset(entries + i * 128 + 32, 0, 16);
		entries[i * 128 + 33] = entries[i * 128 + 41] = (u8)(i - 12);
		crc = crc_of(entries, 128 * 128);
		memcpy(d.data + 512 + 88, &crc, 4);
		gpt_resign(1);
		assert_int_equal(scan(), 0);
		assert_int_equal(how_many(), 3);
		expect(15, 512, 1);
		assert_int_equal(strstr(fake_log(), "no numbers for partitions above 15") != NULL,
				 i == 15);
	}
}

/* Whatever lies in the tables, nothing is read or made outside of the disk. */
static void random_tables(void **state)
{
	(void)state;
	mbr_put(0, 0, 0xee, 1, 0xffffffff);
	for (u32 round = 0; round < 3000; round++) {
		gpt_put(1, DISK_SECTORS - 1, 2);
		for (u32 i = 0; i < 4; i++)
			d.data[512 + fake_random(92)] = (u8)fake_random(256);
		if (round % 2) { /* with a right CRC */
			memset(d.data + 512 + 16, 0, 4);
			*(u32 *)(void *)(d.data + 512 + 16) = crc_of(d.data + 512, 92);
		}
		if (round == 1500)
			memset(d.data, 0, 512);
		if (round >= 1500) {
			mbr_put(fake_random(3) * 100, fake_random(4), fake_random(2) ? 0x05 : 0x83,
				fake_random(21) * 100, fake_random(2000));
		}
		assert_int_equal(scan(), 0);
		for (u32 i = 1; i < DISK_MAX_PARTS; i++)
			if (d.disk->part[i])
				assert_true(d.disk->part[i]->bd_start_sect +
						    d.disk->part[i]->bd_nr_sectors <=
					    DISK_SECTORS);
	}
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

static void no_memory(void **state)
{
	(void)state;
	mbr_put(0, 0, 0xee, 1, 0xffffffff);
	gpt_put(1, DISK_SECTORS - 1, 2);
	for (u32 n = 1; n < 40; n++) {
		mm_fail_after(n);
		assert_int_equal(scan(), 0);
	}
	mm_fail_after(0);
	assert_int_equal(scan(), 0);
	assert_int_equal(how_many(), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(primary_and_logical),
		T(tables_of_4k_blocks),
		T(bad_mbrs),
		T(chains_that_go_astray),
		T(chains_of_other_systems),
		T(a_long_chain),
		T(gpt_and_its_backup),
		T(gpt_as_linux_takes_it),
		T(a_size_is_enough),
		T(random_tables),
		T(no_memory),
		T(a_partition_is_a_window),
		T(what_ends_behind_the_disk_is_cut),
		T(gpt_that_lies),
		T(gpt_with_too_many),
		T(a_claimed_disk_is_not_read_again),
		T(a_partition_vanishes_while_it_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
