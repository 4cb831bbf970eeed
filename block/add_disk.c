/*
 * Disks come and go: with their partitions they are made visible, and taken out again.
 *
 * Lock order: genhd.h.
 * Also there: a disk comes, or goes
 */
#include "block/blk.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"

void (*bdev_removed)(const char *name);

static bool limits_usable(const struct queue_limits *lim)
{
	u32 block = lim->logical_block_size;

	return block >= SECTOR_SIZE && block <= PAGE_SIZE && !(block & (block - 1)) &&
	       lim->max_sectors >= block >> SECTOR_SHIFT && lim->max_segments &&
	       lim->max_segment_size_bytes >= SECTOR_SIZE &&
	       !(lim->seg_boundary_bytes & (lim->seg_boundary_bytes - 1)) &&
	       (!lim->seg_boundary_bytes || lim->seg_boundary_bytes >= block);
}

int device_add_disk(struct gendisk *disk)
{
	int err;

	if (disk->queue && !limits_usable(blk_queue_limits(disk->queue)))
		return -EINVAL;
	if (disk->queue)
		disk->limits = *blk_queue_limits(disk->queue);
	disk->part[0]->bd_dev = MKDEV(disk->major, disk->first_minor);
	disk->part[0]->bd_block_size = bdev_logical_block_size(disk->part[0]);
	atomic_inc(&disk->refs);
	err = bdev_add(disk->part[0]);
	if (err)
		bdput(disk->part[0]);
	if (err || disk->minors <= 1)
		return err;
	mutex_lock(&disk->open_mutex);
	blk_scan_partitions(disk);
	mutex_unlock(&disk->open_mutex);
	return 0;
}

/* Locks: open_mutex held. Who has one open keeps it, but it is found no more. */
static void drop_partitions(struct gendisk *disk)
{
	for (u32 i = 1; i < DISK_MAX_PARTS; i++) {
		struct block_device *part = disk->part[i];

		if (!part)
			continue;
		disk->part[i] = NULL;
		bdev_remove(part);
	}
}

/* Bits: which numbers are taken; 0 is the whole disk. Locks: open_mutex. */
static u32 taken_numbers(const struct gendisk *disk)
{
	u32 parts = 0;

	for (u32 i = 0; i < DISK_MAX_PARTS; i++)
		parts |= (u32)(disk->part[i] != NULL) << i;
	return parts;
}
static_assert(DISK_MAX_PARTS <= 32, "a bit for each");

/* Locks: not open_mutex, for what is told takes locks of names. */
static void tell_removed(struct gendisk *disk, u32 parts)
{
	char name[DISK_NAME_LEN + 8];

	for (u8 i = 0; bdev_removed && i < DISK_MAX_PARTS; i++) {
		const struct block_device gone = {.bd_disk = disk, .bd_partno = i};

		if (!(parts >> i & 1))
			continue;
		bdev_name(&gone, name, sizeof(name));
		bdev_removed(name);
	}
}

void del_gendisk(struct gendisk *disk)
{
	u32 parts;

	mutex_lock(&disk->open_mutex);
	WRITE_ONCE(disk->dead, true);
	parts = taken_numbers(disk);
	drop_partitions(disk);
	bdev_remove(disk->part[0]);
	mutex_unlock(&disk->open_mutex);
	tell_removed(disk, parts);
	if (disk->queue)
		blk_queue_dying(disk->queue);
	wait_event(&disk->drained, atomic_read(&disk->submitters) == 0);
	if (disk->queue)
		blk_mq_freeze_queue(disk->queue);
}

int blkdev_reread_part(struct block_device *bdev, const void *holder)
{
	struct gendisk *disk = bdev->bd_disk;
	u32 before = 0, after = 0;
	int err = 0;

	if (bdev->bd_partno || disk->minors <= 1)
		return -EINVAL;
	mutex_lock(&disk->open_mutex);
	if (bdev->bd_holder && bdev->bd_holder != holder)
		err = -EBUSY;
	for (u32 i = 1; i < DISK_MAX_PARTS; i++)
		if (disk->part[i] && disk->part[i]->bd_openers)
			err = -EBUSY;
	if (!err) {
		before = taken_numbers(disk);
		drop_partitions(disk);
		blk_scan_partitions(disk);
		after = taken_numbers(disk);
	}
	mutex_unlock(&disk->open_mutex);
	tell_removed(disk, before & ~after);
	return err;
}
