#include "disk_kit.h"

#include "tests/host/fakes/machine.h"

struct flight flight[FLIGHT_MAX];
u32 in_interrupt_done;

static void *mem(u64 pa)
{
	return phys_to_virt(PADDR(pa));
}

/* Each request of the case ends here first. */
static void at_completion(struct fake_rq *f)
{
	CHECK(this_cpu()->spin_depth == 0,
	      "a request is completed while a lock is held: what ends it takes locks of its own");
	CHECK(f->busy && !f->done, "a request is completed twice");
	in_interrupt_done += this_cpu()->irq_depth > 0;
}

void disk_up(enum vdev_kind kind, u16 queues, const char *cmdline)
{
	fresh(kind);
	dev.nr_queues = queues;
	dev.config.num_queues = cpu_to_le16(queues);
	fake_queue_done_hook = at_completion;
	memset(flight, 0, sizeof(flight));
	up(cmdline);
	CHECK(fake_disk != NULL, "the disk does not come up: its first requests do not come back");
	dev.manual = true;
	in_interrupt_done = 0;
}

void disk_down(void)
{
	lab_barrier_hook = NULL;
	dev.manual = false;
	for (u32 i = 0; i < FLIGHT_MAX; i++)
		if (flight[i].f) {
			CHECK(flight[i].f->done, "a request never ended");
			fake_queue_put(flight[i].f);
			flight[i].f = NULL;
		}
	CHECK(take_down() == 0, "something is left when the disk is gone");
	fake_queue_done_hook = NULL;
}

void disk_send(u32 i, u16 queue, enum req_op op)
{
	struct vdev_queue *q = &dev.q[queue];
	le16_t *avail = mem(q->avail);

	flight[i].queue = queue;
	flight[i].f = fake_queue_submit(fake_disk->queue, queue, op, i * 8, buf + i * PIECE, PIECE,
					PIECE);
	CHECK(flight[i].f != NULL, "no tag is free: some never came back");
	if (flight[i].f->done)
		return;
	CHECK(q->seen != le16_to_cpu(avail[1]), "the device sees no new request");
	flight[i].head = le16_to_cpu(avail[2 + (q->seen++ & (q->size - 1))]);
}

void disk_used(u16 queue, u32 id, u32 len)
{
	struct vdev_queue *q = &dev.q[queue];
	struct virtq_used *used = mem(q->used);

	used->ring[q->used_idx & (q->size - 1)] =
		(struct virtq_used_elem){cpu_to_le32(id), cpu_to_le32(len)};
	used->idx = cpu_to_le16(++q->used_idx);
}

void disk_finish(u32 i, u8 status, u32 len)
{
	((struct virtblk_req *)flight[i].f->rq.pdu)->status = status;
	disk_used(flight[i].queue, flight[i].head, len);
}

bool disk_wanted(u16 queue)
{
	struct vdev_queue *q = &dev.q[queue];
	le16_t *avail = mem(q->avail);

	if (dev.accepted >> VIRTIO_F_EVENT_IDX & 1)
		return le16_to_cpu(avail[2 + q->size]) == q->used_idx;
	return !(le16_to_cpu(avail[0]) & VIRTQ_AVAIL_F_NO_INTERRUPT);
}

void disk_expect(u32 i, int status, const char *what)
{
	struct fake_rq *f = flight[i].f;

	CHECK(f->done, "%s: the request has not ended", what);
	CHECK(f->completions == 1, "%s: the request ended %u times", what, f->completions);
	CHECK(f->rq.status == status, "%s: the request ended with %d, not %d", what, f->rq.status,
	      status);
}
