/*
 * Elevators: `none`, which keeps the order of arrival, and which one a queue has.
 * Path: hop 10
 */
#include "block/blk.h"

#include "kernel/lib/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

static void none_init(void *data)
{
	INIT_LIST_HEAD((struct list_head *)data);
}

static void none_insert(struct request_queue *q, struct request *rq)
{
	list_add_tail(&rq->list, q->elevator_data);
}

static struct request *none_dispatch(struct request_queue *q)
{
	struct list_head *fifo = q->elevator_data;
	struct request *rq;

	if (list_empty(fifo))
		return NULL;
	rq = list_first_entry(fifo, struct request, list);
	list_del(&rq->list);
	return rq;
}

static struct list_head *none_merge_list(struct request_queue *q, blk_opf_t opf)
{
	(void)opf;
	return q->elevator_data;
}

const struct elevator_ops elevator_none = {
	.name = "none",
	.data_size = sizeof(struct list_head),
	.init = none_init,
	.insert = none_insert,
	.dispatch = none_dispatch,
	.merge_list = none_merge_list,
};

/* --- also: which elevator a queue has -------------------------------------------------- */

static const struct elevator_ops *const elevators[] = {&elevator_none, &elevator_deadline};

static const struct elevator_ops *elevator_find(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(elevators); i++)
		if (strcmp(elevators[i]->name, name) == 0)
			return elevators[i];
	return NULL;
}

const struct elevator_ops *elevator_default(void)
{
	const char *name = cmdline_get("elevator");
	const struct elevator_ops *ops = name ? elevator_find(name) : &elevator_deadline;

	if (ops)
		return ops;
	printk("block: there is no elevator '%s', using deadline\n", name);
	return &elevator_deadline;
}

int elevator_attach(struct request_queue *q, const struct elevator_ops *ops)
{
	void *data = kzalloc(ops->data_size, GFP_KERNEL), *old = q->elevator_data;

	if (!data)
		return -ENOMEM;
	ops->init(data);
	spin_lock_bh(&q->lock);
	q->elevator = ops;
	q->elevator_data = data;
	spin_unlock_bh(&q->lock);
	kfree(old);
	return 0;
}

const char *elevator_nth(u32 n)
{
	return n < ARRAY_SIZE(elevators) ? elevators[n]->name : NULL;
}

const char *elevator_name(const struct request_queue *q)
{
	return q->elevator->name;
}

/* A frozen queue has no request, so nothing has to move from one to the other. */
int elevator_switch(struct request_queue *q, const char *name)
{
	const struct elevator_ops *ops = elevator_find(name);
	int err;

	if (!ops)
		return -EINVAL;
	blk_mq_freeze_queue(q);
	err = elevator_attach(q, ops);
	blk_mq_unfreeze_queue(q);
	return err;
}
