/* Failing the n-th allocation. */
#include "tests/host/fakes/fail.h"
#include "tests/host/host.h"

#include "kernel/mm/page.h"

static u32 countdown;

void mm_fail_after(u32 n)
{
	countdown = n;
}

bool fake_should_fail(void)
{
	return countdown != 0 && --countdown == 0;
}
