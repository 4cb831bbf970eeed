/*
 * The kernel command line.
 *
 * Parsing follows Linux's next_arg(): a quote keeps blanks until the next one, quotes around the
 * whole word or around the value are taken off, and `-` in a key is the same as `_`.
 * Also there: settings at boot
 */
#include "kernel/lib/cmdline.h"

#include "kernel/lib/string.h"

#define CMDLINE_MAX 2048
#define PARAMS_MAX  64

static char raw_line[CMDLINE_MAX]; /* [const after cmdline_init] */
static char words[CMDLINE_MAX];	   /* [const after cmdline_init] cut into strings */
static struct {
	const char *key, *value;
} params[PARAMS_MAX];	       /* [const after cmdline_init] */
static unsigned int nr_params; /* [const after cmdline_init] */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static void strip_last_quote(char *start, char *end)
{
	if (end > start && end[-1] == '"')
		end[-1] = '\0';
}

/* Cut one word off `p` and note it. Returns: what follows it, NULL after `--`. */
static char *parse_word(char *p)
{
	bool quoted = *p == '"', in_quote = quoted;
	char *key = quoted ? p + 1 : p, *value = NULL, *end;

	for (end = key; *end != '\0' && (in_quote || !is_blank(*end)); end++) {
		if (*end == '"')
			in_quote = !in_quote;
		if (*end == '=' && !value)
			value = end + 1;
	}
	p = *end == '\0' ? end : end + 1;
	*end = '\0';
	if (quoted)
		strip_last_quote(key, end);
	if (!quoted && strcmp(key, "--") == 0)
		return NULL;
	if (value) {
		value[-1] = '\0';
		if (*value == '"') {
			value++;
			strip_last_quote(value, end);
		}
	}
	if (nr_params < PARAMS_MAX) {
		params[nr_params].key = key;
		params[nr_params++].value = value ? value : "";
	}
	return p;
}

void cmdline_init(const char *raw)
{
	char *p = words;

	nr_params = 0;
	(void)strscpy(raw_line, raw ? raw : "", sizeof(raw_line));
	memcpy(words, raw_line, sizeof(words));
	while (p) {
		while (is_blank(*p))
			p++;
		if (*p == '\0')
			break;
		p = parse_word(p);
	}
}

const char *cmdline_raw(void)
{
	return raw_line;
}

static bool key_matches(const char *a, const char *b)
{
	for (;; a++, b++) {
		char ca = *a == '-' ? '_' : *a, cb = *b == '-' ? '_' : *b;

		if (ca != cb)
			return false;
		if (ca == '\0')
			return true;
	}
}

const char *cmdline_get(const char *key)
{
	for (unsigned int i = nr_params; i > 0; i--)
		if (key_matches(params[i - 1].key, key))
			return params[i - 1].value;
	return NULL;
}

const char *cmdline_get_nth(const char *key, unsigned int n)
{
	for (unsigned int i = 0; i < nr_params; i++)
		if (key_matches(params[i].key, key) && n-- == 0)
			return params[i].value;
	return NULL;
}

bool cmdline_bool(const char *key, bool dflt)
{
	static const char *const no[] = {"0", "n", "N", "off"};
	const char *value = cmdline_get(key);

	if (!value)
		return dflt;
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (strcmp(value, no[i]) == 0)
			return false;
	return true;
}

u64 cmdline_u64(const char *key, u64 dflt)
{
	const char *value = cmdline_get(key);
	u64 v;

	if (!value || kstrtou64(value, 0, &v, NULL) < 0)
		return dflt;
	return v;
}
