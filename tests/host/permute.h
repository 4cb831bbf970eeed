/*
 * A case run under each combination of some parameters; when it fails, the combination is named.
 *
 *	static const struct perm_axis axes[] = {
 *		{"blksize", 2, {1024, 4096}}, {"scatter", 2, {0, 1}}, {NULL}};
 *	static void copies(const u32 *v) { ... v[0] is the block size, v[1] ... }
 *	...
 *		PERMUTED(copies, axes, setup, teardown),
 *
 * PERM="blksize=4096 scatter=1" in the environment runs that combination alone.
 */
#pragma once

#include "tests/host/host.h"

#define PERM_AXES   4
#define PERM_VALUES 16

struct perm_axis {
	const char *name; /* NULL: no more axes */
	u32 nr, values[PERM_VALUES];
	const char *const *names; /* of the values, which are 0 to nr - 1; NULL: see `values` */
};

struct permuted {
	void (*fn)(const u32 *values);
	const struct perm_axis *axes;
	CMFixtureFunction setup, teardown; /* of each combination; may be NULL */
	bool running;			   /* setup has been called, teardown has not */
	char combination[200];
};

/* A test's body and its teardown; PERMUTED names them. */
void permute_run(void **state);
int permute_end(void **state);

/* clang-format off */
#define PERMUTED(fn, axes, setup, teardown) \
	{#fn, permute_run, NULL, permute_end, \
	 &(struct permuted){fn, axes, setup, teardown, false, ""}}
/* clang-format on */
