// uses: fs-cache block fake-driver text user-copies fakes
// sources: tests/host/fakes/toyfs.c tests/host/fakes/direct_world.c tests/host/permute.c
/* Direct I/O in flight, while others use the same pages and blocks. */
#include "tests/host/fakes/direct_world.h"
#include "tests/host/host.h"
#include "tests/host/permute.h"

#include "fs/cache/pagemap.h"
#include "kernel/lib/errno.h"

/* Reads and writes of ranges that are apart, in flight together, ended in any order. */
static void many_in_flight(void **state)
{
	u64 part = BYTES / MOST_FLYING;

	(void)state;
	full_file(1024, true);
	completions = 0;
	for (int i = 0; i < 20000; i++) {
		struct flight *f = &flights[rand() % MOST_FLYING];
		u64 at = (u64)rand() % 32 * SECTOR, len = (1 + (u64)rand() % 32) * SECTOR;
		u64 pos = (u64)(f - flights) * part + at;

		if (flying[f - flights]) {
			if (!toyfs_complete_one())
				toyfs_settle(); /* the queue holds writes back */
			continue;
		}
		if (rand() % 2) {
			assert_int_equal(take_off(f, false, pos, len, 0), -EIOCBQUEUED);
			continue;
		}
		fill(f->data, len);
		assert_int_equal(take_off(f, true, pos, len, rand() % 4 ? 0 : IOCB_DSYNC),
				 -EIOCBQUEUED);
		memcpy(model + pos, f->data, len);
	}
	land_all();
	assert_true(completions > 500);
	assert_int_equal(toyfs_read(&fs, 0, shadow, BYTES), BYTES);
	assert_memory_equal(shadow, model, BYTES);
}

/* A page with what the disk held before, as a reader leaves it who was a moment too early. */
static struct page *stale_page(pgoff_t index)
{
	struct page *page = find_or_create_page(&fs.inode.i_data, index, GFP_NOFS);

	memcpy(page_address(page), model + index * PAGE_SIZE, PAGE_SIZE);
	set_bit(PG_UPTODATE, &page->flags);
	return page;
}

static void write_is_seen(const u8 *data)
{
	assert_int_equal(last_result, 8 * SECTOR);
	assert_int_equal(toyfs_read(&fs, 0, shadow, PAGE_SIZE), PAGE_SIZE);
	assert_memory_equal(shadow, data, PAGE_SIZE);
}

static void a_page_read_meanwhile_is_dropped(void **state)
{
	struct page *page;

	(void)state;
	full_file(4096, false);
	fill(flights[0].data, 8 * SECTOR);
	assert_int_equal(take_off(&flights[0], true, 0, 8 * SECTOR, 0), -EIOCBQUEUED);
	page = stale_page(0);
	unlock_page(page);
	put_page(page);
	land_all();
	assert_int_equal(fs.inode.i_data.nrpages, 0);
	write_is_seen(flights[0].data);
}

static const struct perm_axis axes[] = {
	{"blksize", 3, {1024, 2048, 4096}, NULL},
	{"scatter", 2, {0, 1}, NULL},
	{NULL},
};

/* A program that has the page mapped keeps it, and sees in it what was written. */
static void a_page_mapped_meanwhile_is_read_again(const u32 *v)
{
	struct page *page;

	full_file(v[0], v[1]);
	fill(flights[0].data, 8 * SECTOR);
	assert_int_equal(take_off(&flights[0], true, 0, 8 * SECTOR, 0), -EIOCBQUEUED);
	page = stale_page(0);
	unlock_page(page);
	land_all();
	assert_memory_equal(page_address(page), flights[0].data, PAGE_SIZE);
	write_is_seen(flights[0].data);
	put_page(page);
}

static struct page *locked_page;

static bool unlock_it(void)
{
	if (toyfs_complete_one())
		return true;
	unlock_page(locked_page);
	fake_schedule_hook = toyfs_complete_one;
	return true;
}

static void a_page_locked_at_the_end_is_waited_for(void **state)
{
	(void)state;
	full_file(4096, false);
	fill(flights[0].data, 8 * SECTOR);
	assert_int_equal(take_off(&flights[0], true, 0, 8 * SECTOR, 0), -EIOCBQUEUED);
	locked_page = stale_page(0);
	put_page(locked_page);
	fake_schedule_hook = unlock_it;
	land_all();
	write_is_seen(flights[0].data);
}

static bool read_too_early(void)
{
	locked_page = stale_page(0);
	unlock_page(locked_page);
	fake_schedule_hook = toyfs_complete_one;
	return true;
}

static void also_after_a_synchronous_write(void **state)
{
	(void)state;
	full_file(4096, false);
	fill(user, PAGE_SIZE);
	fake_schedule_hook = read_too_early;
	last_result = direct(true, 0, user, PAGE_SIZE, 0);
	assert_memory_equal(page_address(locked_page), user, PAGE_SIZE);
	write_is_seen(user);
	put_page(locked_page);
}

/* A buffered write of one block meanwhile: it stays, and the others are those of the disk. */
static void a_block_dirtied_meanwhile_is_kept(void **state)
{
	struct page *page;

	(void)state;
	full_file(1024, false);
	fill(flights[0].data, 8 * SECTOR);
	assert_int_equal(take_off(&flights[0], true, 0, 8 * SECTOR, 0), -EIOCBQUEUED);
	page = stale_page(0);
	unlock_page(page);
	put_page(page);
	fill(shadow, 1024);
	memcpy(model, flights[0].data, 8 * SECTOR);
	memcpy(model + 1024, shadow, 1024);
	assert_int_equal(toyfs_write(&fs, 1024, shadow, 1024, 0), 1024);
	land_all();
	write_is_seen(model);
	assert_int_equal(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX), 0);
	truncate_inode_pages(&fs.inode.i_data, 0);
	write_is_seen(model);
}

static void truncation_waits(void **state)
{
	(void)state;
	full_file(1024, false);
	for (u32 i = 0; i < 4; i++) {
		fill(flights[i].data, 8 * SECTOR);
		assert_int_equal(take_off(&flights[i], i & 1, i * PAGE_SIZE, 8 * SECTOR, 0),
				 -EIOCBQUEUED);
		if (i & 1)
			memcpy(model + i * PAGE_SIZE, flights[i].data, 8 * SECTOR);
	}
	assert_int_equal(atomic_read(&fs.inode.i_dio_count), 4);
	assert_int_equal(toyfs_truncate(&fs, 100), 0);
	assert_int_equal(atomic_read(&fs.inode.i_dio_count), 0);
	land_all();
}

static void fill_the_hole(struct toyfs *f)
{
	memset(shadow, 'w', PAGE_SIZE);
	assert_int_equal(toyfs_write(f, 2 * PAGE_SIZE, shadow, PAGE_SIZE, 0), PAGE_SIZE);
}

/* A writer who was first at i_mutex allocates what the reader is to map: never old bytes of the
 * disk. */
static void a_block_allocated_meanwhile_is_written_first(void **state)
{
	(void)state;
	start_fs(4096, false);
	assert_int_equal(toyfs_truncate(&fs, BYTES), 0);
	assert_int_equal(toyfs_write(&fs, 0, "page", 4, 0), 4);
	fs.before_direct = fill_the_hole;
	assert_int_equal(direct(false, 2 * PAGE_SIZE, user, PAGE_SIZE, 0), PAGE_SIZE);
	assert_memory_equal(user, shadow, PAGE_SIZE);
	assert_int_equal(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX), 0);
	fs.before_direct = fill_the_hole;
	assert_int_equal(direct(false, 2 * PAGE_SIZE, user, PAGE_SIZE, IOCB_NOWAIT), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(many_in_flight),
		T(a_page_read_meanwhile_is_dropped),
		PERMUTED(a_page_mapped_meanwhile_is_read_again, axes, direct_setup,
			 direct_teardown),
		T(a_page_locked_at_the_end_is_waited_for),
		T(also_after_a_synchronous_write),
		T(a_block_dirtied_meanwhile_is_kept),
		T(truncation_waits),
		T(a_block_allocated_meanwhile_is_written_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
