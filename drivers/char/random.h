/*
 * Random bytes for programs and the kernel: ChaCha20, seeded from the processor and from the timing
 * of interrupts.
 * Also there: terminals and character devices
 */
#pragma once

#include "kernel/lib/types.h"

/* Fill buf. Never fails and never waits. Context: any. */
void get_random_bytes(void *buf, size_t len);
