// uses: virtio-blk virtio-machine fakes
/* virtio_blk over every transport, against a device that behaves. */
#include "tests/host/fakes/machine.h"
#include "tests/host/fakes/vblk_world.h"
#include "tests/host/host.h"

#include "drivers/block/virtio_blk_impl.h"
#include "kernel/lib/errno.h"

#define T(name) cmocka_unit_test(name)

static const struct perm_axis kinds[] = {EVERY_KIND, {NULL}};

static const char *const toggles[] = {
	"",
	"virtio.indirect=0",
	"virtio.event_idx=0",
	"virtio.indirect=0 virtio.event_idx=0",
	"virtio.msix=0",
	"virtio.msix=0 virtio.event_idx=0",
	"virtio.size=4",
	"virtio.size=8 virtio.indirect=0",
	"virtio.size=2",
	"virtio.legacy=1",
	"virtio.queues=2",
};

static const struct perm_axis patterns[] = {
	EVERY_KIND,
	{"toggles", ARRAY_SIZE(toggles), {0}, toggles},
	{"queues", 2, {1, 8}, NULL},
	{NULL},
};

static void patterns_on_every_transport(const u32 *v)
{
	u32 queues = v[2];

	fresh((enum vdev_kind)v[0]);
	dev.reorder = queues > 1;
	dev.nr_queues = (u16)queues;
	dev.config.num_queues = cpu_to_le16((u16)queues);
	dev.msix_entries = (u16)(v[1] % 4 ? queues + 1 : 3);
	up(toggles[v[1]]);
	if (!fake_disk)
		print_message("%s", fake_log());
	assert_non_null(fake_disk);
	assert_string_equal(fake_disk->disk_name, "vda");
	assert_string_equal(fake_disk->serial, "fake-0123456789abcd");
	storm(400);
	assert_true(dev.done >= 100);
	if (dev.kind >= VDEV_MMIO) /* every interrupt acknowledged */
		assert_int_equal(dev.isr, 0);
	down();
}

static void legacy_is_chosen_when_asked_or_alone(void **state)
{
	static const struct {
		enum vdev_kind kind;
		const char *cmdline, *name;
	} cases[] = {
		{VDEV_MODERN, "virtio.legacy=1", ", pci:"},
		{VDEV_TRANSITIONAL, "", ", pci:"},
		{VDEV_TRANSITIONAL, "virtio.legacy=1", ", pci-legacy:"},
		{VDEV_LEGACY, "", ", pci-legacy:"},
		{VDEV_MMIO, "", ", mmio:"},
		{VDEV_MMIO_LEGACY, "", ", mmio-legacy:"},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(cases[i].kind);
		up(cases[i].cmdline);
		assert_true(logged(cases[i].name));
		down();
	}
}

static void only_known_features_are_accepted(void **state)
{
	u64 known = 0x330007e66;

	(void)state;
	fresh(VDEV_MODERN);
	dev.offered = ~0ull;
	dev.config.size_max = cpu_to_le32(65536);
	up("");
	assert_non_null(fake_disk);
	assert_int_equal(dev.accepted, known);
	assert_true(fake_disk->read_only);
	down();
	fresh(VDEV_MODERN);
	dev.offered = VIRTIO_BIT(VIRTIO_F_VERSION_1);
	up("");
	assert_int_equal(dev.accepted, VIRTIO_BIT(VIRTIO_F_VERSION_1));
	/* Without SEG_MAX, one segment; without FLUSH, the device writes through. */
	assert_int_equal(blk_queue_limits(fake_disk->queue)->max_segments, 1);
	assert_false(blk_queue_has_write_cache(fake_disk->queue));
	storm(100);
	down();
}

static void limits_come_from_the_configuration(void **state)
{
	struct queue_limits *lim;

	(void)state;
	fresh(VDEV_MODERN);
	dev.offered |= VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX);
	dev.config.size_max = cpu_to_le32(8192);
	dev.config.seg_max = cpu_to_le32(20);
	dev.config.blk_size = cpu_to_le32(4096);
	dev.config.topology.physical_block_exp = 1;
	dev.config.topology.alignment_offset = 1;
	dev.config.topology.min_io_size = cpu_to_le16(4);
	dev.config.topology.opt_io_size = cpu_to_le32(16);
	up("");
	lim = blk_queue_limits(fake_disk->queue);
	assert_int_equal(lim->max_segment_size_bytes, 8192);
	assert_int_equal(lim->max_segments, 20);
	assert_int_equal(lim->logical_block_size, 4096);
	assert_int_equal(lim->physical_block_size, 8192);
	assert_int_equal(lim->alignment_offset_bytes, 4096);
	assert_int_equal(lim->io_min_bytes, 16384);
	assert_int_equal(lim->io_opt_bytes, 65536);
	assert_int_equal(lim->max_discard_sectors, 1024);
	assert_int_equal(lim->discard_granularity_bytes, 4096);
	assert_int_equal(lim->max_write_zeroes_sectors, 1024);
	assert_int_equal(get_capacity(fake_disk), VDEV_SECTORS);
	down();
}

/* virtio-1.2 §2.7.5.3.1: with its header and its status, no request is longer than the ring. */
static void a_request_fits_the_ring(void **state)
{
	static const struct {
		const char *cmdline;
		u16 segments;
	} rings[] = {
		{"virtio.size=4", 2},
		{"virtio.size=4 virtio.indirect=0", 2},
		{"virtio.size=8", 6},
		{"virtio.size=16", 14},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rings); i++) {
		fresh(VDEV_MODERN);
		dev.config.seg_max = cpu_to_le32(254);
		up(rings[i].cmdline);
		assert_int_equal(blk_queue_limits(fake_disk->queue)->max_segments,
				 rings[i].segments);
		down();
	}
}

static void flush_discard_and_zeroes_reach_the_device(void **state)
{
	(void)state;
	fresh(VDEV_MODERN);
	memset(dev.data, 0xab, sizeof(dev.data));
	up("");
	assert_int_equal(io(REQ_OP_FLUSH, 0, NULL, 0, 1), 0);
	assert_int_equal(dev.flushes, 1);
	{
		struct fake_rq *f = fake_queue_submit(fake_disk->queue, 0, REQ_OP_DISCARD, 16, NULL,
						      8 * 512, 512);

		assert_int_equal(fake_queue_wait(f), 0);
		fake_queue_put(f);
	}
	assert_int_equal(dev.data[16 * 512 - 1], 0xab);
	assert_int_equal(dev.data[16 * 512], 0);
	assert_int_equal(dev.data[24 * 512 - 1], 0);
	assert_int_equal(dev.data[24 * 512], 0xab);
	assert_int_equal(io(REQ_OP_WRITE_ZEROES, 0, NULL, 1024, 512), 0);
	assert_int_equal(dev.data[0], 0);
	/* Errors of the device. */
	assert_int_equal(io(REQ_OP_READ, VDEV_SECTORS - 1, buf, 1024, 1024), -EIO);
	assert_int_equal(io((enum req_op)77, 0, NULL, 0, 1), -EOPNOTSUPP);
	assert_int_equal(io(REQ_OP_READ, 0, buf, 512, 512), 0);
	down();
}

static void write_cache_follows_the_device(const u32 *v)
{
	fresh((enum vdev_kind)v[0]);
	dev.config.writeback = 0;
	up("");
	assert_false(blk_queue_has_write_cache(fake_disk->queue));
	dev.config.writeback = 1;
	vdev_config_changed(&dev);
	fake_run_pending();
	assert_true(blk_queue_has_write_cache(fake_disk->queue));
	/* And the other way: we switch it. */
	assert_int_equal(fake_disk->fops->set_write_cache(fake_disk, false), 0);
	assert_int_equal(dev.config.writeback, 0);
	assert_false(blk_queue_has_write_cache(fake_disk->queue));
	down();
}

static void a_cache_that_cannot_be_switched(void **state)
{
	(void)state;
	fresh(VDEV_MODERN);
	dev.offered &= ~VIRTIO_BIT(VIRTIO_BLK_F_CONFIG_WCE);
	dev.config.writeback = 0; /* means nothing then */
	up("");
	assert_true(blk_queue_has_write_cache(fake_disk->queue));
	assert_int_equal(fake_disk->fops->set_write_cache(fake_disk, false), -EOPNOTSUPP);
	down();
}

static void capacity_follows_the_device(const u32 *v)
{
	fresh((enum vdev_kind)v[0]);
	up(v[0] % 2 ? "virtio.msix=0" : "");
	dev.config.capacity = cpu_to_le64(VDEV_SECTORS * 2);
	vdev_config_changed(&dev);
	fake_run_pending();
	assert_int_equal(get_capacity(fake_disk), VDEV_SECTORS * 2);
	dev.config.capacity = cpu_to_le64(16);
	vdev_config_changed(&dev);
	fake_run_pending();
	assert_int_equal(get_capacity(fake_disk), 16);
	/* Nonsense changes nothing but the log. */
	dev.config.capacity = cpu_to_le64(1ull << 63);
	vdev_config_changed(&dev);
	fake_run_pending();
	assert_int_equal(get_capacity(fake_disk), 16);
	assert_true(logged("capacity 0x8000000000000000 sectors is not possible"));
	down();
}

static void fewer_vectors_are_shared(void **state)
{
	(void)state;
	for (int left = 0; left <= 9; left++) {
		fresh(VDEV_MODERN);
		dev.nr_queues = 8;
		dev.config.num_queues = cpu_to_le16(8);
		fake_msi_left = left;
		up("");
		assert_non_null(fake_disk);
		assert_int_equal(fake_pci_msix_on(&dev.pci), left >= 2);
		storm(100);
		down();
	}
}

static void spurious_interrupts_do_no_harm(void **state)
{
	(void)state;
	for (int msix = 0; msix < 2; msix++) {
		fresh(VDEV_MODERN);
		up(msix ? "" : "virtio.msix=0");
		for (u32 i = 0; i < 10; i++) {
			vdev_interrupt_queue(&dev, 0);
			fake_irq_gsi(22);
		}
		storm(50);
		down();
	}
}

static void two_disks_share_a_line(void **state)
{
	(void)state;
	fresh(VDEV_MODERN);
	vdev_init(&dev2, VDEV_TRANSITIONAL);
	strcpy(dev2.serial, "second");
	vdev_plug(&dev2, 0, 7); /* the same GSI as slot 3 */
	up("virtio.msix=0");
	assert_string_equal(fake_disk->disk_name, "vdb");
	assert_true(logged("vda: "));
	assert_int_equal(io(REQ_OP_READ, 0, buf, 512, 512), 0);
	fake_disk = fake_disk_before;
	storm(100);
	assert_int_equal(take_down(), 0);
}

/* As the block layer's idle polling. */
static bool step_and_poll(void)
{
	bool did = vdev_step(&dev);

	return fake_queue_ops(fake_queue)->poll(fake_queue, 0, true) > 0 || did;
}

static void polled_rings_are_silent_until_the_last_look(void **state)
{
	bool (*interrupting)(void);
	u64 before;

	(void)state;
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		fresh(VDEV_MODERN);
		up(event_idx ? "" : "virtio.event_idx=0");
		interrupting = fake_device_step;
		fake_device_step = step_and_poll;
		(void)fake_queue_ops(fake_queue)->poll(fake_queue, 0, true);
		before = dev.interrupts;
		for (u32 i = 0; i < 50; i++) {
			assert_int_equal(io(REQ_OP_READ, i, buf, 4096, 4096), 0);
			(void)fake_queue_ops(fake_queue)->poll(fake_queue, 0, true);
		}
		assert_int_equal(dev.interrupts, before);
		(void)fake_queue_ops(fake_queue)->poll(fake_queue, 0, false);
		fake_device_step = interrupting;
		for (u32 i = 0; i < 50; i++)
			assert_int_equal(io(REQ_OP_READ, i, buf, 4096, 4096), 0);
		assert_int_equal(dev.interrupts, before + 50);
		down();
	}
}

static void no_memory_is_no_crash(const u32 *v)
{
	for (u32 n = 1; n < 40; n++) {
		fresh((enum vdev_kind)v[0]);
		vdev_plug(&dev, 0, dev.kind >= VDEV_MMIO ? 0 : 3);
		mm_fail_after(n);
		machine_up(dev.kind >= VDEV_MMIO ? MMIO_LINE : "");
		mm_fail_after(0);
		if (fake_disk)
			storm(20);
		assert_int_equal(take_down(), 0);
	}
}

/* Only notify when the device wants it, and interrupt when the driver does. */
static void event_idx_saves_notifications(void **state)
{
	struct fake_rq *f[32];

	(void)state;
	fresh(VDEV_MODERN);
	up("");
	dev.q[0].kicks = 0;
	for (u32 i = 0; i < 32; i++)
		f[i] = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf, 512, 512);
	for (u32 i = 0; i < 32; i++) {
		assert_int_equal(fake_queue_wait(f[i]), 0);
		fake_queue_put(f[i]);
	}
	assert_int_equal(dev.q[0].kicks, 1);
	down();
}

static void a_batch_is_notified_once_or_when_the_ring_is_full(void **state)
{
	struct fake_rq *f[12];
	u64 before;

	(void)state;
	fresh(VDEV_MODERN);
	up("virtio.indirect=0 virtio.event_idx=0 virtio.size=32");
	fake_queue_last = false;
	before = dev.q[0].kicks;
	for (u32 i = 0; i < 5; i++)
		f[i] = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf, 512, 512);
	assert_int_equal(dev.q[0].kicks, before);
	fake_queue_commit(fake_disk->queue, 0);
	assert_int_equal(dev.q[0].kicks, before + 1);
	fake_queue_commit(fake_disk->queue, 0); /* nothing new */
	assert_int_equal(dev.q[0].kicks, before + 1);
	/* 15 of 32 are taken; of 4 each, the fifth finds no room. */
	for (u32 i = 5; i < 10; i++)
		f[i] = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf, 1024, 512);
	assert_int_equal(dev.q[0].kicks, before + 2);
	fake_queue_last = true;
	for (u32 i = 0; i < 10; i++) {
		assert_int_equal(fake_queue_wait(f[i]), 0);
		fake_queue_put(f[i]);
	}
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PERMUTED(patterns_on_every_transport, patterns, NULL, NULL),
		T(legacy_is_chosen_when_asked_or_alone),
		T(only_known_features_are_accepted),
		T(limits_come_from_the_configuration),
		T(a_request_fits_the_ring),
		T(flush_discard_and_zeroes_reach_the_device),
		PERMUTED(write_cache_follows_the_device, kinds, NULL, NULL),
		T(a_cache_that_cannot_be_switched),
		PERMUTED(capacity_follows_the_device, kinds, NULL, NULL),
		T(fewer_vectors_are_shared),
		T(spurious_interrupts_do_no_harm),
		T(two_disks_share_a_line),
		T(polled_rings_are_silent_until_the_last_look),
		PERMUTED(no_memory_is_no_crash, kinds, NULL, NULL),
		T(event_idx_saves_notifications),
		T(a_batch_is_notified_once_or_when_the_ring_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
