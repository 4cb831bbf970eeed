/*
 * Where linker.ld put the parts of the kernel image; all are page-aligned.
 * Also there: parts of the kernel image
 */
#pragma once

#include "kernel/lib/types.h"

extern char __kernel_start[], __kernel_end[]; /* all of it, from 1 MiB on */
extern char __text_start[], __text_end[];     /* executable, read-only */
extern char __rodata_start[], __rodata_end[]; /* read-only */
extern char __data_start[], __data_end[];     /* writable */
extern char __bss_start[], __bss_end[];	      /* writable, zero at boot */
