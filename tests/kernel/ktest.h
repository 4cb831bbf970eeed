/*
 * In-kernel tests: run by `ktest` on the command line, reported as TAP on the console.
 *
 * A test is a function in any file of tests/kernel, defined by KTEST(suite, name). It runs in a
 * thread, with everything up but user programs, and ends at the first KEXPECT that does not hold.
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct ktest {
	const char *suite; /* [const] */
	const char *name;  /* [const] */
	void (*fn)(void);  /* [const] */
};

#define KTEST(suite_, name_)                                                                  \
	static void name_(void);                                                              \
	static const struct ktest ktest_##name_ __attribute__((                               \
		__used__, __aligned__(8), __section__(".ktest"))) = {#suite_, #name_, name_}; \
	static void name_(void)

#define KEXPECT(cond)                                          \
	do {                                                   \
		if (!(cond)) {                                 \
			ktest_fail(#cond, __FILE__, __LINE__); \
			return;                                \
		}                                              \
	} while (0)

/* Say that the running test failed, and where. */
void ktest_fail(const char *what, const char *file, int line);
/* This test cannot run on this machine (no second disk, say): it counts as passed. */
void ktest_skip(const char *why);
/* Run all, print TAP, and leave QEMU: with code 0 only if all passed. Context: thread. */
void ktest_run(void) __attribute__((__noreturn__));
