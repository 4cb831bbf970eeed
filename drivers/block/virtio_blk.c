/*
 * virtio_blk, the disk: probe, changes of the configuration, remove. virtio_blk_config.c reads
 * limits and capacity. Source: virtio-1.2 §5.2.3 to §5.2.5.
 * Also there: the disk is set up
 */
#include "drivers/block/virtio_blk.h"

#include "drivers/block/virtio_blk_impl.h"
#include "kernel/lib/bitmap.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define VIRTBLK_MAX_DISKS 256u

static u32 major; /* [const after virtio_blk_init] */
/* [const after virtio_blk_init] For work that may wait for a disk. The watchdog of that disk must
 * not wait behind such work. */
static struct workqueue *virtblk_wq;
/* Letters in use. Guard: the virtio bus mutex, under which probe and remove run. */
static u64 used_indices[BITMAP_WORDS(VIRTBLK_MAX_DISKS)];

/* The device's write cache: with CONFIG_WCE it says so itself, with FLUSH alone there is one
 * (§5.2.5.1). */
static bool virtblk_write_cache(struct virtio_blk *vblk)
{
	u8 writeback;

	if (virtio_has_feature(vblk->vdev, VIRTIO_BLK_F_CONFIG_WCE) &&
	    virtio_config_read(vblk->vdev, offsetof(struct virtio_blk_config, writeback),
			       &writeback, sizeof(writeback)) == 0)
		return writeback != 0;
	return virtio_has_feature(vblk->vdev, VIRTIO_BLK_F_FLUSH);
}

static int set_write_cache(struct gendisk *disk, bool on)
{
	struct virtio_blk *vblk = disk->private_data;
	int err;

	if (!virtio_has_feature(vblk->vdev, VIRTIO_BLK_F_CONFIG_WCE))
		return -EOPNOTSUPP;
	err = virtio_config_write8(vblk->vdev, offsetof(struct virtio_blk_config, writeback), on);
	if (!err)
		blk_queue_write_cache(vblk->queue, virtblk_write_cache(vblk), false);
	return err;
}

static void get_signals(const struct gendisk *disk, u64 *notifications, u64 *interrupts)
{
	const struct virtio_blk *vblk = disk->private_data;

	for (u16 i = 0; i < vblk->nr_queues; i++) {
		*notifications += READ_ONCE(vblk->queues[i].vq->nr_notified);
		*interrupts += READ_ONCE(vblk->queues[i].vq->nr_interrupts);
	}
}

static const struct block_device_operations virtblk_fops = {
	.get_signals = get_signals,
	.set_write_cache = set_write_cache,
};

static void config_work(struct work *w)
{
	struct virtio_blk *vblk = container_of(w, struct virtio_blk, config_work);
	sector_t sectors;

	if (vblk->failed)
		return;
	if (virtio_needs_reset(vblk->vdev)) {
		printk("%s: device needs a reset: failed\n", vblk->disk->disk_name);
		virtblk_fail(vblk);
		return;
	}
	if (virtblk_read_capacity(vblk, &sectors) == 0 && sectors != get_capacity(vblk->disk))
		set_capacity(vblk->disk, sectors);
	blk_queue_write_cache(vblk->queue, virtblk_write_cache(vblk), false);
}

static void fail_work(struct work *w)
{
	virtblk_fail(container_of(w, struct virtio_blk, fail_work));
}

static void virtblk_config_changed(struct virtio_device *vdev)
{
	struct virtio_blk *vblk = vdev->priv;

	(void)queue_work(virtblk_wq, &vblk->config_work);
}

/* How many rings: what the device has, at most what we take. Returns: 0 or -errno. */
static int read_nr_queues(struct virtio_blk *vblk)
{
	u64 limit = cmdline_u64("virtio.queues", VIRTIO_MAX_QUEUES);
	le16_t num = cpu_to_le16(1);
	int err;

	if (virtio_has_feature(vblk->vdev, VIRTIO_BLK_F_MQ)) {
		err = virtio_config_read(vblk->vdev, offsetof(struct virtio_blk_config, num_queues),
					 &num, sizeof(num));
		if (err)
			return err;
	}
	if (le16_to_cpu(num) == 0) {
		printk("%s: multiqueue without a queue\n", vblk->vdev->name);
		return -EINVAL;
	}
	limit = max(min(limit, (u64)VIRTIO_MAX_QUEUES), (u64)1);
	vblk->nr_queues = (u16)min((u64)le16_to_cpu(num), limit);
	return 0;
}

/* Rings and their contexts. Undo: free_queues(). */
static int init_queues(struct virtio_blk *vblk)
{
	void *priv[VIRTIO_MAX_QUEUES];
	u32 size = VIRTQUEUE_MAX;
	int err = read_nr_queues(vblk);

	if (err)
		return err;
	vblk->queues = kcalloc(vblk->nr_queues, sizeof(*vblk->queues), GFP_KERNEL);
	if (!vblk->queues)
		return -ENOMEM;
	for (u16 i = 0; i < vblk->nr_queues; i++)
		priv[i] = &vblk->queues[i];
	err = virtio_find_vqs(vblk->vdev, vblk->nr_queues,
			      (u32)cmdline_u64("virtio.size", VIRTQUEUE_MAX), virtblk_done, priv);
	if (err) {
		kfree(vblk->queues);
		return err;
	}
	for (u16 i = 0; i < vblk->nr_queues; i++) {
		vblk->queues[i].vblk = vblk;
		vblk->queues[i].vq = vblk->vdev->vqs[i];
		size = min(size, (u32)vblk->vdev->vqs[i]->size);
	}
	/* Indirect, every request takes one descriptor; direct, three at least. */
	if (!virtio_has_feature(vblk->vdev, VIRTIO_F_INDIRECT_DESC))
		size = max(size / 3, 1u);
	vblk->depth = min(size * vblk->nr_queues, VIRTBLK_MAX_DEPTH);
	return 0;
}

static void free_queues(struct virtio_blk *vblk)
{
	virtio_del_vqs(vblk->vdev);
	kfree(vblk->queues);
}

static int init_request_queue(struct virtio_blk *vblk)
{
	struct request_queue *q;
	int err;

	q = blk_mq_init_queue(&virtblk_mq_ops, vblk->nr_queues, (u16)vblk->depth,
			      sizeof(struct virtblk_req), vblk);
	if (IS_ERR(q))
		return (int)PTR_ERR(q);
	err = virtblk_read_limits(vblk, blk_queue_limits(q));
	if (err) {
		blk_cleanup_queue(q);
		return err;
	}
	blk_queue_write_cache(q, virtblk_write_cache(vblk), false);
	vblk->queue = vblk->disk->queue = q;
	return 0;
}

/* The serial number; not every device has one. The device is ready. */
static void read_serial(struct virtio_blk *vblk)
{
	char *id = kzalloc(VIRTIO_BLK_ID_BYTES + 1, GFP_KERNEL);

	static_assert(VIRTIO_BLK_ID_BYTES == DISK_SERIAL_LEN, "virtio-1.2 §5.2.6");
	if (!id)
		return;
	if (blk_execute_drv(vblk->queue, NULL, id, VIRTIO_BLK_ID_BYTES) == 0)
		(void)strscpy(vblk->disk->serial, id, sizeof(vblk->disk->serial));
	kfree(id);
}

static int init_disk(struct virtio_blk *vblk)
{
	struct gendisk *disk = alloc_disk(DISK_MAX_PARTS);

	if (!disk)
		return -ENOMEM;
	disk_name_format("vd", vblk->index, disk->disk_name, sizeof(disk->disk_name));
	disk->major = major;
	disk->first_minor = vblk->index * DISK_MAX_PARTS;
	disk->fops = &virtblk_fops;
	disk->private_data = vblk;
	disk->read_only = virtio_has_feature(vblk->vdev, VIRTIO_BLK_F_RO);
	vblk->disk = disk;
	return 0;
}

/* From here on there is I/O: serial number, capacity, partitions. */
static int add_disk(struct virtio_blk *vblk)
{
	sector_t sectors;
	int err;

	virtio_device_ready(vblk->vdev);
	read_serial(vblk);
	err = virtblk_read_capacity(vblk, &sectors);
	if (err)
		return err;
	set_capacity(vblk->disk, sectors);
	return device_add_disk(vblk->disk);
}

/* Who could still look at the rings is done: interrupts, work, in the order in which they start
 * each other. */
static void quiesce(struct virtio_blk *vblk)
{
	virtio_stop_device(vblk->vdev);
	flush_work(&vblk->config_work);
	flush_work(&vblk->fail_work);
}

static int virtblk_probe(struct virtio_device *vdev)
{
	struct virtio_blk *vblk = kzalloc(sizeof(*vblk), GFP_KERNEL);
	int err = -ENOMEM;

	if (!vblk)
		return -ENOMEM;
	vblk->vdev = vdev;
	work_init(&vblk->config_work, config_work);
	work_init(&vblk->fail_work, fail_work);
	vblk->index = (u32)bitmap_find_zero(used_indices, VIRTBLK_MAX_DISKS, 0);
	if (vblk->index >= VIRTBLK_MAX_DISKS)
		goto err_free;
	bitmap_set(used_indices, vblk->index);
	err = init_disk(vblk);
	if (err)
		goto err_index;
	err = init_queues(vblk);
	if (err)
		goto err_disk;
	err = init_request_queue(vblk);
	if (err)
		goto err_queues;
	vdev->priv = vblk;
	err = add_disk(vblk);
	if (err)
		goto err_quiesce;
	printk("%s: %s, %s: %u x %u entries%s, features %#llx%s%s\n", vblk->disk->disk_name,
	       vdev->name, vdev->ops->name, vblk->nr_queues, vdev->vqs[0]->size,
	       blk_queue_polled(vblk->queue) ? ", polled" : "", (unsigned long long)vdev->features,
	       vblk->disk->serial[0] ? ", serial " : "", vblk->disk->serial);
	return 0;

err_quiesce:
	quiesce(vblk);
	blk_cleanup_queue(vblk->queue);
err_queues:
	free_queues(vblk);
err_disk:
	put_disk(vblk->disk);
err_index:
	bitmap_clear(used_indices, vblk->index);
err_free:
	kfree(vblk);
	return err;
}

static void virtblk_remove(struct virtio_device *vdev)
{
	struct virtio_blk *vblk = vdev->priv;

	del_gendisk(vblk->disk); /* nothing is in flight any more */
	quiesce(vblk);
	blk_cleanup_queue(vblk->queue); /* nor does the watchdog look any more */
	free_queues(vblk);
	put_disk(vblk->disk);
	bitmap_clear(used_indices, vblk->index);
	kfree(vblk);
	vdev->priv = NULL;
}

static const u32 virtblk_ids[] = {VIRTIO_ID_BLOCK, 0};

static const u8 virtblk_features[] = {
	VIRTIO_BLK_F_SIZE_MAX,	   VIRTIO_BLK_F_SEG_MAX,    VIRTIO_BLK_F_RO, VIRTIO_BLK_F_BLK_SIZE,
	VIRTIO_BLK_F_FLUSH,	   VIRTIO_BLK_F_TOPOLOGY,   VIRTIO_BLK_F_MQ, VIRTIO_BLK_F_DISCARD,
	VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_F_CONFIG_WCE,
};

static struct virtio_driver virtblk_driver = {
	.name = "virtio_blk",
	.ids = virtblk_ids,
	.features = virtblk_features,
	.nr_features = ARRAY_SIZE(virtblk_features),
	.probe = virtblk_probe,
	.remove = virtblk_remove,
	.config_changed = virtblk_config_changed,
};

void virtio_blk_init(void)
{
	int ret;

	virtblk_wq = virtblk_wq ? virtblk_wq : workqueue_create("virtio-blk");
	ret = virtblk_wq ? register_blkdev(0, "virtblk") : -ENOMEM;
	if (ret < 0) {
		printk("virtio_blk: no memory or major number: error %d\n", ret);
		return;
	}
	major = (u32)ret;
	register_virtio_driver(&virtblk_driver);
}

void virtio_blk_exit(void)
{
	unregister_virtio_driver(&virtblk_driver);
	unregister_blkdev(major);
}
