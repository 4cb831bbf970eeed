/* System calls on the address space. */
#include "fs/file.h"
#include "kernel/lib/errno.h"
#include "kernel/proc/process.h"
#include "kernel/sys/syscall.h"

s64 sys_mmap(const u64 *a)
{
	struct file *file = NULL;
	s64 ret;

	if (!(a[3] & MAP_ANONYMOUS)) {
		file = fget((int)a[4]);
		if (!file)
			return -EBADF;
	}
	ret = mm_map(current_process()->mm, a[0], a[1], (u32)a[2] & 7, (u32)a[3], file,
		     file ? a[5] : 0);
	if (file)
		fput(file);
	return ret;
}

s64 sys_munmap(const u64 *a) { return mm_unmap(current_process()->mm, a[0], a[1]); }
s64 sys_mprotect(const u64 *a)
{
	if (a[2] & ~7ull)
		return -EINVAL;
	return mm_protect(current_process()->mm, a[0], a[1], (u32)a[2]);
}
s64 sys_brk(const u64 *a) { return (s64)mm_brk(current_process()->mm, a[0]); }
s64 sys_mremap(const u64 *a)
{
	return mm_remap(current_process()->mm, a[0], a[1], a[2], (u32)a[3]);
}

#define MADV_DONTNEED 4

s64 sys_madvise(const u64 *a)
{
	/* All other advice may be ignored (madvise(2)). */
	return a[2] == MADV_DONTNEED ? mm_zap(current_process()->mm, a[0], a[1]) : 0;
}
