/*
 * The virtio bus: reset, negotiation, binding, rings. Source: virtio-1.2 §3.1 (initialization).
 * Path: hop 13
 */
#include "drivers/virtio/virtio.h"

#include "kernel/arch/clock.h"
#include "kernel/arch/io.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

#define RESET_TRIES  1000 /* milliseconds */
#define CONFIG_TRIES 16

static struct mutex bus_mutex = MUTEX_INIT(bus_mutex);
static LIST_HEAD(devices); /* [bus_mutex] */
static LIST_HEAD(drivers); /* [bus_mutex] */
static u32 nr_devices;	   /* [bus_mutex] ever seen, for names */

static bool is_ready(struct virtio_device *vdev)
{
	return __atomic_load_n(&vdev->ready, __ATOMIC_ACQUIRE);
}

void virtio_queue_interrupt(struct virtio_device *vdev, u16 index)
{
	struct virtqueue *vq;

	if (!is_ready(vdev) || index >= vdev->nr_vqs)
		return;
	vq = vdev->vqs[index];
	vq->nr_interrupts++;
	vq->callback(vq);
}

/* --- also: reset and negotiation -------------------------------------------------------- */

void virtio_add_status(struct virtio_device *vdev, u8 bits)
{
	vdev->ops->set_status(vdev, (u8)(vdev->ops->get_status(vdev) | bits));
}

void virtio_reset_device(struct virtio_device *vdev)
{
	vdev->ops->set_status(vdev, 0);
	/* virtio-1.2 §4.1.4.3.2: it is reset when the status reads 0, and not before. */
	for (u32 i = 0; i < RESET_TRIES; i++) {
		if (vdev->ops->get_status(vdev) == 0)
			return;
		(void)thread_sleep_ns(NSEC_PER_MSEC, false);
	}
	printk("%s: does not reset, status %#x: cut off\n", vdev->name,
	       vdev->ops->get_status(vdev));
	vdev->ops->cut_off(vdev);
}

bool virtio_needs_reset(struct virtio_device *vdev)
{
	return (vdev->ops->get_status(vdev) & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

void virtio_device_ready(struct virtio_device *vdev)
{
	__atomic_store_n(&vdev->ready, true, __ATOMIC_RELEASE);
	virtio_add_status(vdev, VIRTIO_STATUS_DRIVER_OK);
}

static u64 wanted_features(const struct virtio_device *vdev, const struct virtio_driver *drv)
{
	u64 wanted = 0;

	for (u32 i = 0; i < drv->nr_features; i++)
		wanted |= VIRTIO_BIT(drv->features[i]);
	if (cmdline_bool("virtio.indirect", true))
		wanted |= VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC);
	if (cmdline_bool("virtio.event_idx", true))
		wanted |= VIRTIO_BIT(VIRTIO_F_EVENT_IDX);
	return wanted | vdev->ops->interface->features;
}

static int negotiate(struct virtio_device *vdev, const struct virtio_driver *drv)
{
	u64 offered = vdev->ops->get_features(vdev);

	vdev->features = offered & wanted_features(vdev, drv);
	return vdev->ops->interface->accept_features(vdev, offered);
}

/* --- also: devices and drivers find each other ------------------------------------------ */

static bool driver_matches(const struct virtio_driver *drv, const struct virtio_device *vdev)
{
	for (const u32 *id = drv->ids; *id; id++)
		if (*id == vdev->id)
			return true;
	return false;
}

/* virtio-1.2 §3.1.1. Locks: bus_mutex. */
static void bind(struct virtio_device *vdev, struct virtio_driver *drv)
{
	int err;

	virtio_reset_device(vdev);
	virtio_add_status(vdev, VIRTIO_STATUS_ACKNOWLEDGE);
	virtio_add_status(vdev, VIRTIO_STATUS_DRIVER);
	vdev->driver = drv;
	err = negotiate(vdev, drv);
	if (!err)
		err = drv->probe(vdev);
	if (err) {
		vdev->driver = NULL;
		printk("%s: %s: no use of this device: error %d\n", vdev->name, drv->name, err);
		virtio_add_status(vdev, VIRTIO_STATUS_FAILED);
	}
}

/* Locks: bus_mutex. */
static void unbind(struct virtio_device *vdev)
{
	if (!vdev->driver)
		return;
	vdev->driver->remove(vdev);
	vdev->driver = NULL;
	vdev->features = 0;
}

void virtio_register_device(struct virtio_device *vdev)
{
	struct virtio_driver *drv;

	mutex_lock(&bus_mutex);
	(void)snprintf(vdev->name, sizeof(vdev->name), "virtio%u", nr_devices++);
	list_add_tail(&vdev->list, &devices);
	list_for_each_entry(drv, &drivers, list)
		if (!vdev->driver && driver_matches(drv, vdev))
			bind(vdev, drv);
	mutex_unlock(&bus_mutex);
}

void virtio_unregister_device(struct virtio_device *vdev)
{
	mutex_lock(&bus_mutex);
	unbind(vdev);
	list_del(&vdev->list);
	mutex_unlock(&bus_mutex);
}

void register_virtio_driver(struct virtio_driver *drv)
{
	struct virtio_device *vdev;

	mutex_lock(&bus_mutex);
	list_add_tail(&drv->list, &drivers);
	list_for_each_entry(vdev, &devices, list)
		if (!vdev->driver && driver_matches(drv, vdev))
			bind(vdev, drv);
	mutex_unlock(&bus_mutex);
}

void unregister_virtio_driver(struct virtio_driver *drv)
{
	struct virtio_device *vdev;

	mutex_lock(&bus_mutex);
	list_for_each_entry(vdev, &devices, list)
		if (vdev->driver == drv)
			unbind(vdev);
	list_del(&drv->list);
	mutex_unlock(&bus_mutex);
}

/* --- also: changes of the configuration ------------------------------------------------- */

void virtio_config_interrupt(struct virtio_device *vdev)
{
	if (is_ready(vdev) && vdev->driver && vdev->driver->config_changed)
		vdev->driver->config_changed(vdev);
}

void virtio_isr_interrupt(struct virtio_device *vdev, u32 isr)
{
	if (isr & VIRTIO_ISR_CONFIG)
		virtio_config_interrupt(vdev);
	if (isr & VIRTIO_ISR_QUEUE)
		for (u16 q = 0; q < VIRTIO_MAX_QUEUES; q++)
			virtio_queue_interrupt(vdev, q);
}

/* --- also: set-up of queues ------------------------------------------------------------- */

/* Our size for a queue of which the device says that it may be `max` long, or -errno. */
static int queue_size(struct virtio_device *vdev, u16 index, u32 max, u32 limit)
{
	u32 size = max;

	if (max < VIRTQUEUE_MIN || (max & (max - 1)) != 0) {
		printk("%s: queue %u of size %u: not a power of two from 2\n", vdev->name, index,
		       max);
		return -EINVAL;
	}
	if (!vdev->ops->interface->fixed_queue_size)
		while (size > VIRTQUEUE_MIN && size > limit)
			size /= 2;
	if (size > VIRTQUEUE_MAX) {
		printk("%s: queue %u of size %u: more than %u\n", vdev->name, index, size,
		       VIRTQUEUE_MAX);
		return -EINVAL;
	}
	return (int)size;
}

static int setup_vq(struct virtio_device *vdev, u16 index, u32 max_size,
		    void (*callback)(struct virtqueue *vq), void *priv)
{
	struct virtqueue *vq;
	int size, err;

	size = queue_size(vdev, index, vdev->ops->queue_max_size(vdev, index), max_size);
	if (size < 0)
		return size;
	vq = virtqueue_create(vdev->name, index, (u16)size,
			      virtio_has_feature(vdev, VIRTIO_F_INDIRECT_DESC),
			      virtio_has_feature(vdev, VIRTIO_F_EVENT_IDX));
	if (!vq)
		return -ENOMEM;
	vq->callback = callback;
	vq->priv = priv;
	vq->exact_len = vdev->ops->interface->exact_used_len;
	err = vdev->ops->activate_queue(vdev, vq);
	if (err) {
		printk("%s: queue %u: device does not take it: error %d\n", vdev->name, index, err);
		/* It may know the ring by now: reset before the memory goes. */
		virtio_reset_device(vdev);
		virtqueue_destroy(vq);
		return err;
	}
	vdev->vqs[vdev->nr_vqs++] = vq;
	return 0;
}

int virtio_find_vqs(struct virtio_device *vdev, u16 nr, u32 max_size,
		    void (*callback)(struct virtqueue *vq), void *const priv[])
{
	int err = vdev->ops->request_irqs(vdev, nr);

	if (err) {
		printk("%s: no interrupt: error %d\n", vdev->name, err);
		return err;
	}
	vdev->has_irqs = true;
	for (u16 i = 0; i < nr && !err; i++)
		err = setup_vq(vdev, i, max_size, callback, priv[i]);
	if (err)
		virtio_del_vqs(vdev);
	return err;
}

void virtio_stop_device(struct virtio_device *vdev)
{
	virtio_reset_device(vdev);
	__atomic_store_n(&vdev->ready, false, __ATOMIC_SEQ_CST);
	if (vdev->has_irqs)
		vdev->ops->free_irqs(vdev); /* no handler runs any more */
	vdev->has_irqs = false;
}

void virtio_del_vqs(struct virtio_device *vdev)
{
	virtio_stop_device(vdev);
	while (vdev->nr_vqs > 0)
		virtqueue_destroy(vdev->vqs[--vdev->nr_vqs]);
}

/* --- also: the configuration is read ---------------------------------------------------- */

static bool config_in_range(const struct virtio_device *vdev, u32 offset, u32 len)
{
	return offset <= vdev->config_len && len <= vdev->config_len - offset;
}

int virtio_config_read(struct virtio_device *vdev, u32 offset, void *buf, u32 len)
{
	if (len > sizeof(u64) || !config_in_range(vdev, offset, len))
		return -EIO;
	for (u32 i = 0; i < CONFIG_TRIES; i++)
		if (vdev->ops->interface->read_config(vdev, offset, buf, len))
			return 0;
	printk("%s: configuration never stands still\n", vdev->name);
	return -EIO;
}

int virtio_config_write8(struct virtio_device *vdev, u32 offset, u8 val)
{
	if (!config_in_range(vdev, offset, sizeof(val)))
		return -EIO;
	vdev->ops->set_config8(vdev, offset, val);
	return 0;
}

void virtio_read_regs(const volatile u8 *regs, void *buf, u32 len)
{
	u8 *to = buf;

	while (len > 0) {
		u32 width = min(len, 4u);
		u32 val = width == 4 ? mmio_read32(regs) :
			  width == 2 ? mmio_read16(regs) :
				       mmio_read8(regs);

		memcpy(to, &val, width); /* little-endian on both sides */
		to += width;
		regs += width;
		len -= width;
	}
}
