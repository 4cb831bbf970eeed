/*
 * /sys: what there is to know and to set about block devices, made from the list of them.
 *
 *	block/DISK/{size,stat,...}  block/DISK/queue/{scheduler,...}  block/DISK/PART/{start,...}
 *	class/block/NAME and dev/block/MAJOR:MINOR lead to those
 *
 * A node's id is its device's number. Nothing else is kept: a directory's children are the devices
 * that there are now. So a disk that has gone leaves nothing.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/sysfs.h"

#include "block/genhd.h"
#include "fs/pseudo/pseudo.h"
#include "fs/pseudo/sysfs_internal.h"
#include "fs/stat.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/page.h"

#define SYSFS_MAGIC 0x62656572u

/* Which devices a directory has, and by what names. */
enum what { DISKS, PARTS, NAMES, NUMBERS };

static int show_link(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;
	struct block_device *bdev = bdget(of->id);
	char name[DISK_NAME_LEN + 8];

	if (!bdev)
		return -ENOENT;
	bdev_name(bdev, name, sizeof(name));
	seq_printf(m, "../../block/%s%s%s", bdev->bd_disk->disk_name, bdev->bd_partno ? "/" : "",
		   bdev->bd_partno ? name : "");
	bdput(bdev);
	return 0;
}

static struct pseudo_entry device_link = {.mode = S_IFLNK | 0777, .show = show_link};
static struct pseudo_entry disk_dir, part_dir;

/* Is the device a child of the directory? If so, the child gets its name and its entry. */
static bool is_child(const struct pseudo_node *dir, const struct block_device *bdev,
		     struct pseudo_child *child)
{
	bool whole = bdev->bd_partno == 0;

	bdev_name(bdev, child->name, sizeof(child->name));
	switch (dir->entry->what) {
	case DISKS:
		child->node.entry = &disk_dir;
		return whole;
	case PARTS:
		child->node.entry = &part_dir;
		return !whole && bdev->bd_disk->part[0]->bd_dev == dir->id;
	case NUMBERS:
		snprintf(child->name, sizeof(child->name), "%u:%u", MAJOR(bdev->bd_dev),
			 MINOR(bdev->bd_dev));
		break;
	default:
		break;
	}
	child->node.entry = &device_link;
	return true;
}

static bool next_device(const struct pseudo_node *dir, u32 from, struct pseudo_child *child)
{
	struct block_device *bdev;
	bool found = false;

	for (dev_t dev = from; !found && (bdev = bdget_next(dev)) != NULL; bdput(bdev)) {
		dev = bdev->bd_dev + 1;
		child->node.id = child->number = (u32)bdev->bd_dev;
		found = is_child(dir, bdev, child);
	}
	return found;
}

static struct pseudo_entry disk_dir = {.mode = S_IFDIR | 0555, PARTS, .next = next_device};
static struct pseudo_entry part_dir = {.mode = S_IFDIR | 0555};

void sysfs_init(void)
{
	static struct pseudo_fs sysfs = {
		.type = {.name = "sysfs", .single = true, .fill_super = pseudo_fill_super},
		.magic = SYSFS_MAGIC,
		.file_bytes = PAGE_SIZE,
		.root = {.mode = S_IFDIR | 0555},
	};
	static struct pseudo_entry top[] = {
		{"block", S_IFDIR | 0555, DISKS, .next = next_device},
		{"class", .mode = S_IFDIR | 0555},
		{"dev", .mode = S_IFDIR | 0555},
	};
	static struct pseudo_entry class_block = {"block", S_IFDIR | 0555, NAMES,
						  .next = next_device};
	static struct pseudo_entry dev_block = {"block", S_IFDIR | 0555, NUMBERS,
						.next = next_device};
	static struct pseudo_entry queue = {"queue", .mode = S_IFDIR | 0555};

	pseudo_add(&sysfs.root, top, ARRAY_SIZE(top));
	pseudo_add(&top[1], &class_block, 1);
	pseudo_add(&top[2], &dev_block, 1);
	sysfs_attrs_init(&disk_dir, &part_dir, &queue);
	pseudo_add(&disk_dir, &queue, 1);
	register_filesystem(&sysfs.type);
}
