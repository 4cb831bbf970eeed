/*
 * The thread that runs softirqs where they could not run at once.
 * Also there: softirqs do not starve threads
 */
#pragma once

/* Create it; softirqs run from now on. Panics without memory. Context: boot. */
void ksoftirqd_init(void);
