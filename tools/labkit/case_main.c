/* Runs one case, or all in turn: PROGRAM CASE|all SEED. The verdict goes to descriptor VERDICT_FD,
 * with the nonce that stdin brings, and only after the case has ended. */
#include "tools/labkit/case.h"

#include <unistd.h>

static struct lab_case *cases;
static char reason[512];
static u64 random_state;
static u32 barriers[256];
void (*lab_barrier_hook)(char which);

void lab_add_case(struct lab_case *c)
{
	c->next = cases;
	cases = c;
}

void lab_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	fail();
	abort();
}

/* splitmix64, by Sebastiano Vigna; public domain. */
u32 lab_random(u32 below)
{
	u64 z = (random_state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (u32)((z ^ (z >> 31)) >> 32) % below;
}

/* tests/host/shadow/kernel/arch/io.h calls it in a program of cases. */
void lab_barrier(char which);
void lab_barrier(char which)
{
	barriers[(unsigned char)which]++;
	if (lab_barrier_hook)
		lab_barrier_hook(which);
	__sync_synchronize();
}

u32 lab_barriers(char which)
{
	return barriers[(unsigned char)which];
}

static struct lab_case *chosen;

static void run_chosen(void **state)
{
	(void)state;
	for (struct lab_case *c = cases; c; c = c->next) {
		if (chosen && c != chosen)
			continue;
		lab_barrier_hook = NULL;
		c->run();
	}
}

static int verdict(const char *word, const char *text)
{
	char nonce[65] = "", line[768];
	int fd = atoi(getenv("VERDICT_FD") ? getenv("VERDICT_FD") : "1");
	int len;

	if (fd != 1 && !fgets(nonce, sizeof(nonce), stdin))
		return 3;
	nonce[strcspn(nonce, "\n")] = '\0';
	len = snprintf(line, sizeof(line), "%s %s %s\n", nonce, word, text);
	return write(fd, line, (size_t)len) == len ? 0 : 3;
}

static bool is_named(const char *id, const char *name)
{
	for (; *id && *name; id++, name++)
		if (*id != *name && !(*id == '_' && *name == '-'))
			return false;
	return *id == *name;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest test = {"case", run_chosen, NULL, NULL, NULL};

	if (argc != 3) {
		for (struct lab_case *c = cases; c; c = c->next)
			puts(c->name);
		return 2;
	}
	for (struct lab_case *c = cases; c; c = c->next)
		if (is_named(c->name, argv[1]))
			chosen = c;
	if (!chosen && strcmp(argv[1], "all") != 0) {
		fprintf(stderr, "no case %s\n", argv[1]);
		return 2;
	}
	random_state = strtoull(argv[2], NULL, 0);
	if (_cmocka_run_group_tests("case", &test, 1, NULL, NULL) == 0)
		return verdict("pass", "");
	return verdict("fail", reason);
}
