/* Two disks in memory, "vda" and "vdb", below the real page cache and filesystems: bios end at
 * once. */
#pragma once

#include "kernel/lib/types.h"

#define RAMDISKS 2

struct ramdisk {
	u8 *data;
	u64 bytes;
	bool read_only;
	u64 reads, writes, flushes;  /* bios that came */
	sector_t bad_start, bad_end; /* I/O that touches [start, end) fails */
	u64 fail_writes_after;	     /* this many more writes succeed; 0: all */
};
extern struct ramdisk ramdisk[RAMDISKS];

/* Put other contents in (nobody has the disk open). Owns: data, from malloc. */
void ramdisk_load(int nr, u8 *data, u64 bytes);
