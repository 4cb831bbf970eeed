#include "irq_kit.h"

#include "drivers/block/virtio_blk.h"

struct vdev dev[IRQ_DEVICES];
u32 told[IRQ_DEVICES][VDEV_QUEUES], changed[IRQ_DEVICES];
void (*callback_hook)(struct vdev *d);
static u32 nr_probed;
static u16 nr_rings;

static void count_callback(struct virtqueue *vq)
{
	u32 i = *(u8 *)vq->priv;

	told[i][vq->index]++;
	if (callback_hook)
		callback_hook(&dev[i]);
}

static void count_change(struct virtio_device *vdev)
{
	changed[*(u8 *)vdev->priv]++;
}

static int probe(struct virtio_device *vdev)
{
	static u8 number[IRQ_DEVICES] = {0, 1};
	void *priv[VIRTIO_MAX_QUEUES];
	int err;

	vdev->priv = &number[nr_probed++];
	for (u16 i = 0; i < nr_rings; i++)
		priv[i] = vdev->priv;
	err = virtio_find_vqs(vdev, nr_rings, 16, count_callback, priv);
	if (!err)
		virtio_device_ready(vdev);
	return err;
}

static void take_away(struct virtio_device *vdev)
{
	virtio_del_vqs(vdev);
}

static const u32 ids[] = {VIRTIO_ID_BLOCK, 0};
static struct virtio_driver driver = {
	.name = "counter",
	.ids = ids,
	.probe = probe,
	.remove = take_away,
	.config_changed = count_change,
};

/* machine.c calls them by the real driver's names. */
void virtio_blk_init(void)
{
	register_virtio_driver(&driver);
}

void virtio_blk_exit(void)
{
	unregister_virtio_driver(&driver);
}

void irq_clear(void)
{
	memset(told, 0, sizeof(told));
	memset(changed, 0, sizeof(changed));
	callback_hook = NULL;
	fake_irq_claimed = 0;
}

void irq_up(u32 nr, u16 queues, u16 vectors, const char *cmdline)
{
	fake_bus_reset();
	nr_probed = 0;
	nr_rings = queues;
	for (u32 i = 0; i < nr; i++) {
		vdev_init(&dev[i], VDEV_MODERN);
		dev[i].nr_queues = queues;
		dev[i].msix_entries = vectors;
		vdev_plug(&dev[i], 0, (u8)(3 + 4 * i)); /* the same line */
	}
	machine_up(cmdline);
	assert_int_equal(nr_probed, nr);
	irq_clear();
}

void irq_down(void)
{
	assert_int_equal(machine_down(), 0);
}
