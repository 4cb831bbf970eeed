/*
 * Idle polling: a processor that has nothing to run looks for completions a while before it halts.
 *
 * Waking from a halt takes longer than a quick disk: under an emulator two threads of the host have
 * to be woken. As in Linux's haltpoll governor, what was in vain becomes rarer: after a phase
 * without a completion, twice as many are left out as before, so a slow disk has its interrupts.
 *
 * Invariant: a ring that was polled asks for interrupts again before the processor halts or runs a
 * thread.
 *
 * Lock order: poll_lock, then the driver's locks (virtqueue).
 */
#include "block/blk.h"

#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/lib/cmdline.h"

#define DEFAULT_POLL_US 200
#define MAX_POLL_US	10000
#define MAX_SKIP	64
#define FEW		4 /* requests in flight: more of them share an interrupt */

static struct spinlock poll_lock = SPINLOCK_INIT("block polling", LOCK_QUEUE);
static struct list_head poll_queues = LIST_HEAD_INIT(poll_queues); /* [poll_lock] */
static u64 poll_ns;						   /* [const] 0: never */
static u32 skip,
	next_skip; /* [idle threads: a hint] phases to leave out, now and after a failure */

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
	spin_unlock_bh(&poll_lock);
}

/* Look once at each ring with something in flight, if that is little; `last`: at those that were
 * polled. What has come back has ended on return. Returns: how many were in flight; *done: ended. */
static u32 poll_once(bool last, u32 *done)
{
	struct request_queue *q;
	u32 in_flight = 0;

	*done = 0;
	spin_lock_bh(&poll_lock);
	list_for_each_entry(q, &poll_queues, poll_list)
		for (u16 nr = 0; nr < q->nr_hw_queues; nr++)
			in_flight += READ_ONCE(q->hctxs[nr].in_flight);
	list_for_each_entry(q, &poll_queues, poll_list)
		for (u16 nr = 0; nr < q->nr_hw_queues; nr++) {
			struct blk_mq_hw_ctx *hctx = &q->hctxs[nr];

			if (last ? !hctx->polled : in_flight > FEW || !READ_ONCE(hctx->in_flight))
				continue;
			hctx->polled = !last;
			*done += (u32)q->ops->poll(q, nr, !last);
		}
	spin_unlock_bh(&poll_lock);
	return in_flight;
}

static void blk_idle_poll(void)
{
	const struct cpu *cpu = this_cpu();
	u32 in_flight, done, total = 0;
	ktime_t now, end = 0;

	if (skip) {
		skip--;
		return;
	}
	do {
		in_flight = poll_once(false, &done);
		total += done;
		now = ktime_get_ns();
		if (!end || done)
			end = now + poll_ns;
	} while (in_flight && in_flight <= FEW && now < end && !READ_ONCE(cpu->need_resched));
	(void)poll_once(true, &done);
	if (total + done)
		next_skip = 0;
	else if (now >= end)
		skip = next_skip = min(2 * next_skip + 1, (u32)MAX_SKIP);
}

void blk_poll_init(void)
{
	poll_ns = min(cmdline_u64("blk.idle_poll_us", DEFAULT_POLL_US), (u64)MAX_POLL_US) *
		  NSEC_PER_USEC;
	if (poll_ns && !cmdline_bool("blk.poll", false))
		sched_idle_hook = blk_idle_poll;
}
