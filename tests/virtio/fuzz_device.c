#include "tests/virtio/fuzz_device.h"

#include "drivers/pci/pci_regs.h"
#include "drivers/virtio/virtio_mmio_spec.h"
#include "drivers/virtio/virtio_pci_spec.h"
#include "drivers/virtio/virtio_spec.h"

const u8 *script;
size_t left;
struct fuzz_device dev;

u8 next(void)
{
	if (left == 0)
		return 0;
	left--;
	return *script++;
}

u32 next_n(u32 width)
{
	u32 val = 0;

	for (u32 i = 0; i < width; i++)
		val |= (u32)next() << 8 * i;
	return val;
}

static void forget_rings(void)
{
	memset(dev.q, 0, sizeof(dev.q));
}

static void set_status(u8 val)
{
	dev.status = val;
	if (val == 0)
		forget_rings();
}

static u32 read_config(u32 offset, u32 width)
{
	u32 val = 0;

	if (offset + width <= sizeof(dev.config))
		memcpy(&val, (u8 *)&dev.config + offset, width);
	return val;
}

static u32 lie(u32 truth, u32 width)
{
	return !dev.obedient && next() % 16 == 0 ? next_n(width) : truth;
}

static u32 common_read(u32 offset)
{
	switch (offset) {
	case offsetof(struct virtio_pci_common_cfg, device_feature):
		return dev.feature_select < 2 ? (u32)(dev.features >> 32 * dev.feature_select) : 0;
	case offsetof(struct virtio_pci_common_cfg, num_queues):
		return QUEUES;
	case offsetof(struct virtio_pci_common_cfg, device_status):
		return dev.status;
	case offsetof(struct virtio_pci_common_cfg, queue_size):
		return dev.q[dev.select % QUEUES].size ? dev.q[dev.select % QUEUES].size :
							 dev.max_size;
	case offsetof(struct virtio_pci_common_cfg, queue_notify_off):
		return dev.select;
	case offsetof(struct virtio_pci_common_cfg, config_msix_vector):
		return 0;
	case offsetof(struct virtio_pci_common_cfg, queue_msix_vector):
		return fake_pci_msix_on(&dev.pci) ? 1 + dev.select % 2u : 0xffff;
	default:
		return 0;
	}
}

static u32 modern_read(void *d, u32 offset, u32 width)
{
	(void)d;
	if (offset >= 0x2000)
		return lie(read_config(offset - 0x2000, width), width);
	if (offset >= 0x1000)
		return next();
	return lie(common_read(offset), width);
}

static void set_part(u64 *part, u32 offset, u32 val)
{
	if (offset & 4)
		*part = (*part & 0xffffffffull) | (u64)val << 32;
	else
		*part = (*part & ~0xffffffffull) | val;
}

static void modern_write(void *d, u32 offset, u32 val, u32 width)
{
	u32 q = dev.select % QUEUES;

	(void)d;
	(void)width;
	if (offset >= 0x1000)
		return;
	if (offset >= 48)
		set_part(&dev.q[q].used, offset, val);
	else if (offset >= 40)
		set_part(&dev.q[q].avail, offset, val);
	else if (offset >= 32)
		set_part(&dev.q[q].desc, offset, val);
	else if (offset == offsetof(struct virtio_pci_common_cfg, queue_size))
		dev.q[q].size = val;
	else if (offset == offsetof(struct virtio_pci_common_cfg, queue_select))
		dev.select = (u16)val;
	else if (offset == offsetof(struct virtio_pci_common_cfg, device_feature_select))
		dev.feature_select = val;
	else if (offset == offsetof(struct virtio_pci_common_cfg, device_status))
		set_status((u8)val);
}

static void set_pfn(u32 pfn, u32 size)
{
	u32 q = dev.select % QUEUES;

	dev.q[q].size = size;
	dev.q[q].desc = (u64)pfn << 12;
	dev.q[q].avail = dev.q[q].desc + 16ull * size;
	dev.q[q].used = (dev.q[q].avail + 6 + 2ull * size + 4095) & ~4095ull;
}

static u32 legacy_read(void *d, u32 offset, u32 width)
{
	u32 config = fake_pci_msix_on(&dev.pci) ? 24 : 20;

	(void)d;
	if (offset >= config)
		return lie(read_config(offset - config, width), width);
	switch (offset) {
	case VIRTIO_LEGACY_DEVICE_FEATURES:
		return (u32)dev.features;
	case VIRTIO_LEGACY_QUEUE_SIZE:
		return dev.max_size; /* what it says once is the size, for us too */
	case VIRTIO_LEGACY_STATUS:
		return lie(dev.status, 1);
	case VIRTIO_LEGACY_QUEUE_VECTOR:
		return lie(1 + dev.select % 2u, 2);
	case VIRTIO_LEGACY_ISR:
		return next();
	default:
		return 0;
	}
}

static void legacy_write(void *d, u32 offset, u32 val, u32 width)
{
	(void)d;
	(void)width;
	if (offset == VIRTIO_LEGACY_QUEUE_PFN)
		set_pfn(val, (u16)dev.max_size);
	else if (offset == VIRTIO_LEGACY_QUEUE_SELECT)
		dev.select = (u16)val;
	else if (offset == VIRTIO_LEGACY_STATUS)
		set_status((u8)val);
}

static u32 mmio_read(void *d, u32 offset, u32 width)
{
	(void)d;
	if (offset >= VIRTIO_MMIO_CONFIG)
		return lie(read_config(offset - VIRTIO_MMIO_CONFIG, width), width);
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return VIRTIO_MMIO_MAGIC_VALUE;
	case VIRTIO_MMIO_VERSION:
		return dev.modern ? 2 : 1;
	case VIRTIO_MMIO_DEVICE_ID:
		return VIRTIO_ID_BLOCK;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return dev.feature_select < 2 ? (u32)(dev.features >> 32 * dev.feature_select) : 0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return lie(dev.max_size, 4);
	case VIRTIO_MMIO_QUEUE_READY:
		return lie(1, 1);
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return next();
	case VIRTIO_MMIO_STATUS:
		return lie(dev.status, 1);
	default:
		return lie(0, 4);
	}
}

static void mmio_write(void *d, u32 offset, u32 val, u32 width)
{
	u32 q = dev.select % QUEUES;

	(void)d;
	(void)width;
	if (offset == VIRTIO_MMIO_QUEUE_SEL)
		dev.select = (u16)val;
	else if (offset == VIRTIO_MMIO_QUEUE_NUM)
		dev.q[q].size = val;
	else if (offset == VIRTIO_MMIO_QUEUE_PFN)
		set_pfn(val, dev.q[q].size);
	else if (offset == VIRTIO_MMIO_STATUS)
		set_status((u8)val);
	else if (offset == VIRTIO_MMIO_DEVICE_FEATURES_SEL)
		dev.feature_select = val;
	else if ((offset & ~7u) == VIRTIO_MMIO_QUEUE_DESC)
		set_part(&dev.q[q].desc, offset, val);
	else if ((offset & ~7u) == VIRTIO_MMIO_QUEUE_DRIVER)
		set_part(&dev.q[q].avail, offset, val);
	else if ((offset & ~7u) == VIRTIO_MMIO_QUEUE_DEVICE)
		set_part(&dev.q[q].used, offset, val);
}

static void add_cap(u8 type, u32 offset, u32 len)
{
	u8 cap[20] = {PCI_CAP_ID_VNDR, 0, 20, type, 4};

	memcpy(cap + 8, &offset, 4);
	memcpy(cap + 12, &len, 4);
	cap[16] = 4;
	fake_pci_add_cap(&dev.pci, cap, sizeof(cap));
}

static void plug_pci(bool legacy)
{
	struct fake_bar modern = {
		.size = 0x4000, .wide = true, .read = modern_read, .write = modern_write};
	struct fake_bar io = {.size = 128, .io = true, .read = legacy_read, .write = legacy_write};
	u8 pokes = next() % 8;

	fake_pci_add(&dev.pci, 0, 3, VIRTIO_PCI_VENDOR, legacy ? 0x1001 : 0x1042, 0);
	dev.pci.config[0x2e] = VIRTIO_ID_BLOCK;
	fake_pci_set_bar(&dev.pci, 0, io, 0xc000);
	fake_pci_add_msix(&dev.pci, 1, 0xfe000000, (u16)(1 + next() % FAKE_MSIX_ENTRIES));
	fake_pci_set_bar(&dev.pci, 4, modern, 0x800000000ull);
	add_cap(VIRTIO_PCI_CAP_COMMON_CFG, 0, 56);
	add_cap(VIRTIO_PCI_CAP_ISR_CFG, 0x1000, 1);
	add_cap(VIRTIO_PCI_CAP_DEVICE_CFG, 0x2000, 60);
	add_cap(VIRTIO_PCI_CAP_NOTIFY_CFG, 0x3000, 0x1000);
	/* Configuration space lies too: capabilities, but not BARs, which the bus decodes. */
	while (!dev.obedient && pokes--) {
		u8 at = next();

		if (at >= 0x40 || at == PCI_CAPABILITY_LIST)
			dev.pci.config[at] = next();
	}
}

void device_choose(void)
{
	for (u32 i = 0; i < sizeof(dev.config); i++)
		((u8 *)&dev.config)[i] = 0;
	dev.config.capacity = cpu_to_le64(2048);
	dev.config.seg_max = cpu_to_le32(next() ? 64 : next_n(4));
	dev.config.size_max = cpu_to_le32(next() ? 65536 : next_n(4));
	dev.config.blk_size = cpu_to_le32(next() ? 512 : next_n(2));
	dev.config.num_queues = cpu_to_le16((u16)(1 + next() % 4));
	dev.config.max_discard_sectors = cpu_to_le32(64);
	dev.max_size = next() ? 1u << (1 + next() % 8) : next_n(4);
	dev.features = (u64)next_n(4) << 32 | next_n(4);
	dev.features ^= VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) |
			VIRTIO_BIT(VIRTIO_F_EVENT_IDX) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX);
}

void device_plug(void)
{
	struct fake_bar mmio = {.size = 0x200, .read = mmio_read, .write = mmio_write};

	if (dev.mmio)
		fake_mmio_add(&dev, mmio, 0xfeb00000);
	else
		plug_pci(!dev.modern);
}
