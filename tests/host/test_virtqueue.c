// uses: fakes
// sources: drivers/virtio/virtqueue.c
/*
 * The split virtqueue alone: every size, across the wrap of its indices, and each way in which the
 * device's half of the ring can be wrong.
 */
#include "tests/host/host.h"

#include "drivers/virtio/virtqueue.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/page.h"

#define MAX_PIECES 6

/* The device: its own indices, and what it has taken and not finished. */
static struct {
	struct virtqueue *vq;
	u16 seen, used;
	u16 taken[VIRTQUEUE_MAX];
	u32 nr_taken;
	u32 notified, interrupts;
} dev;

/* A buffer in flight: its token is the address of this. */
struct buffer {
	bool busy;
	u16 out, in;
	struct scatterlist sg[MAX_PIECES];
	u32 in_bytes;
};
static struct buffer buffers[VIRTQUEUE_MAX];

static u32 random_u32(void)
{
	static bool seeded;
	static u32 state;

	if (!seeded)
		state = host_seed(7);
	seeded = true;
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static void notify(struct virtqueue *vq)
{
	(void)vq;
	dev.notified++;
}

static struct virtqueue *make(u16 size, bool indirect, bool event_idx)
{
	memset(&dev, 0, sizeof(dev));
	memset(buffers, 0, sizeof(buffers));
	fake_log_clear();
	dev.vq = virtqueue_create("test", 3, size, indirect, event_idx);
	assert_non_null(dev.vq);
	dev.vq->notify = notify;
	return dev.vq;
}

static void destroy(void)
{
	virtqueue_destroy(dev.vq);
	assert_int_equal(fake_kmalloc_live(), 0);
	assert_int_equal(fake_pages_live(), 0);
}

static le16_t *avail_event(void)
{
	return (le16_t *)(void *)&dev.vq->used->ring[dev.vq->size];
}

/* Take what is offered, and ask to be told of the next. */
static void dev_take(void)
{
	struct virtqueue *vq = dev.vq;

	while (dev.seen != le16_to_cpu(vq->avail->idx)) {
		u16 head = le16_to_cpu(vq->avail->ring[dev.seen++ & (vq->size - 1)]);

		assert_true(head < vq->size && dev.nr_taken < vq->size);
		dev.taken[dev.nr_taken++] = head;
	}
	*avail_event() = cpu_to_le16(dev.seen);
}

static void dev_push(u32 id, u32 len)
{
	struct virtqueue *vq = dev.vq;

	vq->used->ring[dev.used++ & (vq->size - 1)] =
		(struct virtq_used_elem){cpu_to_le32(id), cpu_to_le32(len)};
	vq->used->idx = cpu_to_le16(dev.used);
}

/* The buffer whose pieces lie at this head. */
static struct buffer *dev_buffer(u16 head)
{
	struct virtq_desc *d = &dev.vq->desc[head];

	if (le16_to_cpu(d->flags) & VIRTQ_DESC_F_INDIRECT)
		d = phys_to_virt(PADDR(le64_to_cpu(d->addr)));
	return &buffers[le64_to_cpu(d->addr) >> 16];
}

static void check_chain(u16 head, const struct buffer *b)
{
	struct virtq_desc *table = dev.vq->desc;
	u32 i = head, total = b->out + b->in;

	if (le16_to_cpu(table[head].flags) & VIRTQ_DESC_F_INDIRECT) {
		assert_true(dev.vq->indirect && total > 1);
		assert_int_equal(le32_to_cpu(table[head].len), total * 16);
		table = phys_to_virt(PADDR(le64_to_cpu(table[head].addr)));
		i = 0;
	}
	for (u32 n = 0; n < total; n++) {
		u16 flags = le16_to_cpu(table[i].flags);

		assert_int_equal(le64_to_cpu(table[i].addr), b->sg[n].addr.v);
		assert_int_equal(le32_to_cpu(table[i].len), b->sg[n].len);
		assert_int_equal(!!(flags & VIRTQ_DESC_F_WRITE), n >= b->out);
		assert_int_equal(!!(flags & VIRTQ_DESC_F_NEXT), n + 1 < total);
		i = le16_to_cpu(table[i].next);
	}
}

static void dev_finish_one(void)
{
	struct virtqueue *vq = dev.vq;
	u32 pick = random_u32() % dev.nr_taken;
	u16 head = dev.taken[pick], old = dev.used;
	struct buffer *b = dev_buffer(head);
	u16 event = le16_to_cpu(vq->avail->ring[vq->size]);

	dev.taken[pick] = dev.taken[--dev.nr_taken];
	assert_true(b->busy);
	check_chain(head, b);
	dev_push(head, b->in_bytes ? random_u32() % (b->in_bytes + 1) : 0);
	if (vq->event_idx ? event == old :
			    !(le16_to_cpu(vq->avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT))
		dev.interrupts++;
}

static int add(struct buffer *b, u16 out, u16 in)
{
	u64 index = (u64)(b - buffers);

	*b = (struct buffer){.busy = true, .out = out, .in = in};
	for (u16 i = 0; i < out + in; i++) {
		b->sg[i] =
			(struct scatterlist){PADDR(index << 16 | i << 8), 1 + random_u32() % 100};
		b->in_bytes += i >= out ? b->sg[i].len : 0;
	}
	return virtqueue_add(dev.vq, b->sg, out, in, b);
}

static bool add_random(void)
{
	struct buffer *b = &buffers[random_u32() % dev.vq->size];
	u16 out = (u16)(random_u32() % 3), in = (u16)(random_u32() % 4);
	int err;

	if (b->busy)
		return false;
	in = out + in ? in : 1;
	if (!dev.vq->indirect)
		while (out + in > dev.vq->size)
			*(in ? &in : &out) -= 1;
	err = add(b, out, in);
	b->busy = err == 0;
	assert_true(err == 0 || err == -ENOSPC);
	return err == 0;
}

static u32 drain(void)
{
	struct virtqueue *vq = dev.vq;
	struct buffer *b;
	u32 n = 0, len;

	do {
		virtqueue_disable_cb(vq);
		while ((b = virtqueue_get(vq, &len)) != NULL) {
			assert_true(b->busy && len <= b->in_bytes);
			b->busy = false;
			n++;
		}
	} while (!virtqueue_enable_cb(vq));
	return n;
}

/* The device looks only when notified, the driver only when interrupted: whatever is lost stays. */
static void exercise(u16 size, bool indirect, bool event_idx, u32 total)
{
	struct virtqueue *vq = make(size, indirect, event_idx);
	u32 added = 0, got = 0, idle = 0;

	assert_true(virtqueue_enable_cb(vq));
	while (got < total) {
		u32 before = added + got;

		for (u32 n = random_u32() % 8; n > 0 && added < total; n--)
			added += add_random();
		if (virtqueue_kick_prepare(vq))
			virtqueue_notify(vq);
		if (dev.notified) {
			dev.notified = 0;
			dev_take();
		}
		for (u32 n = random_u32() % 8; n > 0 && dev.nr_taken; n--)
			dev_finish_one();
		if (dev.interrupts) {
			dev.interrupts = 0;
			got += drain();
		}
		idle = added + got == before ? idle + 1 : 0;
		assert_true(idle < 1000);
		assert_int_equal(vq->in_flight, added - got);
	}
	assert_int_equal(vq->num_free, size);
	assert_false(vq->broken);
	destroy();
}

static void all_sizes_lose_nothing(void **state)
{
	(void)state;
	for (u16 size = VIRTQUEUE_MIN; size <= VIRTQUEUE_MAX; size = (u16)(size * 2))
		for (int mode = 0; mode < 4; mode++)
			exercise(size, mode & 1, mode & 2, size == 64 ? 150000 : 3000);
}

static void full_ring_says_so(void **state)
{
	struct virtqueue *vq;
	struct scatterlist sg[9] = {{{0}, 0}};

	(void)state;
	for (int indirect = 0; indirect < 2; indirect++) {
		/* The first takes three of the ring itself, of which half is free then. */
		u32 n = 0, room = indirect ? 1 + 5 : 8 / 3;

		vq = make(8, indirect, false);
		while (add(&buffers[n], 1, 2) == 0)
			n++;
		assert_int_equal(n, room);
		assert_int_equal(add(&buffers[n], 1, 2), -ENOSPC);
		dev_take();
		while (dev.nr_taken)
			dev_finish_one();
		assert_int_equal(drain(), room);
		assert_int_equal(add(&buffers[0], 1, 2), 0);
		assert_ptr_equal(virtqueue_detach_unused(vq), &buffers[0]);
		assert_null(virtqueue_detach_unused(vq));
		destroy();
	}
	vq = make(8, false, false);
	assert_int_equal(virtqueue_add(vq, sg, 1, 8, vq), -EINVAL);
	sg[0].len = sg[1].len = UINT32_MAX;
	assert_int_equal(virtqueue_add(vq, sg, 0, 2, vq), -EINVAL);
	destroy();
}

static void without_memory_for_a_table_the_ring_serves(void **state)
{
	struct scatterlist sg[20] = {{{0}, 1}};
	struct virtqueue *vq = make(32, true, false);

	(void)state;
	mm_fail_after(1);
	assert_int_equal(virtqueue_add(vq, sg, 10, 10, vq), 0);
	mm_fail_after(0);
	assert_int_equal(vq->num_free, 12);
	mm_fail_after(1);
	assert_int_equal(virtqueue_add(vq, sg, 10, 10, vq), -ENOSPC);
	mm_fail_after(0);
	assert_int_equal(virtqueue_add(vq, sg, 10, 10, vq), 0);
	assert_int_equal(vq->num_free, 11);
	assert_non_null(virtqueue_detach_unused(vq));
	assert_non_null(virtqueue_detach_unused(vq));
	assert_int_equal(vq->num_free, 32);
	destroy();
	vq = make(16, true, false);
	mm_fail_after(1); /* does not fit the ring, and nobody would wake us */
	assert_int_equal(virtqueue_add(vq, sg, 10, 10, vq), -ENOMEM);
	mm_fail_after(0);
	destroy();
	for (u32 n = 1; n <= 3; n++) {
		mm_fail_after(n);
		assert_null(virtqueue_create("test", 0, 8, true, true));
		mm_fail_after(0);
	}
	assert_int_equal(fake_kmalloc_live() + fake_pages_live(), 0);
}

static void lie_ahead(void)
{
	dev.vq->used->idx = cpu_to_le16(5);
}
static void lie_far_ahead(void)
{
	dev.vq->used->idx = cpu_to_le16(0x8003);
}
static void lie_back(void)
{
	dev.vq->used->idx = cpu_to_le16(0xffff);
}
static void lie_range(void)
{
	dev_push(8, 0);
}
static void lie_far_range(void)
{
	dev_push(0x80000000u, 0);
}
static void lie_free_head(void)
{
	dev_push(7, 0);
}
static void lie_middle(void)
{
	dev_push(1, 0); /* second descriptor of the first chain */
}
static void lie_length(void)
{
	dev_push(dev.taken[0], buffers[0].in_bytes + 1);
}
static void lie_twice(void)
{
	dev_push(dev.taken[0], 0);
	dev_push(dev.taken[0], 0);
}

static void lies_break_the_ring(void **state)
{
	static const struct {
		void (*lie)(void);
		const char *text;
		u32 good; /* entries that come out before */
	} cases[] = {
		{lie_ahead, "used index 5 runs ahead: 0 taken, 2 in flight", 0},
		{lie_far_ahead, "runs ahead", 0},
		{lie_back, "runs ahead", 0},
		{lie_range, "used id 8 is out of range", 0},
		{lie_far_range, "used id 2147483648 is out of range", 0},
		{lie_free_head, "used id 7 is no buffer in flight", 0},
		{lie_middle, "used id 1 is no buffer in flight", 0},
		{lie_length, "may be written", 0},
		{lie_twice, "is no buffer in flight", 1},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtqueue *vq = make(8, false, false);
		u32 len, n = 0;

		assert_int_equal(add(&buffers[0], 1, 2), 0);
		assert_int_equal(add(&buffers[1], 1, 2), 0);
		dev_take();
		cases[i].lie();
		while (virtqueue_get(vq, &len))
			n++;
		assert_int_equal(n, cases[i].good);
		assert_true(vq->broken);
		if (!strstr(fake_log(), cases[i].text))
			print_message("wanted: %s\n%s", cases[i].text, fake_log());
		assert_non_null(strstr(fake_log(), cases[i].text));
		assert_non_null(strstr(fake_log(), "test.3: broken"));
		fake_log_clear();
		/* Nothing goes in or out any more, and no second line. */
		assert_int_equal(add(&buffers[2], 0, 1), -EIO);
		assert_null(virtqueue_get(vq, &len));
		assert_false(virtqueue_kick_prepare(vq));
		assert_true(virtqueue_enable_cb(vq));
		assert_string_equal(fake_log(), "");
		for (n = 0; virtqueue_detach_unused(vq); n++)
			;
		assert_int_equal(n, 2 - cases[i].good);
		assert_int_equal(vq->num_free, 8);
		destroy();
	}
}

/* Descriptors that the device overwrites change nothing for us. */
static void the_shadow_is_not_read_back(void **state)
{
	struct virtqueue *vq = make(8, false, false);
	u32 len;

	(void)state;
	assert_int_equal(add(&buffers[0], 1, 2), 0);
	dev_take();
	memset(vq->desc, 0xff, sizeof(struct virtq_desc) * 8);
	memset(vq->avail->ring, 0xff, 16);
	dev_push(dev.taken[0], 1);
	assert_ptr_equal(virtqueue_get(vq, &len), &buffers[0]);
	assert_int_equal(len, 1);
	assert_int_equal(vq->num_free, 8);
	for (u32 i = 1; i <= 2; i++)
		assert_int_equal(add(&buffers[i], 1, 2), 0);
	check_chain(le16_to_cpu(vq->avail->ring[1]), &buffers[1]);
	while (virtqueue_detach_unused(vq))
		;
	destroy();
}

static void notification_is_suppressed(void **state)
{
	struct virtqueue *vq = make(8, true, false);

	(void)state;
	assert_false(virtqueue_kick_prepare(vq)); /* nothing is new */
	vq->used->flags = cpu_to_le16(VIRTQ_USED_F_NO_NOTIFY);
	assert_int_equal(add(&buffers[0], 1, 1), 0);
	assert_false(virtqueue_kick_prepare(vq));
	vq->used->flags = cpu_to_le16(0);
	assert_int_equal(add(&buffers[1], 1, 1), 0);
	assert_true(virtqueue_kick_prepare(vq));
	while (virtqueue_detach_unused(vq))
		;
	destroy();

	vq = make(8, true, true);
	*avail_event() = cpu_to_le16(2); /* tell me when the third is there */
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(add(&buffers[i], 1, 1), 0);
		assert_int_equal(virtqueue_kick_prepare(vq), i == 2);
	}
	while (virtqueue_detach_unused(vq))
		;
	destroy();
}

static void what_comes_before_the_interrupt_is_on_is_seen(void **state)
{
	(void)state;
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		struct virtqueue *vq = make(8, true, event_idx);
		u32 len;

		assert_int_equal(add(&buffers[0], 1, 1), 0);
		dev_take();
		virtqueue_disable_cb(vq);
		assert_null(virtqueue_get(vq, &len));
		dev_push(dev.taken[0], 0);
		assert_false(virtqueue_enable_cb(vq));
		assert_non_null(virtqueue_get(vq, &len));
		assert_true(virtqueue_enable_cb(vq));
		destroy();
	}
}

static void the_dump_shows_both_rings(void **state)
{
	struct virtqueue *vq = make(8, false, true);
	u32 len;

	(void)state;
	assert_int_equal(add(&buffers[0], 1, 2), 0);
	assert_int_equal(add(&buffers[1], 1, 2), 0);
	assert_true(virtqueue_kick_prepare(vq));
	dev_take();
	dev_push(dev.taken[1], 0);
	assert_ptr_equal(virtqueue_get(vq, &len), &buffers[1]);
	virtqueue_dump(vq);
	assert_non_null(strstr(fake_log(), "in flight 1, free 5; offered 2 (ring says 2), taken 1, "
					   "device finished 1"));
	assert_non_null(strstr(fake_log(), "A head 3 index 2"));
	assert_non_null(strstr(fake_log(), "U head 3 index 1"));
	while (virtqueue_detach_unused(vq))
		;
	destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes_lose_nothing),
		cmocka_unit_test(full_ring_says_so),
		cmocka_unit_test(without_memory_for_a_table_the_ring_serves),
		cmocka_unit_test(lies_break_the_ring),
		cmocka_unit_test(the_shadow_is_not_read_back),
		cmocka_unit_test(notification_is_suppressed),
		cmocka_unit_test(what_comes_before_the_interrupt_is_on_is_seen),
		cmocka_unit_test(the_dump_shows_both_rings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
