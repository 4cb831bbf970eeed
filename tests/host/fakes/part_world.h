/* A fake disk whose partition tables a test writes, and looks at what is made of them. */
#pragma once

#include "tests/host/fakes/fake_driver.h"

extern struct fake_disk d;
extern u32 block; /* logical block size */

int parts_setup(void **state);
int parts_teardown(void **state);
#define T(name) cmocka_unit_test_setup_teardown(name, parts_setup, parts_teardown)

/* The other logical block size: a disk of its own. */
void start_4k(void);
/* An entry of the MBR, or of the table of a logical partition, in block `lba`. */
void mbr_put(u64 lba, u32 slot, u8 type, u32 first, u32 nr);
/* Read the table again. Returns: 0 or -errno. */
int scan(void);
/* That the partition is there, and where. */
void expect(u32 partno, sector_t first, sector_t nr);
u32 how_many(void);
