/*
 * Limits of a process (setrlimit(2)), as far down as files need them. kernel/proc fills them; a
 * thread points to its process's (kernel/sched/thread.h). Kernel threads have none.
 * Also there: limits of a process
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/types.h"
#include "kernel/sched/thread.h"

enum {
	RLIMIT_CPU,
	RLIMIT_FSIZE,
	RLIMIT_DATA,
	RLIMIT_STACK,
	RLIMIT_CORE,
	RLIMIT_RSS,
	RLIMIT_NPROC,
	RLIMIT_NOFILE,
	RLIMIT_MEMLOCK,
	RLIMIT_AS,
	RLIMIT_LOCKS,
	RLIMIT_SIGPENDING,
	RLIMIT_MSGQUEUE,
	RLIMIT_NICE,
	RLIMIT_RTPRIO,
	RLIMIT_RTTIME,
	RLIM_NLIMITS
};
#define RLIM_INFINITY (~0ull)

struct rlimit { /* [proc_lock to change] Linux's struct rlimit64 */
	u64 rlim_cur, rlim_max;
};

static inline u64 rlimit(u32 which)
{
	const struct rlimit *limits = current->rlim;

	return limits ? READ_ONCE(limits[which].rlim_cur) : RLIM_INFINITY;
}

/* The caller goes beyond RLIMIT_FSIZE: kernel/proc sends SIGXFSZ. Set once at boot. */
extern void (*file_too_big_hook)(void);
/* May a regular file reach `end` bytes by this caller? Returns: 0, or -EFBIG with the signal
 * sent. */
static inline int must_check file_size_allowed(loff_t end)
{
	if (likely((u64)end <= rlimit(RLIMIT_FSIZE)))
		return 0;
	file_too_big_hook();
	return -EFBIG;
}
