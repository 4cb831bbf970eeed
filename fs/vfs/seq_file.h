/*
 * Texts that the kernel makes for a reader, piece by piece.
 * Also there: texts of the kernel's files
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* A growing text; errors stick. One that is too long for a buffer is made again for each part. */
struct seq_file {
	char *buf;
	size_t size, count;  /* bytes */
	u64 from;	     /* bytes of the text that come before those in buf */
	u64 skip;	     /* of them still to come, while the text is made */
	bool overflow;	     /* the text goes on behind buf */
	const void *private; /* of what it tells: the maker's */
};
void seq_printf(struct seq_file *m, const char *fmt, ...) printf_like(2, 3);
void seq_write(struct seq_file *m, const void *data, size_t len);
/* A text that somebody chose; those of its bytes that are among `chars` in octal, as \012. */
void seq_escape(struct seq_file *m, const char *text, const char *chars);
