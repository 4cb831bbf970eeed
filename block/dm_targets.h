/* The simple targets of the device mapper, and what they share. */
#pragma once

#include "block/dm.h"

extern const struct dm_target_ops dm_linear, dm_striped, dm_delay, dm_error;

/* A whole word as a decimal number. Returns: 0 or -EINVAL. */
int must_check dm_number(const char *s, u64 *value);
