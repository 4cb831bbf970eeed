/*
 * Limits of processes: setrlimit and its kin, and those that processes as such have.
 * Also there: processes
 */
#include "fs/rlimit.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/lib/errno.h"
#include "kernel/proc/process.h"

#define BOTH(limit)              \
	{                        \
		(limit), (limit) \
	}

/* Linux's, but for the numbers of files and processes. */
const struct rlimit init_rlimits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = BOTH(RLIM_INFINITY),
	[RLIMIT_FSIZE] = BOTH(RLIM_INFINITY),
	[RLIMIT_DATA] = BOTH(RLIM_INFINITY),
	[RLIMIT_STACK] = {8ull << 20, RLIM_INFINITY},
	[RLIMIT_CORE] = {0, RLIM_INFINITY},
	[RLIMIT_RSS] = BOTH(RLIM_INFINITY),
	[RLIMIT_NPROC] = BOTH(RLIM_INFINITY),
	[RLIMIT_NOFILE] = BOTH(NR_OPEN_DEFAULT),
	[RLIMIT_MEMLOCK] = BOTH(8ull << 20),
	[RLIMIT_AS] = BOTH(RLIM_INFINITY),
	[RLIMIT_LOCKS] = BOTH(RLIM_INFINITY),
	[RLIMIT_SIGPENDING] = BOTH(RLIM_INFINITY),
	[RLIMIT_MSGQUEUE] = BOTH(819200),
	[RLIMIT_NICE] = BOTH(0),
	[RLIMIT_RTPRIO] = BOTH(0),
	[RLIMIT_RTTIME] = BOTH(RLIM_INFINITY),
};

/* Are all of the other's numbers the caller's real ones? */
static bool same_user(const struct cred *me, const struct cred *it)
{
	return it && me->uid == it->uid && me->uid == it->euid && me->uid == it->suid &&
	       me->gid == it->gid && me->gid == it->egid && me->gid == it->sgid;
}

int process_prlimit(pid_t pid, u32 which, const struct rlimit *new, struct rlimit *old)
{
	const struct cred *me = current_cred();
	struct process *p;

	PROC_GUARD();
	p = pid ? process_find(pid) : current_process();
	if (!p)
		return -ESRCH;
	if (p != current_process() && me->euid != 0 &&
	    !same_user(me, p->thread ? p->thread->cred : NULL))
		return -EPERM;
	if (which >= RLIM_NLIMITS || (new &&new->rlim_cur > new->rlim_max))
		return -EINVAL;
	if (new && ((new->rlim_max > p->rlim[which].rlim_max && me->euid != 0) ||
		    (which == RLIMIT_NOFILE && new->rlim_max > NR_OPEN_DEFAULT)))
		return -EPERM;
	if (old)
		*old = p->rlim[which];
	if (new)
		p->rlim[which] = *new;
	return 0;
}

bool process_allowed_locked(void)
{
	u64 limit = rlimit(RLIMIT_NPROC), count = 0;
	const struct cred *me = current_cred();
	const struct process *p;

	if (limit == RLIM_INFINITY || me->uid == 0 || me->euid == 0)
		return true;
	list_for_each_entry(p, &processes, all)
		count += p->thread && p->thread->cred && p->thread->cred->uid == me->uid;
	return count < limit;
}
