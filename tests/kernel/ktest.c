/* Runs the in-kernel tests in the order of their files and prints TAP. */
#include "tests/kernel/ktest.h"

#include "kernel/arch/power.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

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

/* `ktest` runs all, `ktest=suite` those of one suite. */
static bool wanted(const struct ktest *test)
{
	const char *suite = cmdline_get("ktest");

	return !suite || !*suite || strcmp(suite, test->suite) == 0;
}

void ktest_run(void)
{
	unsigned int count = 0, nr = 0, bad = 0;

	for (const struct ktest *test = __ktest_start; test < __ktest_end; test++)
		count += wanted(test);
	printk("1..%u\n", count);
	for (const struct ktest *test = __ktest_start; test < __ktest_end; test++) {
		if (!wanted(test))
			continue;
		nr++;
		failed = false;
		skipped = NULL;
		test->fn();
		printk("%sok %u - %s: %s%s%s\n", failed ? "not " : "", nr, test->suite, test->name,
		       skipped ? " # SKIP " : "", skipped ? skipped : "");
		if (failed)
			bad++;
	}
	printk("# %u of %u failed\n", bad, count);
	power_exit_qemu(bad != 0 || count == 0);
}
