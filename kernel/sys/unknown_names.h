/* Names of Linux system calls that Ringlet lacks, for the message about them. */
#pragma once

#include "kernel/lib/types.h"

/* Returns: NULL when the number has no name here. */
const char *syscall_unknown_name(u64 nr);
