#include "tests/host/permute.h"

static void name_combination(struct permuted *p, const u32 *values)
{
	size_t at = 0;

	for (u32 i = 0; p->axes[i].name; i++) {
		const struct perm_axis *a = &p->axes[i];
		size_t room = sizeof(p->combination) - at;
		int n = a->names ? snprintf(p->combination + at, room, "%s%s=%s", i ? " " : "",
					    a->name, a->names[values[i]]) :
				   snprintf(p->combination + at, room, "%s%s=%u", i ? " " : "",
					    a->name, values[i]);

		assert_true(n > 0 && (size_t)n < room);
		at += (size_t)n;
	}
}

static void run_one(struct permuted *p, const u32 *values, void **state)
{
	p->running = true;
	if (p->setup)
		assert_int_equal(p->setup(state), 0);
	p->fn(values);
	p->running = false;
	if (p->teardown && p->teardown(state) != 0)
		fail_msg("teardown of %s", p->combination);
}

/* The last axis is the fastest. */
static bool next_combination(const struct perm_axis *axes, u32 *at)
{
	u32 i = 0;

	while (axes[i].name)
		i++;
	while (i-- > 0) {
		if (++at[i] < axes[i].nr)
			return true;
		at[i] = 0;
	}
	return false;
}

void permute_run(void **state)
{
	struct permuted *p = *state;
	const char *wanted = getenv("PERM");
	u32 at[PERM_AXES] = {0}, values[PERM_AXES] = {0}, ran = 0;

	do {
		for (u32 i = 0; p->axes[i].name; i++) {
			const struct perm_axis *a = &p->axes[i];

			assert_true(i < PERM_AXES && (a->names || a->nr <= PERM_VALUES));
			values[i] = a->names ? at[i] : a->values[at[i]];
		}
		name_combination(p, values);
		if (wanted && strcmp(wanted, p->combination) != 0)
			continue;
		run_one(p, values, state);
		ran++;
	} while (next_combination(p->axes, at));
	if (!ran)
		skip();
	p->combination[0] = '\0';
}

int permute_end(void **state)
{
	struct permuted *p = *state;

	if (p->combination[0])
		print_message("# in the combination %s\n", p->combination);
	return p->running && p->teardown ? p->teardown(state) : 0;
}
