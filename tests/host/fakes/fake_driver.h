/*
 * A driver below the real block layer, and its disk: an array of bytes. It takes requests, checks
 * them against the queue's limits, and completes them when and how the test says.
 */
#pragma once

#include "block/blkdev.h"

#define DISK_SECTORS 2048u /* of a disk with no other size */
#define DISK_BYTES   (DISK_SECTORS * SECTOR_SIZE)
#define MAX_RINGS    4

struct fake_disk {
	struct gendisk *disk;
	struct request_queue *q;
	sector_t sectors;
	u8 *data;    /* what the device would read back */
	u8 *durable; /* what a power cut would leave; NULL: nobody asks */
	struct request *flying[256];
	u32 nr_flying, per_ring[MAX_RINGS], ring_size;
	bool unnotified[MAX_RINGS]; /* queued, not committed yet */
	bool auto_complete, random_order;
	bool has_fua;
	sector_t bad_sector; /* an access to it fails; ~0: none */
	bool fail_reads, fail_writes;
	u32 fail_flushes; /* the next so many flushes fail */
	bool reject;	  /* queue_rqs fails all at once */
	u32 nr_requests, nr_flushes, nr_busy, nr_timeouts, most_flying;
	u32 kinds[16];		/* requests by operation */
	char trace[256];	/* one letter a request: R W F D Z */
	u32 nr_polls;		/* each takes 10 us */
	u32 done_at_poll;	/* which one from now on finds a request that has ended; 0: none */
	bool silent[MAX_RINGS]; /* polled, and need not signal completions */
};

/* Make "name" with these limits (NULL: the queue's own). Asserts success. */
void fake_disk_create(struct fake_disk *d, const char *name, u16 rings, u16 depth,
		      const struct queue_limits *lim);
/* The same of any size, and without `durable`. */
void fake_disk_create_sized(struct fake_disk *d, const char *name, u16 rings, u16 depth,
			    const struct queue_limits *lim, sector_t sectors);
void fake_disk_remove(struct fake_disk *d);
/* The rest of it, after del_gendisk(). */
void fake_disk_free(struct fake_disk *d);
/* Complete one request in flight (the oldest, or any). Returns: whether there was one. */
bool fake_disk_complete_one(struct fake_disk *d);
/* For fake_schedule_hook: complete something on any of the disks. */
bool fake_disks_progress(void);
u32 fake_random(u32 below);
/* Set up the block layer once. */
void fake_block_init(void);
/* A bio over `sectors` of fresh pages, filled with `fill`. */
struct bio *fake_bio(struct block_device *bdev, blk_opf_t opf, sector_t sector, u32 sectors,
		     u8 fill);
void fake_bio_free(struct bio *bio);
/* Open by name. */
struct block_device *fake_open(const char *name);
