/*
 * Kernel heap: power-of-two and 96/192-byte slabs up to 2 KiB, whole pages above, 1 MiB at most.
 * Also there: the heap
 */
#pragma once

#include "kernel/mm/page.h"

/* 16-byte aligned (naturally aligned for powers of two). Returns: NULL when out of memory or size
 * too large. Context: GFP_KERNEL may sleep. */
void *must_check kmalloc(size_t size, gfp_t gfp);
void *must_check kzalloc(size_t size, gfp_t gfp);
/* n * size with overflow check, zeroed. */
void *must_check kcalloc(size_t n, size_t size, gfp_t gfp);
char *must_check kstrdup(const char *s, gfp_t gfp);
/* NULL is allowed. Context: any. */
void kfree(const void *p);
