/*
 * Memory and string functions with the C library's meaning.
 * Also there: memory and strings
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

#ifdef HOST_TEST
#include <string.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
#endif

/* Copy at most size - 1 bytes and always terminate.
 * Returns: the length copied, or -E2BIG when `src` was cut. */
ssize_t strscpy(char *dst, const char *src, size_t size);
/* Parse an unsigned number; base 0 takes 0x and 0 prefixes. Stores the rest in *end; end NULL:
 * there must be none. Returns: 0, -EINVAL (no number) or -ERANGE. */
int must_check kstrtou64(const char *s, unsigned int base, u64 *value, const char **end);
