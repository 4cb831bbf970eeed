/*
 * The two interfaces of virtio devices, whatever the bus is: the one of 1.0 and later, and the
 * legacy one. Nothing else asks which one a device has.
 * Source: virtio-1.2 §3.1.1 (steps 4 to 6), §6 (features), and the "Legacy Interface" sections.
 * Also there: the device is set up
 */
#include "drivers/virtio/virtio.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* Steps 4 to 6. */
static int modern_accept_features(struct virtio_device *vdev, u64 offered)
{
	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
		printk("%s: modern transport without VERSION_1\n", vdev->name);
		return -ENODEV;
	}
	vdev->ops->set_features(vdev, vdev->features);
	virtio_add_status(vdev, VIRTIO_STATUS_FEATURES_OK);
	if (!(vdev->ops->get_status(vdev) & VIRTIO_STATUS_FEATURES_OK)) {
		printk("%s: device refuses features %#llx of %#llx\n", vdev->name,
		       (unsigned long long)vdev->features, (unsigned long long)offered);
		return -ENODEV;
	}
	if (vdev->features & ~vdev->ops->get_features(vdev)) {
		printk("%s: device takes back features that it offered\n", vdev->name);
		return -ENODEV;
	}
	return 0;
}

/* §2.5.1 */
static bool modern_read_config(struct virtio_device *vdev, u32 offset, void *buf, u32 len)
{
	u32 generation = vdev->ops->config_generation(vdev);

	vdev->ops->get_config(vdev, offset, buf, len);
	return vdev->ops->config_generation(vdev) == generation;
}

/* ACCESS_PLATFORM is "my addresses may be translated by the platform" (§6.1): a driver accepts it
 * and then either has the IOMMU off or programs it. Ours is off, as at reset: an address on the bus
 * is the physical one. A device may refuse a driver that does not know the bit.
 *
 * A queue may be made shorter: §4.1.4.3.2, §4.2.2.2. */
const struct virtio_interface virtio_modern = {
	.features = VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_ACCESS_PLATFORM),
	.accept_features = modern_accept_features,
	.read_config = modern_read_config,
	.exact_used_len = true,
};

/* Only step 4: there is no FEATURES_OK. */
static int legacy_accept_features(struct virtio_device *vdev, u64 offered)
{
	(void)offered;
	vdev->ops->set_features(vdev, vdev->features);
	return 0;
}

/* §2.5.3: there is no generation, so a field is good that reads the same twice. */
static bool legacy_read_config(struct virtio_device *vdev, u32 offset, void *buf, u32 len)
{
	u8 again[sizeof(u64)];

	vdev->ops->get_config(vdev, offset, buf, len);
	vdev->ops->get_config(vdev, offset, again, len);
	return memcmp(buf, again, len) == 0;
}

/* The used ring's length is unusable: §2.7.8.1. */
const struct virtio_interface virtio_legacy = {
	.accept_features = legacy_accept_features,
	.read_config = legacy_read_config,
	.fixed_queue_size = true,
};
