#include "tests/host/fakes/fake_driver.h"
#include "tests/host/host.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"

static struct fake_disk *disks[8];
static u32 seed; /* 0: nothing was asked for yet */

u32 fake_random(u32 below)
{
	if (!seed)
		seed = host_seed(12345) ?: 1;
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static void note(struct fake_disk *d, struct request *rq)
{
	size_t n = strlen(d->trace);
	u32 op = rq->cmd_flags & REQ_OP_MASK;

	if (op == REQ_OP_DRV_IN)
		return;
	assert_true(op < 16);
	d->kinds[op]++;
	d->nr_requests++;
	if (n + 1 < sizeof(d->trace))
		d->trace[n] = "RWFD.....Z"[op];
}

static void check_request(struct fake_disk *d, struct request *rq)
{
	const struct queue_limits *lim = blk_queue_limits(d->q);
	struct scatterlist segs[256];
	u32 op = rq->cmd_flags & REQ_OP_MASK, n, total = 0;
	sector_t at = rq->sector;

	if (op == REQ_OP_FLUSH)
		return;
	for (struct bio *bio = rq->bio; bio; bio = bio->bi_next) {
		assert_int_equal(bio->bi_iter.bi_sector, at);
		assert_int_equal(bio_op(bio), op);
		at = bio_end_sector(bio);
	}
	assert_int_equal(at - rq->sector, rq->data_len >> SECTOR_SHIFT);
	assert_true(at <= d->sectors);
	if (op == REQ_OP_DISCARD || op == REQ_OP_WRITE_ZEROES)
		return;
	assert_true(rq->data_len <= lim->max_sectors << SECTOR_SHIFT);
	assert_true(rq->nr_phys_segments <= lim->max_segments);
	n = blk_rq_map_sg(rq, segs, 256);
	assert_true(n <= rq->nr_phys_segments);
	for (u32 i = 0; i < n; i++) {
		u64 last = segs[i].addr.v + segs[i].len - 1, bound = lim->seg_boundary_bytes;

		assert_true(segs[i].len && segs[i].len <= lim->max_segment_size_bytes);
		assert_true(!bound || segs[i].addr.v / bound == last / bound);
		total += segs[i].len;
	}
	assert_int_equal(total, rq->data_len);
}

static void fake_queue_rqs(struct request_queue *q, u16 hctx_idx, struct list_head *list)
{
	struct fake_disk *d = blk_queue_driver_data(q);

	while (!list_empty(list)) {
		struct request *rq = list_first_entry(list, struct request, list);

		assert_int_equal(rq->state, RQ_DISPATCHED);
		assert_int_equal(rq->hctx_idx, hctx_idx);
		if (!d->reject && d->per_ring[hctx_idx] == d->ring_size) {
			d->nr_busy++;
			return;
		}
		list_del(&rq->list);
		if (d->reject) {
			rq->status = -EIO;
			blk_mq_complete_request(rq);
			continue;
		}
		check_request(d, rq);
		note(d, rq);
		d->flying[d->nr_flying++] = rq;
		d->per_ring[hctx_idx]++;
		d->most_flying = d->nr_flying > d->most_flying ? d->nr_flying : d->most_flying;
		d->unnotified[hctx_idx] = true;
		if (d->auto_complete)
			fake_disk_complete_one(d);
	}
}

static void fake_commit(struct request_queue *q, u16 hctx_idx)
{
	struct fake_disk *d = blk_queue_driver_data(q);

	d->unnotified[hctx_idx] = false;
}

static int fake_poll(struct request_queue *q, u16 hctx_idx, bool again)
{
	struct fake_disk *d = blk_queue_driver_data(q);

	d->silent[hctx_idx] = again;
	d->nr_polls++;
	udelay(10);
	return d->done_at_poll && --d->done_at_poll == 0 ? fake_disk_complete_one(d) : 0;
}

static bool fake_timeout(struct request *rq, ktime_t sent)
{
	struct fake_disk *d = blk_queue_driver_data(rq->q);

	assert_true(sent == rq->dispatch_ns);
	d->nr_timeouts++;
	while (d->nr_flying) {
		struct request *one = d->flying[--d->nr_flying];

		d->per_ring[one->hctx_idx]--;
		one->status = -EIO;
		blk_mq_complete_request(one);
	}
	return true;
}

static void move_data(struct fake_disk *d, struct request *rq)
{
	struct scatterlist segs[256];
	u8 *at = d->data + rq->sector * SECTOR_SIZE;
	u32 n = blk_rq_map_sg(rq, segs, 256);

	for (u32 i = 0; i < n; i++) {
		void *mem = phys_to_virt(segs[i].addr);

		if (op_is_write(rq->cmd_flags))
			memcpy(at, mem, segs[i].len);
		else
			memcpy(mem, at, segs[i].len);
		at += segs[i].len;
	}
}

static void perform(struct fake_disk *d, struct request *rq)
{
	u32 op = rq->cmd_flags & REQ_OP_MASK;

	if (op == REQ_OP_FLUSH) {
		d->nr_flushes++;
		if (d->fail_flushes && d->fail_flushes--)
			rq->status = -EIO;
		else if (d->durable)
			memcpy(d->durable, d->data, d->sectors * SECTOR_SIZE);
		return;
	}
	if (op == REQ_OP_DRV_IN) {
		struct scatterlist seg;

		assert_int_equal(blk_rq_map_sg(rq, &seg, 1), 1);
		memset(phys_to_virt(seg.addr), 'S', seg.len);
		return;
	}
	if ((op_is_write(rq->cmd_flags) ? d->fail_writes : d->fail_reads) ||
	    (d->bad_sector >= rq->sector &&
	     d->bad_sector - rq->sector < rq->data_len >> SECTOR_SHIFT)) {
		rq->status = -EIO;
		return;
	}
	if (op == REQ_OP_WRITE_ZEROES || op == REQ_OP_DISCARD)
		memset(d->data + rq->sector * SECTOR_SIZE, 0, rq->data_len);
	else
		move_data(d, rq);
	if (d->durable && op_is_write(rq->cmd_flags) &&
	    ((d->has_fua && rq->cmd_flags & REQ_FUA) || !blk_queue_has_write_cache(d->q)))
		memcpy(d->durable + rq->sector * SECTOR_SIZE, d->data + rq->sector * SECTOR_SIZE,
		       rq->data_len);
}

bool fake_disk_complete_one(struct fake_disk *d)
{
	u32 i = d->random_order && d->nr_flying ? fake_random(d->nr_flying) : 0;
	struct request *rq;

	if (!d->nr_flying)
		return false;
	rq = d->flying[i];
	/* A device that was not notified does not look. */
	assert_true(d->auto_complete || !d->unnotified[rq->hctx_idx]);
	memmove(&d->flying[i], &d->flying[i + 1], (--d->nr_flying - i) * sizeof(rq));
	d->per_ring[rq->hctx_idx]--;
	perform(d, rq);
	blk_mq_complete_request(rq);
	return true;
}

bool fake_disks_progress(void)
{
	u32 n = sizeof(disks) / sizeof(disks[0]), start = fake_random(n);

	for (u32 i = 0; i < n; i++) {
		struct fake_disk *d = disks[(start + i) % n];

		if (d && fake_disk_complete_one(d))
			return true;
	}
	return false;
}

static const struct blk_mq_ops fake_ops = {
	.queue_rqs = fake_queue_rqs,
	.commit_rqs = fake_commit,
	.poll = fake_poll,
	.timeout = fake_timeout,
};
static const struct block_device_operations fake_fops = {NULL};

void fake_disk_create_sized(struct fake_disk *d, const char *name, u16 rings, u16 depth,
			    const struct queue_limits *lim, sector_t sectors)
{
	static u32 next_major = 100;

	memset(d, 0, sizeof(*d));
	d->sectors = sectors;
	d->data = calloc(sectors, SECTOR_SIZE);
	assert_non_null(d->data);
	d->ring_size = depth;
	d->bad_sector = ~0ull;
	d->q = blk_mq_init_queue(&fake_ops, rings, depth, 8, d);
	assert_false(IS_ERR(d->q));
	if (lim)
		*blk_queue_limits(d->q) = *lim;
	d->disk = alloc_disk(16);
	assert_non_null(d->disk);
	snprintf(d->disk->disk_name, sizeof(d->disk->disk_name), "%s", name);
	d->disk->major = next_major++;
	d->disk->queue = d->q;
	d->disk->fops = &fake_fops;
	set_capacity(d->disk, sectors);
	for (u32 i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
		if (!disks[i]) {
			disks[i] = d;
			break;
		}
	assert_int_equal(device_add_disk(d->disk), 0);
	/* The look for partitions does not count. */
	memset(&d->disk->part[0]->bd_stats, 0, sizeof(struct disk_stats));
	d->nr_requests = 0;
	memset(d->kinds, 0, sizeof(d->kinds));
	memset(d->trace, 0, sizeof(d->trace));
}

void fake_disk_create(struct fake_disk *d, const char *name, u16 rings, u16 depth,
		      const struct queue_limits *lim)
{
	fake_disk_create_sized(d, name, rings, depth, lim, DISK_SECTORS);
	d->durable = calloc(1, DISK_BYTES);
	assert_non_null(d->durable);
}

void fake_disk_remove(struct fake_disk *d)
{
	del_gendisk(d->disk);
	fake_disk_free(d);
}

void fake_disk_free(struct fake_disk *d)
{
	blk_cleanup_queue(d->q);
	put_disk(d->disk);
	for (u32 i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
		if (disks[i] == d)
			disks[i] = NULL;
	free(d->data);
	free(d->durable);
	d->data = d->durable = NULL;
	d->disk = NULL;
}

void fake_block_init(void)
{
	static bool done;

	fake_schedule_hook = fake_disks_progress;
	if (!done)
		block_init();
	done = true;
}

struct bio *fake_bio(struct block_device *bdev, blk_opf_t opf, sector_t sector, u32 sectors,
		     u8 fill)
{
	struct bio *bio = bio_alloc(bdev, (u16)(sectors / 8 + 1), opf, GFP_KERNEL);

	assert_non_null(bio);
	bio->bi_iter.bi_sector = sector;
	for (u32 left = sectors * SECTOR_SIZE; left;) {
		u32 len = left < PAGE_SIZE ? left : (u32)PAGE_SIZE;
		struct page *page = alloc_page(GFP_KERNEL);

		memset(page_address(page), fill, PAGE_SIZE);
		assert_int_equal(bio_add_page(bio, page, len, 0), len);
		left -= len;
	}
	return bio;
}

/* Pieces may have been joined: free by page. */
void fake_bio_free(struct bio *bio)
{
	struct bio_vec bv;
	u32 i;

	bio_for_each_segment_all(bv, bio, i) for (u32 done = 0; done < bv.bv_len; done += PAGE_SIZE)
		put_page(virt_to_page((u8 *)page_address(bv.bv_page) + done));
	bio_put(bio);
}

struct block_device *fake_open(const char *name)
{
	struct block_device *bdev = blkdev_get_by_dev(blk_lookup_devt(name), true, NULL);

	assert_false(IS_ERR(bdev));
	return bdev;
}
