/*
 * Terminals as the layers above see them: job control and sessions.
 *
 * kernel/proc knows processes, groups and sessions; the terminal only their numbers. What it wants
 * of them goes through tty_job_ops.
 * Also there: terminals and character devices
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct tty;

struct tty_job_ops {
	/* Send a signal to a group; 0 and groups that are gone are ignored. Context: any, tty lock
	 * held. */
	void (*signal_pgrp)(pid_t pgrp, int sig);
	/* Of the caller; 0 for a kernel thread. */
	pid_t (*current_pgrp)(void);
	pid_t (*current_session)(void);
	bool (*is_session_leader)(void);
	/* The caller's controlling terminal, or NULL. */
	struct tty *(*get_ctty)(void);
	/* For all members of the caller's session; NULL: none. */
	void (*set_ctty)(struct tty *tty);
	bool (*pgrp_in_session)(pid_t pgrp, pid_t session);
	/* Blocked or ignored by the caller. */
	bool (*signal_ignored)(int sig);
	bool (*pgrp_orphaned)(pid_t pgrp);
};

/* Until this is called nobody has a controlling terminal and no signals are sent.
 * Owns: ops stay the caller's, for ever. */
void tty_set_job_ops(const struct tty_job_ops *ops);

/* The current process, a session leader with this controlling terminal, exits: SIGHUP and SIGCONT
 * to the foreground group, and the terminal belongs to no session. Context: thread. */
void tty_session_exit(void *tty);

/* For /proc/PID/stat: the terminal's device number (0 for NULL), and its foreground group. */
dev_t tty_devnum(const void *tty);
pid_t tty_foreground_pgrp(const void *tty);
