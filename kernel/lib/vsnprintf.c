/* Formatted output into a buffer; the formats are listed in printk.h. */
#include "kernel/lib/printk.h"

#include "kernel/lib/string.h"

struct out {
	char *buf;
	size_t size; /* of buf */
	size_t len;  /* of the whole output, cut or not */
};

struct spec {
	bool left, zero, plus, space, alt, upper;
	int width;
	int precision; /* < 0: none given */
	unsigned int base;
	unsigned int bytes; /* size of the integer */
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

static void put_padded(struct out *o, const struct spec *sp, const char *s, int len)
{
	if (!sp->left)
		put_n(o, ' ', sp->width - len);
	for (int i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left)
		put_n(o, ' ', sp->width - len);
}

/* `prefix` is the sign or 0x; zeros for precision or width come between it and the digits. */
static void put_number(struct out *o, const struct spec *sp, u64 value, const char *prefix)
{
	const char *digits = sp->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24];
	int n = 0, zeros, pad;

	for (u64 v = value; v != 0; v /= sp->base)
		tmp[n++] = digits[v % sp->base];
	zeros = (sp->precision < 0 ? 1 : sp->precision) - n;
	if (sp->base == 8 && sp->alt && zeros < 1)
		zeros = 1;
	zeros = max(zeros, 0);
	pad = sp->width - n - zeros - (int)strlen(prefix);
	if (pad > 0 && sp->zero && !sp->left && sp->precision < 0) {
		zeros += pad;
		pad = 0;
	}
	if (!sp->left)
		put_n(o, ' ', pad);
	while (*prefix)
		put(o, *prefix++);
	put_n(o, '0', zeros);
	while (n > 0)
		put(o, tmp[--n]);
	if (sp->left)
		put_n(o, ' ', pad);
}

static void put_signed(struct out *o, const struct spec *sp, s64 value)
{
	const char *sign = sp->plus ? "+" : sp->space ? " " : "";

	put_number(o, sp, value < 0 ? 0 - (u64)value : (u64)value, value < 0 ? "-" : sign);
}

static const char *parse_flags(const char *p, struct spec *sp)
{
	for (; *p != '\0' && strchr("-0+ #", *p); p++) {
		sp->left |= *p == '-';
		sp->zero |= *p == '0';
		sp->plus |= *p == '+';
		sp->space |= *p == ' ';
		sp->alt |= *p == '#';
	}
	return p;
}

static const char *parse_int(const char *p, int *value)
{
	*value = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		*value = *value * 10 + (*p - '0');
	return p;
}

static const char *parse_length(const char *p, struct spec *sp)
{
	sp->bytes = sizeof(int);
	switch (*p) {
	case 'h':
		sp->bytes = p[1] == 'h' ? 1 : 2;
		return p + (p[1] == 'h' ? 2 : 1);
	case 'l':
		sp->bytes = 8;
		return p + (p[1] == 'l' ? 2 : 1);
	case 'z':
		sp->bytes = 8;
		return p + 1;
	default:
		return p;
	}
}

static s64 narrow_signed(s64 v, unsigned int bytes)
{
	return bytes == 1 ? (s8)v : bytes == 2 ? (s16)v : v;
}

static u64 narrow_unsigned(u64 v, unsigned int bytes)
{
	return bytes == 1 ? (u8)v : bytes == 2 ? (u16)v : v;
}

static void put_string(struct out *o, const struct spec *sp, const char *s)
{
	if (!s)
		s = "(null)";
	put_padded(o, sp, s,
		   (int)(sp->precision < 0 ? strlen(s) : strnlen(s, (size_t)sp->precision)));
}

/* va_list by a structure, since it is an array that parameters would turn into a pointer. */
struct arguments {
	va_list ap;
};

static void put_unsigned(struct out *o, struct spec *sp, char conv, struct arguments *a)
{
	u64 v = sp->bytes == 8 ? va_arg(a->ap, u64) : va_arg(a->ap, unsigned int);

	v = narrow_unsigned(v, sp->bytes);
	sp->base = conv == 'u' ? 10 : conv == 'o' ? 8 : 16;
	sp->upper = conv == 'X';
	put_number(o, sp, v, sp->base == 16 && sp->alt && v ? (sp->upper ? "0X" : "0x") : "");
}

static void put_conversion(struct out *o, struct spec *sp, char conv, struct arguments *a)
{
	char c;

	sp->base = 10;
	switch (conv) {
	case 'd':
	case 'i':
		put_signed(o, sp,
			   narrow_signed(sp->bytes == 8 ? va_arg(a->ap, s64) : va_arg(a->ap, int),
					 sp->bytes));
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(o, sp, conv, a);
		break;
	case 'c':
		c = (char)va_arg(a->ap, int);
		put_padded(o, sp, &c, 1);
		break;
	case 's':
		put_string(o, sp, va_arg(a->ap, const char *));
		break;
	case 'p':
		sp->base = 16;
		put_number(o, sp, (u64)va_arg(a->ap, void *), "0x");
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
		sp = (struct spec){.precision = -1};
		fmt = parse_flags(fmt + 1, &sp);
		if (*fmt == '*') {
			sp.width = va_arg(a.ap, int);
			sp.left |= sp.width < 0;
			sp.width = sp.width < 0 ? -sp.width : sp.width;
			fmt++;
		} else {
			fmt = parse_int(fmt, &sp.width);
		}
		if (*fmt == '.' && fmt[1] == '*') {
			sp.precision = va_arg(a.ap, int);
			fmt += 2;
		} else if (*fmt == '.') {
			fmt = parse_int(fmt + 1, &sp.precision);
		}
		fmt = parse_length(fmt, &sp);
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
