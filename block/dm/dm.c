/*
 * The device mapper's core: cutting bios at targets, flushes, and what all targets use.
 *
 * Each part of a bio that a target gets is counted as an I/O of the disk, as Linux does; a flush as
 * a write of nothing.
 *
 * A write with PREFLUSH waits until all devices of the disk have flushed: first an empty flush is
 * sent to all, then the write without the flag.
 * Also there: disks made of others, which the loop of hop 9 goes through
 */
#include "block/dm/dm.h"

#include "block/blk-stat.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

struct workqueue *dm_wq, *dm_rebuild_wq;

/* --- I/O ---------------------------------------------------------------------------------- */

struct dm_target *dm_find_target(struct dm_disk *dm, sector_t sector)
{
	u32 i = 0;

	while (i + 1 < dm->nr_targets && sector >= dm->targets[i + 1].begin)
		i++;
	return &dm->targets[i];
}

void dm_remap(struct dm_target *t, u32 dev, struct bio *bio, sector_t offset)
{
	bio_set_dev(bio, t->devs[dev].bdev, t->devs[dev].start + offset);
	submit_bio(bio);
}

/* A bio that is counted, and who is told of its end. */
struct dm_io {
	struct block_device *bdev;
	sector_t sectors;
	ktime_t start_ns;
	void (*end_io)(struct bio *bio);
	void *private;
};

static void dm_end_io_acct(struct bio *bio)
{
	struct dm_io *io = bio->bi_private;

	bdev_end_io_acct(io->bdev, bio->bi_opf, io->sectors, io->start_ns);
	bio->bi_end_io = io->end_io;
	bio->bi_private = io->private;
	kfree(io);
	bio_endio(bio);
}

static void dm_start_io_acct(struct bio *bio)
{
	sector_t sectors = bio->bi_iter.bi_size >> SECTOR_SHIFT;
	ktime_t now = ktime_get_ns();
	struct dm_io *io;

	if (bio->bi_flags & BIO_COUNTED) /* tried again */
		return;
	bio->bi_flags |= BIO_COUNTED;
	bdev_start_io_acct(bio->bi_bdev, now);
	io = kmalloc(sizeof(*io), GFP_NOFS);
	if (!io) { /* better without its time than waiting for memory */
		bdev_end_io_acct(bio->bi_bdev, bio->bi_opf, sectors, now);
		return;
	}
	*io = (struct dm_io){bio->bi_bdev, sectors, now, bio->bi_end_io, bio->bi_private};
	bio->bi_end_io = dm_end_io_acct;
	bio->bi_private = io;
}

void dm_work(struct work *w)
{
	struct dm_disk *dm = container_of(w, struct dm_disk, work);
	u64 flags = spin_lock_irqsave(&dm->lock);
	struct bio_list list = dm->deferred;
	struct bio *bio;

	dm->deferred = (struct bio_list){NULL, NULL};
	spin_unlock_irqrestore(&dm->lock, flags);
	while ((bio = bio_list_pop(&list)) != NULL)
		submit_bio(bio);
}

void dm_defer(struct dm_disk *dm, struct bio *bio)
{
	u64 flags = spin_lock_irqsave(&dm->lock);

	bio_list_add(&dm->deferred, bio);
	spin_unlock_irqrestore(&dm->lock, flags);
	queue_work(dm_wq, &dm->work);
}

/* The empty flush before a write has ended: now the write itself. */
static void preflush_end(struct bio *flush)
{
	struct bio *bio = flush->bi_private;
	int err = flush->bi_status;

	bio_put(flush);
	if (err) {
		bio_io_error(bio, err);
		return;
	}
	bio->bi_opf &= ~REQ_PREFLUSH;
	dm_defer(bio->bi_bdev->bd_disk->private_data, bio);
}

static void dm_flush(struct dm_disk *dm, struct bio *bio)
{
	dm_start_io_acct(bio);
	for (u32 i = 0; i < dm->nr_targets; i++) {
		struct bio *clone = bio_alloc_clone(bio);

		bio_chain(clone, bio);
		dm->targets[i].ops->map(&dm->targets[i], clone);
	}
	bio_endio(bio);
}

void dm_submit_bio(struct bio *bio)
{
	struct dm_disk *dm = bio->bi_bdev->bd_disk->private_data;
	sector_t sector = bio->bi_iter.bi_sector, room;
	struct dm_target *t;
	struct bio *part;

	if (!bio->bi_iter.bi_size) {
		dm_flush(dm, bio);
		return;
	}
	if (bio_op(bio) == REQ_OP_DISCARD && !dm->disk->limits.max_discard_sectors) {
		bio_io_error(bio, -EOPNOTSUPP); /* rather than after half of the devices did it */
		return;
	}
	if (bio->bi_opf & REQ_PREFLUSH) {
		part = bio_alloc_clone(bio);
		part->bi_iter.bi_size = 0;
		part->bi_opf = REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC;
		part->bi_private = bio;
		part->bi_end_io = preflush_end;
		dm_flush(dm, part);
		return;
	}
	t = dm_find_target(dm, sector);
	room = t->begin + t->len - sector;
	if (t->chunk)
		room = min(room, t->chunk - (sector - t->begin) % t->chunk);
	part = room < bio->bi_iter.bi_size >> SECTOR_SHIFT ? bio_split(bio, room) : bio;
	dm_start_io_acct(part);
	t->ops->map(t, part);
	if (part != bio)
		submit_bio(bio);
}

/* --- for targets -------------------------------------------------------------------------- */

int dm_number(const char *s, u64 *value)
{
	return kstrtou64(s, 10, value, NULL);
}

int dm_get_devices(struct dm_target *t, u32 nr, char **argv, sector_t len)
{
	if (!nr || nr > DM_MAX_DEVS)
		return -EINVAL;
	for (u32 i = 0; i < nr; i++, argv += 2) {
		struct gendisk *disk = t->dm->disk;
		struct dm_dev *d = &t->devs[i];
		const struct gendisk *lower;
		sector_t most;

		if (dm_number(argv[1], &d->start))
			return -EINVAL;
		d->bdev = blkdev_get_by_dev(blk_lookup_devt(argv[0]), t->dm->write, t->dm);
		if (IS_ERR(d->bdev)) {
			printk("%s: cannot open %s%s\n", disk->disk_name, argv[0],
			       PTR_ERR(d->bdev) == -EROFS ? ": it is read-only" : "");
			return (int)PTR_ERR(d->bdev);
		}
		t->nr_devs++;
		most = bdev_nr_sectors(d->bdev);
		if (d->start > most || len > most - d->start) {
			printk("%s: %s is too small\n", disk->disk_name, argv[0]);
			return -EINVAL;
		}
		lower = d->bdev->bd_disk;
		blk_stack_limits(&disk->limits, &lower->limits);
		disk->write_cache |= lower->queue ? blk_queue_has_write_cache(lower->queue) :
						    lower->write_cache;
	}
	return 0;
}
