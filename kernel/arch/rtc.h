/* The CMOS clock. For kernel/arch/clock.c. */
#pragma once

#include "kernel/lib/types.h"

/* Seconds since 1970, UTC. Context: boot. */
u64 rtc_read_seconds(void);
