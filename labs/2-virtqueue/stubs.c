int virtqueue_add(struct virtqueue *vq, const struct scatterlist *sg, u32 out, u32 in, void *token)
{
	/* Step 1. These helpers are yours to use; the casts only keep the compiler quiet. */
	(void)write_desc;
	(void)ring_write;
	(void)note;
	(void)sg;
	(void)out;
	(void)in;
	(void)token;
	(void)vq;
	return -EIO;
}

bool virtqueue_kick_prepare(struct virtqueue *vq)
{
	/* Step 3. */
	(void)avail_event;
	(void)ring_read;
	(void)vq;
	return false;
}

/* Put a head's descriptors back on the free list. Returns: its token. */
static inline void *detach(struct virtqueue *vq, u16 head)
{
	/* Step 2. */
	(void)vq;
	(void)head;
	return NULL;
}

void *virtqueue_get(struct virtqueue *vq, u32 *len)
{
	/* Step 2. Say with virtqueue_break() when the device lies. */
	(void)virtqueue_break;
	(void)vq;
	(void)len;
	return NULL;
}

void virtqueue_disable_cb(struct virtqueue *vq)
{
	/* Step 3. */
	(void)used_event;
	(void)vq;
}

bool virtqueue_enable_cb(struct virtqueue *vq)
{
	/* Step 3. */
	(void)vq;
	return true;
}
