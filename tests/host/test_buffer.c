// uses: fs-cache block fake-driver text user-copies fakes
// sources: tests/host/fakes/toyfs.c
/* Metadata buffers, block nodes, and the ways of an I/O error. */
#include "tests/host/fakes/toyfs.h"
#include "tests/host/host.h"

#include "block/genhd.h"
#include "fs/cache/bdev_cache.h"
#include "fs/nodes/block_dev.h"
#include "fs/cache/buffer_head.h"
#include "fs/cache/pagemap.h"
#include "fs/vfs/flusher.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

static struct toyfs fs;
static struct block_device *bdev;
static u8 buf[1 << 16];

static int setup(void **state)
{
	(void)state;
	fake_schedule_hook = toyfs_complete_one;
	toyfs_init(&fs, 1024, 2047); /* an odd number of sectors */
	for (u32 i = 0; i < 1 << 20; i++)
		toyfs_disk.data[i] = (u8)(i >> 9);
	bdev = fs.sb.s_bdev;
	assert_int_equal(set_blocksize(bdev, 1024), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	toyfs_disk.fail_writes = false;
	fake_schedule_hook = toyfs_complete_one;
	(void)!filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX);
	truncate_inode_pages(&fs.inode.i_data, 0);
	toyfs_exit(&fs);
	assert_int_equal(fake_pages_live(), 1); /* the page of zeroes */
	assert_int_equal(fake_kmalloc_live(), 0);
	return 0;
}

static void bread_caches(void **state)
{
	struct buffer_head *a = sb_bread(&fs.sb, 5), *b;
	u32 requests = toyfs_disk.nr_requests;

	(void)state;
	assert_false(IS_ERR(a));
	assert_int_equal(a->b_data[0], 10);
	assert_int_equal(a->b_data[1023], 11);
	b = sb_bread(&fs.sb, 5);
	assert_ptr_equal(a, b);
	assert_int_equal(toyfs_disk.nr_requests, requests);
	brelse(b);
	assert_int_equal(fake_shrink(100), 0); /* it is in use */
	brelse(a);
	fake_shrink(100);
	assert_true(fake_shrink(100) + 1 >= 1 && toyfs_pages_live() == 0);
}

static void bad_blocks(void **state)
{
	struct super_block other = {.s_bdev = bdev, .s_blocksize = 2048};

	(void)state;
	assert_int_equal(PTR_ERR(sb_bread(&fs.sb, 1023)), -EUCLEAN); /* held in part only */
	assert_int_equal(PTR_ERR(sb_bread(&fs.sb, ~0ull)), -EUCLEAN);
	assert_int_equal(PTR_ERR(sb_bread(&other, 1)), -EINVAL);
	toyfs_disk.bad_sector = 100;
	assert_int_equal(PTR_ERR(sb_bread(&fs.sb, 50)), -EIO);
	toyfs_disk.bad_sector = ~0ull;
	brelse(sb_bread(&fs.sb, 50));
}

static void dirty_metadata_reaches_the_disk(void **state)
{
	struct buffer_head *bh = sb_getblk(&fs.sb, 7);

	(void)state;
	lock_buffer(bh);
	memset(bh->b_data, 0x77, 1024);
	set_buffer_uptodate(bh);
	unlock_buffer(bh);
	mark_buffer_dirty(bh);
	brelse(bh);
	assert_int_equal(toyfs_disk.data[7 * 1024], 14);
	assert_int_equal(sync_blockdev(bdev), 0);
	assert_int_equal(toyfs_disk.data[7 * 1024], 0x77);
	assert_int_equal(toyfs_disk.data[7 * 1024 + 1023], 0x77);
	assert_int_equal(toyfs_disk.data[6 * 1024], 12); /* neighbours in the page: not touched */
	assert_int_equal(toyfs_disk.data[8 * 1024], 16);
}

static void forgotten_is_never_written(void **state)
{
	struct buffer_head *bh = sb_bread(&fs.sb, 9);

	(void)state;
	memset(bh->b_data, 0, 1024);
	mark_buffer_dirty_inode(bh, &fs.inode);
	brelse(bh);
	sb_forget(&fs.sb, 9, 1);
	assert_int_equal(sync_blockdev(bdev), 0);
	assert_int_equal(toyfs_disk.data[9 * 1024], 18);
}

static void fsync_writes_the_files_metadata(void **state)
{
	struct buffer_head *bh = sb_bread(&fs.sb, 9);

	(void)state;
	memset(bh->b_data, 0x99, 1024);
	mark_buffer_dirty_inode(bh, &fs.inode);
	assert_int_equal(fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, true), 0);
	assert_int_equal(toyfs_disk.data[9 * 1024], 0x99);
	toyfs_disk.fail_writes = true;
	mark_buffer_dirty_inode(bh, &fs.inode);
	assert_int_equal(fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, true), -EIO);
	toyfs_disk.fail_writes = false;
	assert_int_equal(sync_blockdev(bdev), -EIO);
	assert_int_equal(sync_blockdev(bdev), 0);
	brelse(bh);
}

static void a_write_error_is_reported_once_per_file(void **state)
{
	struct file other = fs.file, late;

	(void)state;
	assert_int_equal(toyfs_write(&fs, 0, buf, 5000, 0), 5000);
	toyfs_disk.fail_writes = true;
	writeback_older_than(~0ull);
	toyfs_settle();
	toyfs_disk.fail_writes = false;
	late = fs.file;
	late.f_wb_err = errseq_sample(&late.f_mapping->wb_err);
	assert_int_equal(fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, false), -EIO);
	assert_int_equal(fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, false), 0);
	assert_int_equal(other.f_op->fsync(&other, 0, INT64_MAX, false), -EIO);
	assert_int_equal(other.f_op->fsync(&other, 0, INT64_MAX, false), 0);
	assert_int_equal(late.f_op->fsync(&late, 0, INT64_MAX, false), -EIO);
	late.f_wb_err = errseq_sample(&late.f_mapping->wb_err);
	assert_int_equal(late.f_op->fsync(&late, 0, INT64_MAX, false), 0);
	assert_int_equal(toyfs_write(&fs, 0, buf, 10, IOCB_DSYNC), 10);
	toyfs_disk.fail_writes = true;
	assert_int_equal(toyfs_write(&fs, 0, buf, 10, IOCB_DSYNC), -EIO);
}

static void a_read_error_is_the_readers(void **state)
{
	(void)state;
	assert_int_equal(toyfs_write(&fs, 0, buf, 16384, 0), 16384);
	assert_int_equal(filemap_write_and_wait_range(&fs.inode.i_data, 0, INT64_MAX), 0);
	truncate_inode_pages(&fs.inode.i_data, 0);
	toyfs_disk.bad_sector = (fs.map[9] - 1) * 2; /* in the third page */
	assert_int_equal(toyfs_read(&fs, 0, buf, 16384), 8192);
	assert_int_equal(toyfs_read(&fs, 8192, buf, 1), -EIO);
	assert_int_equal(toyfs_read(&fs, 12288, buf, 4096), 4096);
	assert_int_equal(PTR_ERR(read_mapping_page(&fs.inode.i_data, 2)), -EIO);
	toyfs_disk.bad_sector = ~0ull;
	assert_int_equal(toyfs_read(&fs, 8192, buf, 8192), 8192);
}

static void no_memory_is_enomem(void **state)
{
	(void)state;
	for (u32 n = 1; n < 12; n++) {
		ssize_t done;

		mm_fail_after(n);
		done = toyfs_write(&fs, n * 4096 + 100, buf, 200, 0);
		mm_fail_after(0);
		assert_true(done == 200 || done == -ENOMEM);
	}
	assert_int_equal(toyfs_write(&fs, 0, buf, 65536, 0), 65536);
	assert_int_equal(toyfs_read(&fs, 0, buf, 65536), 65536);
}

static void block_nodes(void **state)
{
	struct inode node = {.i_mode = S_IFBLK, .i_rdev = bdev->bd_dev};
	struct file file = {.f_inode = &node, .f_writable = true, .f_op = &def_blk_fops};
	struct iovec iov = {(u64)(uintptr_t)buf, sizeof(buf)};
	struct kiocb iocb = {.ki_filp = &file, .ki_pos = 2047 * 512 - 700};
	struct iov_iter it;
	u64 size = 0;

	(void)state;
	assert_int_equal(set_blocksize(bdev, 512), 0);
	assert_int_equal(file.f_op->open(&node, &file), 0);
	iov_iter_init_user(&it, &iov, 1);
	assert_int_equal(file.f_op->read_iter(&iocb, &it), 700); /* the partial last page */
	assert_memory_equal(buf, &toyfs_disk.data[2047 * 512 - 700], 700);
	assert_int_equal(file.f_op->read_iter(&iocb, &it), 0);
	assert_int_equal(file.f_op->write_iter(&iocb, &it), -ENOSPC);
	iocb.ki_pos = 2047 * 512 - 3;
	memset(buf, 0xab, 16);
	iov_iter_init_user(&it, &iov, 1);
	iov_iter_truncate(&it, 16);
	assert_int_equal(file.f_op->write_iter(&iocb, &it), 3);
	assert_int_equal(file.f_op->fsync(&file, 0, INT64_MAX, false), 0);
	assert_int_equal(toyfs_disk.data[2047 * 512 - 1], 0xab);
	assert_int_equal(toyfs_disk.data[2047 * 512], (u8)2047);
	assert_int_equal(file.f_op->ioctl(&file, 0x80081272u, (u64)(uintptr_t)&size), 0);
	assert_int_equal(size, 2047 * 512);
	assert_int_equal(file.f_op->llseek(&file, 0, SEEK_END), 2047 * 512);
	for (loff_t off = INT64_MAX; off > INT64_MAX - 3; off--) {
		assert_int_equal(file.f_op->llseek(&file, off, SEEK_CUR), -EINVAL);
		assert_int_equal(file.f_op->llseek(&file, off, SEEK_END), -EINVAL);
	}
	assert_int_equal(file.f_op->llseek(&file, INT64_MIN, SEEK_END), -EINVAL);
	assert_int_equal(file.f_op->llseek(&file, 0, SEEK_CUR), 2047 * 512);
	assert_int_equal(file.f_op->ioctl(&file, 0x1261u, 0), 0);
	assert_int_equal(file.f_op->ioctl(&file, 0xdead, 0), -ENOTTY);
	file.f_op->release(&node, &file);
	node.i_rdev = 99;
	assert_int_equal(file.f_op->open(&node, &file), -ENXIO);
}

/* What is set for a node holds for the disk, so also for a partition, until the disk goes. */
static void readahead_is_set_for_the_disk(void **state)
{
	struct inode node = {.i_mode = S_IFBLK, .i_rdev = bdev->bd_dev};
	struct file file = {.f_inode = &node, .f_writable = true, .f_op = &def_blk_fops};
	const struct block_device part = {.bd_partno = 1, .bd_disk = bdev->bd_disk};
	u64 sectors = 0;

	(void)state;
	assert_int_equal(file.f_op->open(&node, &file), 0);
	assert_int_equal(bdev_ra_pages(&part), VM_READAHEAD_PAGES);
	assert_int_equal(file.f_op->ioctl(&file, 0x1262u, 65), 0);
	assert_int_equal(bdev_ra_pages(bdev), 8);
	assert_int_equal(bdev_ra_pages(&part), 8);
	assert_int_equal(file.f_op->ioctl(&file, 0x1263u, (u64)(uintptr_t)&sectors), 0);
	assert_int_equal(sectors, 64);
	assert_int_equal(file.f_op->ioctl(&file, 0x1262u, UINT64_MAX), 0);
	assert_int_equal(bdev_ra_pages(bdev), MAX_RA_PAGES);
	file.f_op->release(&node, &file);
	toyfs_exit(&fs);
	setup(state);
	assert_int_equal(bdev_ra_pages(bdev), VM_READAHEAD_PAGES);
}

static ssize_t write_node(struct file *file, loff_t pos, u8 byte)
{
	struct iovec iov = {(u64)(uintptr_t)buf, 16};
	struct kiocb iocb = {.ki_filp = file, .ki_pos = pos};
	struct iov_iter it;

	memset(buf, byte, 16);
	iov_iter_init_user(&it, &iov, 1);
	return file->f_op->write_iter(&iocb, &it);
}

/* The disk grows as soon as set_blocksize waits. */
static bool grow_meanwhile(void)
{
	if (get_capacity(bdev->bd_disk) != TOYFS_SECTORS)
		set_capacity(bdev->bd_disk, TOYFS_SECTORS);
	return toyfs_complete_one();
}

static void the_block_size_and_the_size_change_together(void **state)
{
	struct inode *cache = bdev_mapping(bdev)->host;
	struct inode node = {.i_mode = S_IFBLK, .i_rdev = bdev->bd_dev};
	struct file file = {.f_inode = &node, .f_writable = true, .f_op = &def_blk_fops};

	(void)state;
	assert_int_equal(cache->i_size, 2046 * 512);
	assert_int_equal(file.f_op->open(&node, &file), 0);
	assert_int_equal(write_node(&file, 0, 0xaa), 16);
	fake_schedule_hook = grow_meanwhile;
	assert_int_equal(set_blocksize(bdev, 4096), 0);
	assert_int_equal(bdev->bd_block_size, 4096);
	assert_int_equal(cache->i_blkbits, 12);
	assert_int_equal(cache->i_size, TOYFS_SECTORS * 512);
	set_capacity(bdev->bd_disk, 2047);
	assert_int_equal(bdev->bd_block_size, 4096);
	assert_int_equal(cache->i_size, 2040 * 512);
	file.f_op->release(&node, &file);
}

static struct file *other_writer;

/* Another thread writes to the device, as soon as it can. */
static bool write_meanwhile(void)
{
	struct inode *host = other_writer ? other_writer->f_mapping->host : NULL;

	if (host && mutex_trylock(&host->i_mutex)) {
		struct file *file = other_writer;

		mutex_unlock(&host->i_mutex);
		other_writer = NULL;
		assert_int_equal(write_node(file, 3 * PAGE_SIZE, 0xcd), 16);
	}
	return toyfs_complete_one();
}

static void a_new_block_size_drops_no_write(void **state)
{
	struct inode node = {.i_mode = S_IFBLK, .i_rdev = bdev->bd_dev};
	struct file file = {.f_inode = &node, .f_writable = true, .f_op = &def_blk_fops};

	(void)state;
	assert_int_equal(file.f_op->open(&node, &file), 0);
	assert_int_equal(write_node(&file, 3 * PAGE_SIZE, 0xaa), 16);
	assert_int_equal(file.f_op->fsync(&file, 0, INT64_MAX, false), 0);
	assert_int_equal(write_node(&file, 5 * PAGE_SIZE, 0xab), 16);
	other_writer = &file;
	fake_schedule_hook = write_meanwhile;
	assert_int_equal(set_blocksize(bdev, 512), 0);
	assert_null(other_writer);
	assert_int_equal(file.f_op->fsync(&file, 0, INT64_MAX, false), 0);
	assert_int_equal(toyfs_disk.data[3 * PAGE_SIZE], 0xcd);
	assert_int_equal(toyfs_disk.data[5 * PAGE_SIZE], 0xab);
	file.f_op->release(&node, &file);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(bread_caches),
		T(bad_blocks),
		T(dirty_metadata_reaches_the_disk),
		T(forgotten_is_never_written),
		T(fsync_writes_the_files_metadata),
		T(a_write_error_is_reported_once_per_file),
		T(a_read_error_is_the_readers),
		T(no_memory_is_enomem),
		T(block_nodes),
		T(readahead_is_set_for_the_disk),
		T(the_block_size_and_the_size_change_together),
		T(a_new_block_size_drops_no_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
