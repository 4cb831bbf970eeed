static enum irq_return msix_interrupt(void *data)
{
	/* Step 1. */
	(void)virtio_pci_queue_vector;
	(void)data;
	return IRQ_NONE;
}

static enum irq_return intx_interrupt(void *data)
{
	/* Step 1. */
	(void)data;
	return IRQ_NONE;
}

/* 0 or -errno for what the device wrote, or did not write, as status. */
static inline int request_result(struct virtblk_queue *q, const struct request *rq)
{
	/* Step 2. */
	(void)q;
	(void)rq;
	return -EIO;
}

/* Drain a ring and complete its requests. Returns: how many. Context: any. */
static int virtblk_drain(struct virtblk_queue *q)
{
	/* Step 2. */
	(void)request_result;
	(void)q;
	return 0;
}

void virtblk_done(struct virtqueue *vq)
{
	/* Step 2. */
	(void)vq;
}

void virtblk_fail(struct virtio_blk *vblk)
{
	/* Step 4. */
	(void)vblk;
}

/* A request is too old. Perhaps only its interrupt was lost: then the ring has it, and the disk
 * goes on. */
static bool virtblk_timeout(struct request *rq, ktime_t sent)
{
	/* Step 4. */
	(void)rq;
	(void)sent;
	return true;
}

void blk_mq_complete_requests(struct list_head *done)
{
	/* Step 3. */
	(void)done;
}

/* Requests of q, the first ones of those back from the driver: their bios end, and their tags are
 * free together. */
static inline void finish_requests(struct request_queue *q, struct list_head *done)
{
	/* Step 3. */
	(void)report_error;
	(void)retry_bios;
	(void)q;
	(void)done;
}

/* SOFTIRQ_BLOCK. Counting as a runner keeps the queue when its last tag is freed. */
static void blk_done_softirq(void)
{
	/* Step 3. */
	(void)finish_requests;
	(void)completed;
}

void blk_mq_complete_request(struct request *rq)
{
	/* Step 3. */
	(void)rq;
}
