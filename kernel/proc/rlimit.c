/*
 * Limits of processes: setrlimit and its kin.
 * Also there: processes
 */
#include "fs/rlimit.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/lib/errno.h"
#include "kernel/proc/process.h"

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
