#include "tests/host/fakes/vblk_world.h"
#include "tests/host/fakes/machine.h"
#include "tests/host/host.h"

#include "kernel/mm/page.h"

const char *const kind_names[] = {"modern", "legacy", "transitional", "mmio", "mmio-legacy"};
struct vdev dev, dev2;
u8 buf[VDEV_SECTORS * 512];
static u8 model[VDEV_SECTORS * 512];
static bool is_up;

static bool step_both(void)
{
	bool did = vdev_step(&dev);

	did = vdev_step(&dev2) || did;
	return fake_run_pending() || did;
}

int take_down(void)
{
	is_up = false;
	return machine_down();
}

void fresh(enum vdev_kind kind)
{
	if (is_up) /* a test failed: what it left would make the next ones wait for ever */
		(void)take_down();
	fake_bus_reset();
	fake_log_clear();
	memset(&dev2, 0, sizeof(dev2));
	vdev_init(&dev, kind);
	fake_device_step = step_both;
}

void up(const char *cmdline)
{
	char line[256];

	snprintf(line, sizeof(line), "%s%s", dev.kind >= VDEV_MMIO ? MMIO_LINE : "", cmdline);
	vdev_plug(&dev, 0, dev.kind >= VDEV_MMIO ? 0 : 3);
	is_up = true;
	machine_up(line);
}

void down(void)
{
	assert_int_equal(take_down(), 0);
	assert_int_equal(dev.status & VIRTIO_STATUS_DRIVER_OK, 0);
}

int io(enum req_op op, sector_t sector, void *p, u32 len, u32 piece)
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

bool logged(const char *text)
{
	if (strstr(fake_log(), text))
		return true;
	print_message("not in the log: %s\nlog:\n%s\n", text, fake_log());
	return false;
}

static u32 random_u32(void)
{
	static u32 state;
	static bool seeded;

	if (!seeded)
		state = host_seed(12345);
	seeded = true;
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
void storm(u32 rounds)
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
