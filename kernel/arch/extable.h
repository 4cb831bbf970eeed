/*
 * Instructions of the kernel that may fault. Execution then goes on at the fixup, and the kernel
 * does not stop. EXTABLE in asm.inc makes the entries.
 * Also there: faults of the kernel that are expected
 */
#pragma once

#include "kernel/lib/types.h"

/* Where to go on when the instruction at rip faulted, or 0. Context: any. */
u64 extable_find(u64 rip);
