/*
 * PS/2 keyboard behind the i8042: scan code set 1, US layout; keys as the Linux console sends them.
 * Sources: IBM PS/2 Technical Reference (keyboard controller); Linux console_codes(4).
 * Also there: terminals and character devices
 */
#include "drivers/char/char_internal.h"
#include "drivers/char/tty_driver.h"
#include "kernel/arch/io.h"
#include "kernel/arch/irq.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define KBD_IRQ	      1
#define KBD_DATA      0x60
#define KBD_STATUS    0x64
#define KBD_COMMAND   0x64
#define STATUS_OUT    0x01u /* a byte for us */
#define STATUS_IN     0x02u /* the controller has not taken ours yet */
#define STATUS_AUX    0x20u /* the byte is the mouse's */
#define CMD_READ_CFG  0x20
#define CMD_WRITE_CFG 0x60
#define CMD_ENABLE    0xae
#define CFG_IRQ	      0x01u
#define CFG_DISABLED  0x10u
#define CFG_TRANSLATE 0x40u
#define SPIN_MAX      10000
#define CODES_MAX     64 /* of one interrupt */
#define RELEASED      0x80u
#define PREFIX_E0     0xe0
#define KEYPAD_FIRST  0x47u
#define KEYPAD_LAST   0x53u

enum { KEY_CTRL = 0x1d, KEY_LSHIFT = 0x2a, KEY_RSHIFT = 0x36, KEY_ALT = 0x38, KEY_CAPS = 0x3a };

/* By scan code from 0 on; 0: no character. */
static const char plain[] =
	"\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
	"\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
/* The keypad's, and the grey keys' that have the same codes behind a prefix. */
static const char *const keypad[] = {"\033[1~", "\033[A",  "\033[5~", "-",	 "\033[D",
				     "\033[G",	"\033[C",  "+",	      "\033[4~", "\033[B",
				     "\033[6~", "\033[2~", "\033[3~"};
static_assert(ARRAY_SIZE(keypad) == KEYPAD_LAST - KEYPAD_FIRST + 1, "one text a key");

/* [the interrupt] */
static bool shift, ctrl, alt, caps, e0;

/* Whether the code is of a key that only changes what others mean. */
static bool modifier(u8 key, bool down)
{
	if (key == KEY_LSHIFT || key == KEY_RSHIFT)
		shift = e0 ? shift : down; /* with a prefix it is not a key but a bracket */
	else if (key == KEY_CTRL)
		ctrl = down;
	else if (key == KEY_ALT)
		alt = down;
	else if (key == KEY_CAPS)
		caps ^= down;
	else
		return false;
	return true;
}

/* The text of a key, at most 7 bytes. Returns: its length. */
static size_t key_text(u8 key, char *text)
{
	char c;

	if (key >= KEYPAD_FIRST && key <= KEYPAD_LAST)
		return (size_t)strscpy(text, keypad[key - KEYPAD_FIRST], 8);
	c = key < sizeof(plain) - 1 ? plain[key] : '\0';
	if (!c)
		return 0;
	if (shift != (caps && c >= 'a' && c <= 'z'))
		c = shifted[key];
	if (ctrl && c == ' ')
		c = '\0';
	else if (ctrl && c >= '@' && c < 0x7f)
		c &= 0x1f;
	text[0] = '\033';
	text[alt] = c;
	return alt ? 2 : 1;
}

static void scan_code(u8 code)
{
	u8 key = code & (u8)~RELEASED;
	bool down = !(code & RELEASED);
	char text[8];

	if (code == PREFIX_E0) {
		e0 = true;
		return;
	}
	if (!modifier(key, down) && down)
		tty_receive(vga_terminal(), (const u8 *)text, key_text(key, text));
	e0 = false;
}

static enum irq_return kbd_interrupt(void *data)
{
	u8 status, code;

	(void)data;
	for (int i = 0; i < CODES_MAX && (status = inb(KBD_STATUS)) & STATUS_OUT; i++) {
		code = inb(KBD_DATA);
		add_input_randomness(code);
		if (!(status & STATUS_AUX))
			scan_code(code);
	}
	return IRQ_HANDLED;
}

/* Wait until the bits of the status read so. */
static bool wait_status(u8 mask, u8 value)
{
	for (int i = 0; i < SPIN_MAX; i++)
		if ((inb(KBD_STATUS) & mask) == value)
			return true;
	return false;
}

static bool send(u16 port, u8 value)
{
	if (!wait_status(STATUS_IN, 0))
		return false;
	outb(port, value);
	return true;
}

/* Interrupt on, keyboard on, codes translated to set 1; what was typed before is dropped. */
static bool controller_setup(void)
{
	u8 cfg;

	for (int i = 0; i < CODES_MAX && inb(KBD_STATUS) & STATUS_OUT; i++)
		(void)inb(KBD_DATA);
	if (!send(KBD_COMMAND, CMD_READ_CFG) || !wait_status(STATUS_OUT, STATUS_OUT))
		return false;
	cfg = (u8)((inb(KBD_DATA) | CFG_IRQ | CFG_TRANSLATE) & ~CFG_DISABLED);
	return send(KBD_COMMAND, CMD_WRITE_CFG) && send(KBD_DATA, cfg) &&
	       send(KBD_COMMAND, CMD_ENABLE);
}

void kbd_init(void)
{
	if (!vga_terminal())
		return;
	if (!controller_setup())
		printk("kbd: no PS/2 keyboard controller\n");
	else if (irq_request_isa(KBD_IRQ, kbd_interrupt, NULL))
		printk("kbd: no interrupt line %d\n", KBD_IRQ);
	else
		irq_set_name(kbd_interrupt, NULL, "i8042");
}
