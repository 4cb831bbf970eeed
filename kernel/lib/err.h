/*
 * Pointers that carry -errno, as Linux's err.h.
 * Also there: errors in pointers
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#define MAX_ERRNO 4095l

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}
static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}
static inline bool IS_ERR(const void *ptr)
{
	return unlikely((unsigned long)ptr >= (unsigned long)-MAX_ERRNO);
}
/* The same error as a pointer to another type. */
static inline void *ERR_CAST(const void *ptr)
{
	return ERR_PTR(PTR_ERR(ptr));
}
