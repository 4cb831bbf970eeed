/*
 * The mirror target: writes go to all legs, reads to one.
 *
 * A leg is IN_SYNC, REBUILDING (takes writes, gives no reads), FAILED (neither), or WANTED: as
 * FAILED, and to be rebuilt.
 *
 *	IN_SYNC    -> FAILED      leg_failed: an I/O failed, and it is not the last good one
 *	FAILED     -> WANTED      start_rebuild: by mirror_resume the first copy, or by the ioctl
 *	WANTED     -> REBUILDING  rebuild_leg, before it copies, while no write is in flight
 *	REBUILDING -> FAILED      leg_failed: a write failed; rebuild_work: the copy did
 *	REBUILDING -> IN_SYNC     rebuild_work: all is copied and flushed
 *
 * A leg that fails while it is rebuilt, and is wanted again before the copy has noticed, is WANTED:
 * the copy ends there, and the next run of the work begins from the start. To want a leg that is
 * WANTED or REBUILDING changes nothing, nor does an I/O that fails late on one that is out.
 *
 * Invariants:
 * 1. A write that ended well is on every IN_SYNC leg, of which there is one at least.
 * 2. While a chunk is copied no write is in flight: they wait, so the copy cannot bring old data
 *    back over new.
 * 3. Only rebuild_leg makes a leg REBUILDING: one that is so when all is copied has missed no write
 *    since the first chunk.
 * Also there: a disk with copies
 */
#include "block/dm/dm.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define COPY_PAGES 16u

enum leg_state { LEG_IN_SYNC, LEG_REBUILDING, LEG_WANTED, LEG_FAILED };

struct mirror {
	struct dm_target *t; /* [const] */
	struct spinlock lock;
	enum leg_state legs[DM_MAX_DEVS]; /* [lock] */
	u32 writes;			  /* [lock] in flight */
	bool copying;			  /* [lock] writes wait */
	struct bio_list blocked;	  /* [lock] those that do */
	struct wait_queue_head drained;	  /* writes became 0 */
	struct work rebuild;
};

static bool takes_writes(enum leg_state state)
{
	return state == LEG_IN_SYNC || state == LEG_REBUILDING;
}

/* Drop a leg, unless it is the last good one. Returns: whether it is out. */
static bool leg_failed(struct mirror *m, u32 leg)
{
	u64 flags = spin_lock_irqsave(&m->lock);
	bool was_in = takes_writes(m->legs[leg]);
	char name[DISK_NAME_LEN];
	u32 good = 0;

	for (u32 i = 0; i < m->t->nr_devs; i++)
		good += i != leg && m->legs[i] == LEG_IN_SYNC;
	if (good && was_in)
		m->legs[leg] = LEG_FAILED;
	spin_unlock_irqrestore(&m->lock, flags);
	if (good && was_in) {
		bdev_name(m->t->devs[leg].bdev, name, sizeof(name));
		printk("%s: mirror leg %u (%s) failed and is dropped\n", m->t->dm->disk->disk_name,
		       leg, name);
	}
	return good != 0;
}

/* The first leg that can be read. There always is one. */
static u32 good_leg(struct mirror *m)
{
	u64 flags = spin_lock_irqsave(&m->lock);
	u32 leg = 0;

	while (m->legs[leg] != LEG_IN_SYNC)
		leg++;
	spin_unlock_irqrestore(&m->lock, flags);
	return leg;
}

static struct mirror *mirror_of(const struct bio *bio)
{
	struct dm_disk *dm = bio->bi_bdev->bd_disk->private_data;

	return dm_find_target(dm, bio->bi_iter.bi_sector)->private;
}

/* --- reads -------------------------------------------------------------------------------- */

static void read_end(struct bio *clone)
{
	struct bio *bio = clone->bi_private;
	struct mirror *m = mirror_of(bio);
	int err = clone->bi_status;
	u32 leg = clone->bi_leg;

	bio_put(clone);
	if (err && leg_failed(m, leg)) {
		dm_defer(m->t->dm, bio); /* again, from another leg */
		return;
	}
	if (err)
		WRITE_ONCE(bio->bi_status, err);
	bio_endio(bio);
}

static void map_read(struct mirror *m, struct bio *bio)
{
	struct bio *clone = bio_alloc_clone(bio);

	clone->bi_private = bio;
	clone->bi_end_io = read_end;
	clone->bi_leg = (u16)good_leg(m);
	dm_remap(m->t, clone->bi_leg, clone, bio->bi_iter.bi_sector - m->t->begin);
}

/* --- writes ------------------------------------------------------------------------------- */

/* All legs are done. `head` stands for them; its status is that of a leg which must not fail. */
static void write_end(struct bio *head)
{
	struct bio *bio = head->bi_private;
	struct mirror *m = mirror_of(head);
	int err = head->bi_status;
	u64 flags;

	flags = spin_lock_irqsave(&m->lock);
	if (--m->writes == 0)
		wake_up_all(&m->drained);
	spin_unlock_irqrestore(&m->lock, flags);
	bio_put(head);
	if (err)
		WRITE_ONCE(bio->bi_status, err);
	bio_endio(bio);
}

static void leg_write_end(struct bio *clone)
{
	struct bio *head = clone->bi_private;

	int err = clone->bi_status;

	/* An operation that a leg does not know is no fault of the leg. */
	if (err && (err == -EOPNOTSUPP || !leg_failed(mirror_of(head), clone->bi_leg)))
		WRITE_ONCE(head->bi_status, err);
	bio_put(clone);
	bio_endio(head);
}

/* Count a write in, or let it wait for the copy. Returns: the legs that it goes to, as bits. */
static u32 begin_write(struct mirror *m, struct bio *bio)
{
	u64 flags = spin_lock_irqsave(&m->lock);
	u32 legs = 0;

	if (m->copying)
		bio_list_add(&m->blocked, bio);
	else
		m->writes++;
	for (u32 i = 0; i < m->t->nr_devs && !m->copying; i++)
		if (takes_writes(m->legs[i]))
			legs |= 1u << i;
	spin_unlock_irqrestore(&m->lock, flags);
	return legs;
}

static void map_write(struct mirror *m, struct bio *bio)
{
	u32 legs = begin_write(m, bio);
	struct bio *head;

	if (!legs)
		return;
	head = bio_alloc_clone(bio);
	head->bi_private = bio;
	head->bi_end_io = write_end;
	if (!bio->bi_iter.bi_size) /* a flush: so that mirror_of finds us */
		head->bi_iter.bi_sector = m->t->begin;
	for (u32 i = 0; i < m->t->nr_devs; i++) {
		struct bio *clone;

		if (!(legs & 1u << i))
			continue;
		clone = bio_alloc_clone(bio);
		clone->bi_private = head;
		clone->bi_end_io = leg_write_end;
		clone->bi_leg = (u16)i;
		atomic_inc(&head->bi_remaining);
		dm_remap(m->t, i, clone, head->bi_iter.bi_sector - m->t->begin);
	}
	bio_endio(head);
}

static void mirror_map(struct dm_target *t, struct bio *bio)
{
	/* A leg without a tag is no failed one, and a write to some legs is none. As Linux. */
	if (bio->bi_opf & REQ_NOWAIT)
		bio_io_error(bio, -EOPNOTSUPP);
	else if (op_is_write(bio->bi_opf))
		map_write(t->private, bio);
	else
		map_read(t->private, bio);
}

/* --- rebuilding --------------------------------------------------------------------------- */

/* Let no write in and wait for those under way; or let them in again. */
static void hold_writes(struct mirror *m)
{
	u64 flags = spin_lock_irqsave(&m->lock);

	m->copying = true;
	spin_unlock_irqrestore(&m->lock, flags);
	wait_event(&m->drained, READ_ONCE(m->writes) == 0);
}

static void release_writes(struct mirror *m)
{
	struct bio_list list;
	struct bio *bio;
	u64 flags = spin_lock_irqsave(&m->lock);

	m->copying = false;
	list = m->blocked;
	m->blocked = (struct bio_list){NULL, NULL};
	spin_unlock_irqrestore(&m->lock, flags);
	/* Sent here, so that each gets its turn before the next chunk. */
	while ((bio = bio_list_pop(&list)) != NULL)
		map_write(m, bio);
}

static int copy_io(struct mirror *m, u32 leg, enum req_op op, sector_t offset, sector_t nr,
		   struct page *pages)
{
	const struct dm_dev *dev = &m->t->devs[leg];
	struct bio bio;

	bio_init(&bio, dev->bdev, op);
	bio.bi_iter.bi_sector = dev->start + offset;
	if (!bio_add_page(&bio, pages, (u32)(nr << SECTOR_SHIFT), 0))
		return -EIO;
	return submit_bio_wait(&bio);
}

/* From the first leg that can read it. */
static int copy_chunk(struct mirror *m, u32 leg, sector_t at, sector_t nr, struct page *pages)
{
	u32 from;
	int err;

	do {
		from = good_leg(m);
		err = copy_io(m, from, REQ_OP_READ, at, nr, pages);
	} while (err && leg_failed(m, from));
	return err ? err : copy_io(m, leg, REQ_OP_WRITE, at, nr, pages);
}

/* Returns: whether the leg was in state `from`, and now is in `to`. */
static bool move_leg(struct mirror *m, u32 leg, enum leg_state from, enum leg_state to)
{
	u64 flags = spin_lock_irqsave(&m->lock);
	bool was = m->legs[leg] == from;

	if (was)
		m->legs[leg] = to;
	spin_unlock_irqrestore(&m->lock, flags);
	return was;
}

/* Ends early, with or without an error, when the leg is not REBUILDING any more. */
static int rebuild_leg(struct mirror *m, u32 leg, struct page *pages)
{
	sector_t step = COPY_PAGES * PAGE_SIZE >> SECTOR_SHIFT, nr;
	int err = pages ? 0 : -ENOMEM;

	hold_writes(m);
	(void)move_leg(m, leg, LEG_WANTED, LEG_REBUILDING);
	release_writes(m);
	for (sector_t at = 0; at < m->t->len && !err && READ_ONCE(m->legs[leg]) == LEG_REBUILDING;
	     at += nr) {
		nr = min(step, m->t->len - at);
		hold_writes(m);
		err = copy_chunk(m, leg, at, nr, pages);
		release_writes(m);
	}
	/* What others have flushed must be as safe here before they do without the others. */
	return err ? err : blkdev_issue_flush(m->t->devs[leg].bdev);
}

static void rebuild_work(struct work *w)
{
	struct mirror *m = container_of(w, struct mirror, rebuild);
	struct page *pages = alloc_pages(GFP_KERNEL, (u32)__builtin_ctz(COPY_PAGES));
	bool done;
	int err;

	for (u32 leg = 0; leg < m->t->nr_devs; leg++) {
		if (READ_ONCE(m->legs[leg]) != LEG_WANTED)
			continue;
		err = rebuild_leg(m, leg, pages);
		done = move_leg(m, leg, LEG_REBUILDING, err ? LEG_FAILED : LEG_IN_SYNC) && !err;
		printk("%s: mirror leg %u %s\n", m->t->dm->disk->disk_name, leg,
		       done ? "is in sync" : "could not be rebuilt");
	}
	if (pages)
		free_pages(pages, (u32)__builtin_ctz(COPY_PAGES));
}

static void start_rebuild(struct mirror *m)
{
	for (u32 i = 0; i < m->t->nr_devs; i++)
		(void)move_leg(m, i, LEG_FAILED, LEG_WANTED);
	queue_work(dm_rebuild_wq, &m->rebuild);
}

int dm_mirror_ioctl(struct block_device *bdev, u32 cmd, u64 arg)
{
	const struct dm_disk *dm = bdev->bd_disk->private_data;
	int err = -ENOTTY; /* no mirror */

	(void)arg;
	if (cmd != DM_MIRROR_REBUILD)
		return -ENOTTY;
	if (!dm->write)
		return -EPERM;
	for (u32 i = 0; i < dm->nr_targets; i++)
		if (dm->targets[i].ops == &dm_mirror) {
			start_rebuild(dm->targets[i].private);
			err = 0;
		}
	return err;
}

/* core NARGS ARGS... COUNT DEV START... : without "nosync" the first leg is copied to the others,
 * of which there is one at least. */
static int mirror_ctr(struct dm_target *t, u32 argc, char **argv)
{
	bool nosync = false;
	struct mirror *m;
	u64 nargs, nr;
	int err;

	if (argc < 2 || strcmp(argv[0], "core") != 0 || dm_number(argv[1], &nargs) ||
	    nargs > argc - 2 || argc - 2 - nargs < 1 || dm_number(argv[2 + nargs], &nr) || nr < 2 ||
	    nr > DM_MAX_DEVS || argc != 3 + nargs + 2 * nr)
		return -EINVAL;
	for (u64 i = 0; i < nargs; i++)
		nosync |= strcmp(argv[2 + i], "nosync") == 0;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->t = t;
	spin_lock_init(&m->lock, "mirror", LOCK_ANY);
	init_waitqueue_head(&m->drained);
	work_init(&m->rebuild, rebuild_work);
	t->private = m;
	err = dm_get_devices(t, (u32)nr, argv + 3 + nargs, t->len);
	for (u32 i = 1; i < nr && !nosync; i++)
		m->legs[i] = LEG_FAILED;
	return err;
}

static void mirror_resume(struct dm_target *t)
{
	if (t->dm->write) /* else the first leg is read, and the others are left alone */
		start_rebuild(t->private);
}

static void mirror_dtr(struct dm_target *t)
{
	struct mirror *m = t->private;

	if (m)
		flush_work(&m->rebuild);
	kfree(m);
}

const struct dm_target_ops dm_mirror = {"mirror", mirror_ctr, mirror_map, mirror_dtr,
					mirror_resume};
