/* Two disks in memory, "vda" and "vdb", below the real page cache and filesystems: bios end at
 * once. */
#pragma once

#include "kernel/lib/types.h"

#define FAKE_BDEVS 2

struct fake_bdev {
	u8 *data;
	u64 bytes;
	bool read_only;
	u64 reads, writes, flushes;  /* bios that came */
	sector_t bad_start, bad_end; /* I/O that touches [start, end) fails */
	u64 fail_writes_after;	     /* this many more writes succeed; 0: all */
};
extern struct fake_bdev fake_bdev[FAKE_BDEVS];

/* Put other contents in (nobody has the disk open). Owns: data, from malloc. */
void fake_bdev_load(int nr, u8 *data, u64 bytes);
