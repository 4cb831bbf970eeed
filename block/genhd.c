/*
 * Disks: majors, the table from device numbers to block devices, references, capacity.
 *
 * Invariants:
 * 1. A block_device in the table holds a reference of its own; a reference of a block_device
 *    keeps its disk.
 * 2. part[0] exists as long as the disk; the others come and go under open_mutex, unopened.
 *
 * Lock order: genhd.h.
 * Path: hop 2 (bdget)
 */
#include "block/genhd.h"

#include "block/blk.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

#define HASH_SIZE	   32u
#define DYNAMIC_MAJOR_FROM 254u /* downwards, as Linux */

static struct spinlock table_lock = SPINLOCK_INIT("block devices", LOCK_ANY);
static struct list_head table[HASH_SIZE]; /* [table_lock] */
const char *blkdev_names[BLKDEV_MAJORS];
void (*bdev_free_inode)(struct inode *inode);
void (*bdev_size_changed)(struct block_device *bdev);

int register_blkdev(u32 major, const char *name)
{
	u64 flags = spin_lock_irqsave(&table_lock);
	int ret = -EBUSY;

	if (!major)
		for (major = DYNAMIC_MAJOR_FROM; major && blkdev_names[major]; major--)
			;
	if (major && major < BLKDEV_MAJORS && !blkdev_names[major]) {
		blkdev_names[major] = name;
		ret = (int)major;
	}
	spin_unlock_irqrestore(&table_lock, flags);
	return ret;
}

void unregister_blkdev(u32 major)
{
	u64 flags = spin_lock_irqsave(&table_lock);

	blkdev_names[major] = NULL;
	spin_unlock_irqrestore(&table_lock, flags);
}

void disk_name_format(const char *prefix, u32 index, char *buf, size_t size)
{
	char letters[8];
	char *p = letters + sizeof(letters) - 1;
	u64 n = (u64)index + 1;

	*p = '\0';
	for (; n; n = (n - 1) / 26)
		*--p = (char)('a' + (n - 1) % 26);
	snprintf(buf, size, "%s%s", prefix, p);
}

/* --- the table and references ------------------------------------------------------------- */

void genhd_init(void)
{
	for (u32 i = 0; i < HASH_SIZE; i++)
		INIT_LIST_HEAD(&table[i]);
}

static struct list_head *bucket(dev_t dev)
{
	return &table[(dev ^ (dev >> 8)) % HASH_SIZE];
}

/* A partition counts its own references, the whole disk the disk's. */
static atomic_t *refs_of(struct block_device *bdev)
{
	return bdev->bd_partno ? &bdev->bd_refs : &bdev->bd_disk->refs;
}

static struct block_device *find_locked(dev_t dev)
{
	struct block_device *bdev;

	list_for_each_entry(bdev, bucket(dev), hash)
		if (bdev->bd_dev == dev)
			return bdev;
	return NULL;
}

struct block_device *bdget(dev_t dev)
{
	u64 flags = spin_lock_irqsave(&table_lock);
	struct block_device *bdev = find_locked(dev);

	if (bdev)
		atomic_inc(refs_of(bdev));
	spin_unlock_irqrestore(&table_lock, flags);
	return bdev;
}

/* The one with the lowest number from `dev` on. */
struct block_device *bdget_next(dev_t dev)
{
	struct block_device *bdev, *found = NULL;
	u64 flags = spin_lock_irqsave(&table_lock);

	for (u32 i = 0; i < HASH_SIZE; i++)
		list_for_each_entry(bdev, &table[i], hash)
			if (bdev->bd_dev >= dev && (!found || bdev->bd_dev < found->bd_dev))
				found = bdev;
	if (found)
		atomic_inc(refs_of(found));
	spin_unlock_irqrestore(&table_lock, flags);
	return found;
}

static void free_bdev(struct block_device *bdev)
{
	if (bdev->bd_inode && bdev_free_inode)
		bdev_free_inode(bdev->bd_inode);
	kfree(bdev);
}

void bdput(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;

	if (!atomic_dec_and_test(refs_of(bdev)))
		return;
	if (bdev->bd_partno) {
		free_bdev(bdev);
		if (!atomic_dec_and_test(&disk->refs))
			return;
	}
	free_bdev(disk->part[0]);
	kfree(disk);
}

int bdev_add(struct block_device *bdev)
{
	u64 flags = spin_lock_irqsave(&table_lock);
	bool taken = find_locked(bdev->bd_dev) != NULL;

	if (!taken)
		list_add(&bdev->hash, bucket(bdev->bd_dev));
	spin_unlock_irqrestore(&table_lock, flags);
	return taken ? -EBUSY : 0;
}

void bdev_remove(struct block_device *bdev)
{
	u64 flags = spin_lock_irqsave(&table_lock);

	list_del(&bdev->hash);
	spin_unlock_irqrestore(&table_lock, flags);
	bdput(bdev);
}

static struct block_device *bdev_alloc(struct gendisk *disk, u32 partno)
{
	struct block_device *bdev = kzalloc(sizeof(*bdev), GFP_KERNEL);

	if (!bdev)
		return NULL;
	bdev->bd_partno = (u8)partno;
	bdev->bd_disk = disk;
	atomic_set(&bdev->bd_refs, 1);
	INIT_LIST_HEAD(&bdev->hash);
	return bdev;
}

/* --- also: disks ------------------------------------------------------------------------ */

/* Each device of a stack narrows these; a disk with a queue has the queue's. */
static const struct queue_limits stack_of_nothing = {
	.logical_block_size = SECTOR_SIZE,
	.physical_block_size = SECTOR_SIZE,
	.io_min_bytes = SECTOR_SIZE,
	.max_sectors = UINT32_MAX,
	.max_discard_sectors = UINT32_MAX,
	.max_write_zeroes_sectors = UINT32_MAX,
};

struct gendisk *alloc_disk(u32 minors)
{
	struct gendisk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);

	if (!disk)
		return NULL;
	disk->part[0] = bdev_alloc(disk, 0);
	if (!disk->part[0]) {
		kfree(disk);
		return NULL;
	}
	disk->minors = min(minors, (u32)DISK_MAX_PARTS);
	disk->limits = stack_of_nothing;
	atomic_set(&disk->refs, 1);
	init_waitqueue_head(&disk->drained);
	mutex_init(&disk->open_mutex);
	return disk;
}

void put_disk(struct gendisk *disk)
{
	bdput(disk->part[0]);
}

void set_capacity(struct gendisk *disk, sector_t sectors)
{
	struct block_device *whole = disk->part[0];
	sector_t old = get_capacity(disk);

	mutex_lock(&disk->open_mutex);
	WRITE_ONCE(whole->bd_nr_sectors, sectors);
	if (bdev_size_changed)
		bdev_size_changed(whole);
	mutex_unlock(&disk->open_mutex);
	if (old != sectors && !list_empty(&whole->hash))
		printk("%s: capacity changes from %llu to %llu sectors\n", disk->disk_name,
		       (unsigned long long)old, (unsigned long long)sectors);
}

sector_t get_capacity(const struct gendisk *disk)
{
	return bdev_nr_sectors(disk->part[0]);
}

int blk_add_partition(struct gendisk *disk, u32 partno, sector_t start, sector_t nr)
{
	struct block_device *part;
	int err;

	if (partno >= disk->minors || disk->part[partno] || !nr || start > get_capacity(disk) ||
	    nr > get_capacity(disk) - start)
		return -EINVAL;
	part = bdev_alloc(disk, partno);
	if (!part)
		return -ENOMEM;
	part->bd_dev = MKDEV(disk->major, disk->first_minor + partno);
	part->bd_start_sect = start;
	part->bd_nr_sectors = nr;
	part->bd_block_size = bdev_logical_block_size(disk->part[0]);
	atomic_inc(&disk->refs);
	err = bdev_add(part);
	if (err) {
		bdput(part);
		return err;
	}
	disk->part[partno] = part;
	return 0;
}
