/* Direct I/O on the toy filesystem's file, from memory of a program's whose pins are counted. */
#pragma once

#include "tests/host/fakes/toyfs.h"

#include "fs/cache/direct_io.h"

#define BYTES	    (512u << 10) /* of the file */
#define SECTOR	    512u
#define ORDER	    7u
#define FRAMES	    (1u << ORDER)
#define MOST_FLYING 16

extern struct toyfs fs;
extern u8 model[BYTES]; /* what the file should hold */
extern u8 shadow[BYTES];
extern u8 *user; /* the program's memory: FRAMES pages */

/* Of each test. At the end every pin has gone, and everything else with it. */
int direct_setup(void **state);
int direct_teardown(void **state);
#define T(name) cmocka_unit_test_setup_teardown(name, direct_setup, direct_teardown)

/* Random bytes. */
void fill(u8 *p, size_t len);
void start_fs(u32 blksize, bool scatter);
/* A file whose blocks are all there, holding random bytes. */
void full_file(u32 blksize, bool scatter);
/* Read or write, and wait. Returns: bytes, or -errno. */
ssize_t direct(bool write, u64 pos, const void *data, size_t len, u32 flags);

/* --- asynchronous ------------------------------------------------------------------------- */

struct flight {
	struct kiocb iocb;
	struct dio dio;
	bool write;
	u64 pos, len;
	u8 *at;
	u8 data[64 * SECTOR]; /* of a write */
};

extern struct flight flights[MOST_FLYING];
extern bool flying[MOST_FLYING];
extern ssize_t last_result; /* of the flight that has landed last */
extern u32 completions;

/* Returns: -EIOCBQUEUED when it flies. */
ssize_t take_off(struct flight *f, bool write, u64 pos, u64 len, u32 flags);
/* ki_complete: what was read is as the model says. */
void landed(struct kiocb *iocb, ssize_t result);
void land_all(void);
