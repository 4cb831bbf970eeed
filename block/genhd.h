/*
 * Disks and block devices: majors, gendisk, block_device, and the way from a device number to one.
 *
 * A gendisk is a whole disk of a driver. A block_device is what can be opened: the whole disk
 * (partno 0) or one partition. Device numbers follow Linux's encoding: major 12 bits, minor 20.
 *
 * Lock order: open_mutex, then the device table's lock or the queue's, one at a time.
 * Path: hop 2
 */
#pragma once

#include "block/disk_stats.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

struct bio;
struct inode;
struct request_queue;
struct gendisk;

#define MKDEV(major, minor)                                        \
	((dev_t)((((u64)(minor)) & 0xff) | (((u64)(major)) << 8) | \
		 ((((u64)(minor)) & ~0xffull) << 12)))
#define MAJOR(dev) ((u32)(((dev) >> 8) & 0xfff))
#define MINOR(dev) ((u32)(((dev)&0xff) | (((dev) >> 12) & 0xfff00)))

#define BLKDEV_MAJORS	512u
#define DISK_NAME_LEN	32
#define DISK_SERIAL_LEN 20
#define DISK_MAX_PARTS	16 /* minors a disk */

struct block_device {
	dev_t bd_dev;		 /* [const] */
	u8 bd_partno;		 /* [const] 0: whole disk */
	struct gendisk *bd_disk; /* [const] */
	sector_t bd_start_sect;	 /* [const while open] */
	sector_t bd_nr_sectors;	 /* [atomic read; open_mutex to change] */
	bool bd_read_only;	 /* [open_mutex] */
	u32 bd_openers;		 /* [open_mutex] */
	void *bd_holder;	 /* [open_mutex] exclusive owner (a mounted filesystem), or NULL */
	u32 bd_holders;		 /* [open_mutex] how often it has opened */
	atomic_t bd_refs;	 /* [atomic] the last one frees; each keeps the disk */
	struct inode *bd_inode;	 /* [const once made; bdev_lock to make] its cache, or NULL */
	u32 bd_block_size;	 /* [bdev_lock to change] soft block size, bytes */
	struct list_head hash;	 /* [table_lock] empty: not visible */
	struct disk_stats bd_stats;
};

struct block_device_operations {
	/* For devices without a queue: take the bio, remap and resubmit or end it. Else NULL. */
	void (*submit_bio)(struct bio *bio);
	int (*open)(struct gendisk *disk, bool write);
	void (*release)(struct gendisk *disk);
	/* Driver's own ioctls; -ENOTTY for others. `arg` is a user pointer or value. */
	int (*ioctl)(struct block_device *bdev, u32 cmd, u64 arg);
	/* How often the device was told of requests, and how often it told of finished ones; NULL:
	 * not known. Context: any. */
	void (*get_signals)(const struct gendisk *disk, u64 *notifications, u64 *interrupts);
	/* Switch the device's volatile cache on or off; NULL: fixed. Context: sleeps. */
	int (*set_write_cache)(struct gendisk *disk, bool on);
};

/* What the device can do; set by the driver before device_add_disk, constant afterwards unless
 * noted. Units in the names. */
struct queue_limits {
	u32 logical_block_size;	 /* bytes, power of two 512..4096 */
	u32 physical_block_size; /* bytes */
	u32 io_min_bytes, io_opt_bytes, alignment_offset_bytes;
	u32 max_sectors;  /* of one request */
	u16 max_segments; /* pieces of one request */
	u32 max_segment_size_bytes;
	u32 seg_boundary_bytes; /* a piece crosses no multiple of it: power of two, 0 for none */
	u32 max_discard_sectors, max_write_zeroes_sectors; /* 0: not supported */
	u32 discard_granularity_bytes;
	u16 max_discard_segments;
};

struct gendisk {
	char disk_name[DISK_NAME_LEN];		    /* [const] "vda" */
	char serial[DISK_SERIAL_LEN + 1];	    /* [const] */
	u32 major, first_minor, minors;		    /* [const] */
	const struct block_device_operations *fops; /* [const] */
	struct request_queue *queue;		    /* [const] NULL: stacked device */
	void *private_data;			    /* driver's */
	bool read_only;				    /* [open_mutex] */
	bool write_cache; /* [const once added] stacked: a lower disk has a volatile cache */
	struct queue_limits limits;	/* [const once added] the queue's, or what a stack can do */
	bool dead;			/* [atomic] removed: all I/O fails */
	atomic_t refs;			/* [atomic] the driver's, and one of each block_device */
	atomic_t submitters;		/* [atomic] threads inside submit_bio for it */
	struct wait_queue_head drained; /* submitters became 0 while dead */
	struct mutex open_mutex;
	struct block_device *part[DISK_MAX_PARTS]; /* [open_mutex] part[0]: whole disk */
};

/* major 0 picks a free one. Returns: the major or -EBUSY. */
int must_check register_blkdev(u32 major, const char *name);
void unregister_blkdev(u32 major);
extern const char *blkdev_names[BLKDEV_MAJORS]; /* [atomic] who has the major, or NULL */
/* "vda".."vdz", "vdaa"..: index to letters, as Linux's virtblk_name_format. */
void disk_name_format(const char *prefix, u32 index, char *buf, size_t size);

/* A disk with one whole-disk block_device. Returns: NULL if no memory. Owns: the driver. */
struct gendisk *must_check alloc_disk(u32 minors);
void put_disk(struct gendisk *disk);
/* Sectors of 512 bytes; also grows or shrinks a live disk and prints the change. Context:
 * sleeps. */
void set_capacity(struct gendisk *disk, sector_t sectors);
sector_t get_capacity(const struct gendisk *disk);
/* Make it visible: enters it and its partitions into the table. Returns: 0 or -errno. */
int must_check device_add_disk(struct gendisk *disk);
/* Take it out: new I/O and opens fail, I/O in flight is waited for. Context: sleeps. */
void del_gendisk(struct gendisk *disk);

/* Set by fs, or NULL: the page cache of a device (bd_inode, if it has one) goes with it, and
 * learns its new size. */
extern void (*bdev_free_inode)(struct inode *inode);
extern void (*bdev_size_changed)(struct block_device *bdev);
/* The same for what has its name: a device is gone, and none of that name has come. May sleep. */
extern void (*bdev_removed)(const char *name);
/* BLKRRPART: forget the partitions and read the table again. Returns: 0, -EBUSY (one is open, or
 * the disk is claimed: by another than `holder`), -EINVAL (cannot have any). Context: sleeps. */
int must_check blkdev_reread_part(struct block_device *bdev, const void *holder);

/* Open for use. `holder` not NULL: exclusive (-EBUSY if held by another). Errors: -ENXIO (no such
 * device), -EBUSY, -EROFS (writing a read-only one). Context: sleeps. */
struct block_device *must_check blkdev_get_by_dev(dev_t dev, bool write, void *holder);
void blkdev_put(struct block_device *bdev, void *holder);
/* The same but for bdput. Locks: open_mutex held. */
void blkdev_put_locked(struct block_device *bdev, void *holder);
/* "/dev/vda1" or "vda1" or "254:1" to a number. Returns: 0 (no such device) or the number. */
dev_t blk_lookup_devt(const char *name);
/* A reference to the device with this number, opened or not, or NULL; and its end. It keeps the
 * memory of the disk, not the disk: look at `dead` under open_mutex. */
struct block_device *must_check bdget(dev_t dev);
/* The same of the device with the lowest number from this on. */
struct block_device *must_check bdget_next(dev_t dev);
void bdput(struct block_device *bdev);
/* BLKROSET: of a whole disk, its partitions too. Context: sleeps. */
void bdev_set_read_only(struct block_device *bdev, bool read_only);
/* Walk all block devices in order of their numbers; stops at non-zero. Context: sleeps. */
int blk_for_each_device(int (*fn)(struct block_device *bdev, void *arg), void *arg);
/* "vda1". */
void bdev_name(const struct block_device *bdev, char *buf, size_t size);
bool bdev_read_only(const struct block_device *bdev);
static inline u32 bdev_logical_block_size(const struct block_device *bdev) /* bytes */
{
	return bdev->bd_disk->limits.logical_block_size;
}
static inline sector_t bdev_nr_sectors(const struct block_device *bdev)
{
	return READ_ONCE(bdev->bd_nr_sectors);
}
