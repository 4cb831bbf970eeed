/*
 * The flusher: the thread that writes what has been dirty for long, or is too much.
 * Path: hop 6
 */
#pragma once

#include "kernel/lib/types.h"

void flusher_init(void); /* Context: once at boot. Panics if there is no memory. */
/* Write what was dirtied before `before` (~0: everything) without waiting for it. */
void writeback_older_than(ktime_t before);
