/*
 * The kernel command line, parsed as Linux does. Blanks separate words, and "quotes" keep blanks. A
 * word is `key` or `key=value`; the last one of a key counts. `--` ends it: the rest is for init.
 * Also there: settings at boot
 */
#pragma once

#include "kernel/lib/types.h"

/* Keep a copy of the boot loader's string. Called once, first thing. */
void cmdline_init(const char *raw);
/* The whole line as given, for /proc/cmdline. */
const char *cmdline_raw(void);
/* The value of key ("" for a bare key), or NULL. */
const char *cmdline_get(const char *key);
/* The n-th value of a key that may be given several times (console=), or NULL. */
const char *cmdline_get_nth(const char *key, unsigned int n);
/* A toggle: absent gives `dflt`; 0, n, off give false, all else true. */
bool cmdline_bool(const char *key, bool dflt);
u64 cmdline_u64(const char *key, u64 dflt);
