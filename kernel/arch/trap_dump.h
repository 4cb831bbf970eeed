/* The end of a kernel that faulted. For kernel/arch. */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct trapframe;

/* Print registers and backtrace of the frame and panic. addr: of a page fault. Context: any. */
void trap_die(const struct trapframe *tf, u64 addr) __noreturn;
/* Tell panic() how to end. */
void trap_dump_init(void);
