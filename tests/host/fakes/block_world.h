/* One fake disk "vda" below the real block layer, and bios that are counted when they end. */
#pragma once

#include "block/blk-stat.h"
#include "tests/host/fakes/fake_driver.h"

extern struct fake_disk d;
extern struct block_device *bdev;    /* the whole disk */
extern u32 ended, errors;	     /* bios that did, and those of them that failed */
extern int last_status;		     /* of the bio that ended last */
extern char order[128], failed[128]; /* the marks of the bios that ended, and that failed */
extern bool check_reads;	     /* that they found their mark */

/* Make the disk; it replaces the one that teardown has removed. Returns: 0. */
int block_start(u16 rings, u16 depth, const struct queue_limits *lim);
/* Of each test. What is left in memory at the end fails the test. */
int block_setup(void **state);
int block_teardown(void **state);
#define T(name) cmocka_unit_test_setup_teardown(name, block_setup, block_teardown)

/* Submit a bio that writes, or should find, bytes of value `mark`. */
void send_bio(blk_opf_t opf, sector_t sector, u32 sectors, char mark);
/* Let time pass, and the disk complete all that it has. */
void drain(void);
