// uses: fs-cache block fake-driver text user-copies fakes
// sources: tests/host/fakes/toyfs.c tests/host/fakes/direct_world.c tests/host/permute.c
/* Direct I/O beside the page cache, against a plain array; and what is refused or fails. */
#include "tests/host/fakes/direct_world.h"
#include "tests/host/host.h"
#include "tests/host/permute.h"

#include "block/genhd.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/pagemap.h"
#include "fs/vfs/generic_file.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static const struct perm_axis axes[] = {
	{"blksize", 3, {1024, 2048, 4096}, NULL},
	{"scatter", 2, {0, 1}, NULL},
	{"depth", 2, {1, 64}, NULL},
	{NULL},
};

static void random_mix(const u32 *v)
{
	u64 size = 0;

	start_fs(v[0], v[1]);
	toyfs_disk.ring_size = v[2];
	for (int i = 0; i < 1000; i++) {
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
	const struct CMUnitTest tests[] = {
		PERMUTED(random_mix, axes, direct_setup, direct_teardown),
		T(misaligned_is_refused),
		T(pieces_of_one_frame),
		T(a_bad_sector_fails_its_transfer),
		T(a_hole_in_memory_faults),
		T(nowait_does_not_wait),
		T(a_device_is_read_whole_however_its_memory_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
