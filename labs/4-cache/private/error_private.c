/* The hidden cases of errors, and of fsync. */
#include "cache_kit.h"

#include "fs/cache/bdev_cache.h"
#include "fs/cache/buffer_head.h"
#include "tests/host/fakes/toyfs.h"

static struct toyfs fs;
static u8 buf[8 * 4096];

static void must_fsync(struct file *file, int want, const char *what)
{
	int err = kit_fsync(file);

	CHECK(err == want, "%s: fsync gave %d, not %d", what, err, want);
}

CASE(error_each)
{
	struct file one, two, late, after;

	kit_make(KIT_PAGES);
	one = kit_open();
	two = kit_open();
	kit.hold = true;
	kit.bad_page = lab_random(100);
	kit_dirty(kit.bad_page, 1);
	CHECK(filemap_fdatawrite_range(kit.m, 0, INT64_MAX, false) == 0,
	      "the write was sent; its failure comes later");
	late = kit_open();
	must_fsync(&one, -EIO, "the first open file");
	CHECK(kit.nr_held == 0, "fsync came back, and a write was still under way");
	must_fsync(&two, -EIO, "the second open file");
	must_fsync(&late, -EIO, "a file that was opened before anybody was told");
	after = kit_open();
	must_fsync(&after, 0, "a file that was opened after the error was told");
	must_fsync(&one, 0, "the first open file, again");
	must_fsync(&two, 0, "the second open file, again");
	kit_dirty(kit.bad_page + 1, 1);
	must_fsync(&one, 0, "a write that went well");
	kit_dirty(kit.bad_page + 500, 1);
	kit.bad_page += 500;
	kit.bad_error = -ENOSPC;
	must_fsync(&two, -ENOSPC, "a new error");
	must_fsync(&one, -ENOSPC, "a new error, in the other file");
	must_fsync(&two, 0, "a new error, once");
	kit_end();
}

CASE(error_page)
{
	struct page *page, *good;
	struct file file, late;

	kit_make(KIT_PAGES);
	file = kit_open();
	kit.bad_page = 7;
	page = kit_dirty(7, 1);
	good = kit_dirty(8, 1);
	CHECK(filemap_write_and_wait_range(kit.m, 0, INT64_MAX) == -EIO,
	      "filemap_write_and_wait_range() does not give the error that came up");
	kit_idle(page);
	CHECK(test_bit(PG_ERROR, &page->flags), "the page whose write failed has no PG_ERROR");
	CHECK(!test_bit(PG_ERROR, &good->flags), "a page whose write went well has PG_ERROR");
	CHECK(errseq_take(&kit.sb.s_wb_err) == -EIO,
	      "the filesystem's errors (s_wb_err) have none: "
	      "syncfs would not tell");
	CHECK(errseq_now(&kit.m->wb_err) == 1 && errseq_now(&kit.sb.s_wb_err) == 1,
	      "one error was recorded more than once");
	late = kit_open();
	must_fsync(&file, -EIO, "after another's write-back failed");
	must_fsync(&late, -EIO, "no program was told yet, and a file opened just now");
	kit_end();
}

/* An error of long ago is not this call's. */
CASE(error_old)
{
	struct file file;
	int err;

	kit_make(KIT_PAGES);
	file = kit_open();
	mapping_set_error(kit.m, -EIO);
	kit_dirty(7, 1);
	err = filemap_write_and_wait_range(kit.m, 0, INT64_MAX);
	CHECK(err == 0, "an error from before filemap_write_and_wait_range() came back: %d", err);
	kit.bad_page = 8;
	kit.hold = true;
	kit_dirty(8, 1);
	err = filemap_write_and_wait_range(kit.m, 8 * PAGE_SIZE, 9 * PAGE_SIZE - 1);
	CHECK(err == -EIO, "the write of the range failed, and the call gave %d", err);
	must_fsync(&file, -EIO, "after both");
	must_fsync(&file, 0, "after both, again");
	kit_end();
}

/* writepage itself refuses a page: the others go on their way. */
CASE(error_refused)
{
	pgoff_t want[40];
	struct page *page;
	int err;

	kit_make(KIT_PAGES);
	kit.refused_page = 4;
	kit.bad_error = -ENOSPC;
	for (u32 i = 0; i < 40; i++) {
		want[i] = 3 + i;
		kit_dirty(want[i], 1);
	}
	err = filemap_fdatawrite_range(kit.m, 0, INT64_MAX, true);
	CHECK(err == -ENOSPC, "writepage gave -ENOSPC, and filemap_fdatawrite_range() %d", err);
	kit_written(want, 40);
	page = find_get_page(kit.m, 4);
	cancel_dirty_page(page);
	put_page(page);
	kit_end();
}

static int toy_fsync(void)
{
	return fs.file.f_op->fsync(&fs.file, 0, INT64_MAX, false);
}

static void toy_make(void)
{
	kit_make(KIT_PAGES);
	fake_schedule_hook = toyfs_complete_one;
	default_ra_pages = 0;
	toyfs_init(&fs, 4096, TOYFS_SECTORS);
	memset(buf, (int)lab_random(256), sizeof(buf));
	CHECK(toyfs_write(&fs, 0, buf, sizeof(buf), 0) == sizeof(buf), "a write failed");
	toyfs_disk.nr_requests = toyfs_disk.nr_flushes = 0;
	memset(toyfs_disk.trace, 0, sizeof(toyfs_disk.trace));
}

/* Data, then metadata, then one flush. */
CASE(fsync_flush)
{
	struct buffer_head *bh;
	int err;

	toy_make();
	CHECK(set_blocksize(fs.sb.s_bdev, 4096) == 0, "the block size cannot be set");
	bh = sb_bread(&fs.sb, 5);
	CHECK(!IS_ERR(bh), "a block of the disk cannot be read");
	memset(bh->b_data, 0x5a, 4096);
	mark_buffer_dirty_inode(bh, &fs.inode);
	memset(toyfs_disk.trace, 0, sizeof(toyfs_disk.trace));
	err = toy_fsync();
	CHECK(err == 0, "fsync gave %d", err);
	CHECK(memcmp(toyfs_disk.data + 64 * 4096, buf, sizeof(buf)) == 0,
	      "fsync came back, and the file's bytes are not on the disk");
	CHECK(toyfs_disk.data[5 * 4096] == 0x5a,
	      "fsync came back, and the file's metadata (sync_mapping_buffers) is not on the disk");
	CHECK(!test_bit(I_DIRTY, &fs.inode.i_state), "fsync did not write the inode");
	CHECK(toyfs_disk.nr_flushes == 1, "fsync flushed the disk %u times, not once",
	      toyfs_disk.nr_flushes);
	CHECK(toyfs_disk.trace[strlen(toyfs_disk.trace) - 1] == 'F',
	      "the disk got %s: the flush must come behind all writes (W)", toyfs_disk.trace);
	/* The metadata cannot be written; no device below is asked, so it is this error alone. */
	mark_buffer_dirty_inode(bh, &fs.inode);
	toyfs_disk.bad_sector = 5 * 8;
	toyfs_disk.fail_writes = true;
	fs.sb.s_bdev = NULL;
	err = toy_fsync();
	CHECK(err == -EIO, "the file's metadata could not be written, and fsync gave %d", err);
	brelse(bh);
}

/* Its own flush failed; then the device's errors, which all files on it report. */
CASE(fsync_device)
{
	struct address_space *m;
	int err;

	toy_make();
	toyfs_disk.fail_flushes = 1;
	err = toy_fsync();
	CHECK(err == -EIO, "the flush failed, and fsync gave %d", err);
	err = toy_fsync();
	CHECK(err == 0, "the flush went well, and fsync gave %d", err);
	m = bdev_mapping(fs.sb.s_bdev);
	fs.file.f_bdev_err = errseq_now(&m->wb_err);
	mapping_set_error(m, -EIO);
	err = toy_fsync();
	CHECK(err == -EIO, "the device lost metadata, and fsync of a file on it gave %d", err);
	err = toy_fsync();
	CHECK(err == 0, "the device's error came a second time: %d", err);
}

/* Two errors at once: the first counts, and both are told with it. */
CASE(fsync_first)
{
	struct file file;

	kit_make(KIT_PAGES);
	file = kit_open();
	kit.refused_page = 4;
	kit.bad_error = -ENOSPC;
	kit_dirty(4, 1);
	mapping_set_error(kit.m, -EIO);
	must_fsync(&file, -ENOSPC, "writepage gave -ENOSPC, and the mapping has -EIO");
	must_fsync(&file, 0, "both errors were told");
	kit.inode_error = -EIO;
	must_fsync(&file, -EIO, "the inode could not be written");
	kit.inode_error = 0;
	must_fsync(&file, 0, "the inode was written");
}
