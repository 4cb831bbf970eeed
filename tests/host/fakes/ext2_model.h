/* What a filesystem at /mnt should hold, in memory, and random operations on both. */
#pragma once

#include "kernel/lib/types.h"

struct model_limits {
	u64 max_size;  /* of a file */
	u32 blocksize; /* offsets are chosen around its indirect blocks */
	bool tight;    /* -ENOSPC is an answer */
};

void model_reset(const struct model_limits *limits);
void model_random_op(void);
/* Compare everything. */
void model_verify(void);
/* Compare some files with what debugfs reads out of the image. */
void model_verify_outside(void);
