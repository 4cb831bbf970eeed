/* The host's own Linux as judge of path operations: a child process in an empty directory that it
 * takes for its root, driven through pipes. */
#pragma once

#include "kernel/lib/types.h"

enum oracle_op {
	OP_MKDIR,
	OP_RMDIR,
	OP_UNLINK,
	OP_OPEN,    /* and close; flags: O_* */
	OP_SYMLINK, /* a: target, b: name */
	OP_LINK,    /* flags: 1 follows */
	OP_RENAME,  /* flags: 1 is RENAME_NOREPLACE */
	OP_READLINK,
	OP_STAT,
	OP_LSTAT,
	OP_CHDIR,
	OP_GETCWD,
	OP_LIST, /* names sorted, '\n' after each */
	OP_COUNT,
};

struct oracle_call {
	enum oracle_op op;
	u32 flags;
	char a[512], b[512];
};

struct oracle_answer {
	int err;	 /* 0 or -errno */
	u32 mode, nlink; /* stat of what is no directory; of a directory only the type */
	char text[4096];
};

/* Returns: false if the host does not allow it (then skip). */
bool oracle_start(void);
void oracle_stop(void);
void oracle_ask(const struct oracle_call *call, struct oracle_answer *answer);
