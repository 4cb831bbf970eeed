/*
 * What the files of kernel/sched tell each other and nobody else.
 * Also there: inside this folder
 */
#pragma once

#include "kernel/sched/thread.h"

/* sched.c: the first thing that a thread does after another one switched to it. */
void sched_finish_switch(void);
