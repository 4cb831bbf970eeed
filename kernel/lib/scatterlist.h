/*
 * A piece of memory as a device sees it, as Linux's struct scatterlist after mapping.
 * Also there: a piece of memory as a device sees it
 */
#pragma once

#include "kernel/lib/types.h"

struct scatterlist {
	paddr_t addr;
	u32 len; /* bytes */
};
