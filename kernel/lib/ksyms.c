/*
 * Lookup in the symbol table that tools/mksyms made.
 * Also there: names in a backtrace
 */
#include "kernel/lib/ksyms.h"

#define KSYM_BASE 0xffffffff80000000ull

const char *ksym_lookup(u64 addr, u64 *offset)
{
	u32 low = 0, high = ksym_count; /* the wanted symbol is in [low - 1, high - 1) */

	if (addr < KSYM_BASE || ksym_count == 0 || addr - KSYM_BASE < ksym_offsets[0])
		return NULL;
	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (ksym_offsets[mid] <= addr - KSYM_BASE)
			low = mid + 1;
		else
			high = mid;
	}
	*offset = addr - KSYM_BASE - ksym_offsets[low - 1];
	return ksym_names + ksym_name_offsets[low - 1];
}
