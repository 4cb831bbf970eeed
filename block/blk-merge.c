/*
 * Cutting bios to the device's limits, and joining neighbours into one request.
 *
 * A request may not exceed max_sectors, nor max_segments pieces of max_segment_size_bytes each, of
 * which none crosses a multiple of seg_boundary_bytes.
 * What merges: reads with reads and writes with writes of one device that touch end to start.
 * Flushes, FUA writes, discards and retried bios never do.
 * Path: hop 10
 */
#include "block/blk.h"

#include "kernel/lib/errno.h"

bool blk_merge_enabled = true;

static u32 max_bytes_of(const struct request_queue *q, enum req_op op)
{
	u64 sectors = q->limits.max_sectors;

	if (op == REQ_OP_DISCARD)
		sectors = q->limits.max_discard_sectors;
	else if (op == REQ_OP_WRITE_ZEROES)
		sectors = q->limits.max_write_zeroes_sectors;
	return (u32)min(sectors << SECTOR_SHIFT,
			ALIGN_DOWN((u64)UINT32_MAX, q->limits.logical_block_size));
}

static bool may_merge(blk_opf_t opf)
{
	u32 op = opf & REQ_OP_MASK;

	return (op == REQ_OP_READ || op == REQ_OP_WRITE) &&
	       !(opf & (REQ_PREFLUSH | REQ_FUA | REQ_NOMERGE));
}

static inline bool merging_is_on(const struct request_queue *q)
{
	return blk_merge_enabled && !READ_ONCE(q->nomerges);
}

/* The same operation on the same device, and neither has to stay alone. */
static inline bool rq_is_like(const struct request *rq, const struct bio *bio)
{
	return may_merge(bio->bi_opf) && may_merge(rq->cmd_flags) &&
	       (rq->cmd_flags & REQ_OP_MASK) == (u32)bio_op(bio) && rq->part == bio->bi_bdev;
}

/* Both together keep to the device's limits. */
static inline bool rq_has_room(const struct request *rq, const struct bio *bio)
{
	return rq->nr_phys_segments + bio->bi_phys_segments <= rq->q->limits.max_segments &&
	       (u64)rq->data_len + bio->bi_iter.bi_size <= max_bytes_of(rq->q, bio_op(bio));
}

/* They touch: at the request's end if `back`, else at its start. */
static noinline bool rq_try_merge(struct request *rq, struct bio *bio, bool back)
{
	u32 size = bio->bi_iter.bi_size;

	if (!merging_is_on(rq->q) || !rq_is_like(rq, bio) || !rq_has_room(rq, bio))
		return false;
	if (back) {
		rq->biotail->bi_next = bio;
		rq->biotail = bio;
	} else {
		bio->bi_next = rq->bio;
		rq->bio = bio;
		rq->sector = bio->bi_iter.bi_sector;
	}
	rq->data_len += size;
	rq->stat_bytes += size;
	rq->nr_phys_segments = (u16)(rq->nr_phys_segments + bio->bi_phys_segments);
	rq->nr_merged++;
	rq->cmd_flags |= bio->bi_opf & (REQ_SYNC | REQ_META);
	return true;
}

bool blk_attempt_merge(struct request_queue *q, struct list_head *list, struct bio *bio, u32 scan)
{
	sector_t start = bio->bi_iter.bi_sector, end = bio_end_sector(bio);
	struct request *rq;
	u32 seen = 0;

	list_for_each_entry_reverse(rq, list, list) {
		bool back = rq->sector + (rq->data_len >> SECTOR_SHIFT) == start;

		if ((back || rq->sector == end) && rq->q == q && rq_try_merge(rq, bio, back))
			return true;
		if (++seen == scan)
			break;
	}
	return false;
}

/* A piece for the device, while it grows. */
struct seg_walk {
	u32 segs, seg_len;
	u64 end;
};

/* How much of [addr, addr + len) goes into the current piece, or into a new one if there may be
 * one. Returns: bytes, 0 if neither. */
static u32 seg_take(const struct queue_limits *lim, struct seg_walk *w, u64 addr, u32 len,
		    u32 max_segs)
{
	u32 room = lim->seg_boundary_bytes;

	if (room) {
		room -= (u32)addr & (room - 1);
		len = min(len, room);
	}
	if (!w->segs || addr != w->end || w->seg_len == lim->max_segment_size_bytes ||
	    (room && room == lim->seg_boundary_bytes)) {
		if (w->segs == max_segs)
			return 0;
		w->segs++;
		w->seg_len = 0;
	}
	len = min(len, lim->max_segment_size_bytes - w->seg_len);
	w->seg_len += len;
	w->end = addr + len;
	return len;
}

u32 __blk_rq_map_sg(const struct request *rq, struct scatterlist *segs, u32 max)
{
	struct seg_walk w = {0};
	struct bvec_iter iter;
	struct bio_vec bv;
	u32 len;

	if (!rq->bio || !bio_has_data(rq->bio))
		return 0;
	for (const struct bio *bio = rq->bio; bio; bio = bio->bi_next) {
		bio_for_each_segment(bv, bio, iter) {
			u64 addr = bvec_phys(&bv);

			for (u32 left = bv.bv_len; left; left -= len, addr += len) {
				u32 before = w.segs;

				len = seg_take(&rq->q->limits, &w, addr, left, max);
				if (!len)
					return w.segs;
				if (w.segs != before)
					segs[before] = (struct scatterlist){PADDR(addr), 0};
				segs[w.segs - 1].len += len;
			}
		}
	}
	return w.segs;
}

/* --- also: bios too large for one request are cut -------------------------------------- */

/* Bytes from the start of bio that one request can hold. Sets bio->bi_phys_segments for them. */
static u32 bio_fit(const struct request_queue *q, struct bio *bio, u32 max_bytes)
{
	struct seg_walk w = {0};
	struct bvec_iter iter;
	struct bio_vec bv;
	u32 done = 0, len;

	bio_for_each_segment(bv, bio, iter) {
		u64 addr = bvec_phys(&bv);
		u32 left = min(bv.bv_len, max_bytes - done);
		bool cut = left < bv.bv_len;

		while (left) {
			len = seg_take(&q->limits, &w, addr, left, q->limits.max_segments);
			if (!len)
				goto out;
			addr += len;
			left -= len;
			done += len;
		}
		if (cut)
			break;
	}
out:
	bio->bi_phys_segments = (u16)w.segs;
	return done;
}

struct bio *blk_split_bio(struct request_queue *q, struct bio *bio)
{
	u32 size = bio->bi_iter.bi_size, max_bytes, fit;
	struct bio *front;

	if (!size)
		return bio;
	max_bytes = max_bytes_of(q, bio_op(bio));
	if (!max_bytes) {
		bio_io_error(bio, -EOPNOTSUPP);
		return NULL;
	}
	fit = bio_has_data(bio) ? bio_fit(q, bio, max_bytes) : min(size, max_bytes);
	if (fit == size)
		return bio;
	fit = ALIGN_DOWN(fit, q->limits.logical_block_size);
	if (!fit) { /* one block in more pieces than the device takes */
		bio_io_error(bio, -EIO);
		return NULL;
	}
	front = bio_split(bio, fit >> SECTOR_SHIFT);
	if (bio_has_data(front))
		bio_fit(q, front, max_bytes);
	bio_list_add(current->bio_list, bio); /* submit_bio's loop takes it next */
	return front;
}
