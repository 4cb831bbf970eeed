/*
 * Bios: allocation, pieces, the iterator, splitting and chaining, completion.
 *
 * Allocation on the way to the disk must not fail, or memory could not be freed by writing. Small
 * bios fall back on a reserve of a few, which come back when their I/O ends. Splits and clones have
 * a reserve of their own: their parents hold the first one while they wait. A thread keeps the
 * clones that it has not sent yet, so only one at a time takes from that reserve, until all that it
 * was given to submit is on its way: enough for a flush of 16 mirrors with eight legs each.
 * Path: hop 8, 14
 */
#include "block/bio.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/mempool.h"

#define RESERVE_BIOS 192

struct mempool bio_clones;
static struct mempool bios;
static struct bio reserve[RESERVE_BIOS], clones_reserve[RESERVE_BIOS];

static struct bio *bio_alloc_from(struct mempool *pool, u16 nr_vecs, gfp_t gfp)
{
	bool small = nr_vecs <= BIO_INLINE_VECS;
	struct bio *bio = small ? mempool_alloc(pool, gfp) : kmalloc(sizeof(*bio), gfp);

	if (!bio)
		return NULL;
	*bio = (struct bio){.bi_max_vecs = BIO_INLINE_VECS};
	bio->bi_io_vec = bio->bi_inline_vecs;
	if (!small) {
		bio->bi_max_vecs = nr_vecs;
		bio->bi_io_vec = kmalloc(nr_vecs * sizeof(struct bio_vec), gfp);
		if (!bio->bi_io_vec) {
			kfree(bio);
			return NULL;
		}
	}
	atomic_set(&bio->bi_remaining, 1);
	return bio;
}

struct bio *bio_alloc(struct block_device *bdev, u16 nr_vecs, blk_opf_t opf, gfp_t gfp)
{
	struct bio *bio = bio_alloc_from(&bios, nr_vecs, gfp & ~GFP_ZERO);

	if (bio) {
		bio->bi_bdev = bdev;
		bio->bi_opf = opf;
	}
	return bio;
}

void bio_put(struct bio *bio)
{
	/* A clone's pieces are its parent's: it has no room of its own. */
	if (!bio->bi_max_vecs) {
		mempool_free(&bio_clones, bio);
		return;
	}
	if (bio->bi_io_vec != bio->bi_inline_vecs)
		kfree(bio->bi_io_vec);
	mempool_free(&bios, bio);
}

u32 bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset)
{
	u64 addr = page_to_phys(page).v + offset;
	struct bio_vec *last;

	if (len > UINT32_MAX - bio->bi_iter.bi_size)
		return 0;
	if (bio->bi_vcnt) {
		last = &bio->bi_io_vec[bio->bi_vcnt - 1];
		if (bvec_phys(last) + last->bv_len == addr) {
			last->bv_len += len;
			bio->bi_iter.bi_size += len;
			return len;
		}
	}
	if (bio->bi_vcnt == bio->bi_max_vecs)
		return 0;
	__bio_add_page(bio, page, len, offset);
	return len;
}

void bvec_iter_advance(const struct bio *bio, struct bvec_iter *iter, u32 bytes)
{
	ASSERT(bytes <= iter->bi_size);
	iter->bi_sector += bytes >> SECTOR_SHIFT;
	iter->bi_size -= bytes;
	if (!bio_has_data(bio))
		return;
	bytes += iter->bi_bvec_done;
	while (bytes && bytes >= bio->bi_io_vec[iter->bi_idx].bv_len)
		bytes -= bio->bi_io_vec[iter->bi_idx++].bv_len;
	iter->bi_bvec_done = bytes;
}

/* Marks a chained bio; bio_endio does the work in its loop, so that chains do not recurse. */
static void bio_chain_endio(struct bio *bio)
{
	panic("the chained bio %p was ended by a call", (void *)bio);
}

void bio_endio(struct bio *bio)
{
	struct bio *parent;

	while (atomic_dec_and_test(&bio->bi_remaining)) {
		atomic_set(&bio->bi_remaining, 1);
		bio->bi_flags &= ~(BIO_REMAPPED | BIO_COUNTED);
		if (bio->bi_end_io != bio_chain_endio) {
			bio->bi_end_io(bio);
			return;
		}
		parent = bio->bi_private;
		if (bio->bi_status)
			WRITE_ONCE(parent->bi_status, bio->bi_status);
		bio_put(bio);
		bio = parent;
	}
}

void bio_io_error(struct bio *bio, int error)
{
	WRITE_ONCE(bio->bi_status, error);
	bio_endio(bio);
}

void bio_wake_waiter(struct bio *bio)
{
	complete(bio->bi_private);
}

/* --- also: bios are cloned, split and chained ------------------------------------------ */

struct bio *bio_alloc_clone(struct bio *bio)
{
	struct bio *clone = bio_alloc_from(&bio_clones, 0, GFP_NOFS);

	clone->bi_bdev = bio->bi_bdev;
	clone->bi_opf = bio->bi_opf;
	clone->bi_iter = bio->bi_iter;
	clone->bi_vcnt = bio->bi_vcnt;
	clone->bi_max_vecs = 0;
	clone->bi_io_vec = bio->bi_io_vec;
	clone->bi_flags |= bio->bi_flags & BIO_REMAPPED;
	return clone;
}

struct bio *bio_split(struct bio *bio, sector_t sectors)
{
	struct bio *front = bio_alloc_clone(bio);
	u32 bytes = (u32)(sectors << SECTOR_SHIFT);

	ASSERT(bytes > 0 && bytes < bio->bi_iter.bi_size);
	front->bi_iter.bi_size = bytes;
	bvec_iter_advance(bio, &bio->bi_iter, bytes);
	bio_chain(front, bio);
	return front;
}

void bio_chain(struct bio *child, struct bio *parent)
{
	child->bi_private = parent;
	child->bi_end_io = bio_chain_endio;
	atomic_inc(&parent->bi_remaining);
}

void bio_set_dev(struct bio *bio, struct block_device *bdev, sector_t sector)
{
	bio->bi_bdev = bdev;
	bio->bi_iter.bi_sector = sector;
	bio->bi_flags &= ~(BIO_REMAPPED | BIO_COUNTED);
}

void bio_init_reserves(void)
{
	mempool_init(&bios, reserve, sizeof(struct bio), RESERVE_BIOS, false);
	mempool_init(&bio_clones, clones_reserve, sizeof(struct bio), RESERVE_BIOS, true);
}
