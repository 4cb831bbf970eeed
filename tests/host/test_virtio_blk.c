// uses: virtio-blk fakes
// sources: kernel/lib/string.c kernel/lib/bitmap.c kernel/lib/cmdline.c
// sources: tests/host/fakes/machine.c tests/host/fakes/vdev.c tests/host/fakes/vdev_regs.c
// sources: tests/host/fakes/bus.c tests/host/fakes/fake_queue.c
/* virtio_blk over every transport, against a device that behaves, dawdles, or lies. */
#include "tests/host/fakes/fake_queue.h"
#include "tests/host/fakes/machine.h"
#include "tests/host/fakes/vdev.h"
#include "tests/host/host.h"

#include "drivers/block/virtio_blk_impl.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/page.h"

#define MMIO_LINE "virtio_mmio.device=0x200@0xfeb00000:5 "

static struct vdev dev, dev2;
static u8 buf[VDEV_SECTORS * 512], model[VDEV_SECTORS * 512];

static const char *const kind_names[] = {"modern", "legacy", "transitional", "mmio", "mmio-legacy"};

static bool step_both(void)
{
	bool did = vdev_step(&dev);

	did = vdev_step(&dev2) || did;
	return fake_run_pending() || did;
}

static bool is_up;

static int take_down(void)
{
	is_up = false;
	return machine_down();
}

static void fresh(enum vdev_kind kind)
{
	if (is_up) /* a test failed: what it left would make the next ones wait for ever */
		(void)take_down();
	fake_bus_reset();
	fake_log_clear();
	memset(&dev2, 0, sizeof(dev2));
	vdev_init(&dev, kind);
	fake_device_step = step_both;
}

static void up(const char *cmdline)
{
	char line[256];

	snprintf(line, sizeof(line), "%s%s", dev.kind >= VDEV_MMIO ? MMIO_LINE : "", cmdline);
	vdev_plug(&dev, 0, dev.kind >= VDEV_MMIO ? 0 : 3);
	is_up = true;
	machine_up(line);
}

static void down(void)
{
	assert_int_equal(take_down(), 0);
	assert_int_equal(dev.status & VIRTIO_STATUS_DRIVER_OK, 0);
}

static int io(enum req_op op, sector_t sector, void *p, u32 len, u32 piece)
{
	struct request_queue *q = fake_disk->queue;
	struct fake_rq *f = fake_queue_submit(q, (u16)(sector % fake_queue_nr_hw_queues(q)), op,
					      sector, p, len, piece);
	int err;

	assert_non_null(f);
	err = fake_queue_wait(f);
	fake_queue_put(f);
	return err;
}

static bool logged(const char *text)
{
	if (strstr(fake_log(), text))
		return true;
	print_message("not in the log: %s\nlog:\n%s\n", text, fake_log());
	return false;
}

static u32 random_u32(void)
{
	static u32 state = 12345;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

struct slot {
	struct fake_rq *f;
	u8 *p;
	u32 sector, sectors;
	bool write;
};

static void reap(struct slot *s)
{
	assert_int_equal(fake_queue_wait(s->f), 0);
	fake_queue_put(s->f);
	if (!s->write)
		assert_memory_equal(s->p, model + s->sector * 512, s->sectors * 512);
	free(s->p);
	s->f = NULL;
}

/* Many in flight, each slot in its own part of the disk. */
static void storm(u32 rounds)
{
	struct request_queue *q = fake_disk->queue;
	struct slot slots[16] = {{0}};
	u32 part = VDEV_SECTORS / ARRAY_SIZE(slots), max_segs = blk_queue_limits(q)->max_segments;

	memcpy(model, dev.data, sizeof(model));
	for (u32 r = 0; r < rounds; r++) {
		u32 i = random_u32() % ARRAY_SIZE(slots), len;
		struct slot *s = &slots[i];

		if (s->f)
			reap(s);
		s->sectors = 1 + random_u32() % min(part / 2, max_segs * 8);
		s->sector = i * part + random_u32() % (part - s->sectors);
		s->write = random_u32() % 2;
		len = s->sectors * 512;
		s->p = malloc(len);
		for (u32 b = 0; b < len; b++)
			s->p[b] = (u8)random_u32();
		s->f = fake_queue_submit(q, (u16)(r % fake_queue_nr_hw_queues(q)),
					 s->write ? REQ_OP_WRITE : REQ_OP_READ, s->sector, s->p,
					 len, 4096);
		if (!s->f) { /* no tag */
			free(s->p);
			for (i = 0; i < ARRAY_SIZE(slots); i++)
				if (slots[i].f)
					reap(&slots[i]);
			continue;
		}
		if (s->write)
			memcpy(model + s->sector * 512, s->p, len);
	}
	for (u32 i = 0; i < ARRAY_SIZE(slots); i++)
		if (slots[i].f)
			reap(&slots[i]);
	assert_memory_equal(dev.data, model, sizeof(model));
}

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

static void patterns_on_every_transport(void **state)
{
	(void)state;
	for (int kind = VDEV_MODERN; kind <= VDEV_MMIO_LEGACY; kind++)
		for (u32 t = 0; t < ARRAY_SIZE(toggles); t++)
			for (u32 queues = 1; queues <= 8; queues += 7) {
				fresh((enum vdev_kind)kind);
				dev.reorder = queues > 1;
				dev.nr_queues = (u16)queues;
				dev.config.num_queues = cpu_to_le16((u16)queues);
				dev.msix_entries = (u16)(t % 4 ? queues + 1 : 3);
				up(toggles[t]);
				if (!fake_disk)
					print_message("%s %s\n%s", kind_names[kind], toggles[t],
						      fake_log());
				assert_non_null(fake_disk);
				assert_string_equal(fake_disk->disk_name, "vda");
				assert_string_equal(fake_disk->serial, "fake-0123456789abcd");
				storm(400);
				assert_true(dev.done >= 100);
				if (kind >= VDEV_MMIO) /* every interrupt acknowledged */
					assert_int_equal(dev.isr, 0);
				down();
			}
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

static void write_cache_follows_the_device(void **state)
{
	(void)state;
	for (int kind = VDEV_MODERN; kind <= VDEV_MMIO_LEGACY; kind++) {
		fresh((enum vdev_kind)kind);
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
	fresh(VDEV_MODERN);
	dev.offered &= ~VIRTIO_BIT(VIRTIO_BLK_F_CONFIG_WCE);
	dev.config.writeback = 0; /* means nothing then */
	up("");
	assert_true(blk_queue_has_write_cache(fake_disk->queue));
	assert_int_equal(fake_disk->fops->set_write_cache(fake_disk, false), -EOPNOTSUPP);
	down();
}

static void capacity_follows_the_device(void **state)
{
	(void)state;
	for (int kind = VDEV_MODERN; kind <= VDEV_MMIO_LEGACY; kind++) {
		fresh((enum vdev_kind)kind);
		up(kind % 2 ? "virtio.msix=0" : "");
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
}

/* The disk fails with one line, everybody in flight gets EIO, the next request too, and another
 * disk goes on. */
static void lie_in_flight(enum vdev_kind kind, enum vdev_lie lie, const char *cmdline)
{
	bool legacy = kind == VDEV_LEGACY || kind == VDEV_MMIO_LEGACY ||
		      (kind == VDEV_TRANSITIONAL && strstr(cmdline, "legacy"));
	bool believed = lie == LIE_LEN_SHORT && legacy;
	bool one_only = lie == LIE_STATUS_3 || lie == LIE_STATUS_UNWRITTEN || lie == LIE_LEN_SHORT;
	struct fake_rq *f[5];
	u32 failed = 0;

	fresh(kind);
	vdev_init(&dev2, VDEV_MODERN);
	vdev_plug(&dev2, 0, 2); /* found first */
	up(cmdline);
	fake_log_clear();
	dev.manual = true;
	for (u32 i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, i * 8, buf + i * 4096,
					 4096, 1024);
	dev.lie = lie;
	dev.manual = false;
	for (u32 i = 0; i < ARRAY_SIZE(f); i++) {
		failed += fake_queue_wait(f[i]) != 0;
		fake_run_pending();
		assert_true(f[i]->rq.status == 0 || f[i]->rq.status == -EIO);
		assert_int_equal(f[i]->completions, 1);
		fake_queue_put(f[i]);
	}
	assert_int_equal(failed >= 1, !believed);
	assert_int_equal(failed > 1 && one_only, false);
	assert_int_equal(strlen(fake_log()) > 0, !believed);
	assert_int_equal(io(REQ_OP_READ, 0, buf, 512, 512), one_only ? 0 : -EIO);
	fake_disk = fake_disk_before;
	assert_int_equal(io(REQ_OP_READ, 0, buf, 512, 512), 0);
	assert_int_equal(take_down(), 0);
}

static void lies_in_flight_fail_the_disk(void **state)
{
	static const char *const lines[] = {"", "virtio.event_idx=0 virtio.indirect=0",
					    "virtio.msix=0", "virtio.legacy=1"};

	(void)state;
	for (int kind = VDEV_MODERN; kind <= VDEV_MMIO_LEGACY; kind++)
		for (int lie = LIE_USED_AHEAD; lie < LIE_FEATURES_REFUSED; lie++)
			for (u32 l = 0; l < ARRAY_SIZE(lines); l++)
				lie_in_flight((enum vdev_kind)kind, (enum vdev_lie)lie, lines[l]);
}

static void the_line_says_what_is_wrong(void **state)
{
	static const struct {
		enum vdev_lie lie;
		const char *text;
	} cases[] = {
		{LIE_USED_AHEAD, "runs ahead"},
		{LIE_USED_BACK, "runs ahead"},
		{LIE_ID_RANGE, "used id 4294967280 is out of range"},
		{LIE_ID_NO_HEAD, "is no buffer in flight"},
		{LIE_TWICE, "is no buffer in flight"},
		{LIE_LEN, "only 4097 may be written"},
		{LIE_LEN_SHORT, "only 0 of 4097 bytes written"},
		{LIE_STATUS_3, "unknown status 0x3"},
		{LIE_STATUS_UNWRITTEN, "unwritten status 0xff"},
		{LIE_NEVER, "request without completion: operation 0, sector 8, 4096 bytes"},
		{LIE_NEEDS_RESET, "device needs a reset"},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_rq *a, *b;

		fresh(VDEV_MODERN);
		up("");
		dev.manual = true;
		a = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf, 4096, 4096);
		b = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf + 4096, 4096, 4096);
		dev.lie = cases[i].lie;
		dev.manual = false;
		(void)fake_queue_wait(a);
		(void)fake_queue_wait(b);
		fake_run_pending();
		assert_true(logged(cases[i].text));
		fake_queue_put(a);
		fake_queue_put(b);
		down();
	}
}

static void a_failed_disk_was_reset_or_cut_off(void **state)
{
	struct fake_rq *f;

	(void)state;
	fresh(VDEV_MODERN);
	up("");
	dev.manual = true;
	f = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf, 4096, 4096);
	dev.lie = LIE_NO_RESET;
	fake_queue_timeout(f, f->rq.dispatch_ns);
	assert_int_equal(f->rq.status, -EIO);
	assert_true(logged("does not reset"));
	assert_false(fake_pci_is_master(&dev.pci));
	fake_queue_put(f);
	dev.lie = LIE_NONE;
	down();
}

static void a_lost_interrupt_is_no_failure(void **state)
{
	struct fake_rq *f;

	(void)state;
	fresh(VDEV_MODERN);
	up("");
	f = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf, 4096, 4096);
	fake_pci_msix_on(&dev.pci);
	dev.q[0].vector = 0xffff;
	vdev_finish_one(&dev);
	assert_false(f->done);
	fake_queue_timeout(f, f->rq.dispatch_ns);
	assert_true(f->done);
	assert_int_equal(f->rq.status, 0);
	fake_queue_put(f);
	assert_true(logged("no interrupt said so"));
	assert_true(logged("in flight 1"));
	down();
}

/* Between the watchdog's look and its question the request came back and its tag was used again. */
static void a_request_sent_again_is_not_overdue(void **state)
{
	struct fake_rq *f;

	(void)state;
	fresh(VDEV_MODERN);
	up("");
	dev.manual = true;
	f = fake_queue_submit(fake_disk->queue, 0, REQ_OP_READ, 8, buf, 4096, 4096);
	fake_queue_timeout(f, f->rq.dispatch_ns - 1);
	assert_false(f->done);
	vdev_finish_one(&dev);
	assert_int_equal(fake_queue_wait(f), 0);
	fake_queue_put(f);
	down();
}

static void lies_at_the_start_leave_no_disk(void **state)
{
	static const struct {
		enum vdev_lie lie;
		const char *text;
		bool pci_only;
	} cases[] = {
		{LIE_FEATURES_REFUSED, "refuses features", false},
		{LIE_FEATURES_TAKEN_BACK, "takes back features", false},
		{LIE_QUEUE_SIZE_0, "queue 0 of size 0", false},
		{LIE_QUEUE_SIZE_3, "queue 0 of size 3", false},
		{LIE_NOTIFY_OFF, "does not take it", true},
		{LIE_VECTOR, "", true},
		{LIE_GENERATION, "never stands still", false},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		for (int kind = VDEV_MODERN; kind <= VDEV_MMIO; kind += VDEV_MMIO - VDEV_MODERN) {
			if (kind == VDEV_MMIO && cases[i].pci_only)
				continue;
			fresh((enum vdev_kind)kind);
			dev.lie = cases[i].lie;
			up("");
			if (cases[i].lie == LIE_VECTOR) {
				/* No vector to be had: INTx does it. */
				assert_non_null(fake_disk);
				assert_false(fake_pci_msix_on(&dev.pci));
			} else {
				assert_null(fake_disk);
				assert_true(logged(cases[i].text));
				assert_true(dev.status & VIRTIO_STATUS_FAILED);
			}
			down();
		}
}

static void queue_of_32768(void **state)
{
	(void)state;
	fresh(VDEV_MODERN); /* may be made shorter */
	dev.lie = LIE_QUEUE_SIZE_32768;
	up("");
	assert_non_null(fake_disk);
	storm(200);
	down();
	fresh(VDEV_LEGACY); /* may not */
	dev.lie = LIE_QUEUE_SIZE_32768;
	up("");
	assert_null(fake_disk);
	assert_true(logged("queue 0 of size 32768: more than 1024"));
	down();
}

static void nonsense_in_the_configuration(void **state)
{
	static const struct {
		u32 offset, val;
		const char *text;
	} cases[] = {
		{offsetof(struct virtio_blk_config, blk_size), 0, "block size 0"},
		{offsetof(struct virtio_blk_config, blk_size), 513, "block size 513"},
		{offsetof(struct virtio_blk_config, blk_size), 1 << 16, "block size 65536"},
		{offsetof(struct virtio_blk_config, seg_max), 0, "no room for a block"},
		{offsetof(struct virtio_blk_config, size_max), 0, "no room for a block"},
		{offsetof(struct virtio_blk_config, size_max), 1, "no room for a block"},
		{offsetof(struct virtio_blk_config, capacity) + 4, 1u << 31, "is not possible"},
		{offsetof(struct virtio_blk_config, unused0) - 1, 1, "without a queue"},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(VDEV_MODERN);
		dev.offered |= VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX);
		dev.config.size_max = cpu_to_le32(4096);
		memcpy((u8 *)&dev.config + cases[i].offset, &cases[i].val, 4);
		up("");
		assert_null(fake_disk);
		assert_true(logged(cases[i].text));
		down();
	}
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

static void no_memory_is_no_crash(void **state)
{
	(void)state;
	for (int kind = VDEV_MODERN; kind <= VDEV_MMIO_LEGACY; kind++)
		for (u32 n = 1; n < 40; n++) {
			fresh((enum vdev_kind)kind);
			vdev_plug(&dev, 0, kind >= VDEV_MMIO ? 0 : 3);
			mm_fail_after(n);
			machine_up(kind >= VDEV_MMIO ? MMIO_LINE : "");
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

static void a_late_lie_does_not_outlive_the_disk(void **state)
{
	(void)state;
	for (int kind = VDEV_MODERN; kind <= VDEV_MMIO_LEGACY; kind++) {
		struct virtq_used *used;

		fresh((enum vdev_kind)kind);
		up("");
		assert_int_equal(io(REQ_OP_READ, 8, buf, 512, 512), 0);
		used = phys_to_virt(PADDR(dev.q[0].used)); /* nobody is in flight */
		used->idx = cpu_to_le16((u16)(le16_to_cpu(used->idx) + 1));
		vdev_interrupt_queue(&dev, 0);
		vdev_config_changed(&dev);
		down();
		assert_false(fake_run_pending());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_on_every_transport),
		cmocka_unit_test(legacy_is_chosen_when_asked_or_alone),
		cmocka_unit_test(only_known_features_are_accepted),
		cmocka_unit_test(limits_come_from_the_configuration),
		cmocka_unit_test(flush_discard_and_zeroes_reach_the_device),
		cmocka_unit_test(write_cache_follows_the_device),
		cmocka_unit_test(capacity_follows_the_device),
		cmocka_unit_test(lies_in_flight_fail_the_disk),
		cmocka_unit_test(the_line_says_what_is_wrong),
		cmocka_unit_test(a_failed_disk_was_reset_or_cut_off),
		cmocka_unit_test(a_lost_interrupt_is_no_failure),
		cmocka_unit_test(a_request_sent_again_is_not_overdue),
		cmocka_unit_test(lies_at_the_start_leave_no_disk),
		cmocka_unit_test(queue_of_32768),
		cmocka_unit_test(nonsense_in_the_configuration),
		cmocka_unit_test(fewer_vectors_are_shared),
		cmocka_unit_test(spurious_interrupts_do_no_harm),
		cmocka_unit_test(two_disks_share_a_line),
		cmocka_unit_test(polled_rings_are_silent_until_the_last_look),
		cmocka_unit_test(no_memory_is_no_crash),
		cmocka_unit_test(event_idx_saves_notifications),
		cmocka_unit_test(a_batch_is_notified_once_or_when_the_ring_is_full),
		cmocka_unit_test(a_late_lie_does_not_outlive_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
