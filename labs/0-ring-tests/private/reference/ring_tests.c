/* The reference: what a good set of tests looks at. */
#include "ring_kit.h"

static struct buffer b[16];

/* The chain at a head is this buffer. */
static void check_chain(u16 head, const struct buffer *want, u32 out, u32 in)
{
	const struct virtq_desc *d = desc(head), *table = vq->desc;
	u32 left = out + in;

	if (flags_of(d) & VIRTQ_DESC_F_INDIRECT) {
		CHECK(le32_to_cpu(d->len) == left * sizeof(*d), "the table's length");
		d = table = table_of(d);
	}
	for (u32 i = 0; i < out + in; i++, left--) {
		CHECK(le64_to_cpu(d->addr) == want->sg[i].addr.v, "address of piece %u", i);
		CHECK(le32_to_cpu(d->len) == want->sg[i].len, "length of piece %u", i);
		CHECK(!(flags_of(d) & VIRTQ_DESC_F_WRITE) == (i < out), "WRITE of piece %u", i);
		CHECK(!(flags_of(d) & VIRTQ_DESC_F_NEXT) == (left == 1), "NEXT of piece %u", i);
		d = &table[le16_to_cpu(d->next)];
	}
}

static u16 offer(struct buffer *buffer, u32 out, u32 in)
{
	u16 idx = avail_idx(), head;

	CHECK(add(buffer, out, in) == 0, "a buffer that fits is refused");
	CHECK(avail_idx() == (u16)(idx + 1), "avail->idx goes up by one");
	head = avail_entry(idx);
	CHECK(head < vq->size, "the head is a descriptor");
	check_chain(head, buffer, out, in);
	return head;
}

static void expect(struct buffer *buffer, u32 wanted)
{
	u32 len = ~0u;

	CHECK(virtqueue_get(vq, &len) == buffer && len == wanted, "the finished buffer comes back");
}

static void expect_broken(void)
{
	u32 len;

	CHECK(!virtqueue_get(vq, &len) && vq->broken, "a lie breaks the ring");
	end_ring();
}

CASE(chains)
{
	size_t live = fake_kmalloc_live();

	for (u32 indirect = 0; indirect < 2; indirect++) {
		new_ring(16, indirect, false, 65530);
		for (u32 i = 0; i < 40; i++) {
			u32 n = indirect ? 1 + i % 20 : 1 + i % 7;
			u16 one = offer(&b[0], n, 1), two = offer(&b[1], 1, n);

			finish(two, 5);
			finish(one, 3);
			expect(&b[1], 5);
			expect(&b[0], 3);
			CHECK(vq->num_free == 16, "all descriptors are free again");
		}
		end_ring();
	}
	CHECK(fake_kmalloc_live() == live, "tables are freed");
}

CASE(full)
{
	struct scatterlist sg[9] = {{{0}, 1}};

	new_ring(8, false, false, 0);
	(void)offer(&b[0], 1, 2);
	(void)offer(&b[1], 1, 2);
	CHECK(add(&b[2], 1, 2) == -ENOSPC && vq->num_free == 2 && avail_idx() == 2,
	      "a full ring says so and stays as it was");
	end_ring();
	new_ring(8, false, false, 0);
	CHECK(virtqueue_add(vq, sg, 1, 8, vq) == -EINVAL, "what never fits");
	end_ring();
}

static u32 seen;
static void (*at_barrier)(char which);

static void hook(char which)
{
	seen++;
	at_barrier(which);
}

static void watch(void (*look)(char which))
{
	seen = 0;
	at_barrier = look;
	lab_barrier_hook = look ? hook : NULL;
}

static void not_published(char which)
{
	(void)which;
	CHECK(avail_idx() == 0, "the index is published before the barrier");
	CHECK(avail_entry(0) != 0xeee, "the entry is not there at the barrier");
}

static u16 first, late;

static void entry_comes(char which)
{
	if (which != 'W')
		write_used(0, first, 4);
}

static void device_asks(char which)
{
	if (which == 'M')
		want_no_notify(false);
}

static void device_finishes(char which)
{
	if (which == 'M' && seen == 1)
		finish(late, 0);
}

CASE(barriers)
{
	new_ring(8, false, false, 0);
	vq->avail->ring[0] = cpu_to_le16(0xeee);
	watch(not_published);
	first = offer(&b[0], 0, 1);
	CHECK(seen, "no barrier in front of avail->idx");
	write_used(0, 7, 0);
	set_used_idx(1);
	watch(entry_comes);
	expect(&b[0], 4);
	want_no_notify(true);
	watch(NULL);
	late = offer(&b[0], 0, 1);
	watch(device_asks);
	CHECK(virtqueue_kick_prepare(vq), "the device's wish is read too early");
	virtqueue_disable_cb(vq);
	watch(device_finishes);
	CHECK(!virtqueue_enable_cb(vq), "what is finished meanwhile is not seen");
	watch(NULL);
	end_ring();
}

CASE(kick)
{
	new_ring(8, false, false, 0);
	CHECK(!virtqueue_kick_prepare(vq), "nothing is new");
	(void)offer(&b[0], 1, 0);
	CHECK(virtqueue_kick_prepare(vq), "the device is told");
	CHECK(!virtqueue_kick_prepare(vq), "and told once");
	want_no_notify(true);
	(void)offer(&b[1], 1, 0);
	CHECK(!virtqueue_kick_prepare(vq), "it wants to know nothing");
	end_ring();
	for (u32 from = 0; from < 65536; from += 65534) {
		new_ring(8, false, true, (u16)from);
		want_notify_at((u16)(from + 1));
		for (u32 i = 0; i < 3; i++)
			(void)offer(&b[i], 1, 0);
		CHECK(virtqueue_kick_prepare(vq), "told of a batch");
		want_notify_at((u16)(from + 5));
		for (u32 i = 3; i < 8; i++) {
			(void)offer(&b[i], 1, 0);
			CHECK(virtqueue_kick_prepare(vq) == (i == 5), "told of the sixth alone");
		}
		end_ring();
	}
}

CASE(interrupts)
{
	for (u32 event_idx = 0; event_idx < 2; event_idx++) {
		new_ring(8, false, event_idx, 65534);
		for (u16 i = 65534; i != 3; i++) {
			CHECK(virtqueue_enable_cb(vq) && wants_interrupt(i), "on");
			virtqueue_disable_cb(vq);
			CHECK(!wants_interrupt(i), "off");
			finish(offer(&b[0], 1, 0), 0);
			expect(&b[0], 0);
		}
		end_ring();
	}
}

CASE(lies)
{
	static const u32 ids[] = {8, 1, 7, 0x10000};

	for (u32 i = 0; i < 4; i++) {
		new_ring(8, false, false, 0);
		(void)offer(&b[0], 1, 2);
		finish(ids[i], 0);
		expect_broken();
	}
	new_ring(8, false, false, 0);
	first = offer(&b[0], 1, 2);
	set_used_idx(2);
	expect_broken();
	new_ring(8, false, false, 0);
	first = offer(&b[0], 1, 1);
	finish(first, b[0].sg[1].len + 1);
	expect_broken();
	new_ring(8, false, false, 0);
	first = offer(&b[0], 1, 1);
	(void)offer(&b[1], 1, 1);
	finish(first, 0);
	finish(first, 0);
	expect(&b[0], 0);
	expect_broken();
}
