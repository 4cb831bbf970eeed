/*
 * VGA text, 80x25, as a terminal: the part of ECMA-48 and of the Linux console that vi, top and
 * the shell use. Sources: console_codes(4); IBM VGA Technical Reference (CRT controller).
 *
 * Invariants:
 * 1. vga.cells is what the screen should show; flush() writes what differs from vga.shown, because
 *    each access to the adapter is slow.
 * 2. x < COLS, y < ROWS at all times.
 *
 * Lock order: tty_driver.h, of which vga.lock is a driver's. printk takes it too, so nothing is
 * printed under it.
 * Also there: terminals and character devices
 */
#include "block/genhd.h"
#include "drivers/char/char_internal.h"
#include "drivers/char/tty_driver.h"
#include "kernel/arch/io.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/pgtable.h"

#define VGA_PA	     0xb8000
#define CRTC_INDEX   0x3d4
#define CRTC_DATA    0x3d5
#define CURSOR_START 0x0a
#define CURSOR_HIGH  0x0e
#define CURSOR_LOW   0x0f
#define CURSOR_LINE  0x0e /* an underline in a font of 16 lines */
#define COLS	     80u
#define ROWS	     25u
#define CELLS	     (COLS * ROWS)
#define GREY	     7
#define MAX_PARS     8u
#define PAR_MAX	     999u

enum parse_state { TEXT, ESC, CSI, CHARSET };

struct cursor {
	u32 x, y;
	u8 fg, bg;
	bool bold, reverse;
	bool wrap_next; /* the last column was written: the next one wraps */
};

static struct {
	struct spinlock lock;
	volatile u16 *memory;	   /* [const] NULL: no screen */
	u16 cells[CELLS];	   /* [lock] character, attribute << 8 */
	u16 shown[CELLS];	   /* [lock] what the adapter has */
	u32 dirty_from, dirty_to;  /* [lock] cells may differ in this range only */
	struct cursor cur, saved;  /* [lock] */
	enum parse_state state;	   /* [lock] */
	u32 par[MAX_PARS], nr_par; /* [lock] parameters; nr_par: the last one's index */
	char reply[16];		   /* [lock] to be sent as if typed */
} vga = {.lock = SPINLOCK_INIT("vga", LOCK_CONSOLE), .cur = {.fg = GREY}, .saved = {.fg = GREY}};
static struct tty vga_tty;

/* --- the adapter --- */

static void crtc_write(u8 index, u32 value)
{
	outb(CRTC_INDEX, index);
	outb(CRTC_DATA, (u8)value);
}

static void flush(void)
{
	u32 pos = vga.cur.y * COLS + vga.cur.x;

	for (u32 i = vga.dirty_from; i < vga.dirty_to; i++) {
		if (vga.cells[i] != vga.shown[i])
			mmio_write16(&vga.memory[i], vga.cells[i]);
		vga.shown[i] = vga.cells[i];
	}
	vga.dirty_from = CELLS;
	vga.dirty_to = 0;
	crtc_write(CURSOR_HIGH, pos >> 8);
	crtc_write(CURSOR_LOW, pos);
}

/* --- cells --- */

static void touch(u32 from, u32 to)
{
	vga.dirty_from = min(vga.dirty_from, from);
	vga.dirty_to = max(vga.dirty_to, to);
}

static u16 cell(u8 c)
{
	/* ANSI has red in bit 0 and blue in bit 2, VGA the other way round. */
	static const u8 color[] = {0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15};
	u32 fg = color[vga.cur.fg | (vga.cur.bold ? 8 : 0)], bg = color[vga.cur.bg & 7];

	return (u16)(c | (vga.cur.reverse ? bg | (fg & 7) << 4 : fg | bg << 4) << 8);
}

static void erase(u32 from, u32 to)
{
	bool reverse = vga.cur.reverse;

	vga.cur.reverse = false;
	for (u32 i = from; i < to; i++)
		vga.cells[i] = cell(' ');
	vga.cur.reverse = reverse;
	touch(from, to);
}

/* --- the cursor --- */

static void move_to(int x, int y)
{
	vga.cur.x = (u32)min(max(x, 0), (int)COLS - 1);
	vga.cur.y = (u32)min(max(y, 0), (int)ROWS - 1);
	vga.cur.wrap_next = false;
}

static void line_feed(void)
{
	vga.cur.wrap_next = false;
	if (vga.cur.y + 1 < ROWS) {
		vga.cur.y++;
		return;
	}
	memmove(vga.cells, &vga.cells[COLS], (CELLS - COLS) * sizeof(u16));
	touch(0, CELLS);
	erase(CELLS - COLS, CELLS);
}

static void put_char(u8 c)
{
	u32 pos;

	if (c >= 0x80 && c < 0xc0)
		return; /* the rest of a UTF-8 character, of which the first byte became '?' */
	if (vga.cur.wrap_next) {
		vga.cur.x = 0;
		line_feed();
	}
	pos = vga.cur.y * COLS + vga.cur.x;
	vga.cells[pos] = cell(c < 0x80 ? c : '?');
	touch(pos, pos + 1);
	if (vga.cur.x + 1 < COLS)
		vga.cur.x++;
	else
		vga.cur.wrap_next = true;
}

static void reset(void)
{
	vga.cur = vga.saved = (struct cursor){.fg = GREY};
	erase(0, CELLS);
}

/* --- control sequences --- */

static void select_rendition(u32 p)
{
	struct cursor *c = &vga.cur;

	if (p == 0) {
		c->bold = c->reverse = false;
		c->fg = GREY;
		c->bg = 0;
	} else if (p == 1 || p == 22) {
		c->bold = p == 1;
	} else if (p == 7 || p == 27) {
		c->reverse = p == 7;
	} else if (p == 39 || (p >= 30 && p < 38)) {
		c->fg = p == 39 ? GREY : (u8)(p - 30);
	} else if (p == 49 || (p >= 40 && p < 48)) {
		c->bg = p == 49 ? 0 : (u8)(p - 40);
	}
}

/* J and K: 0: from the cursor to the end, 1: from the start to the cursor, 2: all. */
static void erase_part(u32 from, u32 to)
{
	u32 pos = vga.cur.y * COLS + vga.cur.x;

	vga.cur.wrap_next = false;
	erase(vga.par[0] == 0 ? pos : from, vga.par[0] == 1 ? pos + 1 : to);
}

static void report(void)
{
	if (vga.par[0] == 6)
		snprintf(vga.reply, sizeof(vga.reply), "\033[%u;%uR", vga.cur.y + 1, vga.cur.x + 1);
}

static void move_cursor(u8 c, int n)
{
	int x = (int)vga.cur.x, y = (int)vga.cur.y;

	switch (c) {
	case 'A':
		return move_to(x, y - n);
	case 'B':
		return move_to(x, y + n);
	case 'C':
		return move_to(x + n, y);
	case 'D':
		return move_to(x - n, y);
	case 'G':
		return move_to(n - 1, y);
	case 'd':
		return move_to(x, n - 1);
	default: /* H, f */
		return move_to((int)vga.par[1] - 1, n - 1);
	}
}

static void end_sequence(u8 c)
{
	u32 row = vga.cur.y * COLS;

	if (strchr("ABCDGHdf", c))
		move_cursor(c, (int)max(vga.par[0], 1u));
	else if (c == 'J')
		erase_part(0, CELLS);
	else if (c == 'K')
		erase_part(row, row + COLS);
	else if (c == 'm')
		for (u32 i = 0; i <= vga.nr_par && vga.par[i] != 38 && vga.par[i] != 48; i++)
			select_rendition(vga.par[i]);
	else if (c == 's')
		vga.saved = vga.cur;
	else if (c == 'u')
		vga.cur = vga.saved;
	else if (c == 'n')
		report();
}

static void parse_csi(u8 c)
{
	u32 *par = &vga.par[vga.nr_par];

	if (c >= '0' && c <= '9') {
		*par = min(*par * 10 + c - '0', PAR_MAX);
	} else if (c == ';') {
		vga.nr_par = min(vga.nr_par + 1, MAX_PARS - 1);
		vga.par[vga.nr_par] = 0;
	} else if (c >= '@') {
		vga.state = TEXT;
		end_sequence(c);
	}
}

static void parse_escape(u8 c)
{
	vga.state = c == '[' ? CSI : c == '(' ? CHARSET : TEXT;
	vga.nr_par = 0;
	memset(vga.par, 0, sizeof(vga.par));
	if (c == 'c')
		reset();
}

static void control_char(u8 c)
{
	if (c == '\033')
		vga.state = ESC;
	else if (c == '\r')
		move_to(0, (int)vga.cur.y);
	else if (c == '\b')
		move_to((int)vga.cur.x - 1, (int)vga.cur.y);
	else if (c == '\t')
		move_to((int)(vga.cur.x | 7) + 1, (int)vga.cur.y);
	else if (c == '\n' || c == '\v' || c == '\f')
		line_feed();
	else if (c == 0x18 || c == 0x1a)
		vga.state = TEXT;
}

static void put(u8 c)
{
	if (c < ' ')
		control_char(c);
	else if (vga.state == CSI)
		parse_csi(c);
	else if (vga.state == ESC)
		parse_escape(c);
	else if (vga.state == CHARSET)
		vga.state = TEXT;
	else if (c != 0x7f)
		put_char(c);
}

/* --- the terminal --- */

static void vga_write(struct tty *tty, const u8 *buf, size_t len)
{
	u64 flags = spin_lock_irqsave(&vga.lock);
	char reply[sizeof(vga.reply)];

	for (; len; len--)
		put(*buf++);
	flush();
	memcpy(reply, vga.reply, sizeof(reply));
	vga.reply[0] = '\0';
	spin_unlock_irqrestore(&vga.lock, flags);
	if (reply[0])
		tty->ldisc->receive_buf(tty, (const u8 *)reply, strlen(reply));
}

static u32 vga_write_room(struct tty *tty)
{
	(void)tty;
	return 4 * ECHO_ROOM; /* there is always room */
}

static u32 vga_chars_in_buffer(struct tty *tty)
{
	(void)tty;
	return 0;
}

static void vga_nothing(struct tty *tty)
{
	(void)tty;
}

static const struct tty_operations vga_ops = {
	.write = vga_write,
	.write_room = vga_write_room,
	.chars_in_buffer = vga_chars_in_buffer,
	.flush_buffer = vga_nothing,
	.start = vga_nothing,
};

/* printk's. A message from a fault under our own lock is printed all the same. */
static void vga_console_write(const char *buf, size_t len)
{
	bool locked = !spin_is_held(&vga.lock);
	u64 flags = locked ? spin_lock_irqsave(&vga.lock) : 0;
	enum parse_state state = vga.state;

	vga.state = TEXT;
	for (; len; len--, buf++) {
		if (*buf == '\n')
			put('\r');
		put((u8)*buf);
	}
	vga.state = state;
	flush();
	if (locked)
		spin_unlock_irqrestore(&vga.lock, flags);
}

struct tty *vga_terminal(void)
{
	return vga.memory ? &vga_tty : NULL;
}

/* As on Linux the messages come here unless console= names only others. */
static bool is_message_console(void)
{
	const char *name;
	u32 n = 0;

	for (; (name = cmdline_get_nth("console", n)) != NULL; n++)
		if (strcmp(name, "tty0") == 0 || strcmp(name, "tty1") == 0)
			return true;
	return n == 0;
}

void vga_init(void)
{
	static struct console console = {.write = vga_console_write};
	volatile void *memory = ioremap(PADDR(VGA_PA), CELLS * sizeof(u16));

	if (!memory)
		return;
	mmio_write16(memory, 0x0755);
	if (mmio_read16(memory) != 0x0755)
		return; /* no adapter answers */
	vga.memory = memory;
	reset();
	memset(vga.shown, 0xff, sizeof(vga.shown)); /* unlike anything: all is written */
	crtc_write(CURSOR_START, CURSOR_LINE);
	flush();
	vga_tty.winsize = (struct winsize){.ws_row = ROWS, .ws_col = COLS};
	tty_register(&vga_tty, "tty1", MKDEV(4, 1), &vga_ops);
	if (is_message_console())
		console_register(&console);
}
