/*
 * The bio: one I/O of the block layer, as Linux's struct bio.
 *
 * A bio names a device, a first sector, an operation, and a vector of page pieces. Its owner fills
 * it, sets bi_end_io and submits it; the block layer calls bi_end_io exactly once, in softirq or
 * thread context, with bi_status set, and then does not touch the bio any more.
 *
 * Invariants:
 * 1. Between submit_bio and bi_end_io the bio and its pages belong to the block layer.
 * 2. bi_iter moves only forward; bi_io_vec is never changed by a lower device (clones share it).
 * Path: hop 8
 */
#pragma once

#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/mm/page.h"

struct block_device;
struct request;
struct mempool;

/* A piece of one page frame run: physically contiguous. */
struct bio_vec {
	struct page *bv_page;
	u32 bv_len;    /* bytes */
	u32 bv_offset; /* bytes within the page (may reach into following frames of a block) */
};

/* Operations and flags share bi_opf: low 8 bits the operation. */
typedef u32 blk_opf_t;
enum req_op {
	REQ_OP_READ = 0,
	REQ_OP_WRITE = 1,
	REQ_OP_FLUSH = 2, /* only made by the block layer itself */
	REQ_OP_DISCARD = 3,
	REQ_OP_WRITE_ZEROES = 9,
	REQ_OP_DRV_IN = 34, /* driver's own (GET_ID) */
};
#define REQ_OP_MASK  0xffu
#define REQ_SYNC     (1u << 11) /* somebody waits: the queue does not hold it back */
#define REQ_META     (1u << 12)
#define REQ_FUA	     (1u << 17) /* on the medium when it completes */
#define REQ_PREFLUSH (1u << 18) /* flush the device's cache first */
#define REQ_RAHEAD   (1u << 19) /* may fail */
#define REQ_NOWAIT   (1u << 21) /* -EAGAIN rather than sleep for a tag */
#define REQ_NOMERGE  (1u << 14)

struct bvec_iter {
	sector_t bi_sector; /* 512-byte units, on bi_bdev */
	u32 bi_size;	    /* bytes left */
	u32 bi_idx;	    /* current bio_vec */
	u32 bi_bvec_done;   /* bytes done in it */
};

/* bi_flags: the block layer's own. */
#define BIO_REMAPPED (1u << 0) /* bi_sector counts from the start of the whole disk */
#define BIO_COUNTED  (1u << 1) /* as an I/O of its device, which has no queue */

#define BIO_INLINE_VECS 4
#define BIO_MAX_VECS	256

struct bio {
	struct bio *bi_next; /* [owner of the list that it is on] */
	struct block_device *bi_bdev;
	blk_opf_t bi_opf;
	int bi_status; /* 0 or -errno; valid in bi_end_io */
	struct bvec_iter bi_iter;
	void (*bi_end_io)(struct bio *bio);
	void *bi_private; /* owner's */
	u16 bi_vcnt;	  /* pieces used */
	u16 bi_max_vecs;
	u16 bi_leg;	      /* [owner] for the stacked device that made this clone */
	u16 bi_phys_segments; /* [block layer] pieces as the device will see them */
	u32 bi_flags;
	atomic_t bi_remaining; /* [atomic] parts outstanding: split and chained bios */
	struct bio_vec *bi_io_vec;
	struct bio_vec bi_inline_vecs[BIO_INLINE_VECS];
};

static inline enum req_op bio_op(const struct bio *bio)
{
	return (enum req_op)(bio->bi_opf & REQ_OP_MASK);
}
static inline bool op_is_write(blk_opf_t opf)
{
	return (opf & 1) != 0;
}
static inline sector_t bio_end_sector(const struct bio *bio)
{
	return bio->bi_iter.bi_sector + (bio->bi_iter.bi_size >> SECTOR_SHIFT);
}

/* Does it carry pieces, or only a range (flush, discard, write zeroes)? */
static inline bool bio_has_data(const struct bio *bio)
{
	enum req_op op = bio_op(bio);

	return op == REQ_OP_READ || op == REQ_OP_WRITE || op == REQ_OP_DRV_IN;
}

/* A list through bi_next. No locking: the caller's. */
struct bio_list {
	struct bio *head, *tail;
};

static inline void bio_list_add(struct bio_list *list, struct bio *bio)
{
	bio->bi_next = NULL;
	if (list->head)
		list->tail->bi_next = bio;
	else
		list->head = bio;
	list->tail = bio;
}

static inline struct bio *bio_list_pop(struct bio_list *list)
{
	struct bio *bio = list->head;

	if (bio) {
		list->head = bio->bi_next;
		bio->bi_next = NULL;
	}
	return bio;
}

/* A bio with room for nr_vecs pieces. GFP_KERNEL/GFP_NOFS waits for a reserve when memory is short
 * and never fails for nr_vecs <= BIO_INLINE_VECS; GFP_ATOMIC may give NULL.
 * Owns: the caller, until submit_bio; again in bi_end_io, which frees it by bio_put. */
struct bio *must_check bio_alloc(struct block_device *bdev, u16 nr_vecs, blk_opf_t opf, gfp_t gfp);
void bio_put(struct bio *bio);
/* Initialise a bio of BIO_INLINE_VECS pieces in the caller's memory. Do not call bio_put on it. */
static inline void bio_init(struct bio *bio, struct block_device *bdev, blk_opf_t opf)
{
	bio->bi_next = NULL;
	bio->bi_bdev = bdev;
	bio->bi_opf = opf;
	bio->bi_status = 0;
	bio->bi_iter = (struct bvec_iter){0};
	bio->bi_vcnt = 0;
	bio->bi_max_vecs = BIO_INLINE_VECS;
	bio->bi_flags = 0;
	atomic_set(&bio->bi_remaining, 1);
	bio->bi_io_vec = bio->bi_inline_vecs;
}
/* Append a piece; contiguous pieces are joined. Returns: len, or 0 when there is no room. */
u32 must_check bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset);
/* The same where there is room and nothing to join: the first piece. */
static inline void __bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset)
{
	bio->bi_io_vec[bio->bi_vcnt++] = (struct bio_vec){page, len, offset};
	bio->bi_iter.bi_size += len;
}

/* Send it on its way: range and read-only checks (failing bios end with -EIO / -EPERM through
 * bi_end_io), then down the stack of devices by a loop, not by recursion.
 * Context: thread; may sleep for a tag unless REQ_NOWAIT. Owns: passes to the block layer. */
void submit_bio(struct bio *bio);
/* submit_bio and wait. Returns: bi_status. Owns: stays the caller's. Context: may sleep. */
int must_check submit_bio_wait(struct bio *bio);
/* Finish a bio (or one part of it): sets no status. bi_end_io finds bi_remaining as after
 * bio_alloc, so a bio whose bi_iter, bi_status and bi_opf the owner sets again can be sent
 * again. Called by drivers without a queue and by the request layer. Context: softirq or thread. */
void bio_endio(struct bio *bio);
/* Fail it with -errno. */
void bio_io_error(struct bio *bio, int error);
/* The piece under the iterator, cut to what is left. */
static inline struct bio_vec bio_iter_vec(const struct bio *bio, struct bvec_iter iter)
{
	struct bio_vec bv = bio->bi_io_vec[iter.bi_idx];

	bv.bv_offset += iter.bi_bvec_done;
	bv.bv_len = min(bv.bv_len - iter.bi_bvec_done, iter.bi_size);
	return bv;
}
static inline u64 bvec_phys(const struct bio_vec *bv)
{
	return page_to_phys(bv->bv_page).v + bv->bv_offset;
}
/* The physical address under the iterator. */
static inline u64 bio_phys(const struct bio *bio)
{
	return bvec_phys(&bio->bi_io_vec[bio->bi_iter.bi_idx]) + bio->bi_iter.bi_bvec_done;
}
void bvec_iter_advance(const struct bio *bio, struct bvec_iter *iter, u32 bytes);
#define bio_for_each_segment(bv, bio, iter)                                                      \
	for ((iter) = (bio)->bi_iter; (iter).bi_size && ((bv) = bio_iter_vec((bio), (iter)), 1); \
	     bvec_iter_advance((bio), &(iter), (bv).bv_len))

/* All pieces from the first, wherever the iterator stands: for bi_end_io, where bi_iter means
 * nothing any more. */
#define bio_for_each_segment_all(bv, bio, i) \
	for ((i) = 0; (i) < (bio)->bi_vcnt && ((bv) = (bio)->bi_io_vec[i], 1); (i)++)

/* --- also: bios are cloned, split and chained; flush, discard, zero -------------------- */

/* For devices that remap, split or clone. Both give a bio that shares the pieces of `bio` and
 * never fail. Context: sleeps. Owns: the caller. */
struct bio *bio_alloc_clone(struct bio *bio);
/* Cut off the first `sectors` as a bio of its own; `bio` is the rest and ends after it. */
struct bio *bio_split(struct bio *bio, sector_t sectors);
/* Let `parent` end only after `child`, whose error it takes over. */
void bio_chain(struct bio *child, struct bio *parent);
/* Send it to another device, at another sector. */
void bio_set_dev(struct bio *bio, struct block_device *bdev, sector_t sector);

/* Helpers over whole devices; all may sleep and return 0 or -errno. */
int must_check blkdev_issue_flush(struct block_device *bdev);
int must_check blkdev_issue_discard(struct block_device *bdev, sector_t sector, sector_t nr);
int must_check blkdev_issue_zeroout(struct block_device *bdev, sector_t sector, sector_t nr);

/* --- for block/ itself -------------------------------------------------------------------- */

/* A bi_end_io: complete() what bi_private points to. */
void bio_wake_waiter(struct bio *bio);
/* Once, from block_init. */
void bio_init_reserves(void);
/* When submit_bio returns, a thread has sent every clone that it took from the reserve. */
extern struct mempool bio_clones;
