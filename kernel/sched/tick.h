/*
 * The tick: time is accounted to threads, slices end, timers run.
 * Also there: processor time is counted
 */
#pragma once

#include "kernel/lib/types.h"

struct thread;

/* For clock_init. Context: interrupt. */
void sched_tick(bool from_user);
/* Called when one of a thread's cpu_timer_ns has come; it sets it anew. Set once at boot.
 * Context of the hook: interrupt. */
extern void (*sched_cpu_timer_hook)(struct thread *t);
/* Averages of sched_nr_running() over 1, 5 and 15 minutes in 1/2048, as Linux's avenrun. */
void sched_loadavg(u64 avg[3]);
/* How long the processor had nothing to do. */
u64 sched_idle_ns(void);
