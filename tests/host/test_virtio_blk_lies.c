// uses: virtio-blk virtio-machine fakes
/* virtio_blk against a device that lies, and loses what it was given. */
#include "tests/host/fakes/machine.h"
#include "tests/host/fakes/vblk_world.h"
#include "tests/host/host.h"

#include "kernel/lib/errno.h"
#include "kernel/mm/page.h"

#define T(name) cmocka_unit_test(name)

static const struct perm_axis kinds[] = {EVERY_KIND, {NULL}};

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

static const char *const lies[] = {"used-ahead", "used-back", "id-range",   "id-no-head",
				   "twice",	 "len",	      "len-short",  "status-3",
				   "no-status",	 "never",     "needs-reset"};
_Static_assert(ARRAY_SIZE(lies) == LIE_FEATURES_REFUSED - LIE_USED_AHEAD, "every lie in flight");

static const char *const toggles[] = {"", "virtio.event_idx=0 virtio.indirect=0", "virtio.msix=0",
				      "virtio.legacy=1"};

static const struct perm_axis in_flight[] = {
	EVERY_KIND,
	{"lie", ARRAY_SIZE(lies), {0}, lies},
	{"toggles", ARRAY_SIZE(toggles), {0}, toggles},
	{NULL},
};

static void lies_in_flight_fail_the_disk(const u32 *v)
{
	lie_in_flight((enum vdev_kind)v[0], (enum vdev_lie)(LIE_USED_AHEAD + v[1]), toggles[v[2]]);
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

static void a_late_lie_does_not_outlive_the_disk(const u32 *v)
{
	struct virtq_used *used;

	fresh((enum vdev_kind)v[0]);
	up("");
	assert_int_equal(io(REQ_OP_READ, 8, buf, 512, 512), 0);
	used = phys_to_virt(PADDR(dev.q[0].used)); /* nobody is in flight */
	used->idx = cpu_to_le16((u16)(le16_to_cpu(used->idx) + 1));
	vdev_interrupt_queue(&dev, 0);
	vdev_config_changed(&dev);
	down();
	assert_false(fake_run_pending());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PERMUTED(lies_in_flight_fail_the_disk, in_flight, NULL, NULL),
		T(the_line_says_what_is_wrong),
		T(a_failed_disk_was_reset_or_cut_off),
		T(a_lost_interrupt_is_no_failure),
		T(a_request_sent_again_is_not_overdue),
		T(lies_at_the_start_leave_no_disk),
		T(queue_of_32768),
		T(nonsense_in_the_configuration),
		PERMUTED(a_late_lie_does_not_outlive_the_disk, kinds, NULL, NULL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
