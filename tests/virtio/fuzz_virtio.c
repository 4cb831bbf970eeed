/*
 * The fuzzer plays a virtio block device: every register read, every byte of configuration space
 * and of the used ring, and every interrupt is its choice. The driver may refuse, fail the disk or
 * complete requests with any data; it must end every request once, touch no memory but its own, and
 * give back everything.
 *
 * The input is a script: a header that chooses transport and command line, then bytes that are
 * consumed one read, or one action of the device, at a time. When they are used up the device is
 * silent and reads as zero.
 */
#include "tests/host/fakes/blk.h"
#include "tests/host/fakes/bus.h"
#include "tests/host/fakes/machine.h"
#include "tests/host/host.h"

#include <sanitizer/asan_interface.h>

#include "drivers/block/virtio_blk_spec.h"
#include "drivers/pci/pci_regs.h"
#include "drivers/virtio/virtio_mmio_spec.h"
#include "drivers/virtio/virtio_pci_spec.h"
#include "drivers/virtio/virtio_ring_spec.h"
#include "drivers/virtio/virtio_spec.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/printk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const u8 *script;
static size_t left;

static u8 next(void)
{
	if (left == 0)
		return 0;
	left--;
	return *script++;
}

static u32 next_n(u32 width)
{
	u32 val = 0;

	for (u32 i = 0; i < width; i++)
		val |= (u32)next() << 8 * i;
	return val;
}

/* --- the device
 * ---------------------------------------------------------------------------------- */

#define QUEUES 8

static struct {
	bool modern, mmio;
	struct fake_pci pci;
	struct virtio_blk_config config;
	u32 feature_select;
	u64 features;
	u8 status;
	u16 select;
	u32 max_size;
	struct {
		u64 desc, avail, used; /* physical, 0: not told */
		u32 size;
		u16 used_idx;
		bool torn; /* its descriptors were overwritten */
	} q[QUEUES];
	bool obedient; /* registers read as a good device's; only the rings lie */
} dev;

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

/* --- what it does between two calls of the driver
 * ---------------------------------------------------- */

/* Stale descriptors point to memory that was given back. Wild writes of a device are beyond what a
 * driver can prevent, so this one makes none. */
static bool is_memory(void *p, size_t len)
{
	return p && !__asan_region_is_poisoned(p, len);
}

/* A status for the request at this head, as a device that read its descriptors would. */
static void write_status(u32 q, u16 head, u8 status)
{
	struct virtq_desc *d = phys_to_virt(PADDR(dev.q[q].desc));
	u32 i = head % dev.q[q].size;
	u8 *p;

	if (dev.q[q].torn)
		return;
	if (le16_to_cpu(d[i].flags) & VIRTQ_DESC_F_INDIRECT) {
		u32 n = le32_to_cpu(d[i].len) / 16;

		d = phys_to_virt(PADDR(le64_to_cpu(d[i].addr)));
		if (!is_memory(d, n * 16))
			return;
		i = n - 1;
	} else {
		for (u32 n = 0; n < 300 && le16_to_cpu(d[i].flags) & VIRTQ_DESC_F_NEXT; n++)
			i = le16_to_cpu(d[i].next) % dev.q[q].size;
	}
	p = phys_to_virt(PADDR(le64_to_cpu(d[i].addr)));
	if ((le16_to_cpu(d[i].flags) & VIRTQ_DESC_F_WRITE) && is_memory(p, 1))
		*p = status;
}

static void interrupt(void)
{
	u8 which = next();

	if (dev.mmio)
		fake_irq_gsi(5);
	else if (fake_pci_msix_on(&dev.pci))
		fake_irq_msix(&dev.pci, which % 4);
	else
		fake_irq_gsi(23);
}

/* The request that was offered `back` before the newest. */
static u16 offered_head(u32 q, u32 back)
{
	le16_t *avail = phys_to_virt(PADDR(dev.q[q].avail));
	u16 idx = le16_to_cpu(avail[1]);

	return le16_to_cpu(avail[2 + ((idx - 1u - back) & (dev.q[q].size - 1))]);
}

static void finish(u32 q, u32 id, u32 len)
{
	struct virtq_used *used = phys_to_virt(PADDR(dev.q[q].used));

	used->ring[dev.q[q].used_idx++ & (dev.q[q].size - 1)] =
		(struct virtq_used_elem){cpu_to_le32(id), cpu_to_le32(len)};
	used->idx = cpu_to_le16(dev.q[q].used_idx);
}

static void use_ring(u8 action)
{
	struct virtq_used *used;
	u32 q = dev.select % QUEUES;
	u16 head;

	q = action >> 4 & 1 ? q : 0;
	/* Only what it was told, and before a reset. */
	if (!dev.q[q].used || !(dev.status & VIRTIO_STATUS_DRIVER_OK))
		return;
	used = phys_to_virt(PADDR(dev.q[q].used));
	switch (action % 8) {
	case 0: /* as it should be */
		head = offered_head(q, next() % 8);
		write_status(q, head, 0);
		finish(q, head, next() % 4 ? 1 : 4097);
		interrupt();
		break;
	case 1: /* any status */
		head = offered_head(q, next() % 8);
		write_status(q, head, next());
		finish(q, head, 1);
		break;
	case 2:
		finish(q, next_n(1), next_n(2));
		break;
	case 3:
		finish(q, next_n(4), next_n(4));
		break;
	case 4:
		dev.q[q].used_idx = (u16)next_n(2);
		used->idx = cpu_to_le16(dev.q[q].used_idx);
		break;
	case 5:
		used->flags = cpu_to_le16((u16)next_n(2));
		break;
	case 6: /* the rest of the ring, also what the driver wrote there */
		((u8 *)used)[next_n(2) % (8u * dev.q[q].size)] = next();
		break;
	default:
		dev.q[q].torn = true;
		((u8 *)phys_to_virt(PADDR(dev.q[q].desc)))[next_n(2) % (16u * dev.q[q].size)] =
			next();
		break;
	}
}

static bool step(void)
{
	u8 action = next();

	if (left == 0)
		return fake_run_pending();
	switch (action >> 5) {
	case 0:
		interrupt();
		break;
	case 1:
		dev.status = next();
		interrupt();
		break;
	case 2: {
		u8 at = next();

		((u8 *)&dev.config)[at % sizeof(dev.config)] = next();
		interrupt();
		break;
	}
	case 3:
		fake_run_pending();
		break;
	default:
		use_ring(action);
		break;
	}
	return true;
}

/* --- one run
 * -------------------------------------------------------------------------------------------- */

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

static void set_config(void)
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

#define REQUESTS 24
static u8 buffers[REQUESTS][8192];

static void run_requests(void)
{
	static const enum req_op ops[] = {REQ_OP_READ,	REQ_OP_WRITE,	     REQ_OP_READ,
					  REQ_OP_FLUSH, REQ_OP_DISCARD,	     REQ_OP_WRITE,
					  REQ_OP_READ,	REQ_OP_WRITE_ZEROES, REQ_OP_READ};
	struct fake_rq *f[REQUESTS] = {NULL};
	struct request_queue *q = fake_disk->queue;
	struct queue_limits *lim = blk_queue_limits(q);
	u32 rounds = 1 + next() % 64;

	/* What the block layer relies on. */
	ASSERT(lim->max_segments >= 1 && lim->max_segments <= 254 &&
	       lim->logical_block_size >= 512 && lim->logical_block_size <= 4096 &&
	       lim->physical_block_size >= 512);
	for (u32 r = 0; r < rounds; r++) {
		u32 i = next() % REQUESTS, len = 512u << next() % 5;

		if (f[i]) {
			(void)fake_blk_wait(f[i]);
			fake_blk_put(f[i]);
		}
		f[i] = fake_blk_submit(q, (u16)(next() % fake_blk_nr_hw_queues(q)),
				       ops[next() % ARRAY_SIZE(ops)], 8, buffers[i], len,
				       max(len / lim->max_segments + 1, 512u));
		for (u32 n = next() % 4; n > 0; n--)
			(void)step();
	}
	for (u32 i = 0; i < REQUESTS; i++) {
		if (!f[i])
			continue;
		(void)fake_blk_wait(f[i]);
		ASSERT(f[i]->completions == 1);
		fake_blk_put(f[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_bar mmio = {.size = 0x200, .read = mmio_read, .write = mmio_write};
	char line[160];
	u8 how;

	script = data;
	left = size;
	memset(&dev, 0, sizeof(dev));
	fake_bus_reset();
	fake_log_clear();
	fake_device_step = step;
	how = next();
	dev.mmio = how & 1;
	dev.modern = how & 2;
	dev.obedient = how & 4;
	set_config();
	if (dev.mmio)
		fake_mmio_add(&dev, mmio, 0xfeb00000);
	else
		plug_pci(!dev.modern);
	(void)snprintf(line, sizeof(line), "%s%s%s%s",
		       dev.mmio ? "virtio_mmio.device=512@0xfeb00000:5 " : "",
		       how & 16 ? "virtio.legacy=1 " : "", how & 32 ? "virtio.indirect=0 " : "",
		       how & 64 ? "virtio.msix=0" : "");
	machine_up(line);
	if (fake_disk)
		run_requests();
	left = 0; /* silent from now on */
	if (machine_down() != 0)
		panic("something is still held");
	return 0;
}
