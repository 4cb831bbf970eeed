/*
 * Direct I/O: pinned user pages become bios; the last one to end finishes the transfer.
 *
 * Invariants:
 * 1. A page of a bio has one pin for each frame that a piece touches, dropped when the bio ends.
 * 2. While i_dio_count of a regular file is not 0, its blocks in the range stay allocated:
 *    transfers start under i_mutex, and truncation waits for them under i_mutex.
 * 3. A read looks for dirty pages and for blocks under one hold of i_mutex: a block whose first
 *    bytes are still in the cache is never read from the disk.
 * 4. A dio has ended when refs is 0. Then it belongs to the waiter, or to ki_complete, which may
 *    free it.
 *
 * Lock order: kernel/vm/mm.h. i_mutex comes before mm->lock, which brings in a page.
 * Path: hop 4' (generic_file_direct_read)
 */
#include "fs/cache/direct_io.h"

#include "block/blkdev.h"
#include "block/genhd.h"
#include "fs/cache/pagemap.h"
#include "fs/super.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/gup.h"

#define DIO_BIO_BYTES ((u32)(BIO_MAX_VECS * PAGE_SIZE))
#define DIO_OWN_BYTES ((BIO_INLINE_VECS - 1) * PAGE_SIZE) /* in one piece, fit its own bio */

static struct workqueue *dio_wq; /* [const after boot] */

void direct_io_init(void)
{
	dio_wq = workqueue_create("dio");
	if (!dio_wq)
		panic("no memory for the worker of direct I/O");
}

static bool is_sync(const struct kiocb *iocb)
{
	return !iocb->ki_complete;
}

/* --- the cache ---------------------------------------------------------------------------- */

static bool range_has(struct address_space *m, loff_t pos, loff_t end, enum radix_tag tag)
{
	pgoff_t index = (u64)pos >> PAGE_SHIFT;
	struct page *page;

	if (!find_get_pages(m, &index, (u64)end >> PAGE_SHIFT, tag, &page, 1))
		return false;
	put_page(page);
	return true;
}

/* Write the dirty pages of the range. Returns: 0, -EAGAIN, or the error of a write. */
static int write_range(const struct kiocb *iocb, struct address_space *m, loff_t pos, loff_t end)
{
	if (iocb->ki_flags & IOCB_NOWAIT)
		return range_has(m, pos, end, RADIX_TAG_DIRTY) ||
				       range_has(m, pos, end, RADIX_TAG_WRITEBACK) ?
			       -EAGAIN :
			       0;
	return filemap_write_and_wait_range(m, pos, end);
}

/* Returns: whether no page of the range is left. */
static bool drop_range(struct address_space *m, loff_t pos, loff_t end)
{
	(void)invalidate_mapping_pages(m, (u64)pos >> PAGE_SHIFT, (u64)end >> PAGE_SHIFT);
	return !range_has(m, pos, end, RADIX_TAGS);
}

/* Readers may have brought old pages back: from now on everybody sees what was written. */
static void expose_range(struct address_space *m, loff_t pos, loff_t end)
{
	if (READ_ONCE(m->nrpages))
		invalidate_inode_pages2_range(m, (u64)pos >> PAGE_SHIFT, (u64)end >> PAGE_SHIFT);
}

/* --- the end ------------------------------------------------------------------------------ */

static ssize_t dio_result(const struct dio *dio)
{
	int err = READ_ONCE(dio->error);

	return err ? err : dio->size;
}

/* The end of an asynchronous write, where it sleeps. */
static void dio_work(struct work *w)
{
	struct dio *dio = container_of(w, struct dio, work);
	struct kiocb *iocb = dio->iocb;
	struct address_space *m = &dio->inode->i_data;
	ssize_t done = dio_result(dio);

	expose_range(m, iocb->ki_pos, iocb->ki_pos + dio->size - 1);
	iocb->ki_pos += dio->size;
	if (!S_ISBLK(dio->inode->i_mode))
		done = generic_write_sync(iocb, done);
	iocb->ki_complete(iocb, done);
}

/* refs is 0. */
static void dio_end(struct dio *dio)
{
	struct kiocb *iocb = dio->iocb;

	if (S_ISREG(dio->inode->i_mode) && atomic_dec_and_test(&dio->inode->i_dio_count))
		wake_up_bit_waiters(&dio->inode->i_dio_count);
	if (is_sync(iocb)) {
		complete(&dio->done);
	} else if (dio->write && (READ_ONCE(dio->inode->i_data.nrpages) ||
				  ((iocb->ki_flags & (IOCB_DSYNC | IOCB_SYNC)) &&
				   !S_ISBLK(dio->inode->i_mode)))) {
		work_init(&dio->work, dio_work);
		queue_work(dio_wq, &dio->work);
	} else {
		iocb->ki_complete(iocb, dio_result(dio));
	}
}

static inline void dio_put(struct dio *dio)
{
	if (atomic_dec_and_test(&dio->refs))
		dio_end(dio);
}

/* Drop the pins, one for each frame of each piece. */
static inline void unpin_bio(const struct bio *bio)
{
	struct bio_vec bv;
	u32 i;

	bio_for_each_segment_all(bv, bio, i)
	{
		u64 frames = ((u64)bv.bv_offset + bv.bv_len + PAGE_SIZE - 1) >> PAGE_SHIFT;

		for (u64 f = 0; f < frames; f++)
			unpin_user_page(bv.bv_page + f);
	}
}

static void dio_bio_end(struct bio *bio)
{
	struct dio *dio = bio->bi_private;

	if (unlikely(bio->bi_status))
		WRITE_ONCE(dio->error, bio->bi_status);
	unpin_bio(bio);
	if (bio != &dio->bio)
		bio_put(bio);
	dio_put(dio);
}

/* --- the way there ------------------------------------------------------------------------ */

/* A stretch of the file that is one of the disk, or a hole. */
struct run {
	bool hole;
	sector_t sector;
	u64 bytes;
};

/* The run that starts at pos, at most `want` bytes. Returns: 0 or get_block's -errno. */
static int map_run(struct inode *inode, get_block_t *get_block, u64 pos, u64 want, struct run *run)
{
	u64 offset = pos & ((1ull << inode->i_blkbits) - 1);
	blkno_t block = pos >> inode->i_blkbits, first = 0;

	if (!get_block) {
		*run = (struct run){false, pos >> SECTOR_SHIFT, want};
		return 0;
	}
	for (*run = (struct run){0}; run->bytes < want + offset; block++) {
		struct buffer_head bh = {.b_size = 1u << inode->i_blkbits};
		int err = get_block(inode, block, &bh, false);
		bool hole = !buffer_mapped(&bh);

		if (err)
			return err;
		if (!run->bytes) {
			run->hole = hole;
			first = bh.b_blocknr;
		} else if (hole != run->hole ||
			   (!hole && bh.b_blocknr != first + (run->bytes >> inode->i_blkbits))) {
			break;
		}
		run->bytes += 1ull << inode->i_blkbits;
	}
	run->sector = ((first << inode->i_blkbits) + offset) >> SECTOR_SHIFT;
	run->bytes = min(run->bytes - offset, want);
	return 0;
}

/* May it be overwritten in place? Returns: 0, -ENOTBLK (not all of it), or -errno. */
static noinline int check_allocated(struct inode *inode, get_block_t *get_block, u64 pos, u64 bytes)
{
	struct run run;
	int err;

	if (pos + bytes > (u64)inode->i_size)
		return -ENOTBLK;
	for (; bytes; bytes -= run.bytes, pos += run.bytes) {
		err = map_run(inode, get_block, pos, bytes, &run);
		if (err || run.hole)
			return err ? err : -ENOTBLK;
	}
	return 0;
}

static struct bio *dio_new_bio(struct dio *dio, u64 bytes, blk_opf_t opf)
{
	u16 pieces = (u16)min(bytes / PAGE_SIZE + 2, (u64)BIO_MAX_VECS);
	struct block_device *bdev = inode_bdev(dio->inode);
	struct bio *bio = NULL;

	if (!dio->sent && bytes <= DIO_OWN_BYTES) {
		dio->sent = true;
		bio_init(&dio->bio, bdev, opf);
		return &dio->bio;
	}
	if (pieces > BIO_INLINE_VECS)
		bio = bio_alloc(bdev, pieces, opf, GFP_KERNEL);
	return bio ? bio : bio_alloc(bdev, BIO_INLINE_VECS, opf, GFP_KERNEL);
}

/* Put memory of the iterator behind the bio, as far as it takes, or until some is missing.
 * Returns: 0, or -EFAULT when that is the very first. */
static inline int fill_bio(struct dio *dio, struct bio *bio, struct iov_iter *iter, u64 bytes)
{
	struct page *last = NULL, *page;
	u32 offset;

	bytes = min(bytes, (u64)DIO_BIO_BYTES);
	while (bytes) {
		ssize_t n = iov_iter_pin_page(iter, bytes, !dio->write, &page, &offset);
		u16 pieces = bio->bi_vcnt;

		if (n < 0)
			return pieces ? 0 : (int)n;
		if (!pieces) {
			__bio_add_page(bio, page, (u32)n, offset);
		} else if (!bio_add_page(bio, page, (u32)n, offset)) {
			unpin_user_page(page);
			break;
		}
		/* It grew the last piece within the same frame: that has its pin. */
		if (page == last && bio->bi_vcnt == pieces)
			unpin_user_page(page);
		last = page;
		bytes -= (u64)n;
		iov_iter_advance(iter, (size_t)n);
	}
	return 0;
}

static inline void dio_submit_bio(struct dio *dio, struct bio *bio, sector_t sector)
{
	bio->bi_iter.bi_sector = sector;
	bio->bi_end_io = dio_bio_end;
	bio->bi_private = dio;
	submit_bio(bio);
}

static inline int send_run(struct dio *dio, struct iov_iter *iter, struct run run, blk_opf_t opf)
{
	while (run.bytes) {
		struct bio *bio = dio_new_bio(dio, run.bytes, opf);
		int err = fill_bio(dio, bio, iter, run.bytes);
		sector_t sector;

		if (err) {
			if (bio != &dio->bio)
				bio_put(bio);
			return err;
		}
		sector = run.sector;
		run.sector += bio->bi_iter.bi_size >> SECTOR_SHIFT;
		run.bytes -= bio->bi_iter.bi_size;
		atomic_inc(&dio->refs);
		dio_submit_bio(dio, bio, sector);
	}
	return 0;
}

/* Map and send all of it. Returns: 0 or -errno; what is under way then still ends. */
static int dio_send(struct dio *dio, struct iov_iter *iter, u64 bytes, get_block_t *get_block)
{
	const struct kiocb *iocb = dio->iocb;
	blk_opf_t opf = dio->write ? REQ_OP_WRITE | REQ_SYNC : REQ_OP_READ;
	u64 pos = (u64)iocb->ki_pos;
	struct run run;
	int err = 0;

	if (iocb->ki_flags & IOCB_NOWAIT)
		opf |= REQ_NOWAIT;
	if (dio->write && !get_block && (iocb->ki_flags & (IOCB_DSYNC | IOCB_SYNC)))
		opf |= REQ_FUA;
	for (; bytes && !err; bytes -= run.bytes, pos += run.bytes) {
		err = map_run(dio->inode, get_block, pos, bytes, &run);
		if (err)
			break;
		if (!run.hole)
			err = send_run(dio, iter, run, opf);
		else if (iov_iter_zero(run.bytes, iter) != run.bytes)
			err = -EFAULT;
	}
	return err;
}

static inline void dio_init(struct dio *dio, struct kiocb *iocb, struct inode *inode, bool write)
{
	atomic_set(&dio->refs, 1);
	dio->error = 0;
	dio->write = write;
	dio->iocb = iocb;
	dio->inode = inode;
	dio->sent = false;
	if (is_sync(iocb))
		init_completion(&dio->done);
}

/* Start all of it. Returns: 0, or -errno when nothing was started. Locks: i_mutex (regular
 * file). */
static int dio_start(struct dio *dio, struct iov_iter *iter, get_block_t *get_block)
{
	u64 bytes = iov_iter_count(iter), count = bytes, pos = (u64)dio->iocb->ki_pos;
	u64 size = (u64)READ_ONCE(dio->inode->i_size), left;
	bool plugged = bytes > BIO_INLINE_VECS * PAGE_SIZE;
	struct blk_plug plug;
	int err = 0;

	if (dio->write && get_block)
		err = check_allocated(dio->inode, get_block, pos, bytes);
	if (err)
		return err;
	left = pos < size ? size - pos : 0;
	dio->size = (ssize_t)min(bytes, left);
	if (bytes > left) /* the file's last block is read whole */
		bytes = ALIGN_UP(left, (u64)bdev_logical_block_size(inode_bdev(dio->inode)));
	if (S_ISREG(dio->inode->i_mode))
		atomic_inc(&dio->inode->i_dio_count);
	if (plugged)
		blk_start_plug(&plug);
	err = dio_send(dio, iter, bytes, get_block);
	if (plugged)
		blk_finish_plug(&plug);
	count -= iov_iter_count(iter);
	if (err == -EFAULT && count) /* all before the missing memory counts */
		dio->size = (ssize_t)min(count, (u64)dio->size);
	else if (err)
		WRITE_ONCE(dio->error, err);
	dio_put(dio);
	return 0;
}

ssize_t blockdev_direct_IO(struct kiocb *iocb, struct iov_iter *iter, bool write,
			   get_block_t *get_block)
{
	struct address_space *m = iocb->ki_filp->f_mapping;
	struct inode *inode = m->host;
	bool sync = is_sync(iocb), lock = get_block && !write;
	struct dio here, *dio = iocb->private;
	ssize_t done = 0;

	if (sync)
		dio = &here;
	if (lock && !mutex_trylock(&inode->i_mutex)) {
		if (iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		mutex_lock(&inode->i_mutex);
	}
	/* Under i_mutex nobody allocates a block that only a dirty page has the bytes of. */
	if (!write && READ_ONCE(m->nrpages))
		done = write_range(iocb, m, iocb->ki_pos,
				   iocb->ki_pos + (loff_t)iov_iter_count(iter) - 1);
	if (!done) {
		dio_init(dio, iocb, inode, write);
		done = dio_start(dio, iter, get_block);
	}
	if (lock)
		mutex_unlock(&inode->i_mutex);
	if (done)
		return done;
	if (!sync)
		return -EIOCBQUEUED; /* and iocb may be gone */
	wait_for_completion(&dio->done);
	done = dio_result(dio);
	iocb->ki_pos += max(done, (ssize_t)0);
	return done;
}

/* --- also: small asynchronous reads, writes by way of the cache, truncation --------------- */

/* A small read that nobody waits for here: it has one bio, and a dio of its own. */
static ssize_t blkdev_direct_IO_async(struct kiocb *iocb, struct iov_iter *iter,
				      struct inode *inode)
{
	struct dio *dio = iocb->private;
	struct bio *bio = &dio->bio;
	int err;

	dio_init(dio, iocb, inode, false);
	bio_init(bio, inode->i_bdev,
		 iocb->ki_flags & IOCB_NOWAIT ? REQ_OP_READ | REQ_NOWAIT : REQ_OP_READ);
	err = fill_bio(dio, bio, iter, iov_iter_count(iter));
	if (err)
		return err;
	dio->size = bio->bi_iter.bi_size;
	dio_submit_bio(dio, bio, (u64)iocb->ki_pos >> SECTOR_SHIFT);
	return -EIOCBQUEUED;
}

/* By way of the cache. When it returns, the bytes are on the disk and out of the cache. */
static ssize_t write_through_cache(struct kiocb *iocb, struct iov_iter *iter)
{
	struct address_space *m = iocb->ki_filp->f_mapping;
	loff_t pos = iocb->ki_pos;
	ssize_t done;
	int err;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	if (S_ISBLK(m->host->i_mode))
		mutex_lock(&m->host->i_mutex);
	done = generic_perform_write(iocb, iter);
	if (S_ISBLK(m->host->i_mode))
		mutex_unlock(&m->host->i_mutex);
	if (done <= 0)
		return done;
	err = write_range(iocb, m, pos, pos + done - 1);
	(void)drop_range(m, pos, pos + done - 1);
	if (!err && S_ISBLK(m->host->i_mode))
		return generic_write_sync(iocb, done);
	return err ? err : done;
}

void inode_dio_wait(struct inode *inode)
{
	if (atomic_read(&inode->i_dio_count))
		wait_event(bit_waitqueue(&inode->i_dio_count),
			   atomic_read(&inode->i_dio_count) == 0);
}

/* --- the entries -------------------------------------------------------------------------- */

/* Position, length and memory in whole logical blocks. */
static inline bool is_aligned(const struct kiocb *iocb, const struct iov_iter *iter,
			      const struct block_device *bdev)
{
	u64 bits = (u64)iocb->ki_pos | iov_iter_alignment(iter);

	return (bits & (bdev_logical_block_size(bdev) - 1)) == 0;
}

ssize_t generic_file_direct_read(struct kiocb *iocb, struct iov_iter *iter)
{
	struct address_space *m = iocb->ki_filp->f_mapping;
	struct inode *inode = m->host;
	loff_t size = READ_ONCE(inode->i_size);
	bool device = S_ISBLK(inode->i_mode);

	if (!m->a_ops->direct_IO)
		return -EINVAL;
	if (iocb->ki_pos >= size)
		return 0;
	if (device) /* ends at the device's end, whatever was asked */
		iov_iter_truncate(iter, (u64)(size - iocb->ki_pos));
	if (!is_aligned(iocb, iter, inode_bdev(inode)))
		return -EINVAL;
	if (device && !is_sync(iocb) && iov_iter_count(iter) <= DIO_OWN_BYTES &&
	    iter->nr_segs == 1 && !READ_ONCE(m->nrpages))
		return blkdev_direct_IO_async(iocb, iter, inode);
	return m->a_ops->direct_IO(iocb, iter, false);
}

ssize_t generic_file_direct_write(struct kiocb *iocb, struct iov_iter *iter)
{
	struct address_space *m = iocb->ki_filp->f_mapping;
	loff_t pos = iocb->ki_pos, end = pos + (loff_t)iov_iter_count(iter) - 1;
	ssize_t done = -ENOTBLK;
	int err = 0;

	if (!m->a_ops->direct_IO || !is_aligned(iocb, iter, inode_bdev(m->host)))
		return -EINVAL;
	if (READ_ONCE(m->nrpages))
		err = write_range(iocb, m, pos, end);
	if (err)
		return err;
	if (!READ_ONCE(m->nrpages) || drop_range(m, pos, end))
		done = m->a_ops->direct_IO(iocb, iter, true);
	if (done == -ENOTBLK)
		return write_through_cache(iocb, iter);
	if (done != -EIOCBQUEUED)
		expose_range(m, pos, end);
	return done;
}
