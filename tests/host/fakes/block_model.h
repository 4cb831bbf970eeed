/*
 * Random bios against an array of bytes: the model knows what each sector may hold, the disks
 * complete in any order, rings fill up, and requests fail.
 *
 * BLOCK_OPS sets the number of operations (a million by default over all cases).
 */
#pragma once

#include "tests/host/fakes/fake_driver.h"

#define MAX_SECTORS 4096u
#define MAX_FLYING  24u

struct op {
	bool used;
	struct bio *bio;
	sector_t sector;
	u32 sectors;
	u16 tag;
	enum req_op op;
};

extern struct fake_disk disk_a, disk_b, disk_c;
/* What a sector holds: one tag for all its bytes. 0xffff: not known (a write to it failed). */
extern u16 model[MAX_SECTORS];
extern u32 nr_sectors;	   /* of the device that run_model was given */
extern u32 flying;	   /* bios of the model's, now */
extern u32 failures, rate; /* bios that failed; run_model calls now_and_then one time of so many */
extern bool may_fail;	   /* bios over disk_a's bad sector */
extern u64 sent[3];	   /* sectors of reads, writes, discards */
extern struct op ops[MAX_FLYING];

/* Of each test. After it nothing of a disk is left, nor of the device mapper. */
int model_setup(void **state);
int model_teardown(void **state);
#define T(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

/* Limits that cut much; completions in any order. model_teardown() removes it. */
void make_disk(struct fake_disk *d, const char *name, u16 rings, u16 depth);
void make_three(void);
/* This case's share of all operations. */
u32 operations(u32 share);
/* discard: whether there are discards and zeroes too. */
void run_model(struct block_device *bdev, u32 count, u32 discard, void (*now_and_then)(void));
/* Run the model on dm-0, as this table of the device mapper makes it; afterwards what was sent is
 * counted once, however it was cut, tried again, or made to wait. */
void stacked(const char *table, u32 count, u32 discard, void (*now_and_then)(void));
/* One bio of the model's, if its range is free. Not more than MAX_FLYING. */
void submit_random(struct block_device *bdev, u32 discard);
/* A bio of odd pieces for this op, holding its tag; and its end, for bi_end_io. */
struct bio *random_bio(struct block_device *bdev, struct op *o);
void op_end(struct bio *bio);
/* Wait for all of the model's bios. */
void settle(void);

void put_tag(u8 *p, u16 tag);
/* Asserts that all bytes say the same. */
u16 get_tag(const u8 *p);
u16 tag_at(struct fake_disk *d, u32 sector);
