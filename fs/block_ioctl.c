/* The ioctls of block nodes, with Linux's numbers, rights and errors. */
#include "fs/block_dev.h"

#include "block/blkdev.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/pagemap.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"

/* Linux's <linux/fs.h>. */
#define BLKROSET	 0x125du
#define BLKROGET	 0x125eu
#define BLKRRPART	 0x125fu
#define BLKGETSIZE	 0x1260u
#define BLKFLSBUF	 0x1261u
#define BLKRASET	 0x1262u
#define BLKRAGET	 0x1263u
#define BLKFRASET	 0x1264u
#define BLKFRAGET	 0x1265u
#define BLKSECTGET	 0x1267u
#define BLKSSZGET	 0x1268u
#define BLKDISCARD	 0x1277u
#define BLKIOMIN	 0x1278u
#define BLKIOOPT	 0x1279u
#define BLKALIGNOFF	 0x127au
#define BLKPBSZGET	 0x127bu
#define BLKDISCARDZEROES 0x127cu
#define BLKSECDISCARD	 0x127du
#define BLKROTATIONAL	 0x127eu
#define BLKZEROOUT	 0x127fu
#define BLKBSZGET	 0x80081270u
#define BLKBSZSET	 0x40081271u
#define BLKGETSIZE64	 0x80081272u

/* What the cache holds goes to the disk. Errors are left for those who ask by fsync. */
static void write_back(struct address_space *m, u64 start, u64 end)
{
	int err = filemap_fdatawrite_range(m, (loff_t)start, (loff_t)end, true);

	(void)err;
	filemap_fdatawait_keep_errors(m, (loff_t)start, (loff_t)end);
}

/* BLKDISCARD and BLKZEROOUT: {start, length} in bytes. */
static int blkdev_range_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct block_device *bdev = file->private_data;
	struct address_space *m = file->f_mapping;
	u64 range[2], mask = bdev_logical_block_size(bdev) - 1, last;
	sector_t sector, nr;
	int err;

	if (!file->f_writable)
		return -EBADF;
	if (copy_from_user(range, USERPTR(arg), sizeof(range)) < 0)
		return -EFAULT;
	last = range[0] + range[1] - 1;
	if (((range[0] | range[1]) & mask) != 0 || last < range[0] || last >= bdev_bytes(bdev))
		return -EINVAL;
	sector = range[0] >> SECTOR_SHIFT;
	nr = range[1] >> SECTOR_SHIFT;
	mutex_lock(&m->host->i_mutex);
	/* The first and the last page may hold more than the range. */
	write_back(m, range[0], last);
	err = cmd == BLKDISCARD ? blkdev_issue_discard(bdev, sector, nr) :
				  blkdev_issue_zeroout(bdev, sector, nr);
	invalidate_inode_pages2_range(m, range[0] >> PAGE_SHIFT, last >> PAGE_SHIFT);
	mutex_unlock(&m->host->i_mutex);
	return err;
}

static int put_int(u64 arg, u32 value)
{
	return put_user_obj(USERPTR(arg), &value);
}

static int put_u16(u64 arg, u32 value)
{
	u16 low = (u16)min(value, (u32)UINT16_MAX);

	return put_user_obj(USERPTR(arg), &low);
}

static int put_u64(u64 arg, u64 value)
{
	return put_user_obj(USERPTR(arg), &value);
}

/* Whoever mounted it relies on the size: the device is claimed meanwhile. */
static int blkdev_set_blocksize(struct file *file, u64 arg)
{
	void *holder = file->f_excl ? file : (void *)&arg;
	struct block_device *bdev = file->private_data, *claimed;
	u32 bytes;
	int err;

	if (!arg)
		return -EINVAL;
	if (get_user_obj(&bytes, USERPTR(arg)) < 0)
		return -EFAULT;
	claimed = blkdev_get_by_dev(bdev->bd_dev, false, holder);
	if (IS_ERR(claimed))
		return (int)PTR_ERR(claimed);
	err = set_blocksize(claimed, bytes);
	blkdev_put(claimed, false, holder);
	return err;
}

static bool is_for_root(u32 cmd)
{
	return cmd == BLKROSET || cmd == BLKBSZSET || cmd == BLKRRPART || cmd == BLKFLSBUF ||
	       cmd == BLKRASET || cmd == BLKFRASET;
}

/* All 0 for a disk without a queue, or one that was taken out. */
static struct queue_limits limits_of(struct gendisk *disk)
{
	struct queue_limits lim = {0};

	mutex_lock(&disk->open_mutex);
	if (disk->queue && !disk->dead)
		lim = *blk_queue_limits(disk->queue);
	mutex_unlock(&disk->open_mutex);
	return lim;
}

/* What the device is like. Returns: as the ioctl, or -ENOTTY for those that are not about that. */
static int blkdev_geometry_ioctl(struct block_device *bdev, u32 cmd, u64 arg)
{
	const struct queue_limits lim = limits_of(bdev->bd_disk);
	u32 sector_size = bdev_logical_block_size(bdev);

	switch (cmd) {
	case BLKGETSIZE:
		return put_u64(arg, bdev_nr_sectors(bdev));
	case BLKGETSIZE64:
		return put_u64(arg, bdev_bytes(bdev));
	case BLKSSZGET:
		return put_int(arg, sector_size);
	case BLKPBSZGET:
		return put_int(arg, max(lim.physical_block_size, sector_size));
	case BLKIOMIN:
		return put_int(arg, max(lim.io_min_bytes, sector_size));
	case BLKIOOPT:
		return put_int(arg, lim.io_opt_bytes);
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return put_int(arg, 0);
	case BLKSECTGET:
		return put_u16(arg, lim.max_sectors ? lim.max_sectors : UINT16_MAX);
	case BLKROTATIONAL:
		return put_u16(arg, bdev->bd_disk->queue != NULL);
	case BLKBSZGET:
		return put_int(arg, bdev->bd_block_size);
	case BLKROGET:
		return put_int(arg, bdev_read_only(bdev));
	default:
		return -ENOTTY;
	}
}

long blkdev_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct block_device *bdev = file->private_data;
	struct gendisk *disk = bdev->bd_disk;
	u64 ra_pages;
	u32 on;
	int err;

	if (is_for_root(cmd) && !cred_is_root(current_cred()))
		return -EACCES;
	switch (cmd) {
	case BLKBSZSET:
		return blkdev_set_blocksize(file, arg);
	case BLKRASET:
	case BLKFRASET:
		ra_pages = min(arg >> (PAGE_SHIFT - SECTOR_SHIFT), (u64)MAX_RA_PAGES);
		WRITE_ONCE(disk->ra_pages, (u32)ra_pages);
		return 0;
	case BLKRAGET:
	case BLKFRAGET:
		ra_pages = READ_ONCE(disk->ra_pages);
		if (!arg)
			return -EINVAL;
		return put_u64(arg, ra_pages << (PAGE_SHIFT - SECTOR_SHIFT));
	case BLKROSET:
		if (get_user_obj(&on, USERPTR(arg)) < 0)
			return -EFAULT;
		if (on)
			write_back(file->f_mapping, 0,
				   INT64_MAX); /* written while it was allowed */
		bdev_set_read_only(bdev, on != 0);
		return 0;
	case BLKRRPART:
		write_back(file->f_mapping, 0, INT64_MAX); /* the table is read past the cache */
		return blkdev_reread_part(bdev, file->f_excl ? file : NULL);
	case BLKFLSBUF:
		write_back(file->f_mapping, 0, INT64_MAX);
		err = blkdev_issue_flush(bdev);
		invalidate_bdev(bdev);
		return err;
	case BLKDISCARD:
	case BLKZEROOUT:
		return blkdev_range_ioctl(file, cmd, arg);
	case BLKSECDISCARD:
		return file->f_writable ? -EOPNOTSUPP : -EBADF;
	default:
		err = blkdev_geometry_ioctl(bdev, cmd, arg);
		if (err != -ENOTTY)
			return err;
		return disk->fops && disk->fops->ioctl ? disk->fops->ioctl(bdev, cmd, arg) :
							 -ENOTTY;
	}
}
