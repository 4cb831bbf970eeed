/*
 * The ioctls of block nodes, with Linux's numbers, rights and errors.
 * Also there: settings of a block device
 */
#include "fs/nodes/block_dev.h"

#include "block/blkdev.h"
#include "fs/cache/bdev_cache.h"
#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
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
	(void)!filemap_write_and_wait_range(m, (loff_t)range[0], (loff_t)last);
	err = cmd == BLKDISCARD ? blkdev_issue_discard(bdev, sector, nr) :
				  blkdev_issue_zeroout(bdev, sector, nr);
	invalidate_inode_pages2_range(m, range[0] >> PAGE_SHIFT, last >> PAGE_SHIFT);
	mutex_unlock(&m->host->i_mutex);
	return err;
}

/* Give the low `size` bytes. */
static int put(u64 arg, u64 value, size_t size)
{
	return copy_to_user(USERPTR(arg), &value, size);
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
	blkdev_put(claimed, holder);
	return err;
}

static bool is_for_root(u32 cmd)
{
	return cmd == BLKROSET || cmd == BLKBSZSET || cmd == BLKRRPART || cmd == BLKFLSBUF ||
	       cmd == BLKRASET || cmd == BLKFRASET;
}

/* What the device is like. Returns: as the ioctl, or -ENOTTY for those that are not about that. */
static int blkdev_geometry_ioctl(struct block_device *bdev, u32 cmd, u64 arg)
{
	const struct queue_limits *lim = &bdev->bd_disk->limits;

	switch (cmd) {
	case BLKGETSIZE:
		return put(arg, bdev_nr_sectors(bdev), sizeof(u64));
	case BLKGETSIZE64:
		return put(arg, bdev_bytes(bdev), sizeof(u64));
	case BLKSSZGET:
		return put(arg, lim->logical_block_size, sizeof(int));
	case BLKPBSZGET:
		return put(arg, lim->physical_block_size, sizeof(int));
	case BLKIOMIN:
		return put(arg, lim->io_min_bytes, sizeof(int));
	case BLKIOOPT:
		return put(arg, lim->io_opt_bytes, sizeof(int));
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return put(arg, 0, sizeof(int));
	case BLKSECTGET:
		return put(arg, min(lim->max_sectors, (u32)UINT16_MAX), sizeof(u16));
	case BLKROTATIONAL:
		return put(arg, bdev->bd_disk->queue != NULL, sizeof(u16));
	case BLKBSZGET:
		return put(arg, bdev->bd_block_size, sizeof(int));
	case BLKROGET:
		return put(arg, bdev_read_only(bdev), sizeof(int));
	default:
		return -ENOTTY;
	}
}

long blkdev_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct block_device *bdev = file->private_data;
	const struct gendisk *disk = bdev->bd_disk;
	u32 on;
	int err;

	if (is_for_root(cmd) && !cred_is_root(current_cred()))
		return -EACCES;
	switch (cmd) {
	case BLKBSZSET:
		return blkdev_set_blocksize(file, arg);
	case BLKRASET:
	case BLKFRASET:
		return bdev_set_ra_pages(bdev, arg >> (PAGE_SHIFT - SECTOR_SHIFT));
	case BLKRAGET:
	case BLKFRAGET:
		if (!arg)
			return -EINVAL;
		return put(arg, (u64)bdev_ra_pages(bdev) << (PAGE_SHIFT - SECTOR_SHIFT),
			   sizeof(u64));
	case BLKROSET:
		if (get_user_obj(&on, USERPTR(arg)) < 0)
			return -EFAULT;
		bdev_set_read_only(bdev, on != 0);
		return 0;
	case BLKRRPART:
		/* The table is read past the cache. */
		(void)!filemap_write_and_wait_range(file->f_mapping, 0, INT64_MAX);
		return blkdev_reread_part(bdev, file->f_excl ? file : NULL);
	case BLKFLSBUF:
		(void)!filemap_write_and_wait_range(file->f_mapping, 0, INT64_MAX);
		err = blkdev_issue_flush(bdev);
		(void)invalidate_mapping_pages(file->f_mapping, 0, ~0ull);
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
