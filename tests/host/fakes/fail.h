/* Failing the n-th allocation, of the heap or of pages (mm_fail_after). */
#pragma once

#include "kernel/lib/types.h"

bool fake_should_fail(void);
