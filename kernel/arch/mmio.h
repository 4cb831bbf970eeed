/* Mappings that kernel/arch makes for itself: the APICs' registers and the ACPI tables. Drivers use
 * ioremap(). They are never undone. Context: boot, after mm_init. */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* Device registers, uncached. Returns: NULL when the room (FIXMAP_BASE) is used up. */
volatile void *must_check arch_map_mmio(u64 pa, size_t size);
/* Memory of the firmware, read-only. Returns: as above. */
const void *must_check arch_map_memory(u64 pa, size_t size);
