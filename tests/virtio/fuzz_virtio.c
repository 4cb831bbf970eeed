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
#include "tests/virtio/fuzz_device.h"

#include <sanitizer/asan_interface.h>

#include "drivers/virtio/virtio_ring_spec.h"
#include "drivers/virtio/virtio_spec.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsnprintf.h"
#include "tests/host/fakes/fake_queue.h"
#include "tests/host/fakes/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- what the device does between two calls of the driver --- */

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

/* --- one run --- */

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
			(void)fake_queue_wait(f[i]);
			fake_queue_put(f[i]);
		}
		f[i] = fake_queue_submit(q, (u16)(next() % fake_queue_nr_hw_queues(q)),
					 ops[next() % ARRAY_SIZE(ops)], 8, buffers[i], len,
					 max(len / lim->max_segments + 1, 512u));
		for (u32 n = next() % 4; n > 0; n--)
			(void)step();
	}
	for (u32 i = 0; i < REQUESTS; i++) {
		if (!f[i])
			continue;
		(void)fake_queue_wait(f[i]);
		ASSERT(f[i]->completions == 1);
		fake_queue_put(f[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
	device_choose();
	device_plug();
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
