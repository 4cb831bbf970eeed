/* printk and panic for host tests. HOST_VERBOSE=1 shows the messages. */
#include "kernel/lib/vsnprintf.h"
#include "tests/host/host.h"

#include "kernel/lib/printk.h"

static char log_text[1 << 16];
static size_t log_len;

void printk(const char *fmt, ...)
{
	size_t start = log_len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(log_text + log_len, sizeof(log_text) - log_len, fmt, args);
	va_end(args);
	log_len += (size_t)len;
	if (log_len >= sizeof(log_text))
		log_len = sizeof(log_text) - 1;
	if (getenv("HOST_VERBOSE"))
		fprintf(stderr, "%s", log_text + start);
}

void panic(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "panic: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

const char *fake_log(void)
{
	return log_text;
}

void fake_log_clear(void)
{
	log_len = 0;
	log_text[0] = '\0';
}
