/*
 * Block devices in use: opening and claiming, and names.
 * Path: hop 2
 */
#include "block/genhd.h"

#include "block/blk.h"
#include "kernel/lib/err.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"

/* Exclusive use of a disk and of one of its partitions exclude each other. */
static bool may_claim(const struct block_device *bdev, const void *holder)
{
	const struct gendisk *disk = bdev->bd_disk;

	if (!holder || bdev->bd_holder == holder)
		return true;
	if (bdev->bd_holder || (bdev->bd_partno && disk->part[0]->bd_holder))
		return false;
	for (u32 i = 1; !bdev->bd_partno && i < DISK_MAX_PARTS; i++)
		if (disk->part[i] && disk->part[i]->bd_holder)
			return false;
	return true;
}

static int open_locked(struct block_device *bdev, bool write, void *holder)
{
	struct gendisk *disk = bdev->bd_disk;
	int err;

	/* Removed, or another table was read while we waited for the mutex. */
	if (disk->dead || disk->part[bdev->bd_partno] != bdev)
		return -ENXIO;
	if (!may_claim(bdev, holder))
		return -EBUSY;
	if (write && bdev_read_only(bdev))
		return -EROFS;
	err = disk->fops && disk->fops->open ? disk->fops->open(disk, write) : 0;
	if (err)
		return err;
	bdev->bd_openers++;
	if (holder) {
		bdev->bd_holder = holder;
		bdev->bd_holders++;
	}
	return 0;
}

struct block_device *blkdev_get_by_dev(dev_t dev, bool write, void *holder)
{
	struct block_device *bdev = bdget(dev);
	int err;

	if (!bdev)
		return ERR_PTR(-ENXIO);
	mutex_lock(&bdev->bd_disk->open_mutex);
	err = open_locked(bdev, write, holder);
	mutex_unlock(&bdev->bd_disk->open_mutex);
	if (err) {
		bdput(bdev);
		return ERR_PTR(err);
	}
	return bdev;
}

void blkdev_put_locked(struct block_device *bdev, void *holder)
{
	const struct gendisk *disk = bdev->bd_disk;

	bdev->bd_openers--;
	if (holder && --bdev->bd_holders == 0)
		bdev->bd_holder = NULL;
	if (disk->fops && disk->fops->release)
		disk->fops->release(bdev->bd_disk);
}

void blkdev_put(struct block_device *bdev, void *holder)
{
	mutex_lock(&bdev->bd_disk->open_mutex);
	blkdev_put_locked(bdev, holder);
	mutex_unlock(&bdev->bd_disk->open_mutex);
	bdput(bdev);
}

/* --- also: all devices, names, and those that are read-only ---------------------------- */

int blk_for_each_device(int (*fn)(struct block_device *bdev, void *arg), void *arg)
{
	struct block_device *bdev = bdget_next(0);
	dev_t next;
	int ret = 0;

	for (; bdev && !ret; bdev = ret ? NULL : bdget_next(next)) {
		next = bdev->bd_dev + 1;
		ret = fn(bdev, arg);
		bdput(bdev);
	}
	return ret;
}

struct lookup {
	const char *name;
	dev_t dev;
};

static int match_name(struct block_device *bdev, void *arg)
{
	struct lookup *l = arg;
	char name[DISK_NAME_LEN], number[16];

	bdev_name(bdev, name, sizeof(name));
	snprintf(number, sizeof(number), "%u:%u", MAJOR(bdev->bd_dev), MINOR(bdev->bd_dev));
	if (strcmp(name, l->name) != 0 && strcmp(number, l->name) != 0)
		return 0;
	l->dev = bdev->bd_dev;
	return 1;
}

dev_t blk_lookup_devt(const char *name)
{
	struct lookup l = {name, 0};

	if (strncmp(name, "/dev/", 5) == 0)
		l.name += 5;
	return blk_for_each_device(match_name, &l) ? l.dev : 0;
}

void bdev_name(const struct block_device *bdev, char *buf, size_t size)
{
	const char *disk = bdev->bd_disk->disk_name;
	size_t len = strlen(disk);

	if (!bdev->bd_partno)
		strscpy(buf, disk, size);
	else /* "vda1", but "dm-0p1" */
		snprintf(buf, size, "%s%s%u", disk,
			 len && disk[len - 1] >= '0' && disk[len - 1] <= '9' ? "p" : "",
			 bdev->bd_partno);
}

bool bdev_read_only(const struct block_device *bdev)
{
	const struct gendisk *disk = bdev->bd_disk;

	return READ_ONCE(bdev->bd_read_only) || READ_ONCE(disk->part[0]->bd_read_only) ||
	       READ_ONCE(disk->read_only);
}

void bdev_set_read_only(struct block_device *bdev, bool read_only)
{
	mutex_lock(&bdev->bd_disk->open_mutex);
	WRITE_ONCE(bdev->bd_read_only, read_only);
	mutex_unlock(&bdev->bd_disk->open_mutex);
}
