/*
 * Asynchronous I/O: contexts, submission, completion into the ring, collection.
 *
 * Invariants:
 * 1. in_flight + events in the ring <= max_reqs < the ring's size: an event always has a place.
 * 2. The kernel keeps `tail` itself, and never reads its copy in the ring. The program's head
 *    counts as 0 when it is too large. A wrong head harms nobody but the program.
 * 3. A kiocb in flight holds its file and its place in the ring. The context is freed when
 *    in_flight is 0 and its last user has let go.
 *
 * Lock order: read_lock (a mutex), then ctx->lock (taken in softirqs); table->lock alone.
 * Also there: many requests at a time
 */
#include "fs/aio/aio_internal.h"

#include "fs/nodes/eventfd.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/io.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/gup.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/softirq.h"
#include "kernel/sched/wait.h"

#define EVENT_SIZE	sizeof(struct io_event)
#define EVENTS_PER_PAGE (u32)(PAGE_SIZE / EVENT_SIZE)

struct workqueue *aio_wq;

void aio_init(void)
{
	aio_wq = workqueue_create("aio");
	if (!aio_wq)
		panic("no memory for the worker of asynchronous I/O");
}

/* --- contexts ----------------------------------------------------------------------------- */

void aio_table_init(struct aio_table *t)
{
	spin_lock_init(&t->lock, "aio table", LOCK_FS);
	INIT_LIST_HEAD(&t->contexts);
}

u32 aio_ring_pages(u32 nr_events)
{
	return DIV_ROUND_UP(nr_events + 2, EVENTS_PER_PAGE); /* the head, and one that stays free */
}

static void free_ctx(struct kioctx *ctx)
{
	struct aio_kiocb *req, *tmp;

	list_for_each_entry_safe(req, tmp, &ctx->free, list)
		kfree(req);
	for (u32 i = 0; i < ctx->nr_pages; i++)
		unpin_user_page(ctx->pages[i]);
	kfree(ctx);
}

void kioctx_put(struct kioctx *ctx)
{
	if (atomic_dec_and_test(&ctx->refs))
		free_ctx(ctx);
}

/* id 0: any. Locks: t->lock. */
static struct kioctx *find_ctx(struct aio_table *t, u64 id)
{
	struct kioctx *ctx;

	list_for_each_entry(ctx, &t->contexts, list)
		if (!id || ctx->id == id)
			return ctx;
	return NULL;
}

struct kioctx *kioctx_get(struct aio_table *t, u64 id)
{
	struct kioctx *ctx;

	spin_lock(&t->lock);
	ctx = id ? find_ctx(t, id) : NULL;
	if (ctx)
		atomic_inc(&ctx->refs);
	spin_unlock(&t->lock);
	return ctx;
}

int aio_setup(struct aio_table *t, u64 id, u32 nr_events)
{
	u32 nr_pages = aio_ring_pages(nr_events);
	struct kioctx *ctx = kzalloc(sizeof(*ctx) + nr_pages * sizeof(void *), GFP_KERNEL);
	int err = 0;

	if (!ctx)
		return -ENOMEM;
	INIT_LIST_HEAD(&ctx->free);
	for (; !err && ctx->nr_pages < nr_pages; ctx->nr_pages += !err)
		err = pin_user_page(USERPTR(id + ctx->nr_pages * PAGE_SIZE), true,
				    &ctx->pages[ctx->nr_pages]);
	if (err) {
		free_ctx(ctx);
		return err;
	}
	atomic_set(&ctx->refs, 1);
	mutex_init(&ctx->read_lock);
	spin_lock_init(&ctx->lock, "aio", LOCK_FS);
	init_waitqueue_head(&ctx->wait);
	ctx->id = id;
	ctx->max_reqs = nr_events;
	ctx->nr = nr_pages * EVENTS_PER_PAGE - 1;
	ctx->ring = page_address(ctx->pages[0]);
	*ctx->ring = (struct aio_ring){
		.nr = ctx->nr,
		.magic = AIO_RING_MAGIC,
		.compat_features = 1,
		.header_length = sizeof(struct aio_ring),
	};
	spin_lock(&t->lock);
	list_add(&ctx->list, &t->contexts);
	spin_unlock(&t->lock);
	return 0;
}

static u32 in_flight(struct kioctx *ctx)
{
	u32 n;

	spin_lock_bh(&ctx->lock); /* so that who ended the last one is through with it */
	n = ctx->in_flight;
	spin_unlock_bh(&ctx->lock);
	return n;
}

/* It is off the table: let nobody who still has it start more, wait for its I/O, and let go. */
static void kill_ctx(struct kioctx *ctx)
{
	spin_lock_bh(&ctx->lock);
	ctx->dead = true;
	spin_unlock_bh(&ctx->lock);
	wait_event(&ctx->wait, in_flight(ctx) == 0);
	kioctx_put(ctx);
}

static struct kioctx *take_off_table(struct aio_table *t, u64 id)
{
	struct kioctx *ctx;

	spin_lock(&t->lock);
	ctx = find_ctx(t, id);
	if (ctx)
		list_del(&ctx->list);
	spin_unlock(&t->lock);
	return ctx;
}

int aio_destroy(struct aio_table *t, u64 id, u32 *pages)
{
	struct kioctx *ctx = id ? take_off_table(t, id) : NULL;

	if (!ctx)
		return -EINVAL;
	*pages = ctx->nr_pages;
	kill_ctx(ctx);
	return 0;
}

void exit_aio(struct aio_table *t)
{
	struct kioctx *ctx;

	while ((ctx = take_off_table(t, 0)) != NULL)
		kill_ctx(ctx);
}

/* --- the ring ----------------------------------------------------------------------------- */

static struct io_event *ring_event(struct kioctx *ctx, u32 i)
{
	struct io_event *page = page_address(ctx->pages[(i + 1) / EVENTS_PER_PAGE]);

	return &page[(i + 1) % EVENTS_PER_PAGE]; /* the head lies before event 0 */
}

/* Drop a reference unless it is the last, which may sleep. */
static bool fput_not_last(struct file *file)
{
	int old = atomic_read(&file->f_count);

	while (old > 1)
		if (__atomic_compare_exchange_n(&file->f_count.v, &old, old - 1, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static inline void post_event(struct aio_kiocb *req, ssize_t res)
{
	struct kioctx *ctx = req->ctx;
	struct eventfd *eventfd = req->eventfd;

	spin_lock_bh(&ctx->lock);
	*ring_event(ctx, ctx->tail) =
		(struct io_event){.data = req->data, .obj = req->obj, .res = res};
	smp_wmb(); /* pairs with the program's read of tail before the event */
	WRITE_ONCE(ctx->tail, ctx->tail + 1 < ctx->nr ? ctx->tail + 1 : 0);
	WRITE_ONCE(ctx->ring->tail, ctx->tail);
	ctx->in_flight--;
	list_add(&req->list, &ctx->free);
	if ((ctx->wanted && aio_ring_count(ctx) >= ctx->wanted) || !ctx->in_flight)
		wake_up_all(&ctx->wait);
	spin_unlock_bh(&ctx->lock);
	if (unlikely(eventfd)) {
		eventfd_signal(eventfd);
		eventfd_put(eventfd);
	}
}

void aio_post_event(struct aio_kiocb *req, ssize_t res)
{
	post_event(req, res);
}

static void last_fput_work(struct work *w)
{
	struct aio_kiocb *req = container_of(w, struct aio_kiocb, work);

	fput(req->rw.ki_filp);
	aio_post_event(req, req->res);
}

void aio_complete(struct kiocb *iocb, ssize_t res)
{
	struct aio_kiocb *req = container_of(iocb, struct aio_kiocb, rw);

	if (likely(fput_not_last(iocb->ki_filp))) {
		post_event(req, res);
		return;
	}
	req->res = res;
	work_init(&req->work, last_fput_work);
	queue_work(aio_wq, &req->work);
}

/* --- collection --------------------------------------------------------------------------- */

/* Copy what is there. Returns: how many events, -EFAULT. */
static s64 read_events(struct kioctx *ctx, s64 nr, u64 events)
{
	u32 head, count;
	s64 done = 0;
	int err = 0;

	mutex_lock(&ctx->read_lock);
	count = (u32)min((s64)aio_ring_count(ctx), nr);
	smp_rmb(); /* pairs with post_event: the events behind tail are whole */
	for (head = aio_ring_head(ctx); count && !err;) {
		u32 n = min(count, ctx->nr - head);

		n = min(n, EVENTS_PER_PAGE - (head + 1) % EVENTS_PER_PAGE);
		err = copy_to_user(USERPTR(events + (u64)done * EVENT_SIZE), ring_event(ctx, head),
				   n * EVENT_SIZE);
		if (err)
			break;
		count -= n;
		done += n;
		head = head + n < ctx->nr ? head + n : 0;
	}
	WRITE_ONCE(ctx->ring->head, head);
	mutex_unlock(&ctx->read_lock);
	return done ? done : err;
}

/* Are they there? If not, be woken when they are. */
static bool want_events(struct kioctx *ctx, u32 wanted)
{
	bool there;

	spin_lock_bh(&ctx->lock);
	there = aio_ring_count(ctx) >= wanted;
	ctx->wanted = ctx->wanted ? min(ctx->wanted, wanted) : wanted;
	spin_unlock_bh(&ctx->lock);
	return there;
}

/* Other readers say again what they want. */
static void want_no_more(struct kioctx *ctx)
{
	spin_lock_bh(&ctx->lock);
	ctx->wanted = 0;
	wake_up_all(&ctx->wait);
	spin_unlock_bh(&ctx->lock);
}

/* Sleep until `wanted` events are in the ring. Returns: 0, -EINTR, -ETIME. */
static int wait_events(struct kioctx *ctx, u32 wanted, ktime_t end)
{
	struct wait_queue_entry wait;
	int err = 0;

	init_wait_entry(&wait);
	for (;;) {
		ktime_t now;

		prepare_to_wait(&ctx->wait, &wait, THREAD_INTERRUPTIBLE);
		if (want_events(ctx, wanted))
			break;
		now = end == ~0ull ? 0 : ktime_get_ns();
		err = signal_pending() ? -EINTR : end <= now ? -ETIME : 0;
		if (err)
			break;
		if (end == ~0ull)
			schedule();
		else
			(void)schedule_timeout(end - now);
	}
	finish_wait(&ctx->wait, &wait);
	want_no_more(ctx);
	return err;
}

s64 aio_getevents(struct aio_table *t, u64 id, s64 min_nr, s64 nr, u64 events, ktime_t end)
{
	struct kioctx *ctx = min_nr < 0 || nr < 0 || min_nr > nr ? NULL : kioctx_get(t, id);
	s64 done = 0, n;
	int err = 0;

	if (!ctx)
		return -EINVAL;
	for (;;) {
		n = read_events(ctx, nr - done, events + (u64)done * EVENT_SIZE);
		done += max(n, (s64)0);
		if (n < 0 || done >= min_nr || err)
			break;
		err = wait_events(ctx, (u32)min(min_nr - done, (s64)ctx->max_reqs), end);
	}
	kioctx_put(ctx);
	if (done)
		return done;
	return n < 0 ? n : err == -EINTR ? -EINTR : 0;
}

s64 aio_cancel(struct aio_table *t, u64 id, u64 iocb)
{
	struct kioctx *ctx;
	u32 key;

	if (get_user_obj(&key, USERPTR(iocb + offsetof(struct iocb, aio_key))))
		return -EFAULT;
	ctx = kioctx_get(t, id);
	if (ctx)
		kioctx_put(ctx);
	return -EINVAL;
}
