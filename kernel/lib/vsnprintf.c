/*
 * Formatted output into a buffer.
 * Also there: formatted text
 */
#include "kernel/lib/vsnprintf.h"

#include "kernel/lib/string.h"

struct out {
	char *buf;
	size_t size; /* of buf */
	size_t len;  /* of the whole output, cut or not */
};

struct spec {
	bool left, zero, alt, wide;
	int width;
};

/* va_list by a structure, since it is an array that parameters would turn into a pointer. */
struct arguments {
	va_list ap;
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_n(struct out *o, char c, int n)
{
	for (; n > 0; n--)
		put(o, c);
}

/* Zeros for the width come between the prefix, a sign or 0x, and the text. */
static void put_padded(struct out *o, const struct spec *sp, const char *prefix, const char *s,
		       size_t len)
{
	int pad = sp->width - (int)(strlen(prefix) + len);

	if (!sp->left && !sp->zero)
		put_n(o, ' ', pad);
	while (*prefix)
		put(o, *prefix++);
	if (!sp->left && sp->zero)
		put_n(o, '0', pad);
	while (len--)
		put(o, *s++);
	if (sp->left)
		put_n(o, ' ', pad);
}

static void put_number(struct out *o, const struct spec *sp, u64 v, u32 base, const char *prefix)
{
	char text[24], *end = text + sizeof(text), *p = end;

	do
		*--p = "0123456789abcdef"[v % base];
	while ((v /= base) != 0);
	put_padded(o, sp, prefix, p, (size_t)(end - p));
}

static void put_signed(struct out *o, const struct spec *sp, s64 v)
{
	put_number(o, sp, v < 0 ? 0 - (u64)v : (u64)v, 10, v < 0 ? "-" : "");
}

static const char *parse_spec(const char *p, struct spec *sp)
{
	*sp = (struct spec){0};
	for (; *p == '-' || *p == '0' || *p == '#'; p++) {
		sp->left |= *p == '-';
		sp->zero |= *p == '0';
		sp->alt |= *p == '#';
	}
	for (; *p >= '0' && *p <= '9'; p++)
		sp->width = sp->width * 10 + (*p - '0');
	for (; *p == 'l' || *p == 'z'; p++)
		sp->wide = true;
	return p;
}

static void put_conversion(struct out *o, struct spec *sp, char conv, struct arguments *a)
{
	const char *s;
	char c;
	u64 v;

	switch (conv) {
	case 'd':
		put_signed(o, sp, sp->wide ? va_arg(a->ap, s64) : va_arg(a->ap, int));
		break;
	case 'u':
	case 'x':
		v = sp->wide ? va_arg(a->ap, u64) : va_arg(a->ap, unsigned int);
		put_number(o, sp, v, conv == 'u' ? 10 : 16,
			   conv == 'x' && sp->alt && v ? "0x" : "");
		break;
	case 'c':
		c = (char)va_arg(a->ap, int);
		put_padded(o, sp, "", &c, 1);
		break;
	case 's':
		s = va_arg(a->ap, const char *);
		s = s ? s : "(null)";
		put_padded(o, sp, "", s, strlen(s));
		break;
	case 'p':
		put_number(o, sp, (u64)va_arg(a->ap, void *), 16, "0x");
		break;
	case '%':
		put(o, '%');
		break;
	default: /* show what is not understood */
		put(o, '%');
		put(o, conv);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = {buf, size, 0};
	struct arguments a;
	struct spec sp;

	va_copy(a.ap, args);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &sp);
		if (*fmt == '\0')
			break;
		put_conversion(&o, &sp, *fmt, &a);
	}
	va_end(a.ap);
	if (size > 0)
		buf[min(o.len, size - 1)] = '\0';
	return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
