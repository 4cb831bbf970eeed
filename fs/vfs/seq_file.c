/*
 * Texts that the kernel makes for a reader, piece by piece, in a buffer that may hold only a part.
 * Also there: texts of the kernel's files
 */
#include "fs/vfs/seq_file.h"

#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"

/* A piece of len bytes was put behind the text, if there was room: keep what is wanted of it. */
static void took(struct seq_file *m, size_t len)
{
	size_t skipped = (size_t)min((u64)len, m->skip);

	if (len >= m->size - m->count) {
		m->overflow = true;
		return;
	}
	m->skip -= skipped;
	memmove(m->buf + m->count, m->buf + m->count + skipped, len - skipped);
	m->count += len - skipped;
}

void seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;
	int len;

	if (m->overflow)
		return;
	va_start(args, fmt);
	len = vsnprintf(m->buf + m->count, m->size - m->count, fmt, args);
	va_end(args);
	took(m, (size_t)len);
}

void seq_write(struct seq_file *m, const void *data, size_t len)
{
	if (m->overflow)
		return;
	if (len < m->size - m->count)
		memcpy(m->buf + m->count, data, len);
	took(m, len);
}

void seq_escape(struct seq_file *m, const char *text, const char *chars)
{
	for (; *text; text++)
		if (strchr(chars, *text))
			seq_printf(m, "\\%d%d%d", *text >> 6 & 7, *text >> 3 & 7, *text & 7);
		else
			seq_write(m, text, 1);
}
