/* The hidden cases of steps 2 and 4. */
#include "disk_kit.h"

static const char *const modes[] = {"", "virtio.event_idx=0"};

CASE(used_many)
{
	for (u32 m = 0; m < 2; m++) {
		u32 order[FLIGHT_MAX];

		disk_up(VDEV_MMIO, 1, modes[m]);
		for (u32 i = 0; i < FLIGHT_MAX; i++) {
			u32 at = lab_random(i + 1);

			disk_send(i, 0, i % 2 ? REQ_OP_WRITE : REQ_OP_READ);
			order[i] = order[at];
			order[at] = i;
		}
		for (u32 i = 0; i < FLIGHT_MAX; i++)
			disk_finish(order[i], order[i] % 3, PIECE + 1 - PIECE * (order[i] % 2));
		vdev_interrupt_queue(&dev, 0);
		for (u32 i = 0; i < FLIGHT_MAX; i++)
			disk_expect(i,
				    i % 3 == 0 ? 0 :
				    i % 3 == 1 ? -EIO :
						 -EOPNOTSUPP,
				    "80 were finished in any order, with one interrupt");
		CHECK(disk_wanted(0), "the ring is empty, and the driver wants no interrupt");
		disk_down();
	}
}

static u32 late, last;

/* The device finishes one more, without interrupt, just as the driver asks for interrupts. */
static void finish_late(char which)
{
	if (which == 'M' && late < last) {
		disk_finish(late, VIRTIO_BLK_S_OK, PIECE + 1);
		late++;
	}
}

CASE(used_late)
{
	for (u32 m = 0; m < 2; m++) {
		disk_up(VDEV_MMIO, 1, modes[m]);
		last = 3 + lab_random(3);
		for (u32 i = 0; i < last; i++)
			disk_send(i, 0, REQ_OP_READ);
		disk_finish(0, VIRTIO_BLK_S_OK, PIECE + 1);
		late = 1;
		lab_barrier_hook = finish_late;
		vdev_interrupt_queue(&dev, 0);
		lab_barrier_hook = NULL;
		for (u32 i = 0; i < last; i++)
			disk_expect(i, 0,
				    "it was finished while the driver drained, and no "
				    "interrupt will say so");
		disk_down();
	}
}

static u16 taken_before;
static u32 ended_here;

static void count_batch(struct fake_rq *f)
{
	const struct virtio_blk *vblk = blk_queue_driver_data(fake_queue);
	u32 taken = (u16)(vblk->queues[0].vq->last_used - taken_before);

	CHECK(f->busy && !f->done, "a request is completed twice");
	CHECK(taken - ended_here <= 32,
	      "%u requests were taken off the ring before one was completed; DRAIN_BATCH is 32",
	      taken - ended_here);
	ended_here++;
}

/* Interrupts stay off for one batch at most. */
CASE(used_batch)
{
	const struct virtio_blk *vblk;

	disk_up(VDEV_MMIO, 1, "");
	vblk = blk_queue_driver_data(fake_queue);
	for (u32 i = 0; i < FLIGHT_MAX; i++)
		disk_send(i, 0, REQ_OP_READ);
	for (u32 i = 0; i < FLIGHT_MAX; i++)
		disk_finish(i, VIRTIO_BLK_S_OK, PIECE + 1);
	taken_before = vblk->queues[0].vq->last_used;
	ended_here = 0;
	fake_queue_done_hook = count_batch;
	vdev_interrupt_queue(&dev, 0);
	CHECK(ended_here == FLIGHT_MAX, "80 were finished, and %u were completed", ended_here);
	disk_down();
}

CASE(used_quiet)
{
	const struct blk_mq_ops *ops;

	for (u32 m = 0; m < 2; m++) {
		disk_up(VDEV_MMIO, 1, modes[m]);
		ops = fake_queue_ops(fake_queue);
		for (u32 i = 0; i < 4; i++) {
			bool again = i % 2 == 0;
			int found;

			disk_send(i, 0, REQ_OP_READ);
			disk_finish(i, VIRTIO_BLK_S_OK, PIECE + 1);
			found = ops->poll(fake_queue, 0, again);
			CHECK(found == 1, "one was finished, and the poll says %d", found);
			disk_expect(i, 0, "polled");
			CHECK(disk_wanted(0) == !again,
			      "the poller looks %s, and interrupts are %s",
			      again ? "again" : "no more", again ? "on" : "off");
		}
		disk_down();
	}
}

CASE(status_unknown)
{
	disk_up(VDEV_MMIO, 1, "");
	for (u32 status = 3; status < 256; status++) {
		u32 i = status % FLIGHT_MAX;

		if (flight[i].f)
			fake_queue_put(flight[i].f);
		disk_send(i, 0, REQ_OP_READ);
		disk_finish(i, (u8)status, PIECE + 1);
		vdev_interrupt_queue(&dev, 0);
		disk_expect(i, -EIO, "a status that the specification does not have, or none");
	}
	disk_down();
}

static void length(enum vdev_kind kind, enum req_op op, u32 len, u8 device, int status)
{
	disk_up(kind, 1, "");
	disk_send(0, 0, op);
	disk_finish(0, device, len);
	vdev_interrupt_queue(&dev, 0);
	disk_expect(0, status, "the used length, against what a request of this kind writes");
	disk_down();
}

CASE(status_length)
{
	length(VDEV_MMIO, REQ_OP_READ, PIECE, VIRTIO_BLK_S_OK, -EIO);
	length(VDEV_MMIO, REQ_OP_READ, 0, VIRTIO_BLK_S_OK, -EIO);
	length(VDEV_MMIO, REQ_OP_READ, PIECE + 1, VIRTIO_BLK_S_OK, 0);
	length(VDEV_MMIO, REQ_OP_WRITE, 1, VIRTIO_BLK_S_OK, 0);
	length(VDEV_MMIO, REQ_OP_WRITE, 0, VIRTIO_BLK_S_OK, -EIO);
	length(VDEV_MMIO, REQ_OP_READ, 1, VIRTIO_BLK_S_UNSUPP, -EOPNOTSUPP);
	length(VDEV_MMIO_LEGACY, REQ_OP_READ, 0, VIRTIO_BLK_S_OK, 0);
}

static bool reset_first;

static void after_reset(struct fake_rq *f)
{
	const struct virtio_blk *vblk = blk_queue_driver_data(fake_queue);

	CHECK(f->busy && !f->done, "a request is completed twice");
	CHECK(f->rq.status == -EIO, "a request of a failed disk is completed with %d",
	      f->rq.status);
	reset_first &= dev.status == 0;
	for (u16 i = 0; i < vblk->nr_queues; i++)
		CHECK(vblk->queues[i].vq->broken,
		      "a request of a failed disk ended, and ring %u still takes more", i);
}

/* All in flight end with -EIO, once, and only after the reset; later ones at once. */
static void expect_failed(u32 first, u32 nr)
{
	for (u32 i = first; i < nr; i++)
		CHECK(!flight[i].f->done, "a request ended in the interrupt, and the device may "
					  "still write to its memory");
	reset_first = true;
	fake_queue_done_hook = after_reset;
	fake_run_pending();
	for (u32 i = first; i < nr; i++)
		disk_expect(i, -EIO, "the disk failed with it in flight");
	CHECK(reset_first, "a request ended before the device was reset: it may still write to its "
			   "memory");
	CHECK(io(REQ_OP_READ, 0, buf, 512, 512) == -EIO, "a failed disk gives -EIO at once");
	disk_down();
}

CASE(fail_reset)
{
	disk_up(VDEV_MMIO, 1, "");
	for (u32 i = 0; i < 5; i++)
		disk_send(i, 0, REQ_OP_READ);
	disk_used(0, 0x10000u + flight[2].head, PIECE + 1);
	vdev_interrupt_queue(&dev, 0);
	expect_failed(0, 5);
}

CASE(fail_twice)
{
	disk_up(VDEV_MMIO, 1, "");
	for (u32 i = 0; i < 5; i++)
		disk_send(i, 0, REQ_OP_READ);
	disk_finish(0, VIRTIO_BLK_S_OK, PIECE + 1);
	disk_finish(0, VIRTIO_BLK_S_OK, PIECE + 1);
	vdev_interrupt_queue(&dev, 0);
	disk_expect(0, 0, "the device finished it twice; the first counts");
	expect_failed(1, 5);
}

CASE(fail_rings)
{
	disk_up(VDEV_MMIO, 3, "");
	for (u32 i = 0; i < 9; i++)
		disk_send(i, (u16)(i % 3), REQ_OP_WRITE);
	disk_used(1, 999, 1);
	vdev_interrupt_queue(&dev, 1);
	expect_failed(0, 9);
}

CASE(timeout_lost)
{
	disk_up(VDEV_MMIO, 1, "");
	for (u32 i = 0; i < 3; i++)
		disk_send(i, 0, REQ_OP_READ);
	disk_finish(1, VIRTIO_BLK_S_OK, PIECE + 1);
	fake_queue_timeout(flight[1].f, flight[1].f->rq.dispatch_ns);
	disk_expect(1, 0, "it was finished, and only its interrupt was lost");
	CHECK(!flight[0].f->done && dev.status, "an interrupt was lost, and the disk was failed");
	for (u32 i = 0; i < 3; i += 2)
		disk_finish(i, VIRTIO_BLK_S_OK, PIECE + 1);
	vdev_interrupt_queue(&dev, 0);
	disk_expect(0, 0, "the disk goes on");
	disk_down();
}

CASE(timeout_never)
{
	disk_up(VDEV_MMIO, 2, "");
	for (u32 i = 0; i < 4; i++)
		disk_send(i, (u16)(i % 2), REQ_OP_READ);
	fake_queue_timeout(flight[0].f, flight[0].f->rq.dispatch_ns - 1);
	CHECK(dev.status && !flight[0].f->done, "the tag was sent anew since: it is not overdue");
	reset_first = true;
	fake_queue_done_hook = after_reset;
	fake_queue_timeout(flight[0].f, flight[0].f->rq.dispatch_ns);
	for (u32 i = 0; i < 4; i++)
		disk_expect(i, -EIO, "the device never finished one: all in flight fail");
	CHECK(reset_first, "a request ended before the device was reset");
	disk_down();
}
