/*
 * What the VFS needs to know of its caller: credentials, root, working directory, umask.
 * kernel/proc fills them; a thread points to them (kernel/sched/thread.h).
 * Also there: who calls, and from where
 */
#pragma once

#include "fs/dcache.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"
#include "kernel/sched/mutex.h"

#define NGROUPS_MAX_ 32

struct cred { /* private to one process; copied at fork */
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	u32 ngroups;
	gid_t groups[NGROUPS_MAX_];
};

struct fs_struct {
	atomic_t refs; /* [atomic] shared by CLONE_FS */
	struct mutex lock;
	struct path root, pwd; /* [lock] references held */
	mode_t umask;	       /* [lock] */
};

/* Both of the caller, or of the kernel itself (root, "/") for a kernel thread. */
const struct cred *current_cred(void);
struct fs_struct *current_fs(void);
/* Copy for fork / drop. Returns: NULL if no memory. */
struct fs_struct *must_check fs_struct_copy(struct fs_struct *old);
void fs_struct_put(struct fs_struct *fs);
/* A copy of root or pwd with references held; path_put() it. */
void get_fs_root(struct path *root);
void get_fs_pwd(struct path *pwd);
void set_fs_pwd(const struct path *pwd);
void set_fs_root(const struct path *root);
bool in_group(const struct cred *cred, gid_t gid);
static inline bool cred_is_root(const struct cred *cred)
{
	return cred->fsuid == 0;
}
