/*
 * A terminal: what its hardware offers, and what the line discipline and the calls keep about it.
 *
 * Invariants:
 * 1. buf holds input at [tail, head), positions counting up for ever; [tail, canon_head) may be
 *    read, the rest is the line that is still edited (none of it in raw mode).
 * 2. Writers leave ECHO_ROOM in the driver's buffer, so that typing is echoed while they wait.
 * 3. No input is lost while a reader is slow: a driver that can hold bytes back asks for room
 *    first, and is throttled from the answer 0 until readers have made some.
 *
 * Lock order: read_lock or write_lock, tty->lock, then a driver's, kernel/proc's, a wait queue's.
 * Also there: terminals and character devices
 */
#pragma once

#include "drivers/char/tty.h"
#include "fs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

/* Linux asm-generic/termbits.h and ioctls.h */
enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL };
enum { VREPRINT = 12, VWERASE = 14, VLNEXT, VEOL2, NCCS = 19 };
enum { IGNBRK = 1, BRKINT = 2, PARMRK = 8, ISTRIP = 0x20, INLCR = 0x40, IGNCR = 0x80 };
enum { ICRNL = 0x100, IUCLC = 0x200, IXON = 0x400, IXANY = 0x800, IXOFF = 0x1000, IUTF8 = 0x4000 };
enum { OPOST = 1, OLCUC = 2, ONLCR = 4, OCRNL = 8, ONOCR = 0x10, ONLRET = 0x20, XTABS = 0x1800 };
enum { B115200 = 0x1002, CS8 = 0x30, CREAD = 0x80, CLOCAL = 0x800 };
enum { ISIG = 1, ICANON = 2, ECHO = 8, ECHOE = 0x10, ECHOK = 0x20, ECHONL = 0x40, NOFLSH = 0x80 };
enum { TOSTOP = 0x100, ECHOCTL = 0x200, ECHOPRT = 0x400, ECHOKE = 0x800, IEXTEN = 0x8000 };

/* Linux's numbers, which kernel/proc above us has too. */
enum { TTY_SIGHUP = 1, TTY_SIGINT = 2, TTY_SIGQUIT = 3, TTY_SIGCONT = 18, TTY_SIGTSTP = 20 };
enum { TTY_SIGTTIN = 21, TTY_SIGTTOU = 22, TTY_SIGWINCH = 28 };

struct ktermios {
	u32 c_iflag, c_oflag, c_cflag, c_lflag;
	u8 c_line, c_cc[NCCS];
};
static_assert(sizeof(struct ktermios) == 36, "Linux's struct termios");
struct ktermios2 {
	struct ktermios t;
	u32 c_ispeed, c_ospeed; /* in bits per second */
};
static_assert(sizeof(struct ktermios2) == 44, "Linux's struct termios2");
struct winsize {
	u16 ws_row, ws_col, ws_xpixel, ws_ypixel;
};

#define TTY_BUF_SIZE 4096u /* Linux's: a longer line is cut */
#define TTY_CHUNK    256u
#define OPOST_MAX    8u /* bytes that a written one may become: a tab */
#define ECHO_ROOM    256u

/* Context of all: any, tty->lock held. */
struct tty_operations {
	/* Send; what does not fit is lost. */
	void (*write)(struct tty *tty, const u8 *buf, size_t len);
	/* Bytes that write would take now, and that were taken and are not sent. */
	u32 (*write_room)(struct tty *tty);
	u32 (*chars_in_buffer)(struct tty *tty);
	/* Forget what was not sent. */
	void (*flush_buffer)(struct tty *tty);
	/* tty->stopped changed. */
	void (*start)(struct tty *tty);
	/* tty->throttled changed: leave bytes where they are, or bring them again. NULL if
	 * tty_receive_room is not asked. */
	void (*throttle)(struct tty *tty);
	void (*unthrottle)(struct tty *tty);
};

struct tty_file;

/* What stands between a driver and programs: editing, echo, signals, processing of output. Context
 * of all but read: any, tty->lock held. */
struct tty_ldisc_ops {
	/* What was typed, and a break on the line. */
	void (*receive_buf)(struct tty *tty, const u8 *buf, size_t len);
	void (*receive_break)(struct tty *tty);
	/* Bytes that receive_buf keeps now. */
	u32 (*receive_room)(const struct tty *tty);
	/* Returns: bytes read, 0 at an end of file or after a hang-up, or -errno. Context:
	 * sleeps. */
	ssize_t (*read)(struct tty_file *tf, struct iov_iter *to, bool nonblock);
	/* Process and send. Returns: how many bytes of buf that were. */
	size_t (*write)(struct tty *tty, const u8 *buf, size_t len);
	/* The bytes of what reads take now. */
	u32 (*readable_bytes)(const struct tty *tty);
	/* Forget what was typed and not read. */
	void (*flush_buffer)(struct tty *tty);
	/* Go over to these modes. */
	void (*set_termios)(struct tty *tty, const struct ktermios *t);
};

struct tty {
	struct spinlock lock;
	const char *name;		   /* [const] as in console= */
	const struct tty_operations *ops;  /* [const] */
	const struct tty_ldisc_ops *ldisc; /* [const] */
	dev_t devnum;			   /* [const] */
	struct list_head list;		   /* [const after boot] in ttys */
	struct mutex read_lock;		   /* one reader at a time */
	struct mutex write_lock;	   /* a write is not mixed with another */
	struct ktermios termios;	   /* [lock] */
	u32 ispeed, ospeed;		   /* [lock] where termios says only BOTHER */
	struct winsize winsize;		   /* [lock] 0: unknown */
	pid_t session, pgrp;		   /* [lock] whose terminal this is; 0: nobody's */
	u32 hangups;			   /* [lock to write] */
	bool stopped;			   /* [lock to write] output held by Ctrl-S */
	bool stopped_by_call;		   /* [lock] by TCXONC: no key starts it */
	bool lnext, erasing;		   /* [lock] after VLNEXT; between \\ and / of ECHOPRT */
	bool throttled;			   /* [lock to write] the driver holds input back */
	u32 column, canon_column;	   /* [lock] of the cursor; where the edited line began */
	u32 head, canon_head, tail;	   /* [lock] */
	u16 buf[TTY_BUF_SIZE];		   /* [lock] characters with LINE_END, IS_EOF */
	struct wait_queue_head read_wait, write_wait;
};

/* An open of a terminal. */
struct tty_file {
	struct tty *tty; /* [const] */
	bool console;	 /* [const] through /dev/console, which never hangs up */
	u32 hangups;	 /* [const] the terminal's when it was opened */
};

/* tty_driver.c */
extern struct list_head ttys; /* [const after boot] */
extern const struct ktermios tty_std_termios;
/* The line discipline of all terminals, set before the first is registered. */
void tty_register_ldisc(const struct tty_ldisc_ops *ops);
/* At boot. A driver whose write_room grows wakes write_wait. */
void tty_register(struct tty *tty, const char *name, dev_t devnum,
		  const struct tty_operations *ops);
/* What was typed. Context: any. */
void tty_receive(struct tty *tty, const u8 *buf, size_t len);
/* A break on the line. Context: any. */
void tty_receive_break(struct tty *tty);
/* Bytes that tty_receive keeps now. Returns: 0 after it has throttled the driver. Context: any. */
u32 must_check tty_receive_room(struct tty *tty);
/* Readers have made room, perhaps. Locks: tty->lock. */
void tty_check_unthrottle(struct tty *tty);
/* Sleep until ready(tf) or a hang-up. Returns: 0, -ETIME, -ERESTARTSYS. */
int must_check tty_wait(struct tty_file *tf, struct wait_queue_head *wq,
			bool (*ready)(struct tty_file *tf), u64 ns);
/* What reads take now: bytes, and ends of file. Locks: tty->lock. */
static inline u32 tty_available(const struct tty *tty)
{
	return tty->canon_head - tty->tail;
}
static inline bool tty_hung_up(const struct tty_file *tf)
{
	return !tf->console && READ_ONCE(tf->tty->hangups) != tf->hangups;
}
/* Room for writers, who keep off what is left for echo. */
u32 tty_write_room(struct tty *tty);
/* Hold output or let it go on. What a call stopped, only a call starts. Locks: tty->lock. */
void tty_set_stopped(struct tty *tty, bool stopped);

/* Marks beside a character in tty->buf. */
#define LINE_END 0x100u /* the last one of a line */
#define IS_EOF	 0x200u /* ends a line and is not read itself */

/* n_tty_read.c: the line discipline's read. */
ssize_t must_check n_tty_read(struct tty_file *tf, struct iov_iter *to, bool nonblock);

/* tty_ioctl.c */
long tty_ioctl(struct file *file, u32 cmd, u64 arg);

/* tty_jobctrl.c */
/* May the caller read (SIGTTIN) or change (SIGTTOU) the terminal? Returns: 0, -EIO, or -ERESTARTSYS
 * when its group was sent the signal. */
int must_check tty_check_change(struct tty *tty, int sig);
void tty_signal_foreground(struct tty *tty, int sig);
/* /dev/tty; NULL if the caller has none. */
struct tty *tty_current(void);
/* Make it the controlling terminal of a session leader that has none, if it is nobody's.
 * Returns: 0 or -EPERM, which an open ignores. */
int tty_acquire(struct tty *tty);
/* The ioctls of sessions and groups. Returns: -ENOIOCTLCMD for any other. */
#define ENOIOCTLCMD 515
long tty_jobctrl_ioctl(struct tty *tty, u32 cmd, u64 arg);
