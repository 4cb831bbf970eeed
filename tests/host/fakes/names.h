/* Operations on names: the calls that the oracle knows, made by our VFS, and who makes them. */
#pragma once

#include "fs/fs_struct.h"
#include "tests/host/fakes/oracle.h"

/* Make the call. Returns: its error; what else it says is in the answer. */
int names_perform(const struct oracle_call *c, struct oracle_answer *answer);

/* The names in a directory, sorted, '\n' after each, without . and .. */
int names_list(const char *name, char *text);
/* As the oracle gives it: of a directory only the type. */
int names_stat(const char *name, u32 lookup_flags, struct oracle_answer *answer);
int open_close(const char *name, u32 flags);
/* Make a file, which must work. */
void touch(const char *name);

/* The caller's rights after become(); uid 0 is the kernel's own. */
extern struct cred names_user;
void become(uid_t uid, gid_t gid);
