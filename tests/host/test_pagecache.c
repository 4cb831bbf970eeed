// uses: fs-cache block fake-driver text user-copies fakes
// sources: tests/host/fakes/toyfs.c tests/host/permute.c
/* Files through the page cache against a plain array, on every block size, under random reclaim. */
#include "tests/host/fakes/toyfs.h"
#include "tests/host/host.h"
#include "tests/host/permute.h"

#include "fs/cache/bdev_cache.h"
#include "fs/cache/buffer_head.h"
#include "fs/cache/pagemap.h"
#include "fs/vfs/flusher.h"
#include "kernel/lib/errno.h"

#define MODEL_BYTES (512u << 10)
#define OPS	    1000 /* of a combination */
#define BIG	    (64u << 20)

static struct toyfs fs;
static u8 model[MODEL_BYTES], buf[MODEL_BYTES];
static u64 model_size;
static bool flusher_on;
static u8 big[BIG];

static bool make_progress(void)
{
	if (toyfs_complete_one())
		return true;
	if (!flusher_on)
		return false;
	flusher_on = false;
	writeback_older_than(~0ull);
	flusher_on = true;
	return toyfs_complete_one();
}

static int setup(void **state)
{
	(void)state;
	fake_schedule_hook = make_progress;
	toyfs_init(&fs, 4096, TOYFS_SECTORS);
	toyfs_disk.ring_size = 64;
	default_ra_pages = VM_READAHEAD_PAGES;
	flusher_on = true;
	memset(toyfs_disk.data, 0, TOYFS_SECTORS * SECTOR_SIZE);
	return 0;
}

/* Everything written and dropped: nothing of the cache may stay in memory. */
static void drop_all(void)
{
	assert_int_equal(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX), 0);
	truncate_inode_pages(&fs.inode.i_data, 0);
	assert_int_equal(fs.inode.i_data.nrpages, 0);
	assert_int_equal(toyfs_pages_live(), 0);
	assert_int_equal(toyfs_kmalloc_live(), 0);
}

static void check_all(void)
{
	assert_int_equal(fs.inode.i_size, model_size);
	assert_int_equal(toyfs_read(&fs, 0, buf, sizeof(buf)), model_size);
	assert_memory_equal(buf, model, model_size);
}

static void op_write(void)
{
	u64 pos = (u64)rand() % (MODEL_BYTES - 1),
	    len = 1 + (u64)rand() % (rand() % 4 ? 3000 : 40000);

	if (pos + len > MODEL_BYTES)
		len = MODEL_BYTES - pos;
	for (u64 i = 0; i < len; i++)
		buf[i] = (u8)rand();
	assert_int_equal(toyfs_write(&fs, pos, buf, len, 0), len);
	memcpy(model + pos, buf, len);
	if (pos + len > model_size)
		model_size = pos + len;
}

static void op_read(void)
{
	u64 pos = (u64)rand() % MODEL_BYTES, len = 1 + (u64)rand() % 30000;
	u64 want = pos >= model_size ? 0 : model_size - pos < len ? model_size - pos : len;

	assert_int_equal(toyfs_read(&fs, pos, buf, len), want);
	if (want > 0)
		assert_memory_equal(buf, model + pos, want);
}

static void op_truncate(void)
{
	u64 size = (u64)rand() % MODEL_BYTES;

	assert_int_equal(toyfs_truncate(&fs, size), 0);
	if (size < model_size)
		memset(model + size, 0, MODEL_BYTES - size);
	model_size = size;
}

static const struct perm_axis axes[] = {
	{"blksize", 3, {1024, 2048, 4096}, NULL},
	{"scatter", 2, {0, 1}, NULL},
	{"depth", 2, {2, 64}, NULL},
	{"readahead", 2, {0, VM_READAHEAD_PAGES}, NULL},
	{NULL},
};

static void start_fs(const u32 *v)
{
	toyfs_init(&fs, v[0], TOYFS_SECTORS);
	fs.scatter = v[1];
	toyfs_disk.ring_size = v[2];
	default_ra_pages = v[3];
}

static void random_ops(const u32 *v)
{
	start_fs(v);
	memset(model, 0, sizeof(model));
	model_size = 0;
	for (int i = 0; i < OPS; i++) {
		int r = rand() % 100;

		if (r < 45)
			op_write();
		else if (r < 80)
			op_read();
		else if (r < 84)
			op_truncate();
		else if (r < 90)
			fake_shrink((size_t)rand() % 200);
		else if (r < 94)
			writeback_older_than(~0ull);
		else if (r < 96)
			assert_int_equal(fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, false), 0);
		else if (r < 97)
			(void)invalidate_mapping_pages(&fs.inode.i_data, 0, ~0ull);
		else
			for (int n = rand() % 50; n > 0; n--)
				(void)toyfs_complete_one();
		if (fs.next > fs.limit - 2000)
			fs.next = 64; /* the toy never frees: what it reuses was dropped long ago */
		if (i % 250 == 0)
			check_all();
	}
	check_all();
	drop_all();
	check_all();
	drop_all();
}

static void fill_big(u32 seed)
{
	for (u32 i = 0; i < BIG; i += 4)
		memcpy(&big[i], &(u32){i * 2654435761u + seed}, 4);
}

static const struct perm_axis sequential_axes[] = {
	{"blksize", 2, {1024, 4096}, NULL},
	{"scatter", 1, {0}, NULL},
	{"depth", 2, {2, 64}, NULL},
	{"readahead", 1, {VM_READAHEAD_PAGES}, NULL},
	{NULL},
};

/* 64 MiB through 64 MiB of memory: throttling, reclaim, and large requests. */
static void sequential(const u32 *v)
{
	static u8 chunk[1 << 16];
	u64 bytes = (u64)TOYFS_BLOCKS * v[0];

	if (bytes > BIG)
		bytes = BIG;
	start_fs(v);
	fill_big(v[0]);
	toyfs_disk.nr_requests = toyfs_disk.nr_flushes = 0;
	for (u64 pos = 0; pos < bytes; pos += sizeof(chunk))
		assert_int_equal(toyfs_write(&fs, pos, big + pos, sizeof(chunk), 0), sizeof(chunk));
	assert_int_equal(fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, false), 0);
	assert_true(toyfs_disk.nr_requests < 300 && toyfs_disk.nr_flushes == 1);
	drop_all();
	toyfs_disk.nr_requests = toyfs_disk.nr_flushes = 0;
	for (u64 pos = 0; pos < bytes; pos += sizeof(chunk)) {
		assert_int_equal(toyfs_read(&fs, pos, chunk, sizeof(chunk)), sizeof(chunk));
		assert_memory_equal(chunk, big + pos, sizeof(chunk));
		if (mm_is_low() || fake_pages_live() > 8192)
			fake_shrink(4096);
	}
	assert_true(toyfs_disk.nr_requests < 300);
	drop_all();
}

/* Read 256 pages in order. Returns: how many pages the cache was ahead at most. */
static u64 most_ahead(u32 ra_pages)
{
	static u8 page[4096];
	u64 most = 0;

	default_ra_pages = ra_pages;
	fs.file.f_ra_start = fs.file.f_ra_size = fs.file.f_ra_prev = 0;
	for (u64 i = 0; i < 256; i++) {
		assert_int_equal(toyfs_read(&fs, i * 4096, page, 4096), 4096);
		assert_memory_equal(page, big + i * 4096, 4096);
		if (fs.inode.i_data.nrpages - (i + 1) > most)
			most = fs.inode.i_data.nrpages - (i + 1);
	}
	drop_all();
	return most;
}

static void readahead_is_the_devices(void **state)
{
	static const u32 ra_pages[] = {0, 1, 3, 8, 50, VM_READAHEAD_PAGES};
	struct address_space *m = &fs.inode.i_data;
	struct page *page;

	(void)state;
	toyfs_init(&fs, 4096, TOYFS_SECTORS);
	fill_big(3);
	assert_int_equal(toyfs_write(&fs, 0, big, 512 * 4096, 0), 512 * 4096);
	drop_all();
	for (u32 i = 0; i < sizeof(ra_pages) / sizeof(ra_pages[0]); i++) {
		u64 ahead = most_ahead(ra_pages[i]), around = ra_pages[i] ? ra_pages[i] : 1;

		assert_true(ahead <= 2 * ra_pages[i] && (ahead >= ra_pages[i] || ra_pages[i] < 2));
		/* One page of a mapping: at most 16 around it, and it is among them. */
		page = read_mapping_page(m, 37);
		assert_int_equal(m->nrpages, around < 16 ? around : 16);
		assert_memory_equal(page_address(page), big + 37 * 4096, 4096);
		put_page(page);
		drop_all();
		/* Far from the last one: what is wanted, in as many steps as it takes. */
		assert_int_equal(toyfs_read(&fs, 300 * 4096, buf, 20 * 4096), 20 * 4096);
		assert_memory_equal(buf, big + 300 * 4096, 20 * 4096);
		drop_all();
	}
}

/* Pages that were all just used are the only memory there is: the first call must give some. */
static void used_pages_are_taken_when_there_is_no_other(void **state)
{
	static u8 chunk[1 << 16];

	(void)state;
	toyfs_init(&fs, 4096, TOYFS_SECTORS);
	fill_big(7);
	for (u64 pos = 0; pos < 16u << 20; pos += sizeof(chunk))
		assert_int_equal(toyfs_write(&fs, pos, big + pos, sizeof(chunk), 0), sizeof(chunk));
	assert_int_equal(fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, false), 0);
	for (u64 pos = 0; pos < 16u << 20; pos += sizeof(chunk))
		assert_int_equal(toyfs_read(&fs, pos, chunk, sizeof(chunk)), sizeof(chunk));
	assert_true(fake_shrink(32) >= 32);
	drop_all();
}

static void a_wild_source_writes_what_it_can(void **state)
{
	size_t edge = ALIGN_UP((uintptr_t)model + 4097, PAGE_SIZE) - (uintptr_t)model;

	(void)state;
	toyfs_init(&fs, 1024, TOYFS_SECTORS);
	memset(model, 'x', 8192);
	fake_user_hole(model + edge, 1000);
	assert_int_equal(toyfs_write(&fs, 100, model + edge, 500, 0), -EFAULT);
	assert_int_equal(toyfs_write(&fs, 0, model, 8192, 0), edge);
	fake_user_hole(NULL, 0);
	memset(buf, 1, 8192);
	assert_int_equal(toyfs_read(&fs, 0, buf, 8192), edge);
	assert_memory_equal(buf, model, edge);
	fake_user_hole(buf + 4000, 10);
	assert_int_equal(toyfs_read(&fs, edge - 10, buf + 4000, 6), -EFAULT);
	fake_user_hole(NULL, 0);
	drop_all();
}

static void limits(void **state)
{
	(void)state;
	toyfs_init(&fs, 1024, TOYFS_SECTORS);
	assert_int_equal(toyfs_write(&fs, fs.sb.s_maxbytes, buf, 1, 0), -EFBIG);
	assert_int_equal(toyfs_write(&fs, fs.sb.s_maxbytes - 10, buf, 4096, 0), 10);
	assert_int_equal(toyfs_truncate(&fs, 5), 0);
	memcpy(buf, "tail", 4);
	assert_int_equal(toyfs_write(&fs, 0, buf, 4, IOCB_APPEND), 4);
	assert_int_equal(fs.inode.i_size, 9);
	fs.limit = fs.next + 2; /* two blocks are left */
	assert_int_equal(toyfs_write(&fs, 4096, buf, 4096, 0), -ENOSPC);
	assert_int_equal(fs.inode.i_size, 9);
	fs.limit++; /* the toy gives back only the last of the two */
	assert_int_equal(toyfs_write(&fs, 1024, buf, 100, 0), 100);
	drop_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PERMUTED(random_ops, axes, setup, NULL),
		PERMUTED(sequential, sequential_axes, setup, NULL),
		cmocka_unit_test_setup(readahead_is_the_devices, setup),
		cmocka_unit_test_setup(used_pages_are_taken_when_there_is_no_other, setup),
		cmocka_unit_test_setup(a_wild_source_writes_what_it_can, setup),
		cmocka_unit_test_setup(limits, setup),
	};

	srand(host_seed(1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
