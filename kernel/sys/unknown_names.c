/* Source of the numbers: Linux arch/x86/entry/syscalls/syscall_64.tbl. */
#include "kernel/sys/unknown_names.h"

#include "kernel/lib/compiler.h"

static const struct {
	u16 nr;
	const char *name;
} names[] = {
	{ 26, "msync" },
	{ 27, "mincore" },
	{ 29, "shmget" },
	{ 41, "socket" },
	{ 42, "connect" },
	{ 43, "accept" },
	{ 44, "sendto" },
	{ 49, "bind" },
	{ 53, "socketpair" },
	{ 101, "ptrace" },
	{ 125, "capget" },
	{ 126, "capset" },
	{ 135, "personality" },
	{ 140, "getpriority" },
	{ 141, "setpriority" },
	{ 155, "pivot_root" },
	{ 187, "readahead" },
	{ 203, "sched_setaffinity" },
	{ 204, "sched_getaffinity" },
	{ 206, "io_setup" },
	{ 209, "io_submit" },
	{ 213, "epoll_create" },
	{ 221, "fadvise64" },
	{ 232, "epoll_wait" },
	{ 233, "epoll_ctl" },
	{ 247, "waitid" },
	{ 253, "inotify_init" },
	{ 272, "unshare" },
	{ 275, "splice" },
	{ 277, "sync_file_range" },
	{ 282, "signalfd" },
	{ 283, "timerfd_create" },
	{ 284, "eventfd" },
	{ 285, "fallocate" },
	{ 289, "signalfd4" },
	{ 290, "eventfd2" },
	{ 291, "epoll_create1" },
	{ 319, "memfd_create" },
	{ 324, "membarrier" },
	{ 326, "copy_file_range" },
	{ 327, "preadv2" },
	{ 328, "pwritev2" },
	{ 425, "io_uring_setup" },
	{ 436, "close_range" },
	{ 437, "openat2" },
};

const char *syscall_unknown_name(u64 nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].nr == nr)
			return names[i].name;
	return NULL;
}
