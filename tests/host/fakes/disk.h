/* The block device of fakes/disk.c. A test sets fake_schedule_hook = fake_disk_complete_one. */
#pragma once

#include "kernel/lib/types.h"

#define FAKE_DISK_BYTES (72u << 20)

struct block_device;

struct fake_disk_stats {
	u64 bios, requests, flushes;
};

extern u8 fake_disk[FAKE_DISK_BYTES];
extern struct fake_disk_stats fake_disk_stats;
extern u64 fake_disk_bad_sector; /* reads and writes of it fail */
extern bool fake_disk_fail_writes, fake_disk_fail_reads;

struct block_device *fake_disk_bdev(sector_t sectors);
bool fake_disk_complete_one(void);
