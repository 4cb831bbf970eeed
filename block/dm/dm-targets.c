/*
 * Targets that keep no state: linear, striped, delay, error.
 * Also there: other kinds of stacked disks
 */
#include "block/dm/dm.h"

#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"

static sector_t offset_in(const struct dm_target *t, const struct bio *bio)
{
	return bio->bi_iter.bi_size ? bio->bi_iter.bi_sector - t->begin : 0;
}

/* --- linear: DEV START -------------------------------------------------------------------- */

static int linear_ctr(struct dm_target *t, u32 argc, char **argv)
{
	return argc == 2 ? dm_get_devices(t, 1, argv, t->len) : -EINVAL;
}

static void linear_map(struct dm_target *t, struct bio *bio)
{
	dm_remap(t, 0, bio, offset_in(t, bio));
}

const struct dm_target_ops dm_linear = {"linear", linear_ctr, linear_map, NULL, NULL};

/* --- striped: COUNT CHUNK DEV START... ---------------------------------------------------- */

static int striped_ctr(struct dm_target *t, u32 argc, char **argv)
{
	u64 nr, chunk;

	if (argc < 4 || dm_number(argv[0], &nr) || dm_number(argv[1], &chunk) || !nr || !chunk ||
	    nr > DM_MAX_DEVS || argc != 2 + 2 * nr || chunk > t->len || t->len % (nr * chunk))
		return -EINVAL;
	t->chunk = chunk;
	return dm_get_devices(t, (u32)nr, argv + 2, t->len / nr);
}

static void striped_map(struct dm_target *t, struct bio *bio)
{
	sector_t offset = offset_in(t, bio), chunk = offset / t->chunk;

	if (bio->bi_iter.bi_size) {
		dm_remap(t, (u32)(chunk % t->nr_devs), bio,
			 chunk / t->nr_devs * t->chunk + offset % t->chunk);
		return;
	}
	for (u32 i = 1; i < t->nr_devs; i++) {
		struct bio *clone = bio_alloc_clone(bio);

		bio_chain(clone, bio);
		dm_remap(t, i, clone, 0);
	}
	dm_remap(t, 0, bio, 0);
}

const struct dm_target_ops dm_striped = {"striped", striped_ctr, striped_map, NULL, NULL};

/* --- delay: DEV START MILLISECONDS -------------------------------------------------------- */

struct delayed {
	struct timer timer;
	struct dm_target *target;
	struct bio *bio;
};

static int delay_ctr(struct dm_target *t, u32 argc, char **argv)
{
	if (argc != 3 || dm_number(argv[2], &t->arg) || t->arg > 3600 * 1000)
		return -EINVAL;
	return dm_get_devices(t, 1, argv, t->len);
}

static void delay_over(struct timer *timer)
{
	struct delayed *d = container_of(timer, struct delayed, timer);

	dm_defer(d->target->dm, d->bio);
	kfree(d);
}

static void delay_map(struct dm_target *t, struct bio *bio)
{
	struct delayed *d = kmalloc(sizeof(*d), GFP_NOFS);

	bio_set_dev(bio, t->devs[0].bdev, t->devs[0].start + offset_in(t, bio));
	if (!d) { /* late is better than never */
		submit_bio(bio);
		return;
	}
	d->target = t;
	d->bio = bio;
	timer_init(&d->timer, delay_over);
	timer_mod(&d->timer, ktime_get_ns() + t->arg * NSEC_PER_MSEC);
}

const struct dm_target_ops dm_delay = {"delay", delay_ctr, delay_map, NULL, NULL};

/* --- error -------------------------------------------------------------------------------- */

static int error_ctr(struct dm_target *t, u32 argc, char **argv)
{
	(void)t;
	(void)argv;
	return argc ? -EINVAL : 0;
}

static void error_map(struct dm_target *t, struct bio *bio)
{
	(void)t;
	bio_io_error(bio, bio->bi_iter.bi_size ? -EIO : 0);
}

const struct dm_target_ops dm_error = {"error", error_ctr, error_map, NULL, NULL};
