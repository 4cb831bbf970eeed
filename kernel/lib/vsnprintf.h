/*
 * Formatted output into a buffer.
 *
 * Formats: %d %u %x %c %s %p %% with l, ll, z, flags - 0 #, and a width.
 * Also there: formatted text
 */
#pragma once

#include <stdarg.h>

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* As C99's: the length that the whole output has, even when cut. Context: any. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int snprintf(char *buf, size_t size, const char *fmt, ...) printf_like(3, 4);
