// uses: block fake-driver text fakes
// sources: tests/host/fakes/part_world.c
/* GPTs, good and bad. */
#include "tests/host/fakes/part_world.h"
#include "tests/host/host.h"

#include "block/part_disk.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gpt_and_its_backup), T(gpt_as_linux_takes_it), T(gpt_that_lies),
		T(gpt_with_too_many),  T(random_tables),	 T(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
