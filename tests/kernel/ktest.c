/* Runs the in-kernel tests in the order of their files and prints TAP. */
#include "tests/kernel/ktest.h"

#include "kernel/arch/power.h"
#include "kernel/lib/printk.h"

extern const struct ktest __ktest_start[], __ktest_end[]; /* linker.ld */

static bool failed;	    /* [the test's thread] the running test */
static const char *skipped; /* [the test's thread] */

void ktest_fail(const char *what, const char *file, int line)
{
	failed = true;
	printk("# %s:%d: does not hold: %s\n", file, line, what);
}

void ktest_skip(const char *why)
{
	skipped = why;
}

void ktest_run(void)
{
	unsigned int count = (unsigned int)(__ktest_end - __ktest_start), bad = 0;

	printk("1..%u\n", count);
	for (unsigned int i = 0; i < count; i++) {
		const struct ktest *test = &__ktest_start[i];

		failed = false;
		skipped = NULL;
		test->fn();
		printk("%sok %u - %s: %s%s%s\n", failed ? "not " : "", i + 1, test->suite,
		       test->name, skipped ? " # SKIP " : "", skipped ? skipped : "");
		if (failed)
			bad++;
	}
	printk("# %u of %u failed\n", bad, count);
	power_exit_qemu(bad != 0 || count == 0);
}
