/*
 * Idle polling: a processor that has nothing to run looks for completions a while before it halts.
 *
 * Waking from a halt takes longer than a quick disk: under an emulator two threads of the host have
 * to be woken. A disk that takes longer on average than we would look is left to its interrupts.
 * With blk.poll=1 no disk is: an idle processor looks until all has come back, and a timer looks at
 * each tick, for those with threads to run.
 *
 * Invariants:
 * 1. Before the processor halts, every ring that was polled asks for interrupts again. With
 *    blk.poll=1 it does not need to: nothing is in flight then.
 * 2. While a thread runs that a polled completion woke, that ring stays silent, until the next tick
 *    at most: mostly the thread submits more and sleeps soon, so that the polling goes on, and an
 *    interrupt in between would only cost time. Other rings are not: it may compute for long.
 *
 * Lock order: poll_lock, then the driver's locks (virtqueue).
 * Also there: completions without an interrupt
 */
#include "block/blk.h"

#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/lib/cmdline.h"

#define DEFAULT_POLL_US 1000
#define MAX_POLL_US	10000
#define FOREVER_NS	(UINT64_MAX / 2)

static struct spinlock poll_lock = SPINLOCK_INIT("block polling", LOCK_QUEUE);
static struct list_head poll_queues = LIST_HEAD_INIT(poll_queues); /* [poll_lock] */
static u32 nr_silent;						   /* [poll_lock] rings */
static u64 poll_ns;						   /* [const] 0: never */
static bool poll_only; /* [const] blk.poll=1: no ring asks for interrupts again */
/* Fires at the next tick after threads began to run; with poll_only at each tick. */
static struct timer loud_timer;

/* Look at a ring; `last`: it asks for interrupts again. Returns: how many had come back.
 * Locks: poll_lock held. */
static u32 poll_ring(struct request_queue *q, u16 nr, bool last)
{
	struct blk_mq_hw_ctx *hctx = &q->hctxs[nr];

	nr_silent += (u32)!last - (u32)hctx->silent;
	hctx->silent = !last;
	return hctx->found = (u32)q->ops->poll(q, nr, !last);
}

/* Look once at each ring of a quick disk with something in flight. What has come back has ended on
 * return. Returns: whether there was any; *done: how many have ended. */
static bool poll_busy(u32 *done)
{
	struct request_queue *q;
	bool busy = false;

	*done = 0;
	spin_lock_bh(&poll_lock);
	list_for_each_entry(q, &poll_queues, poll_list)
		for (u16 nr = 0; nr < q->nr_hw_queues && READ_ONCE(q->service_ns) < poll_ns; nr++)
			if (READ_ONCE(q->hctxs[nr].in_flight)) {
				*done += poll_ring(q, nr, false);
				busy = true;
			}
	spin_unlock_bh(&poll_lock);
	return busy;
}

/* A last look at each silent ring; if not `all`, at those where nothing was found just now. */
static void poll_last(bool all)
{
	struct request_queue *q;

	if (poll_only)
		return;
	spin_lock_bh(&poll_lock);
	if (nr_silent)
		list_for_each_entry(q, &poll_queues, poll_list)
			for (u16 nr = 0; nr < q->nr_hw_queues; nr++)
				if (q->hctxs[nr].silent && (all || !q->hctxs[nr].found))
					(void)poll_ring(q, nr, true);
	spin_unlock_bh(&poll_lock);
}

static void loud_again(struct timer *t)
{
	u32 done;

	poll_last(true);
	if (poll_only) {
		(void)poll_busy(&done);
		timer_mod(t, ktime_get_ns() + TICK_NS);
	}
}

static void blk_idle_poll(void)
{
	const struct cpu *cpu = this_cpu();
	ktime_t now, end = 0;
	bool busy;
	u32 done;

	do {
		busy = poll_busy(&done);
		now = ktime_get_ns();
		if (!end || done)
			end = now + poll_ns;
	} while (busy && now < end && !READ_ONCE(cpu->need_resched));
	poll_last(!READ_ONCE(cpu->need_resched));
	if (READ_ONCE(nr_silent) && !timer_armed(&loud_timer))
		timer_mod(&loud_timer, now); /* the next tick */
}

void blk_poll_add_queue(struct request_queue *q)
{
	spin_lock_bh(&poll_lock);
	if (q->ops->poll)
		list_add_tail(&q->poll_list, &poll_queues);
	spin_unlock_bh(&poll_lock);
}

void blk_poll_del_queue(struct request_queue *q)
{
	spin_lock_bh(&poll_lock);
	list_del_init(&q->poll_list);
	for (u16 nr = 0; nr < q->nr_hw_queues; nr++)
		nr_silent -= q->hctxs[nr].silent;
	spin_unlock_bh(&poll_lock);
}

void blk_poll_init(void)
{
	timer_init(&loud_timer, loud_again);
	poll_only = cmdline_bool("blk.poll", false);
	poll_ns = min(cmdline_u64("blk.idle_poll_us", DEFAULT_POLL_US), (u64)MAX_POLL_US) *
		  NSEC_PER_USEC;
	if (poll_only) {
		poll_ns = FOREVER_NS;
		timer_mod(&loud_timer, ktime_get_ns() + TICK_NS);
	}
	if (poll_ns)
		sched_idle_hook = blk_idle_poll;
}
