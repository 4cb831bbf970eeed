/* User and group numbers. Rules: setuid(2), setreuid(2), setresuid(2), setgroups(2), credentials(7). */
#include "fs/fs_struct.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "kernel/sys/syscall.h"

#define UNCHANGED (~0u)

s64 sys_getuid(const u64 *a)
{
	(void)a;
	return current_cred()->uid;
}
s64 sys_geteuid(const u64 *a)
{
	(void)a;
	return current_cred()->euid;
}
s64 sys_getgid(const u64 *a)
{
	(void)a;
	return current_cred()->gid;
}
s64 sys_getegid(const u64 *a)
{
	(void)a;
	return current_cred()->egid;
}

static bool is_one_of(u32 id, u32 x, u32 y, u32 z)
{
	return id == UNCHANGED || id == x || id == y || id == z;
}

s64 sys_setresuid(const u64 *a)
{
	struct cred *c = current->cred;
	u32 r = (u32)a[0], e = (u32)a[1], s = (u32)a[2];

	if (c->euid != 0 &&
	    !(is_one_of(r, c->uid, c->euid, c->suid) && is_one_of(e, c->uid, c->euid, c->suid) &&
	      is_one_of(s, c->uid, c->euid, c->suid)))
		return -EPERM;
	if (r != UNCHANGED)
		c->uid = r;
	if (e != UNCHANGED)
		c->euid = e;
	if (s != UNCHANGED)
		c->suid = s;
	c->fsuid = c->euid;
	return 0;
}

s64 sys_setresgid(const u64 *a)
{
	struct cred *c = current->cred;
	u32 r = (u32)a[0], e = (u32)a[1], s = (u32)a[2];

	if (c->euid != 0 &&
	    !(is_one_of(r, c->gid, c->egid, c->sgid) && is_one_of(e, c->gid, c->egid, c->sgid) &&
	      is_one_of(s, c->gid, c->egid, c->sgid)))
		return -EPERM;
	if (r != UNCHANGED)
		c->gid = r;
	if (e != UNCHANGED)
		c->egid = e;
	if (s != UNCHANGED)
		c->sgid = s;
	c->fsgid = c->egid;
	return 0;
}

/* Root changes all three, others only the effective one. */
s64 sys_setuid(const u64 *a)
{
	u64 all = current_cred()->euid == 0 ? a[0] : UNCHANGED;

	if ((u32)a[0] == UNCHANGED)
		return -EINVAL;
	return sys_setresuid((u64[]){ all, a[0], all });
}
s64 sys_setgid(const u64 *a)
{
	u64 all = current_cred()->euid == 0 ? a[0] : UNCHANGED;

	if ((u32)a[0] == UNCHANGED)
		return -EINVAL;
	return sys_setresgid((u64[]){ all, a[0], all });
}

/* The saved number follows when the real one is set, or the effective one differs from it. */
s64 sys_setreuid(const u64 *a)
{
	bool save = (u32)a[0] != UNCHANGED ||
		    ((u32)a[1] != UNCHANGED && (u32)a[1] != current_cred()->uid);
	s64 err = sys_setresuid((u64[]){ a[0], a[1], UNCHANGED });

	if (!err && save)
		current->cred->suid = current->cred->euid;
	return err;
}
s64 sys_setregid(const u64 *a)
{
	bool save = (u32)a[0] != UNCHANGED ||
		    ((u32)a[1] != UNCHANGED && (u32)a[1] != current_cred()->gid);
	s64 err = sys_setresgid((u64[]){ a[0], a[1], UNCHANGED });

	if (!err && save)
		current->cred->sgid = current->cred->egid;
	return err;
}

static s64 put_three(const u64 *a, u32 x, u32 y, u32 z)
{
	if (put_user_obj(USERPTR(a[0]), &x) || put_user_obj(USERPTR(a[1]), &y) ||
	    put_user_obj(USERPTR(a[2]), &z))
		return -EFAULT;
	return 0;
}
s64 sys_getresuid(const u64 *a)
{
	const struct cred *c = current_cred();

	return put_three(a, c->uid, c->euid, c->suid);
}
s64 sys_getresgid(const u64 *a)
{
	const struct cred *c = current_cred();

	return put_three(a, c->gid, c->egid, c->sgid);
}

s64 sys_getgroups(const u64 *a)
{
	const struct cred *c = current_cred();

	if ((s32)a[0] < 0 || (a[0] && a[0] < c->ngroups))
		return -EINVAL;
	if (a[0] && copy_to_user(USERPTR(a[1]), c->groups, c->ngroups * sizeof(gid_t)))
		return -EFAULT;
	return c->ngroups;
}

s64 sys_setgroups(const u64 *a)
{
	struct cred *c = current->cred;
	gid_t groups[NGROUPS_MAX_];

	if (c->euid != 0)
		return -EPERM;
	if (a[0] > NGROUPS_MAX_)
		return -EINVAL;
	if (copy_from_user(groups, USERPTR(a[1]), a[0] * sizeof(gid_t)))
		return -EFAULT;
	c->ngroups = (u32)a[0];
	for (u32 i = 0; i < c->ngroups; i++)
		c->groups[i] = groups[i];
	return 0;
}
