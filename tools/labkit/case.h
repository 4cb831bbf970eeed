/*
 * What a host case of a lab includes first. A case is a function
 *
 *	CASE(add_one) { ... CHECK(condition, "what is wrong, with %u", value); }
 *
 * named add-one in the lab's table. The program runs one case and tells its verdict on a
 * descriptor of its own: what is printed earns nothing.
 */
#pragma once

#include "tests/host/host.h"

struct lab_case {
	const char *name;
	void (*run)(void);
	struct lab_case *next;
};
void lab_add_case(struct lab_case *c);

#define CASE(id)                                                         \
	static void case_##id(void);                                     \
	static struct lab_case lab_case_##id = {#id, case_##id, NULL};   \
	__attribute__((constructor)) static void lab_register_##id(void) \
	{                                                                \
		lab_add_case(&lab_case_##id);                            \
	}                                                                \
	static void case_##id(void)

/* End the case as failed, with a sentence for the student. */
_Noreturn void lab_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define CHECK(cond, ...)                       \
	do {                                   \
		if (!(cond))                   \
			lab_fail(__VA_ARGS__); \
	} while (0)

/* Numbers drawn from the seed: from 0 to below - 1. */
u32 lab_random(u32 below);
/* Called at each barrier (smp_mb 'M', smp_rmb 'R', smp_wmb 'W'); NULL: nobody. */
extern void (*lab_barrier_hook)(char which);
/* Barriers so far, each by its letter. */
u32 lab_barriers(char which);
