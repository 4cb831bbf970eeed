/*
 * Virtual disks made of ranges of others, as Linux's device mapper.
 *
 * A disk is a table of targets, each over a range of its sectors. A target maps a bio: sends it on,
 * to one device or several, or ends it. Described on the command line in Linux's form:
 *
 *	dm-mod.create="name,uuid,minor,rw|ro,table[,table]...[;name,...]"
 *
 * where a table line is `start length type arguments...` in sectors, and the types are
 *
 *	linear DEV START
 *	striped COUNT CHUNK DEV START [DEV START]...
 *	mirror core NARGS ARGS... COUNT DEV START DEV START...    (ARGS: [REGION] [nosync])
 *	delay DEV START MILLISECONDS
 *	error
 * Also there: disks made of others
 */
#pragma once

#include "block/blkdev.h"
#include "kernel/sched/workqueue.h"

#define DM_MAX_DEVS    8
#define DM_MAX_TARGETS 16

struct dm_target;

struct dm_target_ops {
	const char *name;
	/* Parse argv; dm_get_devices; write nothing yet. Returns: 0 or -errno. */
	int (*ctr)(struct dm_target *t, u32 argc, char **argv);
	/* Send on or end a bio that lies within the target and one chunk; its sector counts from
	 * the start of the disk. One without data is a flush: for all devices. Context: thread. */
	void (*map)(struct dm_target *t, struct bio *bio);
	/* Undo ctr; devices are put by dm.c. May be NULL. */
	void (*dtr)(struct dm_target *t);
	/* The disk is there: what the target does by itself begins. May be NULL. */
	void (*resume)(struct dm_target *t);
};
extern const struct dm_target_ops dm_linear, dm_striped, dm_delay, dm_error, dm_mirror;

struct dm_dev {
	struct block_device *bdev; /* [const] */
	sector_t start;		   /* [const] */
};

struct dm_target {
	struct dm_disk *dm;		 /* [const] */
	const struct dm_target_ops *ops; /* [const] */
	sector_t begin, len;		 /* [const] */
	sector_t chunk;			 /* [const] bios are cut at multiples of it; 0: are not */
	struct dm_dev devs[DM_MAX_DEVS]; /* [const] */
	u32 nr_devs;			 /* [const] */
	u64 arg;			 /* [const] the target's */
	void *private;			 /* [const] the target's */
};

struct dm_disk {
	struct list_head list;			  /* [driver] in dm_disks */
	struct gendisk *disk;			  /* [const] */
	bool write;				  /* [const] how the devices are open */
	struct dm_target targets[DM_MAX_TARGETS]; /* [const] */
	u32 nr_targets;				  /* [const] */
	struct spinlock lock;
	struct bio_list deferred; /* [lock] to be submitted by a thread */
	struct work work;
};

/* Make the virtual disks of the command line. Context: thread, when the disks that they are made of
 * are there. */
void dm_init(void);
/* Undo: every virtual disk goes, and what it is made of is free again. Nobody has one open. A
 * rebuild of a mirror is waited for. Context: sleeps. */
void dm_exit(void);

/* The operation of a virtual disk: a bio goes to its targets. */
void dm_submit_bio(struct bio *bio);
/* Of dm_disk.work: submits what is deferred. */
void dm_work(struct work *w);

/* A whole word as a decimal number. Returns: 0 or -errno. */
int must_check dm_number(const char *s, u64 *value);
/* Open `nr` devices named by pairs of arguments, each from START on for `len` sectors.
 * Returns: 0, -EINVAL (no such device, too small), or what opening gave. */
int must_check dm_get_devices(struct dm_target *t, u32 nr, char **argv, sector_t len);
struct dm_target *dm_find_target(struct dm_disk *dm, sector_t sector);
/* submit_bio from a thread, soon. Context: any. */
void dm_defer(struct dm_disk *dm, struct bio *bio);
/* The bio goes to one device of the target, at an offset within it. */
void dm_remap(struct dm_target *t, u32 dev, struct bio *bio, sector_t offset);

/* ioctl of a disk with mirrors: failed legs are rebuilt from the good ones, while I/O goes on. */
#define DM_MIRROR_REBUILD 0xfd40
int dm_mirror_ioctl(struct block_device *bdev, u32 cmd, u64 arg);
/* Made by dm_init: that of dm_defer, and another, for a copy may wait for what that one does. */
extern struct workqueue *dm_wq, *dm_rebuild_wq;
