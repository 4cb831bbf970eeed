// uses: fs-cache block fake-driver text user-copies fakes
// sources: tests/host/fakes/toyfs.c
/* Direct I/O, synchronous and not, beside the page cache, against a plain array. */
#include "tests/host/fakes/toyfs.h"
#include "tests/host/host.h"

#include "block/genhd.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/direct_io.h"
#include "fs/cache/pagemap.h"
#include "fs/vfs/generic_file.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

#define BYTES	    (512u << 10)
#define SECTOR	    512u
#define ORDER	    7u
#define FRAMES	    (1u << ORDER)
#define USER_BYTES  (FRAMES * PAGE_SIZE)
#define MOST_FLYING 16

static struct toyfs fs;
static u8 model[BYTES], shadow[BYTES];
static struct page *frames; /* the program's memory */
static u8 *user;

static int setup(void **state)
{
	(void)state;
	fake_schedule_hook = toyfs_complete_one;
	toyfs_init(&fs, 4096, TOYFS_SECTORS);
	toyfs_disk.bad_sector = ~0ull;
	fake_user_hole(NULL, 0);
	memset(toyfs_disk.data, 0, TOYFS_SECTORS * SECTOR_SIZE);
	memset(model, 0, sizeof(model));
	frames = alloc_pages(GFP_KERNEL, ORDER);
	for (u32 i = 0; i < FRAMES; i++)
		atomic_set(&frames[i].refcount, 1);
	user = page_address(frames);
	srand(host_seed(1));
	return 0;
}

/* Every pin has gone, and everything else with it. */
static int teardown(void **state)
{
	(void)state;
	toyfs_settle();
	assert_int_equal(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX), 0);
	truncate_inode_pages(&fs.inode.i_data, 0);
	assert_int_equal(atomic_read(&fs.inode.i_dio_count), 0);
	for (u32 i = 0; i < FRAMES; i++) {
		assert_int_equal(page_count(&frames[i]), 1);
		atomic_set(&frames[i].refcount, i == 0);
	}
	free_pages(frames, ORDER);
	assert_int_equal(toyfs_pages_live(), 0);
	assert_int_equal(toyfs_kmalloc_live(), 0);
	return 0;
}

static void fill(u8 *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (u8)rand();
}

static void start_fs(u32 blksize, bool scatter)
{
	toyfs_init(&fs, blksize, TOYFS_SECTORS);
	fs.scatter = scatter;
}

/* A file whose blocks are all there, holding random bytes. */
static void full_file(u32 blksize, bool scatter)
{
	start_fs(blksize, scatter);
	fill(model, BYTES);
	assert_int_equal(toyfs_write(&fs, 0, model, BYTES, 0), BYTES);
	assert_int_equal(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX), 0);
	truncate_inode_pages(&fs.inode.i_data, 0);
}

static ssize_t direct(bool write, u64 pos, const void *data, size_t len, u32 flags)
{
	struct iovec iov = {(u64)(uintptr_t)data, len};
	struct kiocb iocb = {
		.ki_filp = &fs.file, .ki_pos = (loff_t)pos, .ki_flags = IOCB_DIRECT | flags};
	struct iov_iter it;
	ssize_t done;

	iov_iter_init_user(&it, &iov, 1);
	done = write ? generic_file_write_iter(&iocb, &it) : generic_file_read_iter(&iocb, &it);
	assert_int_equal(iocb.ki_pos, (loff_t)pos + (done > 0 ? done : 0));
	return done;
}

static void random_mix(u32 blksize, bool scatter)
{
	u64 size = 0;

	start_fs(blksize, scatter);
	for (int i = 0; i < 4000; i++) {
		u64 pos = (u64)rand() % (BYTES / SECTOR) * SECTOR;
		u64 len = (1 + (u64)rand() % 60) * SECTOR, at = (u64)rand() % 8 * SECTOR, want;
		int op = rand() % 10;

		len = len < BYTES - pos ? len : BYTES - pos;
		want = pos >= size ? 0 : len < size - pos ? len : size - pos;
		if (op < 3) {
			fill(user + at, len);
			assert_int_equal(direct(true, pos, user + at, len, 0), len);
			memcpy(model + pos, user + at, len);
			size = pos + len > size ? pos + len : size;
		} else if (op < 6) {
			memset(user + at, 0xcc, len);
			assert_int_equal(direct(false, pos, user + at, len, 0), want);
			assert_memory_equal(user + at, model + pos, want);
		} else if (op < 8) {
			fill(shadow, len);
			pos += (u64)rand() % 100;
			len = len < BYTES - pos ? len : BYTES - pos;
			assert_int_equal(toyfs_write(&fs, pos, shadow, len, 0), len);
			memcpy(model + pos, shadow, len);
			size = pos + len > size ? pos + len : size;
		} else if (op < 9) {
			assert_int_equal(toyfs_read(&fs, pos, shadow, len), want);
			assert_memory_equal(shadow, model + pos, want);
		} else if (rand() % 10 == 0) {
			pos += (u64)rand() % SECTOR;
			assert_int_equal(toyfs_truncate(&fs, pos), 0);
			if (pos < size)
				memset(model + pos, 0, BYTES - pos);
			size = pos;
		}
		if (fs.next > fs.limit - 2000)
			fs.next = 64;
	}
}

static void mix_1k(void **state)
{
	(void)state;
	random_mix(1024, false);
}

static void mix_4k(void **state)
{
	(void)state;
	random_mix(4096, true);
}

/* --- asynchronous ------------------------------------------------------------------------- */

struct flight {
	struct kiocb iocb;
	struct dio dio;
	bool write;
	u64 pos, len;
	u8 *at;
	u8 data[64 * SECTOR]; /* of a write */
};

static struct flight flights[MOST_FLYING];
static bool flying[MOST_FLYING];
static ssize_t last_result;
static u32 completions;

static void landed(struct kiocb *iocb, ssize_t result)
{
	struct flight *f = container_of(iocb, struct flight, iocb);

	assert_true(flying[f - flights]);
	flying[f - flights] = false;
	completions++;
	last_result = result;
	if (result == (ssize_t)f->len && !f->write && toyfs_disk.bad_sector == ~0ull)
		assert_memory_equal(f->at, model + f->pos, f->len);
}

static ssize_t take_off(struct flight *f, bool write, u64 pos, u64 len, u32 flags)
{
	struct iovec iov;
	struct iov_iter it;
	ssize_t ret;

	f->write = write;
	f->pos = pos;
	f->len = len;
	f->at = user + (size_t)(f - flights) * 8 * PAGE_SIZE;
	if (write)
		memcpy(f->at, f->data, len);
	iov = (struct iovec){(u64)(uintptr_t)f->at, len};
	f->iocb = (struct kiocb){.ki_filp = &fs.file,
				 .ki_pos = (loff_t)pos,
				 .ki_flags = IOCB_DIRECT | flags,
				 .ki_complete = landed,
				 .private = &f->dio};
	iov_iter_init_user(&it, &iov, 1);
	flying[f - flights] = true;
	ret = write ? generic_file_write_iter(&f->iocb, &it) :
		      generic_file_read_iter(&f->iocb, &it);
	if (ret != -EIOCBQUEUED)
		flying[f - flights] = false;
	return ret;
}

static u32 nr_flying(void)
{
	u32 n = 0;

	for (u32 i = 0; i < MOST_FLYING; i++)
		n += flying[i];
	return n;
}

static void land_all(void)
{
	toyfs_settle();
	assert_int_equal(nr_flying(), 0);
}

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

/* A program that has the page mapped keeps it, and sees in it what was written. */
static void a_page_mapped_meanwhile_is_read_again(void **state)
{
	struct page *page;

	(void)state;
	for (u32 blksize = 1024; blksize <= 4096; blksize *= 4) {
		full_file(blksize, true);
		fill(flights[0].data, 8 * SECTOR);
		assert_int_equal(take_off(&flights[0], true, 0, 8 * SECTOR, 0), -EIOCBQUEUED);
		page = stale_page(0);
		unlock_page(page);
		land_all();
		assert_memory_equal(page_address(page), flights[0].data, PAGE_SIZE);
		write_is_seen(flights[0].data);
		put_page(page);
		truncate_inode_pages(&fs.inode.i_data, 0);
	}
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

/* Read a device by up to 8 pieces of memory that lie apart, from `pos` on, and compare. */
static void read_device_in_pieces(u64 pos, u32 pieces, u32 most_sectors)
{
	struct flight *f = &flights[0];
	struct iovec iov[8];
	struct iov_iter it;

	f->write = true; /* landed() compares nothing */
	f->len = 0;
	for (u32 i = 0; i < pieces; i++) {
		iov[i] = (struct iovec){(u64)(uintptr_t)user + 4 * i * PAGE_SIZE +
						(u64)rand() % 8 * SECTOR,
					(1 + (u64)rand() % most_sectors) * SECTOR};
		f->len += iov[i].iov_len;
	}
	f->iocb = (struct kiocb){.ki_filp = &fs.file,
				 .ki_pos = (loff_t)pos,
				 .ki_flags = IOCB_DIRECT,
				 .ki_complete = landed,
				 .private = &f->dio};
	iov_iter_init_user(&it, iov, pieces);
	flying[0] = true;
	assert_int_equal(generic_file_read_iter(&f->iocb, &it), -EIOCBQUEUED);
	land_all();
	assert_int_equal(last_result, f->len);
	for (u32 i = 0; i < pieces; pos += iov[i++].iov_len)
		assert_memory_equal((void *)(uintptr_t)iov[i].iov_base, toyfs_disk.data + pos,
				    iov[i].iov_len);
}

static void a_device_is_read_whole_however_its_memory_lies(void **state)
{
	struct address_space *m;
	struct file file;

	(void)state;
	start_fs(4096, false);
	m = bdev_mapping(fs.sb.s_bdev);
	assert_false(IS_ERR(m));
	file = fs.file;
	fs.file.f_mapping = m;
	fs.file.f_inode = m->host;
	m->host->i_size = BYTES;
	fill(toyfs_disk.data, BYTES);
	memcpy(model, toyfs_disk.data, BYTES);
	read_device_in_pieces(0, 8, 1); /* few bytes, more pieces than a small bio has room for */
	for (int i = 0; i < 500; i++)
		read_device_in_pieces((u64)rand() % 64 * SECTOR, 1 + (u32)rand() % 8,
				      1 + (u32)rand() % 24);
	/* The end of the device, and of the program's memory. */
	assert_int_equal(take_off(&flights[1], false, BYTES - SECTOR, 4 * SECTOR, 0), -EIOCBQUEUED);
	land_all();
	assert_int_equal(last_result, SECTOR);
	fake_user_hole(flights[1].at + PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(take_off(&flights[1], false, 0, 2 * PAGE_SIZE, 0), -EIOCBQUEUED);
	land_all();
	assert_int_equal(last_result, PAGE_SIZE);
	fake_user_hole(flights[1].at, PAGE_SIZE);
	assert_int_equal(take_off(&flights[1], false, 0, SECTOR, 0), -EFAULT);
	fake_user_hole(NULL, 0);
	fs.file = file;
	fs.sb.s_bdev->bd_inode = NULL;
	bdev_free_inode(m->host);
}

/* --- what goes wrong ---------------------------------------------------------------------- */

static void misaligned_is_refused(void **state)
{
	struct iovec iov[2];

	(void)state;
	full_file(4096, false);
	assert_int_equal(direct(false, 1, user, SECTOR, 0), -EINVAL);
	assert_int_equal(direct(false, 0, user, SECTOR - 1, 0), -EINVAL);
	assert_int_equal(direct(false, 0, user + 4, SECTOR, 0), -EINVAL);
	assert_int_equal(direct(true, 256, user, SECTOR, 0), -EINVAL);
	assert_int_equal(direct(false, BYTES + 1, user, SECTOR, 0), 0); /* the end comes first */
	for (u32 i = 0; i < 2; i++)
		iov[i] = (struct iovec){(u64)(uintptr_t)user + i * PAGE_SIZE, SECTOR / 2};
	{
		struct kiocb iocb = {.ki_filp = &fs.file, .ki_flags = IOCB_DIRECT};
		struct iov_iter it;

		iov_iter_init_user(&it, iov, 2);
		assert_int_equal(generic_file_read_iter(&iocb, &it), -EINVAL);
	}
}

/* Pieces that share a frame have one pin each at most, and lose all of them. */
static void pieces_of_one_frame(void **state)
{
	struct iovec iov[24];
	struct kiocb iocb = {.ki_filp = &fs.file, .ki_flags = IOCB_DIRECT};
	struct iov_iter it;

	(void)state;
	full_file(1024, false);
	for (u32 i = 0; i < 24; i++) {
		u32 piece = i < 8 ? i : i < 16 ? 40 - i : i - 8; /* onwards, back, on */

		iov[i] = (struct iovec){(u64)(uintptr_t)user + piece * SECTOR, SECTOR};
	}
	iov_iter_init_user(&it, iov, 24);
	assert_int_equal(generic_file_read_iter(&iocb, &it), 24 * SECTOR);
	for (u32 i = 0; i < 24; i++)
		assert_memory_equal((void *)(uintptr_t)iov[i].iov_base, model + i * SECTOR, SECTOR);
}

static void a_bad_sector_fails_its_transfer(void **state)
{
	(void)state;
	full_file(4096, false);
	toyfs_disk.bad_sector = (u64)(fs.map[2] - 1) * 8 + 3;
	assert_int_equal(direct(false, 2 * PAGE_SIZE, user, PAGE_SIZE, 0), -EIO);
	assert_int_equal(direct(false, 0, user, 8 * PAGE_SIZE, 0), -EIO);
	assert_int_equal(direct(true, 2 * PAGE_SIZE, user, PAGE_SIZE, 0), -EIO);
	assert_int_equal(direct(false, 3 * PAGE_SIZE, user, PAGE_SIZE, 0), PAGE_SIZE);
	assert_int_equal(take_off(&flights[0], false, 2 * PAGE_SIZE, PAGE_SIZE, 0), -EIOCBQUEUED);
	land_all();
	assert_int_equal(last_result, -EIO);
}

static void a_hole_in_memory_faults(void **state)
{
	(void)state;
	full_file(4096, false);
	fake_user_hole(user + 5 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(direct(false, 0, user + 5 * PAGE_SIZE, PAGE_SIZE, 0), -EFAULT);
	assert_int_equal(direct(true, 0, user + 5 * PAGE_SIZE, PAGE_SIZE, 0), -EFAULT);
	/* What lies before the hole is done. */
	assert_int_equal(direct(false, 0, user, 16 * PAGE_SIZE, 0), 5 * PAGE_SIZE);
	assert_memory_equal(user, model, 5 * PAGE_SIZE);
	assert_int_equal(take_off(&flights[0], false, 0, 16 * PAGE_SIZE, 0), -EIOCBQUEUED);
	land_all();
	assert_int_equal(last_result, 5 * PAGE_SIZE);
	fill(user, 5 * PAGE_SIZE);
	memcpy(model, user, 5 * PAGE_SIZE);
	assert_int_equal(direct(true, 0, user, 16 * PAGE_SIZE, 0), 5 * PAGE_SIZE);
	assert_int_equal(direct(true, BYTES - PAGE_SIZE, user + 4 * PAGE_SIZE, 2 * PAGE_SIZE, 0),
			 PAGE_SIZE); /* through the cache */
	memcpy(model + BYTES - PAGE_SIZE, user + 4 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(toyfs_read(&fs, 0, shadow, BYTES), BYTES);
	assert_memory_equal(shadow, model, BYTES);
	fake_user_hole(NULL, 0);
}

static void nowait_does_not_wait(void **state)
{
	(void)state;
	full_file(1024, false);
	assert_int_equal(direct(false, 0, user, PAGE_SIZE, IOCB_NOWAIT), PAGE_SIZE);
	assert_int_equal(toyfs_write(&fs, 100, "dirty", 5, 0), 5);
	assert_int_equal(direct(false, 0, user, PAGE_SIZE, IOCB_NOWAIT), -EAGAIN);
	assert_int_equal(direct(true, 0, user, PAGE_SIZE, IOCB_NOWAIT), -EAGAIN);
	assert_int_equal(direct(false, PAGE_SIZE, user, PAGE_SIZE, IOCB_NOWAIT), PAGE_SIZE);
	assert_int_equal(direct(true, BYTES, user, PAGE_SIZE, IOCB_NOWAIT),
			 -EAGAIN); /* allocates */
	mutex_lock(&fs.inode.i_mutex);
	assert_int_equal(direct(false, PAGE_SIZE, user, PAGE_SIZE, IOCB_NOWAIT), -EAGAIN);
	mutex_unlock(&fs.inode.i_mutex);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(mix_1k),
		T(mix_4k),
		T(many_in_flight),
		T(a_page_read_meanwhile_is_dropped),
		T(a_page_mapped_meanwhile_is_read_again),
		T(a_page_locked_at_the_end_is_waited_for),
		T(also_after_a_synchronous_write),
		T(a_block_dirtied_meanwhile_is_kept),
		T(truncation_waits),
		T(a_block_allocated_meanwhile_is_written_first),
		T(misaligned_is_refused),
		T(pieces_of_one_frame),
		T(a_bad_sector_fails_its_transfer),
		T(a_hole_in_memory_faults),
		T(nowait_does_not_wait),
		T(a_device_is_read_whole_however_its_memory_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
