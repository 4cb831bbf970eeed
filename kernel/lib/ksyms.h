/*
 * The kernel's own symbol table, made by tools/mksyms at link time, for backtraces.
 * Also there: names in a backtrace
 */
#pragma once

#include "kernel/lib/types.h"

extern const u32 ksym_count;
extern const u32 ksym_offsets[];      /* text address minus the kernel's base, ascending */
extern const u32 ksym_name_offsets[]; /* into ksym_names */
extern const char ksym_names[];

/* The function that holds `addr` and the offset into it, or NULL. Context: any. */
const char *ksym_lookup(u64 addr, u64 *offset);
