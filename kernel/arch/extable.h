/*
 * Instructions of the kernel that may fault: the fault goes on at the fixup instead of stopping the
 * kernel. Entries are made by EXTABLE in asm.inc.
 * Also there: faults of the kernel that are expected
 */
#pragma once

#include "kernel/lib/types.h"

/* Where to go on when the instruction at rip faulted, or 0. Context: any. */
u64 extable_find(u64 rip);
