#include "tests/host/fakes/direct_world.h"
#include "tests/host/host.h"

#include "fs/cache/pagemap.h"
#include "fs/vfs/generic_file.h"
#include "kernel/lib/errno.h"

struct toyfs fs;
u8 model[BYTES], shadow[BYTES], *user;
struct flight flights[MOST_FLYING];
bool flying[MOST_FLYING];
ssize_t last_result;
u32 completions;
static struct page *frames;

int direct_setup(void **state)
{
	(void)state;
	fake_schedule_hook = toyfs_complete_one;
	toyfs_init(&fs, 4096, TOYFS_SECTORS);
	toyfs_disk.bad_sector = ~0ull;
	toyfs_disk.ring_size = 64;
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

int direct_teardown(void **state)
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

void fill(u8 *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (u8)rand();
}

void start_fs(u32 blksize, bool scatter)
{
	toyfs_init(&fs, blksize, TOYFS_SECTORS);
	fs.scatter = scatter;
}

void full_file(u32 blksize, bool scatter)
{
	start_fs(blksize, scatter);
	fill(model, BYTES);
	assert_int_equal(toyfs_write(&fs, 0, model, BYTES, 0), BYTES);
	assert_int_equal(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX), 0);
	truncate_inode_pages(&fs.inode.i_data, 0);
}

ssize_t direct(bool write, u64 pos, const void *data, size_t len, u32 flags)
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

void landed(struct kiocb *iocb, ssize_t result)
{
	struct flight *f = container_of(iocb, struct flight, iocb);

	assert_true(flying[f - flights]);
	flying[f - flights] = false;
	completions++;
	last_result = result;
	if (result == (ssize_t)f->len && !f->write && toyfs_disk.bad_sector == ~0ull)
		assert_memory_equal(f->at, model + f->pos, f->len);
}

ssize_t take_off(struct flight *f, bool write, u64 pos, u64 len, u32 flags)
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

void land_all(void)
{
	toyfs_settle();
	assert_int_equal(nr_flying(), 0);
}
