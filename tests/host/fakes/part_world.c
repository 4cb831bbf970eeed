#include "tests/host/fakes/part_world.h"
#include "tests/host/host.h"

#include "block/part_disk.h"

struct fake_disk d;
u32 block;

int parts_setup(void **state)
{
	(void)state;
	fake_block_init();
	fake_disk_create(&d, "vda", 1, 16, NULL);
	block = SECTOR_SIZE;
	fake_log_clear();
	return 0;
}

int parts_teardown(void **state)
{
	(void)state;
	fake_disk_remove(&d);
	assert_int_equal(fake_pages_live(), 1);
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}

void start_4k(void)
{
	struct queue_limits lim = *blk_queue_limits(d.q);

	parts_teardown(NULL);
	lim.logical_block_size = block = 4096;
	fake_disk_create(&d, "vda", 1, 16, &lim);
}

static void mbr_sign(u64 lba)
{
	d.data[lba * block + 510] = 0x55;
	d.data[lba * block + 511] = 0xaa;
}

void mbr_put(u64 lba, u32 slot, u8 type, u32 first, u32 nr)
{
	struct mbr_entry e = {0, {0}, type, {0}, cpu_to_le32(first), cpu_to_le32(nr)};

	memcpy(d.data + lba * block + MBR_ENTRIES + slot * sizeof(e), &e, sizeof(e));
	mbr_sign(lba);
}

int scan(void)
{
	return blkdev_reread_part(d.disk->part[0], NULL);
}

void expect(u32 partno, sector_t first, sector_t nr)
{
	struct block_device *part = d.disk->part[partno];

	assert_non_null(part);
	assert_int_equal(part->bd_start_sect, first);
	assert_int_equal(part->bd_nr_sectors, nr);
}

u32 how_many(void)
{
	u32 n = 0;

	for (u32 i = 1; i < DISK_MAX_PARTS; i++)
		n += d.disk->part[i] != NULL;
	return n;
}
