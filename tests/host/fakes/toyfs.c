/* See toyfs.h. Also stands in for the inode cache and the superblocks that fs/ asks for. */
#include "tests/host/fakes/toyfs.h"
#include "tests/host/host.h"

#include "fs/cache/bdev_cache.h"
#include "fs/cache/buffer_head.h"
#include "fs/cache/direct_io.h"
#include "fs/fs_struct.h"
#include "fs/vfs/flusher.h"
#include "fs/vfs/generic_file.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/radix_tree.h"

struct fake_disk toyfs_disk;

static struct toyfs *the_fs;
static size_t disk_pages, disk_kmalloc; /* in use by the disk alone */

static void *zeroed(size_t size)
{
	return calloc(1, size);
}

static void release(const void *p)
{
	free((void *)(uintptr_t)p);
}

static int toyfs_get_block(struct inode *inode, blkno_t iblock, struct buffer_head *bh, bool create)
{
	struct toyfs *fs = inode->i_private;

	if (iblock >= TOYFS_BLOCKS)
		return create ? -EFBIG : 0;
	if (fs->map[iblock] == 0) {
		if (!create)
			return 0;
		if (fs->next >= fs->limit)
			return -ENOSPC;
		fs->map[iblock] = fs->next + 1;
		/* What a block held before shows if it is not zeroed. */
		memset(&toyfs_disk.data[(size_t)fs->next << inode->i_blkbits], 0xee, bh->b_size);
		fs->next += fs->scatter ? 3 : 1;
		set_buffer_new(bh);
	}
	bh->b_bdev = fs->sb.s_bdev;
	bh->b_blocknr = fs->map[iblock] - 1;
	set_buffer_mapped(bh);
	return 0;
}

static int toyfs_readpage(struct inode *inode, struct page *page)
{
	return block_read_full_page(inode, page, toyfs_get_block);
}

static int toyfs_writepage(struct page *page)
{
	return block_write_full_page(page, toyfs_get_block);
}

/* As any filesystem must: blocks that a failed write has taken past the end go back. */
static int toyfs_write_begin(struct inode *inode, loff_t pos, u32 len, struct page **pagep)
{
	int err = block_write_begin(inode, pos, len, pagep, toyfs_get_block);

	if (err < 0 && pos + len > inode->i_size)
		(void)!toyfs_truncate(inode->i_private, (u64)inode->i_size);
	return err;
}

static ssize_t toyfs_direct_IO(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	void (*before)(struct toyfs * fs) = the_fs->before_direct;

	the_fs->before_direct = NULL;
	if (before)
		before(the_fs);
	return blockdev_direct_IO(iocb, iter, write, toyfs_get_block);
}

static void mark_dirty(struct inode *inode, u64 state)
{
	(void)state;
	set_bit(I_DIRTY, &inode->i_state);
}

static const struct address_space_operations toyfs_aops = {
	.readpage = toyfs_readpage,
	.writepage = toyfs_writepage,
	.write_begin = toyfs_write_begin,
	.write_end = generic_write_end,
	.direct_IO = toyfs_direct_IO,
};
static const struct file_operations toyfs_fops = {.fsync = generic_file_fsync};

/* Large requests, as a good disk takes them; and a write cache, so that flushes count. */
static void make_disk(void)
{
	const struct queue_limits lim = {
		.logical_block_size = SECTOR_SIZE,
		.physical_block_size = SECTOR_SIZE,
		.max_sectors = 2048,
		.max_segments = 256,
		.max_segment_size_bytes = 65536,
	};
	bool (*hook)(void) = fake_schedule_hook;

	fake_block_init();
	fake_disk_create_sized(&toyfs_disk, "vda", 1, 64, &lim, TOYFS_SECTORS);
	fake_schedule_hook = hook;
	blk_queue_write_cache(toyfs_disk.q, true, false);
	toyfs_disk.random_order = true;
	disk_pages = fake_pages_live();
	disk_kmalloc = fake_kmalloc_live();
}

void toyfs_init(struct toyfs *fs, u32 blksize, sector_t sectors)
{
	static bool once;

	if (!once) {
		radix_tree_set_allocator(zeroed, release);
		pagecache_init();
		vmscan_init();
		bdev_cache_init();
		inode_dirtied_hook = mark_dirty;
		flusher_init();
		direct_io_init();
		once = true;
	}
	if (!toyfs_disk.disk)
		make_disk();
	set_capacity(toyfs_disk.disk, sectors);
	memset(fs, 0, sizeof(*fs));
	the_fs = fs;
	fs->sb.s_bdev = toyfs_disk.disk->part[0];
	if (fs->sb.s_bdev->bd_openers == 0)
		assert_ptr_equal(fake_open("vda"), fs->sb.s_bdev);
	fs->sb.s_blocksize = blksize;
	fs->sb.s_maxbytes = (u64)TOYFS_BLOCKS * blksize;
	fs->inode.i_mode = S_IFREG | 0644;
	fs->inode.i_sb = &fs->sb;
	fs->inode.i_private = fs;
	fs->inode.i_blkbits = (u32)__builtin_ctz(blksize);
	fs->inode.i_mapping = &fs->inode.i_data;
	mutex_init(&fs->inode.i_mutex);
	address_space_init(&fs->inode.i_data, &fs->inode);
	fs->inode.i_data.a_ops = &toyfs_aops;
	fs->file.f_inode = &fs->inode;
	fs->file.f_mapping = &fs->inode.i_data;
	fs->file.f_op = &toyfs_fops;
	fs->next = 64;
	fs->limit = (u32)(sectors * 512 / blksize);
}

void toyfs_exit(struct toyfs *fs)
{
	bdev_close(fs->sb.s_bdev, true, NULL);
	fake_disk_remove(&toyfs_disk);
}

bool toyfs_complete_one(void)
{
	bool did = fake_disk_complete_one(&toyfs_disk);

	fake_run_pending();
	return did;
}

void toyfs_settle(void)
{
	do {
		fake_clock_advance(5 * NSEC_PER_MSEC);
		fake_run_pending();
	} while (toyfs_complete_one());
}

size_t toyfs_pages_live(void)
{
	return fake_pages_live() - disk_pages;
}

size_t toyfs_kmalloc_live(void)
{
	return fake_kmalloc_live() - disk_kmalloc;
}

ssize_t toyfs_write(struct toyfs *fs, u64 pos, const void *data, size_t len, u32 iocb_flags)
{
	struct iovec iov = {(u64)(uintptr_t)data, len};
	struct kiocb iocb = {.ki_filp = &fs->file, .ki_pos = (loff_t)pos, .ki_flags = iocb_flags};
	struct iov_iter it;

	iov_iter_init_user(&it, &iov, 1);
	return generic_file_write_iter(&iocb, &it);
}

ssize_t toyfs_read(struct toyfs *fs, u64 pos, void *data, size_t len)
{
	struct iovec iov = {(u64)(uintptr_t)data, len};
	struct kiocb iocb = {.ki_filp = &fs->file, .ki_pos = (loff_t)pos};
	struct iov_iter it;

	iov_iter_init_user(&it, &iov, 1);
	return generic_file_read_iter(&iocb, &it);
}

int toyfs_truncate(struct toyfs *fs, u64 size)
{
	u64 first = (size + fs->sb.s_blocksize - 1) >> fs->inode.i_blkbits;
	int err = 0;

	inode_dio_wait(&fs->inode);
	if (size < (u64)fs->inode.i_size)
		err = block_truncate_page(&fs->inode, (loff_t)size, toyfs_get_block);
	if (err < 0)
		return err;
	fs->inode.i_size = (loff_t)size;
	truncate_inode_pages(&fs->inode.i_data, (loff_t)size);
	for (u64 i = first; i < TOYFS_BLOCKS; i++) {
		if (fs->map[i] != 0 && fs->map[i] == fs->next)
			fs->next--;
		fs->map[i] = 0;
	}
	return 0;
}

/* --- what fs/vfs/inode.c, fs/vfs/super.c and fs/vfs/fs_struct.c would do
 * --------------------------------- */

struct inode *inode_next_dirty(struct super_block *sb, ktime_t older_than)
{
	(void)older_than;
	return test_bit(I_DIRTY, &the_fs->inode.i_state) && sb == &the_fs->sb ? &the_fs->inode :
										NULL;
}

int write_inode_now(struct inode *inode, bool wait)
{
	(void)wait;
	clear_bit(I_DIRTY, &inode->i_state);
	return 0;
}

int sync_inode_metadata(struct inode *inode, bool datasync)
{
	(void)datasync;
	return write_inode_now(inode, true);
}

void iput(struct inode *inode)
{
	(void)inode;
}

int super_for_each(int (*fn)(struct super_block *sb, void *arg), void *arg)
{
	return fn(&the_fs->sb, arg);
}

void file_update_time(struct file *file)
{
	mark_inode_dirty(file->f_inode);
}

int file_remove_privs(struct file *file)
{
	(void)file;
	return 0;
}

void inode_update_atime(struct inode *inode)
{
	(void)inode;
}

const struct cred *current_cred(void)
{
	static const struct cred root;

	return &root;
}
