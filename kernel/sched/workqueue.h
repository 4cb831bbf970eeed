/*
 * Work for thread context: functions queued from anywhere and run in order by a kernel thread.
 * Also there: work that may sleep
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct workqueue;

struct work {
	struct list_head list;	    /* [wq->lock] empty: not queued */
	struct workqueue *wq;	    /* [wq->lock] where it was queued last; NULL: nowhere yet */
	void (*fn)(struct work *w); /* [const] may sleep; may free w */
};

void work_init(struct work *w, void (*fn)(struct work *w));
/* One kernel thread of this name. Returns: NULL if no memory. */
struct workqueue *must_check workqueue_create(const char *name);
/* A work is always queued on the same queue. Returns: false if it was queued already.
 * Context: any. */
bool queue_work(struct workqueue *wq, struct work *w);
/* The shared queue. */
bool schedule_work(struct work *w);
/* Wait until w is neither queued nor running. Context: may sleep. */
void flush_work(struct work *w);
void workqueues_init(void);
