/*
 * The device mapper's core: tables from the command line, cutting bios at targets, flushes.
 *
 * Each part of a bio that a target gets is counted as an I/O of the disk, as Linux does; a flush as
 * a write of nothing.
 *
 * A write with PREFLUSH waits until all devices of the disk have flushed: first an empty flush is
 * sent to all, then the write without the flag.
 * Also there: disks made of others, which the loop of hop 9 goes through
 */
#include "block/dm/dm.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/err.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define MAX_ARGS 40

static struct workqueue *dm_wq;
struct workqueue *dm_rebuild_wq;
static u32 dm_major, next_minor;

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

static void dm_work(struct work *w)
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

static void dm_submit_bio(struct bio *bio)
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

static const struct block_device_operations dm_fops = {
	.submit_bio = dm_submit_bio,
	.ioctl = dm_mirror_ioctl,
};

/* --- tables ------------------------------------------------------------------------------- */

static const struct dm_target_ops *const target_types[] = {&dm_linear, &dm_striped, &dm_mirror,
							   &dm_delay, &dm_error};

/* The next word of *s up to a character of `stop`, terminated; NULL at the end. */
static char *next_field(char **s, char stop)
{
	char *start = *s, *end;

	if (!start)
		return NULL;
	end = strchr(start, stop);
	if (end)
		*end++ = '\0';
	*s = end;
	return start;
}

static u32 split_words(char *line, char **argv)
{
	u32 argc = 0;
	char *word;

	while (argc < MAX_ARGS && (word = next_field(&line, ' ')) != NULL)
		if (*word)
			argv[argc++] = word;
	return argc;
}

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

static int add_target(struct dm_disk *dm, char *line)
{
	struct dm_target *t = &dm->targets[dm->nr_targets];
	char *argv[MAX_ARGS];
	u32 argc = split_words(line, argv);

	if (argc < 3 || dm->nr_targets == DM_MAX_TARGETS || dm_number(argv[0], &t->begin) ||
	    dm_number(argv[1], &t->len) || t->begin != get_capacity(dm->disk) || !t->len ||
	    t->len > (1ull << 48))
		return -EINVAL;
	for (u32 i = 0; i < ARRAY_SIZE(target_types); i++)
		if (strcmp(target_types[i]->name, argv[2]) == 0)
			t->ops = target_types[i];
	if (!t->ops)
		return -EINVAL;
	t->dm = dm;
	dm->nr_targets++;
	set_capacity(dm->disk, t->begin + t->len);
	return t->ops->ctr(t, argc - 3, argv + 3);
}

static void dm_free(struct dm_disk *dm)
{
	for (u32 i = 0; i < dm->nr_targets; i++) {
		struct dm_target *t = &dm->targets[i];

		if (t->ops->dtr)
			t->ops->dtr(t);
		for (u32 dev = 0; dev < t->nr_devs; dev++)
			blkdev_put(t->devs[dev].bdev, dm);
	}
	put_disk(dm->disk);
	kfree(dm);
}

static struct dm_disk *dm_alloc(bool write, u32 minor)
{
	struct dm_disk *dm = kzalloc(sizeof(*dm), GFP_KERNEL);

	if (!dm || !(dm->disk = alloc_disk(1))) {
		kfree(dm);
		return NULL;
	}
	spin_lock_init(&dm->lock, "dm", LOCK_ANY);
	work_init(&dm->work, dm_work);
	dm->write = write;
	dm->disk->read_only = !write;
	dm->disk->major = dm_major;
	dm->disk->first_minor = minor;
	dm->disk->fops = &dm_fops;
	dm->disk->private_data = dm;
	snprintf(dm->disk->disk_name, sizeof(dm->disk->disk_name), "dm-%u", minor);
	return dm;
}

/* One disk of the command line: "name,uuid,minor,flags,table,table...". */
static int dm_create(char *spec)
{
	char *name = next_field(&spec, ','), *uuid = next_field(&spec, ','),
	     *minor = next_field(&spec, ','), *mode = next_field(&spec, ','), *line;
	u64 nr = next_minor;
	struct dm_disk *dm;
	int err = -EINVAL;

	(void)uuid;
	if (!spec || (*minor && dm_number(minor, &nr)) || nr > 255 ||
	    (strcmp(mode, "rw") != 0 && strcmp(mode, "ro") != 0))
		return -EINVAL;
	dm = dm_alloc(strcmp(mode, "ro") != 0, (u32)nr);
	if (!dm)
		return -ENOMEM;
	while ((line = next_field(&spec, ',')) != NULL) {
		err = add_target(dm, line);
		if (err)
			goto err_free;
	}
	err = device_add_disk(dm->disk);
	if (err)
		goto err_free;
	for (u32 i = 0; i < dm->nr_targets; i++)
		if (dm->targets[i].ops->resume)
			dm->targets[i].ops->resume(&dm->targets[i]);
	next_minor = (u32)nr + 1;
	printk("%s: %s, %llu sectors in %u targets\n", dm->disk->disk_name, name,
	       (unsigned long long)get_capacity(dm->disk), dm->nr_targets);
	return 0;

err_free:
	dm_free(dm);
	return err;
}

void dm_init(void)
{
	const char *given = cmdline_get("dm-mod.create");
	char *copy, *rest, *spec;
	int major, err;

	if (!given)
		return;
	major = register_blkdev(0, "device-mapper");
	copy = rest = kstrdup(given, GFP_KERNEL);
	dm_wq = workqueue_create("kdm");
	dm_rebuild_wq = workqueue_create("kdm-rebuild");
	if (major < 0 || !copy || !dm_wq || !dm_rebuild_wq)
		panic("dm: no memory for the disks of the command line");
	dm_major = (u32)major;
	while ((spec = next_field(&rest, ';')) != NULL) {
		err = dm_create(spec);
		if (err)
			printk("dm: '%s' cannot be made: error %d\n", spec, -err);
	}
	kfree(copy);
}
