/* The hidden cases of the virtqueue: every edge that a ring has. */
#include "ring_kit.h"

#include "kernel/mm/page.h"

static struct ring_buffer bufs[1024];

/* Add, take, finish and get in random steps, so that the indices wrap; nothing is lost. */
static void churn(u16 size, bool indirect, bool event_idx, u16 start, u32 rounds)
{
	struct {
		struct ring_chain c;
		struct ring_buffer *b;
	} taken[64];
	u32 nr_taken = 0, live = 0, next = 0, len;
	struct ring_buffer *b;

	ring_make(size, indirect, event_idx, start);
	for (u32 i = 0; i < rounds; i++) {
		b = &bufs[next % 64];
		if (!b->busy && live < 32) {
			u32 out = lab_random(3), in = lab_random(3) + !out;
			int err = ring_add(b, out, in);

			CHECK(err == 0 || err == -ENOSPC, "virtqueue_add() gave %d", err);
			CHECK(err == 0 || out + in > ring.vq->num_free || live,
			      "-ENOSPC with room in an empty ring");
			live += err == 0;
			next += err == 0;
		}
		while (ring_offered() && lab_random(3)) {
			u32 at = (next - (live - nr_taken)) % 64;

			taken[nr_taken].c = ring_take();
			taken[nr_taken].b = &bufs[at];
			ring_compare(&taken[nr_taken].c, &bufs[at]);
			nr_taken++;
		}
		if (nr_taken && lab_random(2)) {
			u32 pick = lab_random(nr_taken);

			len = lab_random(taken[pick].b->in_bytes + 1);
			ring_finish(taken[pick].c.head, len);
			must_get(taken[pick].b, len);
			live--;
			taken[pick] = taken[--nr_taken];
			/* Buffers are reused in order of age: keep the ring of 64 simple. */
			while (nr_taken) {
				len = lab_random(taken[nr_taken - 1].b->in_bytes + 1);
				ring_finish(taken[nr_taken - 1].c.head, len);
				must_get(taken[--nr_taken].b, len);
				live--;
			}
		}
		CHECK(ring.vq->in_flight == live, "in_flight is %u, and %u buffers are in flight",
		      ring.vq->in_flight, live);
	}
	ring_end();
	memset(bufs, 0, sizeof(bufs));
}

CASE(add_wrap)
{
	churn(4, false, false, 0, 400);
	churn(8, false, false, 65500, 400);
	churn(64, false, true, 65000, 3000);
}

CASE(add_full)
{
	u32 n = 0;

	ring_make(8, false, false, 0);
	while (ring_add(&bufs[n], 1, 2) == 0)
		CHECK(++n < 8, "a ring of 8 descriptors took %u chains of three", n);
	CHECK(n == 2, "a ring of 8 descriptors takes 2 chains of three, not %u", n);
	CHECK(ring_add(&bufs[n], 1, 2) == -ENOSPC, "a full ring must say -ENOSPC");
	must_add(&bufs[2], 1, 1);
	CHECK(ring_add(&bufs[3], 1, 0) == -ENOSPC, "a ring without a free descriptor must say "
						   "-ENOSPC");
	for (u32 i = 0; i < 3; i++) {
		struct ring_chain c = ring_take();

		ring_compare(&c, &bufs[i]);
	}
	CHECK(!ring_offered(), "a buffer that did not fit was offered to the device");
	ring_end();
}

CASE(add_refuse)
{
	struct scatterlist sg[9] = {{{0}, 1}};
	struct virtqueue *vq = ring_make(8, false, false, 0);

	CHECK(virtqueue_add(vq, sg, 1, 8, vq) == -EINVAL,
	      "nine pieces never fit a ring of 8: -EINVAL");
	sg[0].len = sg[1].len = UINT32_MAX;
	CHECK(virtqueue_add(vq, sg, 0, 2, vq) == -EINVAL,
	      "what the device may write has to fit 32 bits: -EINVAL");
	CHECK(!ring_offered() && vq->num_free == 8, "a refused buffer changed the ring");
	sg[0].len = sg[1].len = 0x7fffffff;
	CHECK(virtqueue_add(vq, sg, 0, 2, vq) == 0, "two pieces of 2 GiB - 1 fit 32 bits");
	ring_end();
}

/* Only pieces that the device writes count against 32 bits. */
CASE(add_reads)
{
	struct scatterlist sg[3] = {
		{PADDR(1 << 20), UINT32_MAX}, {PADDR(1 << 21), UINT32_MAX}, {PADDR(1 << 22), 16}};
	struct virtqueue *vq = ring_make(8, false, false, 0);
	u32 len;

	CHECK(virtqueue_add(vq, sg, 2, 1, vq) == 0,
	      "pieces that the device only reads do not count against 32 bits");
	ring_finish(ring_take().head, 17);
	CHECK(!virtqueue_get(vq, &len) && vq->broken,
	      "the device said 17 bytes where 16 may be written");
	ring_end();
}

CASE(indirect_small)
{
	struct ring_chain c;
	u32 direct = 0;

	ring_make(8, true, false, 0);
	for (u32 i = 0; i < 6; i++) {
		must_add(&bufs[i], 1, 2);
		c = ring_take();
		ring_compare(&c, &bufs[i]);
		direct += !c.indirect;
	}
	CHECK(direct == 1, "%u chains of a ring that is more than half full lie in the ring itself",
	      direct);
	CHECK(ring.vq->num_free == 0, "num_free is %u; one chain of 3 and five tables fill 8",
	      ring.vq->num_free);
	ring_end();
}

/* Where the ring ends to be the better place, to the piece. */
CASE(indirect_edges)
{
	struct ring_chain c;
	size_t live;

	ring_make(16, true, false, 0);
	for (u32 pieces = VQ_DIRECT_DESCS; pieces <= VQ_DIRECT_DESCS + 1; pieces++) {
		must_add(&bufs[0], 1, pieces - 1);
		c = ring_take();
		CHECK(c.indirect == (pieces > VQ_DIRECT_DESCS),
		      "in an empty ring, a buffer of %u pieces lies in %s", pieces,
		      c.indirect ? "a table" : "the ring");
		ring_finish(c.head, 0);
		must_get(&bufs[0], 0);
	}
	ring_end();
	ring_make(8, true, false, 0);
	must_add(&bufs[0], 1, 0);
	must_add(&bufs[1], 1, 2);
	(void)ring_take();
	c = ring_take();
	CHECK(!c.indirect, "half of the ring stays free behind a chain of 3 in 7 free descriptors");
	ring_end();
	ring_make(8, true, false, 0);
	live = fake_kmalloc_live();
	must_add(&bufs[0], 1, VQ_INLINE_DESCS - 1);
	CHECK(fake_kmalloc_live() == live, "a table of %u pieces is the head's own: no kmalloc()",
	      VQ_INLINE_DESCS);
	must_add(&bufs[1], 1, VQ_INLINE_DESCS);
	CHECK(fake_kmalloc_live() > live, "a table of %u pieces is more than the head's own holds",
	      VQ_INLINE_DESCS + 1);
	for (u32 i = 0; i < 2; i++) {
		c = ring_take();
		ring_compare(&c, &bufs[i]);
	}
	ring_end();
}

CASE(indirect_many)
{
	struct ring_chain c[4];

	ring_make(4, true, true, 65534);
	for (u32 round = 0; round < 8; round++) {
		for (u32 i = 0; i < 4; i++) {
			must_add(&bufs[i], 1 + lab_random(10), 3 + lab_random(30));
			c[i] = ring_take();
			CHECK(c[i].indirect, "a buffer of %u pieces takes a table", c[i].nr);
			ring_compare(&c[i], &bufs[i]);
		}
		for (u32 i = 4; i-- > 0;) {
			ring_finish(c[i].head, bufs[i].in_bytes);
			must_get(&bufs[i], bufs[i].in_bytes);
		}
	}
	ring_end();
}

CASE(indirect_single)
{
	struct ring_chain c;

	ring_make(8, true, false, 0);
	for (u32 i = 0; i < 8; i++) {
		must_add(&bufs[i], i & 1, !(i & 1));
		c = ring_take();
		CHECK(!c.indirect, "a table for a single piece costs more than it saves");
		ring_compare(&c, &bufs[i]);
	}
	ring_end();
}

CASE(no_memory)
{
	struct ring_chain c;
	int err;

	ring_make(32, true, false, 0);
	mm_fail_after(1);
	must_add(&bufs[0], 10, 10);
	mm_fail_after(0);
	c = ring_take();
	CHECK(!c.indirect, "without memory for a table, the ring's own descriptors serve");
	ring_compare(&c, &bufs[0]);
	CHECK(ring.vq->num_free == 12, "num_free is %u with 20 of 32 in use", ring.vq->num_free);
	mm_fail_after(1);
	err = ring_add(&bufs[1], 10, 10);
	mm_fail_after(0);
	CHECK(err == -ENOSPC, "no memory, no room, and something in flight: -ENOSPC, not %d", err);
	must_add(&bufs[1], 10, 10);
	ring_end();
	ring_make(16, true, false, 0);
	mm_fail_after(1);
	err = ring_add(&bufs[0], 10, 10);
	mm_fail_after(0);
	CHECK(err == -ENOMEM,
	      "no memory, no room, and nothing in flight that would make room: "
	      "-ENOMEM, not %d",
	      err);
	CHECK(ring.vq->num_free == 16 && !ring_offered(), "a refused buffer changed the ring");
	ring_end();
}

/* --- barriers: what the other side may see at each ------------------------------------------- */

static u16 idx_before, head_expected;
static u32 hooks;

static void at_publish(char which)
{
	if (which != 'W' && which != 'M')
		return;
	hooks++;
	CHECK(le16_to_cpu(ring.vq->avail->idx) == idx_before,
	      "avail->idx moves before the barrier: the device may read a ring entry that is not "
	      "there yet");
	CHECK(le16_to_cpu(ring.vq->avail->ring[idx_before & (ring.vq->size - 1)]) == head_expected,
	      "at the barrier the ring entry is not written yet");
	CHECK(le64_to_cpu(ring.vq->desc[head_expected].addr) != 0,
	      "at the barrier the descriptor is not written yet");
}

CASE(barrier_publish)
{
	ring_make(8, false, false, 0);
	for (u32 i = 0; i < 5; i++) {
		idx_before = le16_to_cpu(ring.vq->avail->idx);
		head_expected = ring.vq->free_head;
		ring.vq->avail->ring[idx_before & 7] = cpu_to_le16(0xeeee);
		hooks = 0;
		lab_barrier_hook = at_publish;
		must_add(&bufs[i], 1, 0);
		lab_barrier_hook = NULL;
		CHECK(hooks > 0, "no barrier between the ring entry and avail->idx (2.7.13.2)");
	}
	ring_end();
}

static u32 late_id, late_len;

/* The used entry becomes visible only at the read barrier. */
static void at_read(char which)
{
	if (which != 'R' && which != 'M')
		return;
	hooks++;
	ring_used_entry((u16)(ring.used - 1), late_id, late_len);
}

CASE(barrier_used)
{
	struct ring_chain c[2];

	ring_make(8, false, false, 0);
	must_add(&bufs[0], 0, 1);
	must_add(&bufs[1], 0, 1);
	c[0] = ring_take();
	c[1] = ring_take();
	for (u32 i = 0; i < 2; i++) {
		late_id = c[i].head;
		late_len = 1;
		ring_used_entry(ring.used, c[1].head, 0); /* what lay there before */
		ring_used_index((u16)(ring.used + 1));
		hooks = 0;
		lab_barrier_hook = at_read;
		must_get(&bufs[i], 1);
		lab_barrier_hook = NULL;
		CHECK(hooks > 0, "no barrier between used->idx and the used entry (2.7.14)");
	}
	ring_end();
}

static void at_full_kick(char which)
{
	if (which != 'M')
		return;
	hooks++;
	if (ring.vq->event_idx)
		ring_set_avail_event((u16)(le16_to_cpu(ring.vq->avail->idx) - 1));
	else
		ring_set_no_notify(false);
}

CASE(barrier_kick)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		ring_make(8, false, event_idx, 7);
		/* The device asks to be told just when the driver has published. */
		if (event_idx)
			ring_set_avail_event(1000);
		else
			ring_set_no_notify(true);
		must_add(&bufs[0], 1, 0);
		hooks = 0;
		lab_barrier_hook = at_full_kick;
		CHECK(ring_kick(),
		      "the device asked to be told before the driver looked: without a "
		      "full barrier before the look, the request is lost (2.7.13.4.1)");
		lab_barrier_hook = NULL;
		CHECK(hooks > 0, "no full barrier before the device's wish is read (2.7.13.4.1)");
		ring_end();
	}
}

static u16 late_head;

static void at_full_enable(char which)
{
	if (which != 'M' || hooks++)
		return;
	/* The device looked before the driver's wish was there, and finished without interrupt. */
	CHECK(ring_wants_interrupt(ring.used), "at the barrier the wish for an interrupt is not "
					       "written yet");
	ring_finish(late_head, 0);
}

CASE(barrier_enable)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		ring_make(8, false, event_idx, 65535);
		must_add(&bufs[0], 1, 0);
		late_head = ring_take().head;
		virtqueue_disable_cb(ring.vq);
		hooks = 0;
		lab_barrier_hook = at_full_enable;
		CHECK(!virtqueue_enable_cb(ring.vq),
		      "a buffer was finished just before interrupts were on, and "
		      "virtqueue_enable_cb() says that nothing is: it would wait for ever");
		lab_barrier_hook = NULL;
		CHECK(hooks > 0, "no full barrier between the wish and the look (2.7.7.1)");
		must_get(&bufs[0], 0);
		CHECK(virtqueue_enable_cb(ring.vq), "nothing is finished, and "
						    "virtqueue_enable_cb() says there is");
		ring_end();
	}
}

/* --- notifications --------------------------------------------------------------------------- */

CASE(kick_event)
{
	for (u32 start = 0; start < 3; start++) {
		u16 from = (u16)(start * 32768 - 2);

		ring_make(16, false, true, from);
		ring_set_avail_event((u16)(from + 2)); /* tell me of the third */
		for (u32 i = 0; i < 6; i++) {
			must_add(&bufs[i], 1, 0);
			CHECK(ring_kick() == (i == 2),
			      "avail_event is 2 behind the start: buffer %u is %s", i,
			      i == 2 ? "the one to tell of" : "none to tell of");
		}
		ring_end();
	}
}

CASE(kick_batch)
{
	u16 from = 65530;

	ring_make(16, false, true, from);
	for (u32 round = 0; round < 4; round++) {
		ring_set_avail_event((u16)(from + 4 * round + 1));
		for (u32 i = 0; i < 4; i++)
			must_add(&bufs[4 * round + i], 1, 0);
		CHECK(ring_kick(),
		      "four buffers were added, the device asked for the second, and it "
		      "is not told");
		CHECK(!ring_kick(), "told twice of the same buffers");
	}
	ring_end();
}

CASE(callbacks)
{
	struct ring_chain c;

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		ring_make(8, false, event_idx, 65533);
		for (u32 round = 0; round < 6; round++) {
			CHECK(virtqueue_enable_cb(ring.vq), "nothing is finished");
			CHECK(ring_wants_interrupt(ring.used), "interrupts are enabled, and the "
							       "device may not raise the next");
			virtqueue_disable_cb(ring.vq);
			CHECK(!ring_wants_interrupt(ring.used),
			      "interrupts are disabled, and the device raises the next");
			must_add(&bufs[0], 1, 0);
			c = ring_take();
			ring_finish(c.head, 0);
			must_get(&bufs[0], 0);
		}
		ring_end();
	}
}

CASE(get_unused)
{
	ring_make(8, false, false, 0);
	for (u32 i = 0; i < 4; i++)
		must_add(&bufs[i], 1, i & 1);
	for (u32 i = 0; i < 4; i++)
		CHECK(virtqueue_detach_unused(ring.vq) != NULL, "a buffer in flight is not given "
								"back after a reset");
	CHECK(!virtqueue_detach_unused(ring.vq), "more buffers come back than were added");
	CHECK(ring.vq->num_free == 8 && ring.vq->in_flight == 0,
	      "the ring is not empty after all buffers came back");
	must_add(&bufs[0], 3, 5);
	ring_end();
}

/* --- a device that lies ---------------------------------------------------------------------- */

static void expect_broken(const char *lie)
{
	u32 len;

	CHECK(virtqueue_get(ring.vq, &len) == NULL, "the device lied (%s), and a token came out",
	      lie);
	CHECK(ring.vq->broken, "the device lied (%s), and the ring is not broken", lie);
	CHECK(strstr(fake_log(), "broken"), "the device lied (%s), and nothing was printed", lie);
	CHECK(ring_add(&bufs[9], 1, 0) == -EIO, "a broken ring must say -EIO");
	CHECK(!virtqueue_kick_prepare(ring.vq), "a broken ring notifies nobody");
	CHECK(virtqueue_enable_cb(ring.vq), "nobody waits for a broken ring");
	CHECK(!virtqueue_get(ring.vq, &len), "a broken ring gives nothing back");
	ring_end();
}

static u16 two_in_flight(void)
{
	ring_make(8, false, false, 0);
	must_add(&bufs[0], 1, 2);
	must_add(&bufs[1], 1, 2);
	(void)ring_take();
	return ring_take().head;
}

CASE(lie_index)
{
	(void)two_in_flight();
	ring_used_index(3);
	expect_broken("three are finished, two in flight");
	(void)two_in_flight();
	ring_used_index(0xffff);
	expect_broken("the used index runs backwards");
}

CASE(lie_id)
{
	u16 head = two_in_flight();

	ring_finish(8, 0);
	expect_broken("the used id is the ring's size");
	(void)two_in_flight();
	ring_finish(0x10000u + head, 0);
	expect_broken("the used id has more than 16 bits");
	(void)two_in_flight();
	ring_finish((u32)head + 1, 0);
	expect_broken("the used id is no head");
	(void)two_in_flight();
	ring_finish(7, 0);
	expect_broken("the used id is a free descriptor");
}

CASE(lie_twice)
{
	u16 head = two_in_flight();

	ring_finish(head, 0);
	ring_finish(head, 0);
	must_get(&bufs[1], 0);
	expect_broken("the same buffer is finished twice");
}

CASE(lie_length)
{
	u16 head = two_in_flight();

	ring_finish(head, bufs[1].in_bytes + 1);
	expect_broken("more bytes written than the buffer has");
	head = two_in_flight();
	ring_finish(head, bufs[1].in_bytes);
	must_get(&bufs[1], bufs[1].in_bytes);
	ring_end();
}

/* The device overwrites what it can reach; the driver's own notes decide. */
CASE(shadow)
{
	struct ring_chain c;

	ring_make(8, false, false, 0);
	must_add(&bufs[0], 1, 2);
	c = ring_take();
	memset(ring.vq->desc, 0xff, sizeof(struct virtq_desc) * 8);
	memset(ring.vq->avail->ring, 0xff, 16);
	ring_finish(c.head, 1);
	must_get(&bufs[0], 1);
	CHECK(ring.vq->num_free == 8, "num_free is %u after the only buffer came back",
	      ring.vq->num_free);
	for (u32 i = 0; i < 2; i++) {
		must_add(&bufs[i], 1, 2);
		c = ring_take();
		ring_compare(&c, &bufs[i]);
	}
	ring_end();
}

CASE(churn)
{
	for (u16 size = 4; size <= 256; size = (u16)(size * 4))
		for (int mode = 0; mode < 4; mode++)
			churn(size, mode & 1, mode & 2, (u16)lab_random(65536), 1500);
}
