/*
 * A terminal for tests of the tty layer: a driver that keeps what it was sent, processes whose
 * groups and sessions the test sets, and the calls of a program that has the terminal open.
 */
#pragma once

#include "tests/host/host.h"

#include "block/genhd.h"
#include "drivers/char/char_internal.h"
#include "drivers/char/tty_driver.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "kernel/lib/errno.h"

enum { TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TCXONC = 0x540a, TCFLSH };
enum { TIOCSCTTY = 0x540e, TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ = 0x5413, TIOCSWINSZ };
enum { TIOCOUTQ = 0x5411, TIOCSTI, FIONREAD = 0x541b, TIOCNOTTY = 0x5422, TIOCGSID = 0x5429 };

#define TTY_DEV MKDEV(4, 64)

/* The terminal, its operations as a file, and the program's open file. */
extern struct tty tty;
extern const struct file_operations *fops;
extern struct file file;
extern struct inode inode;

/* The driver: what it was sent, how much of it waits in its FIFO, and the FIFO's size. */
extern char sent[1 << 16];
extern u32 nr_sent, nr_unsent, room;
/* How often it was asked to hold back its input, and whether it does so now. */
extern u32 nr_throttles;
extern bool held_back;

/* The calling process. */
struct fake_job {
	pid_t pgrp, session;
	bool leader, ignores, orphaned;
	struct tty *ctty;
};
extern struct fake_job me;
extern struct cred my_cred;
/* The group that got the last signal. */
extern pid_t signalled;

#define SIG(name) (1ull << TTY_SIG##name)
/* Returns: the signals since the last call, a bit each. */
u64 take_signals(void);
void become_leader(void);

/* Check that this was sent since the last check. */
void assert_sent(const char *text);
/* A hook for fake_schedule_hook: the driver has sent all. */
bool drain_some(void);

/* What a person does, and what a program does. */
void type(const char *text);
int open_dev(struct inode *i, struct file *f, dev_t dev, u32 flags);
ssize_t rd(char *buf, size_t len);
ssize_t wr(const char *text);
long ctl(u32 cmd, const void *arg);
/* Check that a read gives this; that there is nothing to read. */
void assert_read(const char *text);
void assert_nothing(void);
/* Change one field of tty.termios; go to raw mode without echo. */
void set_flags(u32 *field, u32 clear, u32 set);
void set_raw(u8 vmin, u8 vtime);

/* Before each test, an open terminal with the usual modes; after it, nothing is held. */
int terminal_setup(void **state);
int terminal_teardown(void **state);

#define TERMINAL_TEST(f) cmocka_unit_test_setup_teardown(f, terminal_setup, terminal_teardown)
